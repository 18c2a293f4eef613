//! The processes of smooth programs.

use super::{Maker, Name, Net, Scope};

/// A process in the making, or made.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) name: String,
    /// As it is written.
    pub(super) text: String,
    /// What instances give; the first is `[gives, takes]`.
    pub(super) params: Vec<Name>,
    /// Its state.
    pub(super) vars: Vec<String>,
    /// The size of what `a` receives in phase `spk`.
    pub(super) takes: usize,
    /// The size of what `o` sends in phase `spk`.
    pub(super) gives: usize,
    /// That of what `r` receives in a later phase, where there is such a port.
    pub(super) later: Option<usize>,
}

impl Maker {
    /// A process that receives messages of a size.
    pub(super) fn process(&mut self, takes: usize) -> Process {
        let name = self.name("Cell");
        let gives = if self.one_in(3) { takes } else { 2 + self.below(3) };
        let mut scope = Scope::default().with("w", &[gives, takes]);
        let mut declared = vec![format!("w: f64[{gives}, {takes}]")];
        for at in 0..1 + self.below(3) {
            let param = format!("q{at}");
            let shape = match self.below(5) {
                0 => Vec::new(),
                1 => vec![gives],
                2 => vec![takes],
                3 => vec![1 + self.below(2), 2, 1 + self.below(2), 1 + self.below(2)],
                _ => vec![2 + self.below(2), gives],
            };
            declared.push(match shape.is_empty() {
                true => format!("{param}: f64 = {}", self.number()),
                false => format!("{param}: f64{shape:?}"),
            });
            scope = scope.with(&param, &shape);
        }
        let params = scope.names.clone();
        let later = self.one_in(2).then(|| 2 + self.below(3));
        let mut members = vec![format!("in a: f64[{takes}]"), format!("out o: f64[{gives}]")];
        members.extend(later.map(|n| format!("in r: f64[{n}]")));
        for _ in 0..self.below(3) {
            let constant = self.name("k");
            let shape = self.pick(&[vec![], vec![gives], vec![takes, gives], vec![gives, takes]]);
            members.push(format!("const {constant} = {}", self.expr(&scope, &shape, 2)));
            scope = scope.with(&constant, &shape);
        }
        let known = scope.clone();
        let mut vars = Vec::new();
        for _ in 0..1 + self.below(3) {
            let var = self.name("v");
            let shape = self.pick(&[vec![], vec![gives], vec![gives], vec![gives, takes]]);
            let init = match self.below(3) {
                0 => "0".into(),
                1 => self.constants(&shape),
                _ => self.small(&known, &shape, 1),
            };
            let kind = if self.one_in(6) { "buffer" } else { "var" };
            members.push(format!("{kind} {var}: {} = {init}", written(&shape)));
            vars.push(Name { text: var, shape });
        }
        scope.names.extend(vars.iter().cloned());
        scope.stepped = true;
        let mut state: Vec<String> = vars.iter().map(|v| v.text.clone()).collect();
        let mut body = vec!["let x = a".to_string()];
        let mut inside = scope.with("x", &[takes]);
        for _ in 0..self.below(3) {
            let shared = self.name("y");
            let shape = self.pick(&[vec![gives], vec![takes], vec![]]);
            body.push(format!("let {shared} = {}", self.expr(&inside, &shape, 2)));
            inside = inside.with(&shared, &shape);
        }
        for var in &vars {
            body.push(self.update(&inside, var));
        }
        if self.one_in(2) {
            inside = self.ring(&inside, gives, (&mut members, &mut state, &mut body));
        }
        let sent = self.expr(&inside, &[gives], 2);
        body.push(format!("o = tanh(0.7 * (w @ x) + 0.5 * {sent})"));
        let mut phases = format!("    phase spk {{\n{}    }}\n", indented(&body));
        if let Some(n) = later {
            let phase = self.pick(&["pre_mgmt", "lrn", "post_mgmt"]);
            let inside = scope.with("z", &[n]).with("o", &[gives]);
            let var = self.pick(&vars);
            let body = vec!["let z = r".to_string(), self.fed(&inside, &var, n)];
            phases += &format!("    phase {phase} {{\n{}    }}\n", indented(&body));
        } else if self.one_in(2) {
            let guard = self.moment();
            let var = self.pick(&vars);
            let body = [self.update(&scope.with("o", &[gives]), &var)];
            phases += &format!("    phase lrn when {guard} {{\n{}    }}\n", indented(&body));
        }
        let members: Vec<String> = members.iter().map(|m| format!("    {m}\n")).collect();
        let head = format!("process {name}({})", declared.join(", "));
        let text = format!("{head} {{\n{}{phases}}}\n", members.concat());
        Process { name, text, params, vars: state, takes, gives, later }
    }

