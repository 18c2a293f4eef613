//! Programs as text.

use super::tree::{Expr, Line, Network, Piece, Process, Program, Stmt};
use std::fmt::{self, Display, Formatter, Write};
use std::path::{Path, PathBuf};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Part(part) => part.fmt(f),
        })
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.value.iter().try_for_each(|value| value.fmt(f))?;
        f.write_str(&self.tail)
    }
}

/// The name of the file that a program uses, where it has one.
pub const LIBRARY: &str = "library.snn";

impl Program {
    /// The program's own file.
    pub fn text(&self) -> String {
        let mut out = String::new();
        if self.processes.iter().any(|p| p.elsewhere) {
            let _ = writeln!(out, "use \"{LIBRARY}\" as lib");
        }
        self.items.iter().for_each(|item| line(&mut out, format_args!("{item}")));
        self.processes.iter().filter(|p| !p.elsewhere).for_each(|p| process(&mut out, p));
        self.networks.iter().for_each(|n| network(&mut out, n));
        let main = self.networks.last().map_or("", |n| n.name.as_str());
        let _ = writeln!(out, "run all of {main}{} {{", self.arguments);
        for line in &self.models {
            let _ = writeln!(out, "    {line}");
        }
        let _ = writeln!(out, "    steps {}", self.steps);
        for line in &self.requests {
            let _ = writeln!(out, "    {line}");
        }
        out + "}\n"
    }

    /// The file that it uses, where there is one.
    pub fn library(&self) -> Option<String> {
        let mut out = String::new();
        self.processes.iter().filter(|p| p.elsewhere).for_each(|p| process(&mut out, p));
        // Epochs are those of the file in which they are named.
        let epochs: String = self
            .items
            .iter()
            .filter(|i| i.text.starts_with("epoch "))
            .map(|i| format!("{i}\n"))
            .collect();
        (!out.is_empty()).then(|| epochs + &out)
    }

    /// Writes all its files into a folder, and gives the path of the program. `seen` may change
    /// its texts.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write(
        &self,
        folder: &Path,
        seen: &dyn Fn(String) -> String,
    ) -> std::io::Result<PathBuf> {
        let main = folder.join("program.snn");
        std::fs::write(&main, seen(self.text()))?;
        if let Some(library) = self.library() {
            std::fs::write(folder.join(LIBRARY), seen(library))?;
        }
        for file in &self.files {
            std::fs::write(folder.join(&file.name), &file.bytes)?;
        }
        Ok(main)
    }
}

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())?;
        if let Some(library) = self.library() {
            write!(f, "// {LIBRARY}:\n{library}")?;
        }
        let mut files = self.files.iter();
        files.try_for_each(|file| writeln!(f, "// and {} of {} bytes", file.name, file.bytes.len()))
    }
}

/// Appends a line; text in memory never fails.
fn line(out: &mut String, text: fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
    out.push('\n');
}

fn process(out: &mut String, p: &Process) {
    let _ = writeln!(out, "{} {{", p.head);
    p.members.iter().for_each(|m| line(out, format_args!("    {m}")));
    for phase in &p.phases {
        let guard = phase.guard.as_ref().map_or(String::new(), |g| format!(" when {g}"));
        let _ = writeln!(out, "    phase {}{guard} {{", phase.name);
        block(out, &phase.body, 2);
        out.push_str("    }\n");
    }
    out.push_str("}\n");
}

fn block(out: &mut String, stmts: &[Stmt], depth: usize) {
    let indent = "    ".repeat(depth);
    for stmt in stmts {
        match stmt {
            Stmt::Assign { target, op, value, mask } => {
                let _ = write!(out, "{indent}{target} {op} {value}");
                if let Some(mask) = mask {
                    let _ = write!(out, " where {mask}");
                }
                out.push('\n');
            }
            Stmt::If { cond, then, els } => {
                let _ = writeln!(out, "{indent}if {cond} {{");
                block(out, then, depth + 1);
                if !els.is_empty() {
                    let _ = writeln!(out, "{indent}}} else {{");
                    block(out, els, depth + 1);
                }
                let _ = writeln!(out, "{indent}}}");
            }
            Stmt::Let { name, ty, value } => {
                let ty = ty.as_ref().map_or(String::new(), |ty| format!(": {ty}"));
                let _ = writeln!(out, "{indent}let {name}{ty} = {value}");
            }
        }
    }
}

fn network(out: &mut String, n: &Network) {
    let _ = writeln!(out, "network {}{} {{", n.name, n.params);
    n.ports.iter().for_each(|p| line(out, format_args!("    {p}")));
    n.parts.iter().for_each(|(name, part)| line(out, format_args!("    {name} = {part}")));
    n.links.iter().chain(&n.resets).for_each(|l| line(out, format_args!("    {l}")));
    out.push_str("}\n");
}
