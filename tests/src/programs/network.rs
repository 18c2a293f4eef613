//! Networks: parts, connections with views, networks in networks.

use super::clocks::{Fits, fits};
use super::design::{Argument, Design, Port, Variant};
use super::library::Made;
use super::maker::Maker;
use super::tree::{Kind, Network, Shape};
use std::collections::BTreeMap;

/// A part of the network.
pub struct Part {
    /// Its name.
    pub name: String,
    /// What it is, without shape and arguments.
    head: String,
    /// Its shape, where that can be left to inference; else none or empty.
    sizes: Option<String>,
    /// Its arguments.
    arguments: Vec<String>,
    /// What it does.
    pub variant: Variant,
    /// Which network it stands in: 0 is the outermost.
    pub network: usize,
    /// Whether it keeps results that no reset must touch.
    pub keeps: bool,
    /// Whether its shape is inferred.
    inferred: bool,
}

/// Connections of one port.
struct Link {
    /// Senders: part and port.
    from: Vec<(usize, usize)>,
    /// Their messages, as `@0` and `@1`, as the receiver sees them.
    view: String,
    /// What stands between, in place: the process, and what is seen of what it sends.
    via: Option<String>,
    to: (usize, usize),
}

/// The parts with the networks that they make.
pub struct Net {
    /// All parts.
    pub parts: Vec<Part>,
    /// The networks, the outermost last.
    pub networks: Vec<Network>,
    /// An argument for the outermost.
    pub arguments: String,
    /// Ports that messages are sent to or received from: part, port, whether it receives.
    pub used: Vec<(usize, usize, bool)>,
    /// Networks of which there are two.
    pub twice: Vec<usize>,
}

impl Part {
    /// Its path from the outermost network.
    pub fn path(&self) -> String {
        match self.network {
            0 => self.name.clone(),
            n => format!("net{n}.{}", self.name),
        }
    }
}

