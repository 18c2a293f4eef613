//! What the parts of the generator share: choices, marks, names in scope.

use super::features::Features;
use super::tree::{Expr, Kind, Shape, Ty, form};
use crate::random_ir::Choices;

/// Makes one program.
pub struct Maker<'a> {
    /// What decides.
    pub choices: &'a mut Choices,
    /// What may be written.
    pub may: Features,
    /// What was written.
    pub marks: Vec<&'static str>,
    /// Constants and data of the program's file.
    pub items: Vec<Name>,
    /// Names given so far.
    pub names: usize,
    /// The epoch that is declared, `image`, in steps.
    pub epoch: usize,
    /// Whether everything is forgotten from epoch to epoch, so that little should hold it back.
    pub each: bool,
}

/// A name that an expression may use.
#[derive(Clone, Debug)]
pub struct Name {
    /// The name, or an expression in its place.
    pub text: String,
    /// Its kind.
    pub kind: Kind,
    /// Its shape.
    pub shape: Shape,
    /// What it is.
    pub role: Role,
}

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// State, which may be assigned.
    Var(Ty),
    /// An unsigned counter that wraps, so that it is always below this.
    Counter(usize),
    /// A scalar that counts up.
    Count,
    /// Something else that is read while the network runs.
    Read,
    /// Known before.
    Known,
}

/// What is visible where an expression stands.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The names.
    pub names: Vec<Name>,
    /// The shape that is called `s`, and no other shape but that of scalars is used.
    pub uniform: Option<Shape>,
    /// Whether the expression is evaluated before the first step.
    pub known: bool,
}

impl Scope {
    /// A shape as it is written here.
    pub fn shape(&self, shape: &[usize]) -> String {
        match &self.uniform {
            Some(s) if s == shape => "s".into(),
            _ => format!("{shape:?}"),
        }
    }
}

impl Maker<'_> {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.choices.below(n)
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.choices.one_in(n)
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        self.choices.pick(from)
    }

    pub(super) fn mark(&mut self, mark: &'static str) {
        self.marks.push(mark);
    }

    /// A name that nothing else has.
    pub(super) fn name(&mut self, stem: &str) -> String {
        self.names += 1;
        format!("{stem}{}", self.names)
    }

    /// A whole number, mostly small, within bounds.
    pub(super) fn int_within(&mut self, (lo, hi): (i64, i64)) -> i64 {
        let magnitude = match self.below(8) {
            0..=3 => self.below(6) as i64,
            4 => self.below(300) as i64,
            5 => self.below(1 << 17) as i64,
            6 => (1i64 << self.below(31)) - 1,
            _ => 1i64 << self.below(40),
        };
        let value = if self.one_in(3) { -magnitude } else { magnitude };
        if (lo..=hi).contains(&value) { value } else { (magnitude % 2).clamp(lo, hi) }
    }

    /// A float as it is written.
    pub(super) fn float_text(&mut self) -> String {
        let text = match self.below(9) {
            0 => "0.5".into(),
            1 => "0.0".into(),
            2 => format!("{}.25", self.below(9)),
            3 => "1.0e300".into(),
            4 => "1.0e-310".into(),
            5 => "3.4e38".into(),
            6 => format!("{:?}", self.below(1000) as f64 / 977.0),
            _ => format!("{}.0", self.below(20)),
        };
        let negative = self.one_in(3) && (self.may.negative_zero || text != "0.0");
        if negative { format!("(-{text})") } else { text }
    }

    /// A number of a kind, as it is written.
    pub(super) fn literal(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Bool => self.pick(&["true", "false"]).into(),
            Kind::Int => {
                let n = self.int_within((-(1 << 40), 1 << 40));
                if n < 0 { format!("({n})") } else { n.to_string() }
            }
            Kind::F32 => format!("f32({})", self.float_text()),
            Kind::F64 => self.float_text(),
        }
    }

    /// A constant of a kind and exactly this shape.
    pub(super) fn constant(&mut self, scope: &Scope, kind: Kind, shape: &[usize]) -> Expr {
        if shape.is_empty() {
            return form!(kind, shape; self.literal(kind));
        }
        let s = scope.shape(shape);
        let seed = self.below(1000);
        let text = match (kind, self.below(6)) {
            (Kind::Int, 0) => format!("uniform(-9, 10, shape: {s}, seed: {seed})"),
            (Kind::Int, 1) => format!("zeros({s})"),
            (Kind::Int, 2) => format!("uniform(-100_000, 90_000, shape: {s}, seed: {seed})"),
            (Kind::Int, 3) if shape.len() == 1 && scope.uniform.is_none() => {
                format!("arange({})", shape[0])
            }
            (Kind::Bool, 0..=3) => format!("bernoulli(0.5, shape: {s}, seed: {seed})"),
            (Kind::F64, 0..=1) => format!("normal(0.0, 2.0, shape: {s}, seed: {seed})"),
            (Kind::F64, 2) => format!("uniform(-1.0, 1.0, shape: {s}, seed: {seed})"),
            (Kind::F32, 0..=2) => format!("f32(normal(0.0, 2.0, shape: {s}, seed: {seed}))"),
            (_, 4..=5) if scope.uniform.is_none() && shape.iter().product::<usize>() <= 6 => {
                self.mark("literal array");
                self.listed(kind, shape)
            }
            (Kind::F32, _) => format!("f32(full({s}, {}))", self.float_text()),
            _ => format!("full({s}, {})", self.literal(kind)),
        };
        form!(kind, shape; text)
    }

    /// An array that is written out.
    fn listed(&mut self, kind: Kind, shape: &[usize]) -> String {
        let Some((first, rest)) = shape.split_first() else { return self.literal(kind) };
        let all: Vec<String> = (0..*first).map(|_| self.listed(kind, rest)).collect();
        format!("[{}]", all.join(", "))
    }
}
