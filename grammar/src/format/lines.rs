//! Collects the lines of the result and aligns the comments at their ends.

/// Lines written so far.
#[derive(Default)]
pub(super) struct Lines {
    done: Vec<Line>,
    current: Line,
}

/// One line; a comment of several lines makes it several.
#[derive(Default)]
struct Line {
    code: String,
    comment: Option<String>,
}

impl Line {
    fn width(&self) -> usize {
        self.code.chars().count()
    }

    fn indent(&self) -> usize {
        self.code.len() - self.code.trim_start().len()
    }

    fn aligns(&self) -> bool {
        self.comment.is_some() && !self.code.contains('\n')
    }
}

impl Lines {
    /// Adds to the current line.
    pub fn push(&mut self, text: &str) {
        self.current.code.push_str(text);
    }

    /// Ends the current line with a comment.
    pub fn comment(&mut self, text: &str) {
        self.current.comment = Some(text.to_owned());
    }

    /// Starts another line, after an empty one if so wished.
    pub fn break_line(&mut self, empty_line: bool) {
        self.done.push(std::mem::take(&mut self.current));
        if empty_line {
            self.done.push(Line::default());
        }
    }

    /// How many characters the current line has.
    pub fn column(&self) -> usize {
        self.current.code.rsplit('\n').next().unwrap_or_default().chars().count()
    }

    /// The whole text, with a line break at its end unless it is empty.
    pub fn finish(mut self) -> String {
        self.done.push(std::mem::take(&mut self.current));
        let mut out = String::new();
        let aligned = |a: &Line, b: &Line| a.aligns() && b.aligns() && a.indent() == b.indent();
        for run in self.done.chunk_by(aligned) {
            let width = run.iter().map(Line::width).max().unwrap_or_default();
            for line in run {
                out.push_str(line.code.trim_end());
                if let Some(comment) = &line.comment {
                    // Two blanks at least set it off.
                    let padding = if line.aligns() { width - line.width() } else { 0 };
                    out.push_str(&" ".repeat(padding + 2));
                    out.push_str(comment);
                }
                out.push('\n');
            }
        }
        if out == "\n" { String::new() } else { out }
    }
}
