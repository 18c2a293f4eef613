//! Random well-typed programs, as text, for differential tests of the whole compiler.
//!
//! As with [`crate::random_ir`], a program is a pure function of a stream of choices, and
//! records every variable after every step.

use crate::random_ir::Choices;
use std::fmt::Write;

/// The program that `choices` mean.
pub fn program(choices: &mut Choices) -> String {
    let mut text = String::new();
    let kinds = 2 + choices.below(3);
    for kind in 0..kinds {
        process(choices, &mut text, kind);
    }
    let period = 2 + choices.below(6);
    writeln!(text, "epoch win = every {period} steps offset {}", choices.below(3)).unwrap_or(());
    network(choices, &mut text, kinds);
    text
}

/// Integer types of variables with what they do on overflow.
const TYPES: [&str; 6] = ["i32", "int", "i16 wrap", "i24 sat", "u8 sat", "i7 wrap"];

/// A process from `i32[*s]` to `i32[*s]`, whose output depends on its input only after a step.
fn process(choices: &mut Choices, text: &mut String, kind: usize) {
    let mut line = |s: String| {
        text.push_str(&s);
        text.push('\n');
    };
    line(format!("process P{kind}[*s](k: int = 3) {{"));
    line("    in x: i32[*s]\n    out y: i32[*s]".into());
    for v in ["a", "b"] {
        let ty = choices.pick(&TYPES);
        let (elem, policy) = ty.split_once(' ').unwrap_or((ty, ""));
        line(format!("    var {v}: {elem} {policy}[*s] = {}", choices.below(50)));
    }
    line("    var f: f64[*s] = 1\n    var n: int = 0".into());
    line("    const twice = k * 2".into());
    line("    phase spk {".into());
    // Sends what is stored: a circle of such processes takes a step.
    let sent = choices.pick(&["a", "b", "a - b", "where(a > b, a, 1)"]);
    line(format!("        y = i32({sent})"));
    line("        let got = i32(x * 3 + n)".into());
    for _ in 0..1 + choices.below(5) {
        line(format!("        {}", statement(choices)));
    }
    line("        n += 1\n    }".into());
    if choices.one_in(2) {
        let phase = choices.pick(&["post_mgmt", "lrn", "pre_mgmt"]);
        let guard =
            choices.pick(&["t % 3 == 1", "t > 4", "t / 1 > 2 and t % 2 == 0", "not (t % 5 == 0)"]);
        line(format!("    phase {phase} when {} {{", guard.replace("t / 1", "t")));
        line(format!("        {}", statement(choices)));
        line("    }".into());
    }
    line("}".into());
}

fn statement(choices: &mut Choices) -> String {
    let v = choices.pick(&["a", "b"]);
    match choices.below(7) {
        0 | 1 => format!("{v} = {}", int(choices, 2)),
        2 => format!("{v} += {}", int(choices, 1)),
        3 => format!("{v} = {} where {}", int(choices, 2), cond(choices)),
        4 => format!("f = {}", float(choices, 2)),
        5 => format!("if sum({v}) > {} {{ {v} = {} }}", choices.below(100), int(choices, 1)),
        _ => format!(
            "if t % 4 == {} {{ {v} = {} }} else {{ {v} -= 1 }}",
            choices.below(4),
            int(choices, 1)
        ),
    }
}

fn int(choices: &mut Choices, depth: usize) -> String {
    if depth == 0 || choices.one_in(4) {
        let leaf = choices.pick(&["a", "b", "t", "k", "twice", "n", "7", "-3", "100_000", "x"]);
        // The port belongs to phase `spk`; `n` and the variables serve in every phase.
        return if leaf == "x" { "n".into() } else { leaf.into() };
    }
    let (x, y) = (int(choices, depth - 1), int(choices, depth - 1));
    match choices.below(12) {
        0 => format!("({x} + {y})"),
        1 => format!("({x} - {y})"),
        2 => format!("i32({x} * {y})"),
        3 => format!("min({x}, {y})"),
        4 => format!("max({x}, {y})"),
        5 => format!("abs({x})"),
        6 => format!("where({}, {x}, {y})", cond(choices)),
        7 => format!("decay(i32({x}), {})", choices.below(4097)),
        8 => format!("({x} >> {})", choices.below(12)),
        9 => format!("i24({x} << {})", choices.below(12)),
        10 => format!("(argmax({x} + a) - min(b))"),
        _ => format!("({x} % {})", 1 + choices.below(30)),
    }
}

fn cond(choices: &mut Choices) -> String {
    let op = choices.pick(&["<", ">", "==", "!=", ">="]);
    let (x, y) = (int(choices, 1), int(choices, 1));
    match choices.below(3) {
        0 | 1 => format!("({x} {op} {y})"),
        _ => format!("({x} {op} {y} or f > 2)"),
    }
}

fn float(choices: &mut Choices, depth: usize) -> String {
    if depth == 0 || choices.one_in(4) {
        return choices.pick(&["f", "0.5", "f64(a)", "1e-3", "f64(t)"]).into();
    }
    let (x, y) = (float(choices, depth - 1), float(choices, depth - 1));
    match choices.below(6) {
        0 => format!("({x} + {y})"),
        1 => format!("({x} - {y})"),
        2 => format!("({x} * {y})"),
        3 => format!("where({}, {x}, {y})", cond(choices)),
        4 => format!("({x} / (1 + abs({y})))"),
        _ => format!("random(seed: {}, shape: s)", choices.below(9)),
    }
}