impl Maker<'_> {
    /// A network of processes.
    pub(super) fn net(&mut self, designs: &[Design], float: bool, kept: &[Design]) -> Net {
        let mut parts: Vec<Part> = Vec::new();
        for design in designs {
            for _ in 0..1 + self.below(3) {
                let part = match parts.last() {
                    // One that is equal, or that has one argument less.
                    Some(last) if last.head == design.name && self.one_in(2) => self.again(last),
                    _ => self.part(design, float),
                };
                parts.push(part);
            }
        }
        let shapes: Vec<Shape> = parts
            .iter()
            .flat_map(|p| p.variant.ins.iter().chain(&p.variant.outs))
            .map(|p| p.shape.clone())
            .collect();
        for _ in 0..self.below(3) {
            let shape = self.pick(&shapes);
            // Nothing says that a neuron is a scalar where it is not connected.
            let shape = if shape.is_empty() { vec![3] } else { shape };
            let float = float != self.one_in(8);
            let made = self.neuron(&shape, float);
            parts.push(self.made("n", made));
        }
        for _ in 0..1 + self.below(2) {
            let shape = self.pick(&shapes);
            let made = self.source(&shape, float);
            let at = self.below(parts.len() + 1);
            let part = self.made("src", made);
            parts.insert(at, part);
        }
        for design in kept {
            let part = self.part(design, float);
            // What only sends can stand first, so that all may receive from it.
            let at = if part.variant.ins.is_empty() { 0 } else { parts.len() };
            parts.insert(at, part);
        }
        let mut links = self.links(&mut parts, float);
        self.place(&mut parts);
        self.infer(&mut parts, &links);
        self.written(parts, &mut links)
    }

    fn again(&mut self, part: &Part) -> Part {
        self.mark("equal instances");
        let mut arguments = part.arguments.clone();
        if !arguments.is_empty() && self.one_in(3) {
            // From the end, so that positions stay.
            arguments.pop();
        }
        Part {
            name: self.name("p"),
            head: part.head.clone(),
            sizes: part.sizes.clone(),
            arguments,
            variant: part.variant.clone(),
            ..*part
        }
    }

    fn part(&mut self, design: &Design, float: bool) -> Part {
        let run = if float { "floating_pt" } else { "fixed_pt" };
        let tagged: Vec<usize> = (0..design.variants.len())
            .filter(|v| design.variants[*v].tag.is_some_and(|t| t != "alt"))
            .collect();
        let selected = tagged.iter().find(|v| design.variants[**v].tag == Some(run)).copied();
        let other = self.below(design.variants.len());
        let chosen = match selected {
            // What has the run's tag cannot be denied it.
            Some(v) => v,
            None => other,
        };
        let mut variant = design.variants[chosen].clone();
        let mut shape = design.shape.clone();
        if design.uniform && self.one_in(2) {
            let new = self.pick(&[vec![2], vec![4], vec![3, 2], vec![17], vec![1]]);
            for port in variant.ins.iter_mut().chain(&mut variant.outs) {
                if port.shape == shape {
                    port.shape = new.clone();
                }
            }
            shape = new;
        }
        let mut arguments = Vec::new();
        let mut positional = true;
        for argument in &design.arguments {
            let (name, value) = match argument {
                _ if self.one_in(3) => {
                    self.mark("parameter default");
                    positional = false;
                    continue;
                }
                Argument::Int(name, bounds) => (*name, self.int_within(*bounds).to_string()),
                Argument::Float(name) => (*name, self.float_text()),
                Argument::Array(name) => {
                    let seed = self.below(99);
                    (*name, format!("uniform(-5, 6, shape: {shape:?}, seed: {seed})"))
                }
                Argument::Init(name, kind) => {
                    self.mark("initial value as argument");
                    positional = false;
                    let value = match kind {
                        Kind::F32 | Kind::F64 => self.pick(&["0.0", "-0.0", "1.5", "0"]),
                        _ => "0",
                    };
                    (name.as_str(), value.to_string())
                }
            };
            if positional && self.one_in(2) {
                self.mark("parameter positional");
                arguments.push(value);
            } else {
                self.mark("parameter named");
                positional = false;
                arguments.push(format!("{name}: {value}"));
            }
        }
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        Part {
            name: self.name(if design.keeps { "rows" } else { "p" }),
            head: design.name.clone(),
            sizes: design.open.then(|| sizes.join(", ")),
            arguments,
            variant,
            network: 0,
            keeps: design.keeps,
            inferred: false,
        }
    }

    fn made(&mut self, stem: &str, made: Made) -> Part {
        Part {
            name: self.name(stem),
            head: made.text,
            sizes: None,
            arguments: Vec::new(),
            variant: made.variant,
            network: 0,
            keeps: false,
            inferred: false,
        }
    }

    /// For each port that receives, what is sent to it.
    fn links(&mut self, parts: &mut Vec<Part>, float: bool) -> Vec<Link> {
        let mut links: Vec<Link> = Vec::new();
        for to in 0..parts.len() {
            for port in 0..parts[to].variant.ins.len() {
                let adds = parts[to].variant.ins[port].adds;
                let wanted = match self.below(10) {
                    0 => 0,
                    1..=6 => 1,
                    _ if adds => 2 + self.below(2),
                    _ => 1,
                };
                let mut found = 0;
                for _ in 0..3 * wanted + 3 {
                    if found == wanted {
                        break;
                    }
                    found += usize::from(self.link(parts, &mut links, (to, port), float));
                }
                match found {
                    0 => self.mark("unconnected"),
                    1 => {}
                    _ if parts[to].variant.ins[port].ty.kind == Kind::F64 => {
                        self.mark("fan-in");
                        self.mark("float fan-in");
                    }
                    _ if parts[to].variant.ins[port].ty.kind == Kind::Bool => {
                        self.mark("fan-in");
                        self.mark("fan-in of bits");
                    }
                    _ => self.mark("fan-in"),
                }
            }
        }
        let mut senders = BTreeMap::new();
        links.iter().flat_map(|l| &l.from).for_each(|f| *senders.entry(*f).or_insert(0) += 1);
        if senders.values().any(|n| *n > 1) {
            self.mark("fan-out");
        }
        links
    }

    /// Tries to connect something to a port.
    fn link(
        &mut self,
        parts: &mut Vec<Part>,
        links: &mut Vec<Link>,
        to: (usize, usize),
        float: bool,
    ) -> bool {
        let receiver = parts[to.0].variant.ins[to.1].clone();
        let Some((from, port)) = self.sender(parts, receiver.ty) else { return false };
        let sender = parts[from].variant.outs[port].clone();
        if links.iter().any(|l| l.to == to && l.from.contains(&(from, port))) {
            return false;
        }
        let size = |shape: &[usize]| shape.iter().product::<usize>();
        let free = from < to.0
            || parts[from].variant.delays
            || parts[to.0].variant.delays
            || sender.at.phase != receiver.at.phase;
        let clocks = fits(&sender.at, &receiver.at);
        let every = super::design::every_step();
        let through = sender.at == every && receiver.at == every && self.one_in(3);
        let number = if float { super::design::F64 } else { super::design::I32 };
        let (n, m) = (size(&sender.shape), size(&receiver.shape));
        if through && sender.ty.fits_in(number) && number.fits_in(receiver.ty) && n > 0 && m > 0 {
            return self.synapse(parts, links, ((from, port), to), (&sender, &receiver), float);
        }
        if !free || clocks == Fits::No || !sender.ty.fits_in(receiver.ty) {
            return false;
        }
        let Some((view, other)) = self.looked_at(parts, links, (from, port), to) else {
            return false;
        };
        if clocks == Fits::Queued {
            self.mark("queue");
        }
        if sender.at.phase != receiver.at.phase {
            self.mark("across phases");
        }
        if from == to.0 {
            self.mark("itself");
        } else if from > to.0 {
            self.mark("circle");
        }
        let from = [(from, port)].into_iter().chain(other).collect();
        links.push(Link { from, view, via: None, to });
        true
    }

    /// An out port, which often fits a port of bits where that is asked for.
    fn sender(&mut self, parts: &[Part], ty: super::tree::Ty) -> Option<(usize, usize)> {
        let bits = ty.kind == Kind::Bool && !self.one_in(4);
        let all: Vec<(usize, usize)> = parts
            .iter()
            .enumerate()
            .flat_map(|(i, p)| p.variant.outs.iter().enumerate().map(move |(o, port)| (i, o, port)))
            .filter(|(_, _, port)| !bits || port.ty.fits_in(ty))
            .map(|(i, o, _)| (i, o))
            .collect();
        (!all.is_empty()).then(|| self.pick(&all))
    }

    /// Synapses between two ports that are used at every step.
    fn synapse(
        &mut self,
        parts: &mut Vec<Part>,
        links: &mut Vec<Link>,
        (from, to): ((usize, usize), (usize, usize)),
        (sender, receiver): (&Port, &Port),
        float: bool,
    ) -> bool {
        let size = |shape: &[usize]| shape.iter().product::<usize>();
        let sizes = (size(&sender.shape), size(&receiver.shape));
        let (made, shape) = match self.one_in(5) {
            true => {
                let (made, shape) = self.convolution(sizes, float);
                (made, shape.to_vec())
            }
            false => (self.synapses(sizes, float), vec![sizes.0]),
        };
        let seen = |from: &[usize], to: &[usize]| match (from == to, to.len()) {
            (true, _) => String::new(),
            (_, 1) => ".flatten()".into(),
            _ => format!(".reshape({to:?})"),
        };
        let view = format!("@0{}", seen(&sender.shape, &shape));
        let after = seen(&made.variant.outs[0].shape, &receiver.shape);
        if after.is_empty() && self.one_in(if self.each { 8 } else { 2 }) {
            self.mark("in place");
            links.push(Link { from: vec![from], view, via: Some(made.text), to });
            return true;
        }
        let part = self.made("d", made);
        parts.push(part);
        let d = parts.len() - 1;
        links.push(Link { from: vec![from], view, via: None, to: (d, 0) });
        links.push(Link { from: vec![(d, 0)], view: format!("@0{after}"), via: None, to });
        true
    }

    /// How a message is seen so that it has the receiver's shape; perhaps joined with another.
    #[allow(clippy::type_complexity)]
    fn looked_at(
        &mut self,
        parts: &[Part],
        links: &[Link],
        from: (usize, usize),
        to: (usize, usize),
    ) -> Option<(String, Option<(usize, usize)>)> {
        let sender = &parts[from.0].variant.outs[from.1];
        let receiver = &parts[to.0].variant.ins[to.1];
        let (a, b) = (sender.shape.clone(), receiver.shape.clone());
        let size = |shape: &[usize]| shape.iter().product::<usize>();
        let (n, m) = (size(&a), size(&b));
        if a == b && a.len() == 2 && a[0] == a[1] && self.one_in(2) {
            self.mark("view transpose");
            return Some(("@0.transpose()".into(), None));
        }
        if a == b && a.len() == 1 && n > 1 && self.one_in(4) {
            self.mark("view concat");
            let cut = 1 + self.below(n - 1);
            return Some((format!("concat(@0[{cut}..{n}], @0[0..{cut}])"), None));
        }
        if a == b {
            return Some(("@0".into(), None));
        }
        if a.len() == 2 && b.len() == 2 && a[0] == b[1] && a[1] == b[0] && self.one_in(2) {
            self.mark("view transpose");
            return Some(("@0.transpose()".into(), None));
        }
        if n == m && b.len() == 1 {
            self.mark("view flatten");
            return Some(("@0.flatten()".into(), None));
        }
        if n == m {
            self.mark("view reshape");
            return Some((format!("@0.reshape({b:?})"), None));
        }
        if n > m && !a.is_empty() && !b.is_empty() {
            self.mark("view slice");
            let lo = self.below(n - m + 1);
            let seen = if a.len() == 1 { "@0" } else { "@0.flatten()" };
            let back = if b.len() == 1 { String::new() } else { format!(".reshape({b:?})") };
            return Some((format!("{seen}[{lo}..{}]{back}", lo + m), None));
        }
        if n > m {
            return None;
        }
        // Another sender of the same kind gives the rest.
        let fits_too = |i: usize, p: &Port| {
            p.at == sender.at
                && p.ty.fits_in(receiver.ty)
                && size(&p.shape) >= m - n
                && !p.shape.is_empty()
                && !a.is_empty()
                && !b.is_empty()
                && (i < to.0
                    || parts[i].variant.delays
                    || parts[to.0].variant.delays
                    || sender.at.phase != receiver.at.phase)
        };
        let others: Vec<(usize, usize)> = parts
            .iter()
            .enumerate()
            .flat_map(|(i, p)| p.variant.outs.iter().enumerate().map(move |(o, port)| (i, o, port)))
            .filter(|(i, o, port)| {
                (*i, *o) != from
                    && fits_too(*i, port)
                    && !links.iter().any(|l| l.to == to && l.from.contains(&(*i, *o)))
            })
            .map(|(i, o, _)| (i, o))
            .collect();
        if others.is_empty() {
            return None;
        }
        self.mark("view concat");
        let other = self.pick(&others);
        let of = &parts[other.0].variant.outs[other.1];
        let one = if a.len() == 1 { "@0" } else { "@0.flatten()" };
        let two = if of.shape.len() == 1 { "@1" } else { "@1.flatten()" };
        let back = if b.len() == 1 { String::new() } else { format!(".reshape({b:?})") };
        Some((format!("concat({one}, {two}[0..{}]){back}", m - n), Some(other)))
    }

    /// Which network each part stands in.
    fn place(&mut self, parts: &mut [Part]) {
        let networks = self.below(3);
        if networks == 0 {
            return;
        }
        self.mark("network in network");
        for part in parts.iter_mut().filter(|p| !p.keeps) {
            if self.choices.one_in(2) {
                part.network = 1 + self.choices.below(networks);
            }
        }
    }

    /// Which shapes are left to inference: those that arrive from parts whose shape is written.
    fn infer(&mut self, parts: &mut [Part], links: &[Link]) {
        for i in 0..parts.len() {
            let told = links.iter().any(|l| {
                l.to.0 == i && l.view == "@0" && l.via.is_none() && {
                    let port = &parts[i].variant.ins[l.to.1];
                    let whole = parts[i].sizes.as_ref().is_some_and(|s| {
                        let sizes: Vec<String> = port.shape.iter().map(usize::to_string).collect();
                        !s.is_empty() && *s == sizes.join(", ")
                    });
                    whole && l.from.iter().all(|(p, _)| *p != i && !parts[*p].inferred)
                }
            });
            if told && self.one_in(2) {
                self.mark("shape inferred");
                parts[i].inferred = true;
            }
        }
    }

    /// The networks as they are written.
    fn written(&mut self, mut parts: Vec<Part>, links: &mut [Link]) -> Net {
        let count = parts.iter().map(|p| p.network).max().unwrap_or(0) + 1;
        let mut networks: Vec<Network> = (0..count)
            .map(|n| Network {
                name: if n == 0 { "Random".into() } else { format!("Net{n}") },
                params: String::new(),
                ports: Vec::new(),
                parts: Vec::new(),
                links: Vec::new(),
                resets: Vec::new(),
            })
            .collect();
        let arguments = self.pass_parameters(&mut parts, &mut networks);
        for n in 1..count {
            let args = if networks[n].params.is_empty() || self.one_in(2) { "" } else { "gain: 2" };
            networks[0].parts.push((format!("net{n}"), format!("Net{n}({args})")));
        }
        for part in &parts {
            let sizes = part.sizes.as_ref().filter(|s| !part.inferred && !s.is_empty());
            let sizes = sizes.map_or(String::new(), |s| format!("[{s}]"));
            let library = part.head.contains('(');
            let call =
                if library { String::new() } else { format!("({})", part.arguments.join(", ")) };
            let text = format!("{}{sizes}{call}", part.head);
            networks[part.network].parts.push((part.name.clone(), text));
        }
        for (number, link) in links.iter().enumerate() {
            self.write_link(&parts, &mut networks, link, number);
        }
        let used = links
            .iter()
            .flat_map(|l| {
                let ends = l.from.iter().map(|(p, o)| (*p, *o, false));
                ends.chain([(l.to.0, l.to.1, true)]).collect::<Vec<_>>()
            })
            .collect();
        let twice = self.twice(&mut networks);
        self.generic(&mut networks);
        networks.rotate_left(1);
        Net { parts, networks, arguments, used, twice }
    }

    /// Some networks stand twice in the outermost, and receive the same.
    fn twice(&mut self, networks: &mut [Network]) -> Vec<usize> {
        let mut twice = Vec::new();
        for n in 1..networks.len() {
            if networks[n].parts.is_empty() || !self.one_in(3) {
                continue;
            }
            self.mark("network twice");
            let (name, copy) = (format!("net{n}."), format!("net{n}b"));
            let args = if networks[n].params.is_empty() || self.one_in(2) { "" } else { "gain: 1" };
            let outermost = &mut networks[0];
            outermost.parts.push((copy.clone(), format!("Net{n}({args})")));
            let into = format!("-> {name}");
            let links: Vec<String> = outermost
                .links
                .iter()
                .filter(|link| link.contains(&into))
                .map(|link| link.replace(&into, &format!("-> {copy}.")))
                .collect();
            outermost.links.extend(links);
            twice.push(n);
        }
        twice
    }

    /// Some networks have a size of their ports and parts as a shape parameter.
    fn generic(&mut self, networks: &mut [Network]) {
        let (outermost, inner) = networks.split_at_mut(1);
        for (n, network) in inner.iter_mut().enumerate() {
            let sizes = [1, 2, 3, 4, 6, 16, 33];
            let has = |n: &usize| network.ports.iter().any(|p| p.ends_with(&format!("[{n}]")));
            let Some(size) = sizes.iter().find(|n| has(n)) else { continue };
            if !self.one_in(2) {
                continue;
            }
            self.mark("generic network");
            let (written, name) = (format!("[{size}]"), format!("Net{}", n + 1));
            for port in &mut network.ports {
                if let Some(start) = port.strip_suffix(&written) {
                    *port = format!("{start}[size]");
                }
            }
            for (_, part) in &mut network.parts {
                *part = part.replacen(&format!("{written}("), "[size](", 1);
            }
            network.params = format!("[size]{}", network.params);
            for (_, part) in &mut outermost[0].parts {
                if let Some(args) = part.strip_prefix(&format!("{name}(")) {
                    *part = format!("{name}{written}({args}");
                }
            }
        }
    }

    /// Parameters of networks that their parts take as arguments.
    fn pass_parameters(&mut self, parts: &mut [Part], networks: &mut [Network]) -> String {
        let mut of_run = String::new();
        for (n, network) in networks.iter_mut().enumerate() {
            let takes = |a: &String| a.starts_with("k: ") || a.starts_with("g: ");
            let part = parts.iter_mut().find(|p| p.network == n && p.arguments.iter().any(takes));
            let Some(argument) = part.and_then(|p| p.arguments.iter_mut().find(|a| takes(a)))
            else {
                continue;
            };
            // Within every range that processes declare.
            let (name, _) = argument.split_once(": ").unwrap_or(("k", ""));
            *argument = match self.choices.one_in(2) {
                true => format!("{name}: div(twice, 2)"),
                false => format!("{name}: gain"),
            };
            if argument.contains("twice") {
                network.ports.push("const twice = gain * 2".into());
            }
            network.params = "(gain: int = 3)".into();
            self.marks.push("network parameter");
            if n == 0 && self.choices.one_in(2) {
                self.marks.push("network argument");
                of_run = "(gain: 1)".into();
            }
        }
        of_run
    }

    fn write_link(&mut self, parts: &[Part], networks: &mut [Network], link: &Link, number: usize) {
        let (to, port) = (&parts[link.to.0], &parts[link.to.0].variant.ins[link.to.1]);
        let inside = link.from.iter().all(|(p, _)| parts[*p].network == to.network);
        let mut text = link.view.clone();
        for (k, (p, o)) in link.from.iter().enumerate() {
            let (part, port) = (&parts[*p], &parts[*p].variant.outs[*o]);
            let mut end = format!("{}.{}", part.name, port.name);
            if part.variant.outs.len() == 1 && link.view != "@0" && self.one_in(3) && inside {
                end = part.name.clone();
            }
            if !inside && part.network > 0 {
                self.mark("through out");
                let name = format!("o{p}_{o}");
                let declared = format!("out {name}: {}", declared(port));
                let network = &mut networks[part.network];
                if !network.ports.contains(&declared) {
                    network.ports.push(declared);
                    network.links.push(format!("{end} -> {name}"));
                }
                end = format!("net{}.{name}", part.network);
            }
            text = text.replace(&format!("@{k}"), &end);
        }
        let mut end = format!("{}.{}", to.name, port.name);
        if to.variant.ins.len() == 1 && self.one_in(3) && (inside || to.network == 0) {
            end = to.name.clone();
        }
        if !inside && to.network > 0 {
            self.mark("through in");
            let shared = port.adds && self.one_in(2);
            let name = match shared {
                true => format!("i{}_{}", link.to.0, link.to.1),
                false => format!("i{}_{}_{number}", link.to.0, link.to.1),
            };
            let declared = format!("in {name}: {}", declared(port));
            let network = &mut networks[to.network];
            if !network.ports.contains(&declared) {
                network.ports.push(declared);
                network.links.push(format!("{name} -> {}.{}", to.name, port.name));
            }
            end = format!("net{}.{name}", to.network);
        }
        let via = link.via.as_ref().map_or(String::new(), |via| format!("{via} -> "));
        let at = if inside { to.network } else { 0 };
        networks[at].links.push(format!("{text} -> {via}{end}"));
    }
}

/// The type of a port, written for a network.
fn declared(port: &Port) -> String {
    let policy =
        if port.ty.policy.is_empty() { String::new() } else { format!(" {}", port.ty.policy) };
    let shape = if port.shape.is_empty() { String::new() } else { format!("{:?}", port.shape) };
    format!("{}{policy}{shape}", port.ty.name)
}
