//! What programs may contain, and what they did contain.

use std::collections::BTreeMap;

/// What the generator may write. What the compiler gets wrong today is off until it is right.
#[derive(Clone, Copy, Debug)]
pub struct Features {
    /// `x[b] = e` with a boolean as index of two.
    pub boolean_index: bool,
    /// `x = x[1, 1]`: an element of a variable spread over all of it.
    pub spread_of_itself: bool,
    /// `x[x[0] % n] = e`: an index that reads what is stored.
    pub index_of_itself: bool,
    /// Counters that saturate or wrap at the step rate, without a reset.
    pub narrow_counters: bool,
    /// `table[k]` and `ring[k]` with a `k` that wraps within the extent.
    pub wrapping_index: bool,
    /// `if k < n { let y = table[k] … }` with an index that is invalid elsewhere.
    pub guarded_index: bool,
    /// `x[0] = x[k] where k < n`.
    pub element_of_itself: bool,
    /// Rows of results that are stored under a mask.
    pub masked_rows: bool,
    /// Rows of results that are never reset and recorded at the end.
    pub collected_rows: bool,
    /// `where` with a constant condition and sides of different shapes.
    pub constant_choice: bool,
    /// `-0.0` and 0.0 in constants of the same shape.
    pub negative_zero: bool,
    /// `x = A @ x`.
    pub matrix_of_itself: bool,
    /// Weights that are state: `w @ x` with `var w: i32[m, n]`.
    pub variable_weights: bool,
    /// `outer(a, b)`.
    pub outer: bool,
    /// `sum(x, axis: 0)`.
    pub axes: bool,
    /// Several senders into a port of `bool` or `spike`.
    pub fan_in_of_bits: bool,
}

impl Features {
    /// What the compiler has and gets right today: all of it.
    pub const TODAY: Features = Features {
        boolean_index: true,
        spread_of_itself: true,
        index_of_itself: true,
        narrow_counters: true,
        wrapping_index: true,
        guarded_index: true,
        element_of_itself: true,
        masked_rows: true,
        collected_rows: true,
        constant_choice: true,
        negative_zero: true,
        matrix_of_itself: true,
        variable_weights: true,
        outer: true,
        axes: true,
        fan_in_of_bits: true,
    };
}

/// How often each thing occurred in programs.
#[derive(Clone, Debug, Default)]
pub struct Covered(BTreeMap<&'static str, usize>);

impl Covered {
    /// Notes one program's marks, each once.
    pub fn add(&mut self, marks: &[&'static str]) {
        let mut marks = marks.to_vec();
        marks.sort_unstable();
        marks.dedup();
        marks.into_iter().for_each(|mark| *self.0.entry(mark).or_insert(0) += 1);
    }

    /// In how many programs something occurred.
    pub fn count(&self, mark: &str) -> usize {
        self.0.get(mark).copied().unwrap_or(0)
    }

    /// What [`MARKS`] has and no program had.
    pub fn missing(&self) -> Vec<&'static str> {
        MARKS.iter().copied().filter(|mark| self.count(mark) == 0).collect()
    }

    /// Marks that [`MARKS`] lacks: each must be listed, or it could vanish unseen.
    pub fn unlisted(&self) -> Vec<&'static str> {
        self.0.keys().copied().filter(|mark| !MARKS.contains(mark)).collect()
    }

    /// The table, one line a mark.
    pub fn table(&self) -> String {
        self.0.iter().map(|(mark, n)| format!("{n:6} {mark}\n")).collect()
    }
}

/// What a few hundred programs must contain, each at least once.
pub const MARKS: &[&str] = &[
    // Types.
    "type spike",
    "type bool",
    "type iN wrap",
    "type iN sat",
    "type uN wrap",
    "type uN sat",
    "type iN exact",
    "type i32",
    "type u32",
    "type i64",
    "type int",
    "type f32",
    "type f64",
    // Statements.
    "store whole",
    "store compound",
    "store masked",
    "store element",
    "store computed index",
    "store range",
    "store all",
    "store range and index",
    "store reads itself",
    "rotate itself",
    "transpose itself",
    "if on data",
    "if on t",
    "if else",
    "if in if",
    "let",
    "let typed",
    "let in if",
    "two sends",
    "array initial value",
    "initial value as argument",
    // Expressions.
    "arithmetic",
    "div",
    "remainder",
    "shift",
    "bits",
    "wrap function",
    "decay",
    "clip",
    "choice",
    "comparison",
    "logic",
    "reduce",
    "argmax",
    "any or all",
    "mean",
    "index",
    "computed index",
    "slice",
    "transpose",
    "reshape",
    "flatten",
    "concat",
    "matmul",
    "sparse matmul",
    "conv2d",
    "float arithmetic",
    "float function",
    "power",
    "conversion",
    "random",
    "random shaped",
    "len",
    "float special",
    "literal array",
    "method",
    "epoch as value",
    "index of t",
    "raw index",
    "let of nothing",
    "guarded index",
    "index under mask",
    "boolean index",
    "variable weights",
    "variable kernel",
    "computed weights",
    "outer",
    "axes",
    "negative axis",
    "several axes",
    "flip",
    "list of values",
    "soft or hard",
    "no parentheses",
    "time",
    // Declarations.
    "parameter default",
    "parameter named",
    "parameter positional",
    "parameter range",
    "parameter array",
    "parameter float",
    "process constant",
    "item constant",
    "shape one",
    "shape spread",
    "shape given",
    "shape inferred",
    "model of process",
    "model exception",
    "structural parameter",
    "equal instances",
    "own port",
    "elsewhere",
    "buffer",
    "whole program import",
    // Data.
    "npy",
    "npz",
    "idx",
    "csv",
    "hdf5",
    "rows of a file",
    // Phases and clocks.
    "phase spk",
    "phase pre_mgmt",
    "phase lrn",
    "phase post_mgmt",
    "guard",
    "queue",
    "late start",
    "across phases",
    // Networks.
    "fan-in",
    "fan-out",
    "float fan-in",
    "fan-in of bits",
    "network twice",
    "generic network",
    "network in network",
    "network parameter",
    "through in",
    "through out",
    "unconnected",
    "circle",
    "itself",
    "view reshape",
    "view flatten",
    "view slice",
    "view transpose",
    "view concat",
    "in place",
    // The library.
    "LIF",
    "LIFReset",
    "LIFRefractory",
    "TernaryLIF",
    "Source",
    "Dense",
    "Sparse",
    "compressed rows",
    "compressed columns",
    "DelayDense",
    "DelaySparse",
    "Conv",
    "fixed_pt",
    "floating_pt",
    // Resets.
    "reset every",
    "reset offset",
    "reset stagger",
    "reset at start",
    "reset at end",
    "reset skew auto",
    "reset skew none",
    "reset in phase",
    "reset in host",
    "reset instance",
    "reset variable",
    "reset glob",
    "reset set",
    "reset everything",
    "reset inside",
    // Runs.
    "record all",
    "record every",
    "record at epoch",
    "record at end",
    "record out port",
    "record in port",
    "report",
    "expect",
    "network argument",
    "rows of results",
    "counter",
    "encoder",
    "whole program rates",
    "learning",
    "folds",
];