fn network(choices: &mut Choices, text: &mut String, kinds: usize) {
    // Of 64 times 64 pairs on, weights that are mostly zero become lists.
    let size = |choices: &mut Choices| choices.pick(&[2, 2, 64]) + choices.below(9);
    let first = size(choices);
    let parts = 2 + choices.below(4);
    let mut lines = vec![format!(
        "    src = Source(bernoulli(0.4, shape: [13, {first}], seed: {}))",
        choices.below(99)
    )];
    let mut names = vec![("src".to_string(), first)];
    for i in 0..parts {
        let size = size(choices);
        let neuron = match choices.below(4) {
            0 => format!(
                "LIF[{size}](vth: {}, du: {}, dv: 300)",
                choices.below(9),
                choices.below(4096)
            ),
            _ => format!("P{}[{size}](k: {})", choices.below(kinds), choices.below(5)),
        };
        lines.push(format!("    n{i} = {neuron}"));
        names.push((format!("n{i}"), size));
    }
    for i in 0..parts {
        let size = names[i + 1].1;
        for _ in 0..1 + choices.below(2) {
            // From any part, later ones and itself included: weights take a step.
            let (from, m) = choices.pick(&names);
            let (seed, bits) = (choices.below(999), choices.pick(&[0, 8]));
            let weights = format!("uniform(-9, 10, shape: [{size}, {m}], seed: {seed})");
            if choices.one_in(4) {
                let name = format!("c{}", lines.len());
                lines.extend(convolution(choices, &name, (from.as_str(), m), (i, size)));
                continue;
            }
            let lists = match choices.below(3) {
                0 => format!("sparse([{size}, {m}], fan_in: 2, lo: -9, hi: 10, seed: {seed})"),
                1 => format!("2 * sparse([{size}, {m}], p: 0.04, lo: -70, hi: 99, seed: {seed})"),
                _ => format!("transpose(sparse([{m}, {size}], p: 0.1, seed: {seed})) << 3"),
            };
            let delays = match choices.below(2) {
                0 => format!("{}", choices.below(4)),
                _ => format!("sparse([{size}, {m}], p: 0.5, hi: 4, seed: {seed})"),
            };
            lines.push(match choices.below(6) {
                5 => format!("    {from} -> DelaySparse({lists}, delays: {delays}) -> n{i}"),
                4 => format!(
                    "    {from} -> Sparse({lists}, num_message_bits: {bits}, weight_exp: {}) -> n{i}",
                    choices.pick(&["0", "-1"])
                ),
                0 => format!(
                    "    {from} -> DelayDense({weights}, delays: uniform(0, 4, shape: [{size}, {m}], \
                     seed: {seed}), num_message_bits: {bits}) -> n{i}"
                ),
                1 if m > 1 => format!(
                    "    concat({from}[1..{m}], {from}[0..1]) -> Dense({weights}, weight_exp: {}) -> n{i}",
                    choices.pick(&["-1", "2"])
                ),
                _ => format!("    {from} -> Dense({weights}, num_message_bits: {bits}) -> n{i}"),
            });
        }
    }
    let reset = choices.pick(&[
        "reset n0 at win.start",
        "reset n* every 5 offset 1 stagger 1",
        "reset n1 every 4 in host",
        "reset n* at win.start skew auto",
    ]);
    lines.push(format!("    {reset}"));
    text.push_str(&format!("network Random {{\n{}\n}}\n", lines.join("\n")));
    text.push_str("run all of Random {\n    models fixed_pt\n    steps 30\n    record *\n}\n");
}

/// A convolution `name` from part `from` of `m` elements to part `n{to}` of `size`.
fn convolution(
    choices: &mut Choices,
    name: &str,
    (from, m): (&str, usize),
    (to, size): (usize, usize),
) -> [String; 3] {
    let of_two = |choices: &mut Choices, n: usize| {
        if n.is_multiple_of(2) && choices.one_in(2) { 2 } else { 1 }
    };
    let (channels, outputs) = (of_two(choices, m), of_two(choices, size));
    let (width, out_width) = (m / channels, size / outputs);
    let groups = if (channels, outputs) == (2, 2) { 1 + choices.below(2) } else { 1 };
    let (stride, rest) = (1 + choices.below(2), choices.below(2));
    // As much padding as a kernel of at least one weight needs, and a little more.
    let reach = stride * (out_width - 1) + 1;
    let padding = reach.saturating_sub(width).div_ceil(2) + choices.below(2);
    let spread = width + 2 * padding + 1 - reach;
    let spread = if stride == 2 && rest == 1 && spread > 1 { spread - 1 } else { spread };
    let dilation = if spread % 2 == 1 { 1 + choices.below(2) } else { 1 };
    let kernel = (spread - 1) / dilation + 1;
    let (high, above) = choices.pick(&[(1, 0), (3, 1)]);
    let (seed, bits) = (choices.below(999), choices.pick(&[0, 8]));
    let shape = [outputs, kernel, high, channels / groups];
    [
        format!(
            "    {name} = Conv(uniform(-9, 10, shape: {shape:?}, seed: {seed}), stride: [{stride}, 1], \
             padding: [{padding}, {above}], dilation: [{dilation}, 1], groups: {groups}, \
             num_message_bits: {bits})"
        ),
        format!("    {from}.reshape([{width}, 1, {channels}]) -> {name}"),
        format!("    {name}.a_out.flatten() -> n{to}"),
    ]
}
