//! Resets and what a run asks for.

use super::maker::Maker;
use super::network::{Net, Part};
use super::tree::Program;

impl Maker<'_> {
    /// Resets. Where `each` holds, all state goes back at the start of every epoch.
    pub(super) fn resets(&mut self, net: &mut Net, each: bool) {
        let main = net.networks.len() - 1;
        if each {
            self.mark("reset everything");
            let keeps = net.parts.iter().any(|p| p.keeps);
            let all = match keeps {
                false => "*".to_string(),
                true => {
                    self.mark("reset set");
                    let nested = if main > 0 { ", net*" } else { "" };
                    format!("{{p*, n*, src*, d*{nested}}}")
                }
            };
            let exists = |stem: &str| net.parts.iter().any(|p| p.name.starts_with(stem));
            let all = if exists("p") || !keeps { all } else { all.replace("p*, ", "") };
            let how =
                self.pick(&["at image.start", "at image.start skew none", "at image.end in host"]);
            let mut lines = vec![format!("reset {all} {how}")];
            let mut buffers: Vec<String> = Vec::new();
            for part in &net.parts {
                for (var, _) in part.variant.vars.iter().filter(|v| v.1) {
                    buffers.push(format!("{}.{var}", part.path()));
                    if net.twice.contains(&part.network) {
                        buffers.push(format!("net{}b.{}.{var}", part.network, part.name));
                    }
                }
            }
            if !buffers.is_empty() && !self.one_in(4) {
                lines.push(format!("reset {} {how}", buffers.join(", ")));
            }
            net.networks[main].resets.extend(lines);
        }
        let some = if each { 1 } else { 3 };
        for _ in 0..self.below(some + 1) {
            self.reset(net);
        }
    }

    fn reset(&mut self, net: &mut Net) {
        let main = net.networks.len() - 1;
        let stateful: Vec<&Part> =
            net.parts.iter().filter(|p| !p.keeps && !p.variant.vars.is_empty()).collect();
        if stateful.is_empty() {
            return;
        }
        let part = self.pick(&stateful);
        // From inside the network that a part stands in, or from the outermost.
        let inside = part.network > 0 && self.one_in(2);
        let path = if inside { part.name.clone() } else { part.path() };
        let names: Vec<String> = part.variant.vars.iter().map(|v| v.0.clone()).collect();
        let target = match self.below(4) {
            0 | 1 => {
                self.mark("reset instance");
                path
            }
            2 if names.len() > 1 => {
                self.mark("reset set");
                format!("{path}.{{{}, {}}}", names[0], names[1])
            }
            2 => {
                self.mark("reset glob");
                format!("{path}.*")
            }
            _ => {
                self.mark("reset variable");
                format!("{path}.{}", self.pick(&names))
            }
        };
        let n = self.epoch;
        let when = match self.below(6) {
            0 => {
                self.mark("reset every");
                format!("every {n}")
            }
            1 => {
                self.mark("reset offset");
                format!("every {n} offset {}", self.below(2 * n))
            }
            2 => {
                self.mark("reset stagger");
                format!("every {n} offset {} stagger {}", self.below(n), 1 + self.below(3))
            }
            3 => {
                self.mark("reset at end");
                "at image.end".into()
            }
            4 => {
                self.mark("reset skew none");
                "at image.start skew none".into()
            }
            _ => {
                let auto = self.one_in(2);
                self.mark(if auto { "reset skew auto" } else { "reset at start" });
                format!("at image.start{}", if auto { " skew auto" } else { "" })
            }
        };
        let phase = match self.below(3) {
            0 => {
                let phase = self.pick(&["spk", "pre_mgmt", "lrn", "post_mgmt", "host", "host"]);
                self.mark(if phase == "host" { "reset in host" } else { "reset in phase" });
                format!(" in {phase}")
            }
            _ => String::new(),
        };
        let mut targets = vec![target];
        if self.one_in(3) && !inside {
            let other = self.pick(&stateful).path();
            if !targets.contains(&other) {
                targets.push(other);
            }
        }
        let at = if inside {
            self.mark("reset inside");
            part.network - 1
        } else {
            main
        };
        net.networks[at].resets.push(format!("reset {} {when}{phase}", targets.join(", ")));
    }

    /// The run.
    pub(super) fn run(&mut self, program: &mut Program, net: &Net, float: bool) {
        let tag = if float { "floating_pt" } else { "fixed_pt" };
        self.mark(tag);
        program.models.push(format!("models {tag}"));
        for part in &net.parts {
            if let Some(own) = part.variant.tag.filter(|own| *own != tag) {
                self.mark("model exception");
                program.models.push(format!("model {} = {own}", part.path()));
                if net.twice.contains(&part.network) {
                    let path = format!("net{}b.{}", part.network, part.name);
                    program.models.push(format!("model {path} = {own}"));
                }
            }
        }
        let results = net.parts.iter().any(|p| !p.variant.results.is_empty());
        let all = !results && !self.one_in(3);
        if all {
            self.mark("record all");
            program.requests.push("record *".into());
        }
        for part in &net.parts {
            let path = part.path();
            for (var, _) in part.variant.vars.iter().filter(|_| !all) {
                let when = self.when();
                program.requests.push(format!("record {path}.{var}{when}"));
                if net.twice.contains(&part.network) {
                    let path = format!("net{}b.{}", part.network, part.name);
                    program.requests.push(format!("record {path}.{var}{when}"));
                }
            }
            for var in &part.variant.results {
                self.mark("record at end");
                program.requests.push(format!("record {path}.{var} at end"));
            }
        }
        let mut recorded = Vec::new();
        for (p, port, receives) in &net.used {
            if recorded.contains(&(p, port, receives)) || self.one_in(3) {
                continue;
            }
            recorded.push((p, port, receives));
            let part = &net.parts[*p];
            let port = match receives {
                true => &part.variant.ins[*port],
                false => &part.variant.outs[*port],
            };
            self.mark(if *receives { "record in port" } else { "record out port" });
            let when = self.when();
            program.requests.push(format!("record {}.{}{when}", part.path(), port.name));
        }
        self.reports(program, net);
    }

    /// Values of the final state.
    fn reports(&mut self, program: &mut Program, net: &Net) {
        let vars: Vec<String> = net
            .parts
            .iter()
            .flat_map(|p| p.variant.vars.iter().map(move |v| format!("{}.{}", p.path(), v.0)))
            .collect();
        if vars.is_empty() {
            return;
        }
        let value = |maker: &mut Self| {
            let f = maker.pick(&["sum", "max", "min", "any", "all", "argmax", "mean"]);
            let (a, b) = (maker.pick(&vars), maker.pick(&vars));
            match maker.below(8) {
                0 => format!("{f}({a} != 0)"),
                1 => format!("accuracy(flatten({a}), flatten({a}) > 1)"),
                2 => format!("{f}({a}) + {f}({b}) * 2"),
                3 => format!("div(int(sum({a})), 7) - len({b})"),
                4 => format!("sum(flip(flatten({a}), 0) * arange(len(flatten({a}))))"),
                5 => format!("sqrt(abs(mean({a})))"),
                _ => format!("{f}({a})"),
            }
        };
        for _ in 0..self.below(3) {
            self.mark("report");
            let value = value(self);
            program.requests.push(format!("report {value}"));
        }
        if self.one_in(3) {
            self.mark("expect");
            let op = self.pick(&["<", ">=", "==", "!="]);
            let (a, b) = (value(self), value(self));
            program.requests.push(match self.one_in(3) {
                true => format!("expect {a} {op} 3"),
                false => format!("expect {a} {op} {b}"),
            });
        }
    }

    fn when(&mut self) -> String {
        match self.below(8) {
            0 => {
                self.mark("record every");
                format!(" every {}", self.pick(&[1, 2, self.epoch]))
            }
            1 => {
                self.mark("record at epoch");
                self.pick(&[" at image.end", " at image.start"]).into()
            }
            2 => {
                self.mark("record at end");
                " at end".into()
            }
            _ => String::new(),
        }
    }
}
