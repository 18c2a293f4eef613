//! Bounds the depth of a syntax tree before it is built, because everything that walks a
//! tree recurses.

/// How many brackets of all kinds may be open at once.
pub(super) const MAX_NESTING: usize = 64;

/// How deep the tree of one statement may be: operators in a row, calls, brackets and
/// `else if`, each one deeper than the one before.
pub(super) const MAX_DEPTH: usize = 256;

/// Measures, token by token, a bound on the depth of the tree.
#[derive(Default)]
pub(super) struct Depth {
    outer: Vec<Level>,
    here: Level,
}

/// One bracket's inside, since its last separator.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Operators; a chain of them is as deep as it is long.
    operators: usize,
    /// `else`s of the statement; each stands inside the one before.
    elses: usize,
    /// Depth of the deepest bracket among the operands.
    inner: usize,
    /// Depth of the deepest part before the last separator.
    before: usize,
}

impl Level {
    fn depth(self) -> usize {
        self.before.max(self.elses + self.operators + self.inner)
    }
}

impl Depth {
    /// An operator, a dot, or any other mark between operands.
    pub fn operator(&mut self) {
        self.here.operators += 1;
    }

    /// What follows stands beside what went before, not above it.
    pub fn separator(&mut self) {
        self.here = Level { before: self.here.depth(), ..Level::default() };
        if self.outer.is_empty() {
            self.here.before = 0;
        }
    }

    /// `else`: what follows stands one deeper than the condition before.
    pub fn else_if(&mut self) {
        let elses = self.here.elses + 1;
        self.here = Level { before: self.here.depth(), elses, ..Level::default() };
    }

    pub fn open(&mut self) {
        // The bracket itself may be a call, one level above what it is called on.
        self.here.operators += 1;
        self.outer.push(self.here);
        self.here = Level::default();
    }

    pub fn close(&mut self) {
        let depth = self.here.depth();
        self.here = self.outer.pop().unwrap_or_default();
        self.here.inner = self.here.inner.max(depth);
    }

    /// The depth of what is being read.
    pub fn current(&self) -> usize {
        self.here.depth()
    }
}