    /// A statement that stores a variable, or part of it.
    fn update(&mut self, scope: &Scope, var: &Name) -> String {
        let (v, shape) = (&var.text, &var.shape[..]);
        let e = self.small(scope, shape, 2);
        match (self.below(10), shape) {
            (0, _) => format!("{v} = {e}"),
            (1, _) => format!("{v} += 0.2 * {e}"),
            (2, _) => format!("{v} *= {e}"),
            (3, _) => format!("{v} = {e} where {}", self.moment()),
            (4, [n]) => format!("{v} = {e} where arange({n}) == t % {n}"),
            (5, _) => {
                let (c, other) = (self.moment(), self.small(scope, shape, 1));
                format!("if {c} {{ {v} = {e} }} else {{ {v} = 0.5 * {v} + {other} }}")
            }
            (6, [n, ..]) => {
                let at = self.pick(&[format!("t % {n}"), (n - 1).to_string()]);
                format!("{v}[{at}] = {}", self.small(scope, &shape[1..], 2))
            }
            (7, [n, rest @ ..]) if *n > 1 => {
                let part = [&[n - 1], rest].concat();
                format!("{v}[1..{n}] = {}", self.small(scope, &part, 2))
            }
            _ => format!("{v} = 0.7 * {v} + 0.3 * {e}"),
        }
    }

    /// An update by what arrives in a later phase, `z` of a size.
    fn fed(&mut self, scope: &Scope, var: &Name, n: usize) -> String {
        let z = match var.shape[..] {
            [] => "sum(z)".to_string(),
            [k] => format!("({} @ z)", self.constants(&[k, n])),
            [k, m] => {
                format!("outer({} @ z, {})", self.constants(&[k, n]), { self.expr(scope, &[m], 1) })
            }
            _ => unreachable!("a variable has at most two axes"),
        };
        let e = self.expr(scope, &var.shape, 1);
        format!("{0} = 0.8 * {0} + 0.4 * tanh({z} + {e})", var.text)
    }

    /// A ring of vectors, written at `t`, a counter that is taken modulo, or one that wraps.
    fn ring(
        &mut self,
        scope: &Scope,
        n: usize,
        (members, state, body): (&mut Vec<String>, &mut Vec<String>, &mut Vec<String>),
    ) -> Scope {
        let (slots, at, read) = match self.below(3) {
            0 => (3, "t % 3", "(t + 1) % 3"),
            1 => (2, "n % 2", "(n + 1) % 2"),
            _ => (4, "m", "3 - m"),
        };
        let counter = match slots {
            2 => Some(("n", "int")),
            4 => Some(("m", "u2 wrap")),
            _ => None,
        };
        if let Some((name, ty)) = counter {
            members.push(format!("var {name}: {ty} = {}", self.below(2)));
            state.push(name.into());
        }
        members.push(format!("var ring: f64[{slots}, {n}] = 0"));
        state.push("ring".into());
        body.push(format!("ring[{at}] = {}", self.small(scope, &[n], 2)));
        if let Some((name, _)) = counter {
            body.push(format!("{name} += 1"));
        }
        scope.with(&format!("ring[{read}]"), &[n]).with("ring", &[slots, n])
    }

