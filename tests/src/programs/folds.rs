//! A process that reduces arrays along their axes, and computes with what floats have besides
//! numbers: chance alone makes few square arrays and few sums of many floats.

use super::maker::Maker;
use super::patterns::assign;
use super::tree::{Kind, Line, Phase, Process, Program, Stmt, form};

impl Maker<'_> {
    /// Adds one, which receives nothing and remembers nothing, as a part of the run's network.
    pub(super) fn folds(&mut self, program: &mut Program) {
        self.mark("folds");
        let name = self.name("Fold");
        let part = self.name("fold");
        let n = self.pick(&[2usize, 3, 4, 6]);
        let float = self.pick(&["f64", "f32"]);
        let seed = self.below(99);
        let scale = self.pick(&["8.0", "1000.0", "0.3"]);
        let mut members: Vec<String> = Vec::new();
        let mut body = vec![
            let_("w", &format!("{float}((random({seed}, [{n}, {n}]) - 0.5) * {scale})")),
            let_("i", "int(floor(w * 4))"),
            // Here and there no number.
            let_("q", "where(w > 0.1, (w - w) / (w - w), w)"),
        ];
        let functions = ["sum", "sum", "min", "max", "mean"];
        for at in 0..2 + self.below(3) {
            let of = self.pick(&["w", "i", "w > 0"]);
            let function = match of {
                "w" => self.pick(&functions),
                "i" => self.pick(&functions[..4]),
                _ => self.pick(&["any", "all", "sum"]),
            };
            let ty = match (of, function) {
                ("w", _) => float,
                (_, "any" | "all") => "bool",
                _ => "int",
            };
            let (shape, axis) = match self.below(4) {
                0 => (String::new(), String::new()),
                _ => (format!("[{n}]"), format!(", axis: {}", self.pick(&["0", "1", "-1", "-2"]))),
            };
            members.push(format!("var r{at}: {ty}{shape}"));
            body.push(assign(&format!("r{at}"), "=", &format!("{function}({of}{axis})"), None));
        }
        let axis = self.pick(&["0", "1"]);
        members.push(format!("var best: int[{n}]"));
        body.push(assign(
            "best",
            "=",
            &format!("argmax({}, axis: {axis})", self.pick(&["w", "i"])),
            None,
        ));
        for name in ["x", "y", "z"] {
            members.push(format!("var {name}: {float}[{n}, {n}]"));
            let value = self.pick(&[
                "w % -2.5",
                "w % 2.5",
                "min(q, 0.1)",
                "min(0.1, q)",
                "max(q, 0.1)",
                "max(0.1, q)",
                "clip(q, -0.5, 0.5)",
            ]);
            body.push(assign(name, "=", value, None));
        }
        program.processes.push(Process {
            head: format!("process {name}"),
            name: name.clone(),
            members: members.into_iter().map(Line::of).collect(),
            phases: vec![Phase { name: "spk", guard: None, body }],
            elsewhere: false,
        });
        if let Some(network) = program.networks.last_mut() {
            network.parts.push((part.clone(), format!("{name}()")));
        }
        program.requests.push(format!("record {part}.*"));
    }
}

fn let_(name: &str, value: &str) -> Stmt {
    Stmt::Let { name: name.into(), ty: None, value: form!(Kind::Int, []; value) }
}
