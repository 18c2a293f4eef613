//! Random programs that are smooth in their params, so that differences say what derivatives are.
//!
//! All that depends on a learned param is `f64`, and only smooth functions are taken of it;
//! masks, branches and indices depend on `t` and counters alone. What is stored goes through
//! `tanh` or is a mean, so that values stay of moderate size however long a program runs. A
//! program is a pure function of its numbers.

mod expr;
mod parts;

use crate::programs;
use crate::random_ir::Choices;
use parts::Process;

/// A smooth program.
#[derive(Clone, Debug)]
pub struct Smooth {
    /// As text of the language; its first run records the loss at its end.
    pub text: String,
    /// The dotted path of a scalar `f64` variable.
    pub loss: String,
    /// The dotted paths of params on which the loss may depend, all `f64`.
    pub learned: Vec<String>,
    /// How many steps the run has.
    pub steps: u64,
}

/// Program number `n` of a seed.
pub fn program(seed: u64, n: u64) -> Smooth {
    let mut maker = Maker { choices: programs::stream(seed, n), names: 0 };
    maker.program()
}

/// Makes one program.
struct Maker {
    choices: Choices,
    /// Names given so far.
    names: usize,
}

/// A name that an expression may use: an array of `f64`.
#[derive(Clone, Debug)]
struct Name {
    text: String,
    shape: Vec<usize>,
}

/// What may be used where an expression stands.
#[derive(Clone, Debug, Default)]
struct Scope {
    names: Vec<Name>,
    /// Whether it is evaluated in a step, so that there is a `t`.
    stepped: bool,
}

/// The parts of the network, with what is yet to be connected.
#[derive(Default)]
struct Net {
    lines: Vec<String>,
    learned: Vec<String>,
    /// Out ports, with the size of their messages, in the order in which they are computed.
    outs: Vec<(String, usize)>,
}

impl Maker {
    fn below(&mut self, n: usize) -> usize {
        self.choices.below(n)
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.choices.one_in(n)
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        self.choices.pick(from)
    }

    /// A name that nothing else has.
    fn name(&mut self, stem: &str) -> String {
        self.names += 1;
        format!("{stem}{}", self.names)
    }

    /// A number between 0.1 and 1.
    fn number(&mut self) -> String {
        format!("{:?}", (100 + self.below(900)) as f64 / 1000.0)
    }

    /// Constants of a shape.
    fn constants(&mut self, shape: &[usize]) -> String {
        if shape.is_empty() {
            return self.number();
        }
        let seed = self.below(1000);
        match self.one_in(3) {
            true => format!("normal(0.0, 0.5, shape: {shape:?}, seed: {seed})"),
            false => format!("uniform(-0.9, 0.9, shape: {shape:?}, seed: {seed})"),
        }
    }

    fn program(&mut self) -> Smooth {
        let steps = 8 + self.below(9);
        let round = 3 + self.below(4);
        let offset = self.below(3);
        let mut items = vec![format!("epoch round = every {round} steps offset {offset}\n")];
        let mut net = Net::default();
        let size = 2 + self.below(3);
        items.push(self.source(size, &mut net));
        // Instances, each with its process.
        let mut parts: Vec<(String, Process)> = Vec::new();
        for _ in 0..2 + self.below(3) {
            let part = format!("p{}", parts.len());
            let from = net.outs.last().map_or(size, |(_, n)| *n);
            let again = parts.last().filter(|(_, p)| p.takes == from).map(|(_, p)| p.clone());
            let process = match again.filter(|_| self.one_in(2)) {
                Some(process) => process,
                None => {
                    // Wide messages may be cut.
                    let takes = if from > 2 && self.one_in(4) { from - 1 } else { from };
                    let made = self.process(takes);
                    items.push(made.text.clone());
                    made
                }
            };
            self.instance(&part, &process, &mut net);
            let into = format!("{part}.a");
            let before = net.outs.len() - 1;
            self.connect(&mut net, before, &into, process.takes);
            net.outs.push((format!("{part}.o"), process.gives));
            parts.push((part, process));
        }
        self.skip(&parts, &mut net);
        self.recurrent(&parts, &mut items, &mut net);
        let last = net.outs.len() - 1;
        let rates = self.one_in(3).then(|| self.rates(&mut items, &mut net));
        items.push(self.loss(last, rates, &mut net));
        for _ in 0..self.below(4) {
            let reset = self.reset(&parts);
            net.lines.push(reset);
        }
        let lines: Vec<String> = net.lines.iter().map(|line| format!("    {line}\n")).collect();
        items.push(format!("network Main {{\n{}}}\n", lines.concat()));
        let record = "record loss.total at end";
        items.push(format!("run sim of Main {{\n    steps {steps}\n    {record}\n}}\n"));
        let (text, loss) = (items.join("\n"), "loss.total".to_string());
        Smooth { text, loss, learned: net.learned, steps: steps as u64 }
    }