    /// A process that sends what it received a step before.
    pub(super) fn delay(&mut self) -> String {
        let kind = self.pick(&["buffer", "var"]);
        format!(
            "process Delay[n](first: f64[n]) {{\n    in a: f64[n]\n    out o: f64[n]\n    \
             {kind} held: f64[n] = 0.5 * first\n    phase spk {{\n        o = held\n        \
             held = 0.6 * tanh(a)\n    }}\n}}\n"
        )
    }

    /// A process that sends at some steps only, and one that receives at others: messages wait.
    /// Gives the out port of the second.
    pub(super) fn rates(&mut self, items: &mut Vec<String>, net: &mut Net) -> usize {
        let (send, receive) = self.pick(&[
            ("t % 4 == 1 or t % 4 == 2", "t % 4 >= 2"),
            ("t % 2 == 1", "t % 2 == 0"),
            ("t % 3 > 0", "t % 3 != 1"),
            ("t % 2 == 1", "t % 4 == 0 or t % 4 == 3"),
        ]);
        items.push(format!(
            "process Some[n](by: f64) {{\n    in a: f64[n]\n    out o: f64[n]\n    \
             phase spk {{\n        let x = a\n        \
             if {send} {{ o = by * x }}\n    }}\n}}\n"
        ));
        items.push(format!(
            "process Late[n] {{\n    in a: f64[n]\n    out o: f64[n]\n    var h: f64[n] = 0\n    \
             phase spk {{\n        if {receive} {{ h = tanh(0.5 * h + a) }}\n        \
             o = h\n    }}\n}}\n"
        ));
        let from = 1 + self.below(net.outs.len() - 1);
        let n = net.outs[from].1;
        net.lines.push(format!("some = Some[{n}](by: {})", self.number()));
        net.lines.push(format!("late = Late[{n}]()"));
        net.learned.push("some.by".into());
        self.connect(net, from, "some.a", n);
        net.lines.push("some.o -> late.a".into());
        net.outs.push(("late.o".into(), n));
        net.outs.len() - 1
    }

    /// The process that adds up the loss, connected to one port or two.
    pub(super) fn loss(&mut self, last: usize, rates: Option<usize>, net: &mut Net) -> String {
        let n = net.outs[last].1;
        let target = self.constants(&[n]);
        net.lines.push(format!("loss = Loss(c: {target})"));
        net.learned.push("loss.c".into());
        self.connect(net, last, "loss.a", n);
        let mut ports = format!("    in a: f64[{n}]\n");
        let mut body = vec!["let x = a".to_string()];
        let term = self.pick(&[
            "sum((x - c) ** 2)",
            "sum(log(2.0 + cos(x - c)))",
            "mean(exp(tanh(x)) * (1.0 + c))",
            "sum(sqrt(1.0 + (x - c) ** 2))",
        ]);
        body.push(match self.below(4) {
            0 => format!("if {} {{ total += {term} }}", self.moment()),
            1 => format!("total = 0.9 * total + {term}"),
            _ => format!("total += {term}"),
        });
        if let Some(from) = rates {
            let m = net.outs[from].1;
            ports += &format!("    in b: f64[{m}]\n");
            body.push("total += 0.4 * sum(b ** 2)".into());
            self.connect(net, from, "loss.b", m);
        }
        let phase = self.pick(&["spk", "post_mgmt"]);
        format!(
            "process Loss(c: f64[{n}]) {{\n{ports}    var total: f64 = 0\n    \
             phase {phase} {{\n{}    }}\n}}\n",
            indented(&body)
        )
    }
}

/// The type of an array.
fn written(shape: &[usize]) -> String {
    if shape.is_empty() { "f64".into() } else { format!("f64{shape:?}") }
}

fn indented(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("        {line}\n")).collect();
    lines.concat()
}
