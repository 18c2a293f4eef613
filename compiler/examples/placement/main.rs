//! Benchmark of core placement: energy, time and link loads of synthetic graphs, beside a Hilbert
//! curve with force-directed swaps. `spec/placement.md` explains the graphs and the unit.
//!
//! ```text
//! cargo run --release -p snnc --example placement -- [--ours] [--visits N]
//!     [--link WEIGHT] [--write FOLDER] [GRAPH …]
//! ```
//!
//! `--ours` leaves out the comparison, which takes long on the largest graphs. `--visits` sets
//! [`Effort::visits`], `--link` sets [`Costs::link`]. `--write` writes each graph, with our
//! placement, as JSON for `tests/compare/placement.py`. Times are of the processor, where the
//! system tells.

#![allow(clippy::print_stdout, reason = "a program that prints a table")]

mod baseline;
mod clock;
mod graphs;

use clock::Clock;
use graphs::Edge;
use snn_loihi2::placement::{Costs, Effort, Flows, Grid, Site, place, score};
use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Energy of a message over one link, and of one that arrives (Jin et al., ASPLOS 2023).
const LINK: f64 = 1.1;
const ARRIVAL: f64 = 0.1;

struct Case {
    name: &'static str,
    side: usize,
    nodes: usize,
    edges: fn() -> Vec<Edge>,
    goal: &'static str,
}

const CASES: &[Case] = &[
    case("dense-16", 16, 240, || graphs::dense(16), "8260"),
    case("dense-64", 64, 4032, || graphs::dense(64), "1.26e6 in 0.5 s"),
    case("dense-128", 128, 16256, || graphs::dense(128), "1.48e7 in 5 s"),
    case("conv5-64", 64, 4096, || graphs::conv(64, [64, 1], 2, false), "22.0k in 0.01 s"),
    case("conv5-256", 256, 65536, || graphs::conv(256, [256, 1], 2, false), "3.7e5 in 0.3 s"),
    case("conv3-64", 64, 4096, || graphs::conv(64, [64, 1], 1, true), ""),
    case("conv3-256", 256, 65536, || graphs::conv(256, [256, 1], 1, true), ""),
    case("conv-8x8-64", 64, 4096, || graphs::conv(64, [8, 8], 1, false), ""),
    case("random-64", 64, 4096, || graphs::random(4096, 10), ""),
    case("small-world-64", 64, 4096, || graphs::small_world(4096, 5), ""),
    case("recurrent-32", 32, 1024, || graphs::recurrent(32, 32), ""),
];

const fn case(
    name: &'static str,
    side: usize,
    nodes: usize,
    edges: fn() -> Vec<Edge>,
    goal: &'static str,
) -> Case {
    Case { name, side, nodes, edges, goal }
}

/// What the command line says.
struct Arguments {
    compare: bool,
    effort: Effort,
    /// [`Costs::link`].
    link: f64,
    folder: Option<PathBuf>,
    names: Vec<String>,
}

fn options() -> Result<Arguments, Box<dyn Error>> {
    let mut options = Arguments {
        compare: true,
        effort: Effort::default(),
        link: 0.0,
        folder: None,
        names: Vec::new(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--ours" => options.compare = false,
            "--visits" => options.effort.visits = value()?.parse()?,
            "--link" => options.link = value()?.parse()?,
            "--write" => options.folder = Some(value()?.into()),
            name if CASES.iter().any(|case| case.name == name) => options.names.push(argument),
            _ => {
                let known: Vec<_> = CASES.iter().map(|case| case.name).collect();
                return Err(format!("no graph {argument:?}; there are {}", known.join(", ")).into());
            }
        }
    }
    Ok(options)
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    println!(
        "| graph | cores | flows | energy | time | mean hops | hottest link \
         | Hilbert + FD | its time | goal |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for case in CASES {
        if options.names.is_empty() || options.names.iter().any(|name| name == case.name) {
            run(case, &options)?;
        }
    }
    Ok(())
}

fn run(case: &Case, options: &Arguments) -> Result<(), Box<dyn Error>> {
    let edges = (case.edges)();
    let grid = Grid { chips: [1, 1], routers: [case.side as u32; 2], slots: 1, bad: Vec::new() };
    let costs = Costs { hop_x: LINK, hop_y: LINK, chip_hop: LINK, link: options.link };
    let start = Clock::now();
    let flows = Flows::new(case.nodes, edges.iter().copied())?;
    let places = place(&flows, &grid, &[], &costs, options.effort)?;
    let time = start.seconds();
    let score = score(&flows, &grid, &places, &costs)?;
    let theirs = if options.compare {
        let start = Clock::now();
        let at = baseline::place(case.side, case.nodes, &edges);
        format!("{:.5e} | {:.3} s", energy(&edges, &at), start.seconds())
    } else {
        " | ".to_string()
    };
    println!(
        "| {} | {} | {} | {:.5e} | {time:.3} s | {:.2} | {:.1} | {theirs} | {} |",
        case.name,
        case.nodes,
        edges.len(),
        score.cost + ARRIVAL * score.messages,
        (score.hops_x + score.hops_y) / score.messages.max(f64::MIN_POSITIVE),
        score.max_link,
        case.goal
    );
    if let Some(folder) = &options.folder {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("{}.json", case.name));
        std::fs::write(path, json(case, &edges, &places)?)?;
    }
    Ok(())
}

/// `Σ weight · (1.1·distance + 0.1)`, counted without the library.
fn energy(edges: &[Edge], at: &[[i32; 2]]) -> f64 {
    edges
        .iter()
        .filter(|edge| edge.0 != edge.1)
        .map(|&(from, to, weight)| {
            let (a, b) = (at[from as usize], at[to as usize]);
            let distance = (a[0] - b[0]).abs() + (a[1] - b[1]).abs();
            weight * (LINK * f64::from(distance) + ARRIVAL)
        })
        .sum()
}

fn json(case: &Case, edges: &[Edge], places: &[Site]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    write!(text, "{{\"side\": {}, \"nodes\": {}, \"edges\": [", case.side, case.nodes)?;
    for (index, (from, to, weight)) in edges.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(text, "{comma}[{from},{to},{weight}]")?;
    }
    text.push_str("], \"places\": [");
    for (index, site) in places.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(text, "{comma}[{},{}]", site.router[0], site.router[1])?;
    }
    text.push_str("]}\n");
    Ok(text)
}
