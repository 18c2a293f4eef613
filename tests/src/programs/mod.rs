//! Random programs over the whole language, as data and as text.
//!
//! A program is a pure function of a stream of [`Choices`], so that
//! a seed names it for ever. It is made with kinds and shapes, so that the checker accepts it
//! in nearly every case. [`engine`] executes programs in every way there is, [`compare`] says
//! where two ways disagree, [`shrink`] makes the program of a disagreement small.

pub mod apart;
mod arrays;
mod clocks;
pub mod compare;
mod data;
mod design;
pub mod engine;
mod expr;
pub mod features;
mod folds;
mod library;
mod maker;
mod network;
mod patterns;
mod process;
mod rates;
mod run;
pub mod shrink;
mod stmt;
mod text;
pub mod tree;
mod view;

use crate::random_ir::Choices;
use features::Features;
use maker::Maker;
use tree::{Line, Program};

/// A program with what occurs in it.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The program.
    pub program: Program,
    /// What occurs in it: some of [`features::MARKS`].
    pub marks: Vec<&'static str>,
}

/// Program number `n` of a seed.
pub fn numbered(seed: u64, n: u64, may: Features) -> Generated {
    generate(&mut stream(seed, n), may)
}

/// The choices of program number `n` of a seed.
pub(crate) fn stream(seed: u64, n: u64) -> Choices {
    // SplitMix64 (Steele, Lea and Flood 2014): a stream for each pair of numbers.
    let mut state =
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ n.wrapping_mul(0xd1b5_4a32_d192_ed03);
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) >> 32) as u32
    };
    Choices::new((0..8000).map(|_| next()).collect())
}

/// The program that `choices` mean.
pub fn generate(choices: &mut Choices, may: Features) -> Generated {
    let mut maker = Maker {
        choices,
        may,
        marks: Vec::new(),
        items: Vec::new(),
        names: 0,
        epoch: 4,
        each: false,
    };
    let mut program = Program::default();
    maker.epoch = maker.pick(&[4, 6, 8, 12]);
    let offset = maker.below(3);
    let epoch = maker.epoch;
    program.items.push(Line::of(format!("epoch image = every {epoch} steps offset {offset}")));
    if maker.one_in(60) {
        maker.imported(&mut program);
        return Generated { program, marks: maker.marks };
    }
    if maker.one_in(20) {
        maker.rates(&mut program);
        return Generated { program, marks: maker.marks };
    }
    maker.declare(&mut program);
    // Half of all programs forget everything from epoch to epoch.
    let each = maker.one_in(2);
    maker.each = each;
    program.steps = match each {
        true => (epoch * (10 + maker.below(20))) as u64 + maker.below(3) as u64,
        false => 20 + maker.below(40) as u64,
    };
    let float = maker.one_in(3);
    let mut designs = Vec::new();
    for _ in 0..1 + maker.below(3) {
        let (processes, design) = maker.process();
        program.processes.extend(processes);
        designs.push(design);
    }
    if maker.one_in(6) {
        let (processes, design) = maker.learner(each);
        program.processes.extend(processes);
        designs.push(design);
    }
    let rows = program.steps as usize / epoch + 2;
    let mut keeping = Vec::new();
    if maker.one_in(if each { 3 } else { 8 }) {
        keeping.push(maker.encoder(rows, &mut program));
    }
    if maker.one_in(if each { 3 } else { 8 }) {
        keeping.push(maker.ticker());
    }
    if maker.may.collected_rows && maker.one_in(if each { 3 } else { 8 }) {
        keeping.push(maker.collector(rows));
    }
    let mut kept = Vec::new();
    for (processes, design) in keeping {
        program.processes.extend(processes);
        kept.push(design);
    }
    let mut net = maker.net(&designs, float, &kept);
    maker.resets(&mut net, each);
    maker.run(&mut program, &net, float);
    program.arguments = net.arguments.clone();
    program.networks = net.networks;
    if maker.one_in(6) {
        maker.folds(&mut program);
    }
    Generated { program, marks: maker.marks }
}