    /// Where all begins: waves, or a tensor that is played and learned.
    fn source(&mut self, size: usize, net: &mut Net) -> String {
        net.outs.push(("source.o".into(), size));
        if self.one_in(2) {
            let rows = 2 + self.below(4);
            let data = self.constants(&[rows, size]);
            net.lines.push(format!("source = Play(data: {data})"));
            net.learned.push("source.data".into());
            return format!(
                "process Play(data: f64[{rows}, {size}]) {{\n    out o: f64[{size}]\n    \
                 phase spk {{ o = data[(t - 1) % {rows}] }}\n}}\n"
            );
        }
        let (speed, height) = (self.number(), self.number());
        net.lines.push(format!("source = Drive[{size}](height: {height})"));
        net.learned.push("source.height".into());
        format!(
            "process Drive[n](height: f64) {{\n    out o: f64[n]\n    \
             phase spk {{ o = height + sin(arange(n) + {speed} * t) }}\n}}\n"
        )
    }

    /// Declares a part. Most of its params are learned by name; all may be.
    fn instance(&mut self, part: &str, process: &Process, net: &mut Net) {
        let mut arguments = Vec::new();
        for (at, param) in process.params.iter().enumerate() {
            net.learned.push(format!("{part}.{}", param.text));
            // A scalar has a default.
            if at > 0 && param.shape.is_empty() && self.one_in(2) {
                continue;
            }
            let value = self.constants(&param.shape);
            arguments.push(format!("{}: {value}", param.text));
        }
        net.lines.push(format!("{part} = {}({})", process.name, arguments.join(", ")));
    }

    /// Connects an out port to an in port of a size, looked at in such a way that it fits: cut,
    /// or with part of another message behind it.
    fn connect(&mut self, net: &mut Net, from: usize, into: &str, takes: usize) {
        let (port, gives) = net.outs[from].clone();
        let view = match gives.checked_sub(takes) {
            Some(0) if takes == 4 && self.one_in(3) => {
                format!("{port}.reshape([2, 2]).transpose().flatten()")
            }
            Some(0) => port,
            Some(more) => {
                let lo = self.below(more + 1);
                format!("{port}[{lo}..{}]", lo + takes)
            }
            None => {
                let copies = takes.div_ceil(gives);
                let all: Vec<&str> = (0..copies).map(|_| port.as_str()).collect();
                let mut view = port.clone();
                for _ in 1..all.len() {
                    view = format!("concat({view}, {port})");
                }
                if copies * gives > takes { format!("{view}[0..{takes}]") } else { view }
            }
        };
        net.lines.push(format!("{view} -> {into}"));
    }

    /// Sometimes a connection past the next part, which is added to what arrives there.
    fn skip(&mut self, parts: &[(String, Process)], net: &mut Net) {
        for (at, (part, process)) in parts.iter().enumerate().skip(1) {
            if self.one_in(2) {
                // The source is the first out port.
                let from = self.below(at);
                self.connect(net, from, &format!("{part}.a"), process.takes);
            }
        }
    }

    /// Connections back: into a later phase of the same step, or by way of a delay.
    fn recurrent(&mut self, parts: &[(String, Process)], items: &mut Vec<String>, net: &mut Net) {
        for (part, process) in parts {
            if let Some(takes) = process.later {
                let from = 1 + self.below(parts.len());
                self.connect(net, from, &format!("{part}.r"), takes);
            }
        }
        if self.one_in(2) {
            let to = self.below(parts.len());
            let from = to + 1 + self.below(parts.len() - to);
            let takes = parts[to].1.takes;
            let first = self.constants(&[takes]);
            items.push(self.delay());
            net.lines.push(format!("back = Delay[{takes}](first: {first})"));
            net.learned.push("back.first".into());
            self.connect(net, from, "back.a", takes);
            net.lines.push(format!("back.o -> {}.a", parts[to].0));
        }
    }

    /// A reset of one variable, of a part, or of all parts.
    fn reset(&mut self, parts: &[(String, Process)]) -> String {
        let (part, process) = self.pick(parts);
        let var = self.pick(&process.vars);
        let target = match self.below(5) {
            0 => part,
            1 => "p*".into(),
            2 => format!("{part}.*"),
            _ => format!("{part}.{var}"),
        };
        let (every, offset) = (2 + self.below(5), self.below(3));
        let when = match self.below(5) {
            0 => "at round.start".to_string(),
            1 => "at round.end".to_string(),
            2 => format!("every {every} offset {offset} stagger 1"),
            _ => format!("every {every} offset {offset}"),
        };
        let phase =
            self.pick(&["", "", " in spk", " in pre_mgmt", " in lrn", " in post_mgmt", " in host"]);
        format!("reset {target} {when}{phase}")
    }
}
