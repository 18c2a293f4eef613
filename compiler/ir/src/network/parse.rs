//! Reads the text form of a network.
//!
//! ```text
//! text     = "network" STRING
//!            "run" STRING "steps" N
//!            "open"
//!            [ "chip" place { "setting" STRING setting place } ]
//!            { "clock" N CLOCK }
//!            { "tensor" N KIND shape ( "=" elements | form DIGEST ) }
//!            { "param" N STRING "=" "tensor" N [ "in" FLOAT dots FLOAT ] [ "structural" ] place }
//!            { body } { instance } { link }
//!            { "reset" N "." N "clock" N when place }
//!            { "record" STRING N ( "var" | "port" ) N ( "clock" N | "end" ) [ "asked" ] }
//!            [ "values" { value } ]
//!            { "report" STRING "=" ( VALUE | "raster" N | "trace" N ) place }
//!            { "expect" STRING "=" VALUE [ "of" VALUE VALUE ] place }
//! body     = "body" N STRING [ "model" STRING ] [ "standard" ] { "on" STRING }
//!            { "slot" STRING KIND shape } { ( "in" | "out" ) STRING TYPE shape place }
//!            { "var" STRING varkind TYPE shape "init" VALUE place } { value } { phase }
//! phase    = "phase" NAME { stmt [ "if" VALUE ] [ "clock" N ] place }
//! value    = VALUE "=" op "(" [ VALUE { "," VALUE } ] ")" ":" KIND shape
//!            [ "as" STRING ] [ mark ] place
//! stmt     = ( "read" | "receive" | "eval" | "pop" ) VALUE | "send" N "=" VALUE
//!          | "push" N "=" VALUE | "store" N region "=" VALUE [ "where" VALUE ]
//! setting  = "word" STRING | "int" N | "float" FLOAT | "ints" "[" … "]" | "floats" "[" … "]"
//! instance = "instance" N STRING "body" N "(" [ N { "," N } ] ")" "after" N ".." N place
//! link     = "link" N "." N "=" VALUE place { "sender" N "." N [ "queue" N ] [ "instant" ] }
//!            { value }
//! ```
//!
//! Each of these stands on a line of its own; `VALUE` is `%N`, a place `@FILE:START-END`. The
//! numbers of clocks, tensors, params, bodies, instances and values count from 0.

use super::words::{Parsed, Words};
use super::{
    Action, Body, BodyId, ClockId, Clocks, Expectation, Instance, InstanceId, Link, Mark, Member,
    Network, Op, Param, ParamId, Phase, Pick, Port, Range, Record, ReduceOp, Report, ReportKind,
    Reset, Run, Sender, Setting, Site, Slot, Stage, Stmt, Target, Tensor, TensorId, Value, Var,
    VarKind, When, infer, verify,
};

use crate::scalar::{self, Kind};
use crate::tensor::{Constant, Tensor as Known, Values};
use snn_core::kernels::Geometry;
use snn_grammar::ast::Direction;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tensors that a text names by their digest.
pub type Store = BTreeMap<String, Tensor>;

/// Why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The line, from 1; 0 for the network as a whole.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

/// The network that a text means; it has been verified.
///
/// # Errors
/// Where the text is malformed, names a tensor that the store does not have, or means a network
/// that is none.
pub fn parse(text: &str, store: &Store) -> Result<Network, Malformed> {
    let mut reader = Reader { store, network: empty(), place: Section::Top };
    for (at, line) in text.lines().enumerate() {
        let mut words = Words { rest: line.trim() };
        if words.rest.is_empty() {
            continue;
        }
        reader
            .line(&mut words)
            .and_then(|()| words.end())
            .map_err(|why| Malformed { line: at + 1, why })?;
    }
    verify::verify(&reader.network).map_err(|why| Malformed { line: 0, why })?;
    Ok(reader.network)
}

fn empty() -> Network {
    let run = Run {
        name: String::new(),
        steps: 0,
        open: false,
        records: Vec::new(),
        values: Vec::new(),
        reports: Vec::new(),
        expectations: Vec::new(),
        target: Target::Rust,
    };
    Network {
        name: String::new(),
        tensors: Vec::new(),
        params: Vec::new(),
        clocks: Clocks::new(),
        bodies: Vec::new(),
        instances: Vec::new(),
        links: Vec::new(),
        resets: Vec::new(),
        run,
    }
}

/// Where lines without a keyword of their own belong.
enum Section {
    Top,
    Body,
    Phase(usize),
    Link,
    Run,
}

struct Reader<'s> {
    store: &'s Store,
    network: Network,
    place: Section,
}

impl Reader<'_> {
    fn line(&mut self, words: &mut Words<'_>) -> Parsed<()> {
        if words.rest.starts_with('%') {
            return self.value(words);
        }
        let word = words.word()?;
        if let Section::Phase(phase) = self.place
            && self.stmt(phase, word, words)?
        {
            return Ok(());
        }
        match word {
            "network" => self.network.name = words.string()?,
            "run" => {
                self.network.run.name = words.string()?;
                words.expect("steps")?;
                self.network.run.steps = words.number()?;
            }
            "open" => self.network.run.open = true,
            "chip" => self.network.run.target = Target::Chip(Vec::new(), words.place()?),
            "setting" => {
                let name = words.string()?;
                let value = words.setting()?;
                let setting = Setting { name, value, place: words.place()? };
                let Target::Chip(settings, _) = &mut self.network.run.target else {
                    return Err("only chips have settings".into());
                };
                settings.push(setting);
            }
            "clock" => {
                numbered(words, self.network.clocks.len())?;
                let clock = words.rest.trim().parse().map_err(|e| format!("{e}"))?;
                if !self.network.clocks.insert(clock) {
                    return Err("this clock has a number already".into());
                }
                words.rest = "";
            }
            "tensor" => {
                numbered(words, self.network.tensors.len())?;
                let tensor = self.tensor(words)?;
                self.network.tensors.push(tensor);
            }
            "param" => {
                numbered(words, self.network.params.len())?;
                let path = words.string()?;
                words.expect("=")?;
                words.expect("tensor")?;
                let tensor = TensorId(words.number()?);
                let mut range = None;
                if words.takes("in") {
                    let lo = words.float()?;
                    let inclusive = words.takes("..=");
                    if !inclusive {
                        words.expect("..")?;
                    }
                    range = Some(Range { lo, hi: words.float()?, inclusive });
                }
                let structural = words.takes("structural");
                let place = words.place()?;
                self.network.params.push(Param { path, range, structural, tensor, place });
            }
            "body" => self.body(words)?,
            "instance" => self.instance(words)?,
            "link" => {
                let to = (InstanceId(words.number()?), dotted(words)?);
                words.expect("=")?;
                let (result, place) = (words.value()?, words.place()?);
                let (senders, values) = (Vec::new(), Vec::new());
                self.network.links.push(Link { to, senders, values, result, place });
                self.place = Section::Link;
            }
            "sender" => {
                let from = (InstanceId(words.number()?), dotted(words)?);
                let queue = if words.takes("queue") { Some(words.number()?) } else { None };
                let instant = words.takes("instant");
                let link = self.network.links.last_mut().ok_or("a sender without a link")?;
                link.senders.push(Sender { from, queue, instant });
            }
            "reset" => {
                let var = (InstanceId(words.number()?), dotted(words)?);
                words.expect("clock")?;
                let clock = ClockId(words.number()?);
                let when = match words.word()? {
                    "start" => When::Start,
                    "host" => When::Host,
                    phase => When::After(phase_of(phase)?.1),
                };
                let place = words.place()?;
                self.network.resets.push(Reset { var, clock, when, place });
            }
            "values" => self.place = Section::Run,
            "record" | "report" | "expect" => self.asked(word, words)?,
            "slot" | "in" | "out" | "var" | "phase" => self.member(word, words)?,
            other => return Err(format!("`{other}` is not expected here")),
        }
        Ok(())
    }

    fn tensor(&self, words: &mut Words<'_>) -> Parsed<Tensor> {
        let (kind, shape) = (words.kind()?, words.shape()?);
        if !words.takes("=") {
            let (_, digest) = (words.word()?, words.word()?);
            let found = self.store.get(digest).ok_or("the store has no such tensor")?;
            let same = found.kind == kind && found.shape == shape;
            return if same { Ok(found.clone()) } else { Err("the tensor is another".into()) };
        }
        let values = match kind {
            Kind::Int => Values::Int(words.list(("(", ")"), Words::number)?),
            Kind::Bool => Values::Bool(words.list(("(", ")"), |w| match w.word()? {
                "true" => Ok(true),
                "false" => Ok(false),
                other => Err(format!("`{other}` is no boolean")),
            })?),
            Kind::F32 | Kind::F64 => Values::Float(words.list(("(", ")"), Words::float)?),
        };
        let known = Known { shape, values };
        if known.shape.iter().product::<usize>() != known.len() {
            return Err("the elements do not fill the shape".into());
        }
        Ok(Tensor::of(kind, Constant::Dense(Arc::new(known))))
    }

    fn body(&mut self, words: &mut Words<'_>) -> Parsed<()> {
        numbered(words, self.network.bodies.len())?;
        let process = words.string()?;
        let tag = if words.takes("model") { Some(words.string()?) } else { None };
        let standard = words.takes("standard");
        let mut resources = Vec::new();
        while words.takes("on") {
            resources.push(words.string()?);
        }
        let (slots, vars, ports, values) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let phases = Default::default();
        let body = Body { process, tag, standard, resources, slots, vars, ports, values, phases };
        self.network.bodies.push(body);
        self.place = Section::Body;
        Ok(())
    }

    fn member(&mut self, word: &str, words: &mut Words<'_>) -> Parsed<()> {
        let body = self.network.bodies.last_mut().ok_or("it belongs to a body")?;
        match word {
            "slot" => {
                let (name, kind) = (words.string()?, words.kind()?);
                body.slots.push(Slot { name, kind, shape: words.shape()? });
            }
            "var" => {
                let name = words.string()?;
                let kind = match words.word()? {
                    "state" => VarKind::State,
                    "given" => VarKind::Given,
                    "flight" => VarKind::Flight,
                    "port" => VarKind::Port,
                    "queue" => VarKind::Queue { slots: words.number()? },
                    other => return Err(format!("there is no variable of kind `{other}`")),
                };
                let (ty, shape) = (words.elem_type()?, words.shape()?);
                words.expect("init")?;
                let (init, place) = (words.value()?, words.place()?);
                body.vars.push(Var { name, kind, ty, shape, init, place });
            }
            "phase" => self.place = Section::Phase(phase_of(words.word()?)?.0),
            _ => {
                let direction = if word == "in" { Direction::In } else { Direction::Out };
                let (name, ty) = (words.string()?, words.elem_type()?);
                let (shape, place) = (words.shape()?, words.place()?);
                body.ports.push(Port { name, direction, ty, shape, place });
            }
        }
        Ok(())
    }

    fn instance(&mut self, words: &mut Words<'_>) -> Parsed<()> {
        numbered(words, self.network.instances.len())?;
        let path = words.string()?;
        words.expect("body")?;
        let body = BodyId(words.number()?);
        let args = words.list(("(", ")"), |w| Ok(ParamId(w.number()?)))?;
        words.expect("after")?;
        let first = words.number()?;
        words.expect("..")?;
        let arrival = (first, words.number()?);
        let place = words.place()?;
        self.network.instances.push(Instance { path, body, args, arrival, place });
        Ok(())
    }

    fn asked(&mut self, word: &str, words: &mut Words<'_>) -> Parsed<()> {
        let run = &mut self.network.run;
        let text = words.string()?;
        match word {
            "record" => {
                let instance = InstanceId(words.number()?);
                let member = match words.word()? {
                    "var" => Member::Var(words.number()?),
                    "port" => Member::Port(words.number()?),
                    other => return Err(format!("`{other}` cannot be recorded")),
                };
                let when = match words.takes("end") {
                    true => None,
                    false => {
                        words.expect("clock")?;
                        Some(ClockId(words.number()?))
                    }
                };
                let asked = words.takes("asked");
                run.records.push(Record { key: text, instance, member, when, asked });
            }
            "report" => {
                words.expect("=")?;
                let kind = match () {
                    () if words.takes("raster") => ReportKind::Raster(words.number()?),
                    () if words.takes("trace") => ReportKind::Trace(words.number()?),
                    () => ReportKind::Value(words.value()?),
                };
                run.reports.push(Report { text, kind, place: words.place()? });
            }
            _ => {
                words.expect("=")?;
                let holds = words.value()?;
                let sides = match words.takes("of") {
                    true => Some((words.value()?, words.value()?)),
                    false => None,
                };
                let place = words.place()?;
                run.expectations.push(Expectation { text, holds, sides, place });
            }
        }
        Ok(())
    }

    fn values(&mut self) -> Parsed<&mut Vec<Value>> {
        let network = &mut self.network;
        match self.place {
            Section::Body | Section::Phase(_) => network.bodies.last_mut().map(|b| &mut b.values),
            Section::Link => network.links.last_mut().map(|l| &mut l.values),
            Section::Run => Some(&mut network.run.values),
            Section::Top => None,
        }
        .ok_or_else(|| "a value belongs to a body, a link or a run".into())
    }

    fn value(&mut self, words: &mut Words<'_>) -> Parsed<()> {
        let values = self.values()?;
        if words.value()?.at() != values.len() {
            return Err(format!("%{} is expected", values.len()));
        }
        words.expect("=")?;
        let op = op(words)?;
        let args = words.list(("(", ")"), Words::value)?;
        if args.iter().any(|a| a.at() >= values.len()) {
            return Err("an argument comes later".into());
        }
        words.expect(":")?;
        let (kind, shape) = (words.kind()?, words.shape()?);
        let name = if words.takes("as") { Some(words.string()?) } else { None };
        let marks = [Mark::Spike, Mark::Soft, Mark::Hard];
        let spike = marks.into_iter().find(|mark| words.takes(mark.name()));
        let place = words.place()?;
        let own = match op {
            Op::Time | Op::Var(_) | Op::Input(_) | Op::Random { .. } => Stage::Step,
            _ => Stage::Once,
        };
        let stage = args.iter().map(|a| values[a.at()].stage).max().unwrap_or(own).max(own);
        values.push(Value { op, args, kind, shape, stage, name, spike, place });
        Ok(())
    }

    /// A statement; false where the line is something else.
    fn stmt(&mut self, phase: usize, word: &str, words: &mut Words<'_>) -> Parsed<bool> {
        let action = match word {
            "read" => Action::Read(words.value()?),
            "receive" => Action::Receive(words.value()?),
            "eval" => Action::Eval(words.value()?),
            "pop" => Action::Pop(words.value()?),
            "send" => {
                let port = words.number()?;
                words.expect("=")?;
                Action::Send { port, value: words.value()? }
            }
            "push" => {
                let var = words.number()?;
                words.expect("=")?;
                Action::Push { var, value: words.value()? }
            }
            "store" => {
                let var = words.number()?;
                let region = words.list(("[", "]"), |w| {
                    w.skip();
                    if w.rest.starts_with('%') {
                        return Ok(Pick::Computed(w.value()?));
                    }
                    let lo = w.number()?;
                    Ok(if w.takes("..") { Pick::Range(lo, w.number()?) } else { Pick::At(lo) })
                })?;
                words.expect("=")?;
                let value = words.value()?;
                let mask = if words.takes("where") { Some(words.value()?) } else { None };
                Action::Store { var, region, value, mask }
            }
            _ => return Ok(false),
        };
        let guard = if words.takes("if") { Some(words.value()?) } else { None };
        let clock = if words.takes("clock") { words.number()? } else { 0 };
        let place = words.place()?;
        let stmt = Stmt { clock: ClockId(clock), guard, action, place };
        let body = self.network.bodies.last_mut().ok_or("a statement belongs to a body")?;
        body.phases[phase].push(stmt);
        Ok(true)
    }
}

fn numbered(words: &mut Words<'_>, expected: usize) -> Parsed<()> {
    let number: usize = words.number()?;
    if number == expected { Ok(()) } else { Err(format!("number {expected} is expected")) }
}

fn dotted(words: &mut Words<'_>) -> Parsed<u32> {
    words.expect(".")?;
    words.number()
}

fn phase_of(name: &str) -> Parsed<(usize, Phase)> {
    let found = Phase::ALL.into_iter().enumerate().find(|(_, p)| p.name() == name);
    found.ok_or_else(|| format!("there is no phase `{name}`"))
}

fn op(words: &mut Words<'_>) -> Parsed<Op> {
    let name = words.word()?;
    let angles = ("<", ">");
    let one = |words: &mut Words<'_>| -> Parsed<u32> {
        words.expect("<")?;
        let number = words.number()?;
        words.expect(">")?;
        Ok(number)
    };
    Ok(match name {
        "const" => Op::Const(TensorId(one(words)?)),
        "param" => Op::Param(one(words)?),
        "time" => Op::Time,
        "var" => Op::Var(one(words)?),
        "input" => Op::Input(one(words)?),
        "random" => {
            words.expect("<")?;
            let seed = words.number()?;
            words.expect(",")?;
            let site = match words.word()? {
                "call" => Site::Call(words.number()?),
                "stream" => Site::Stream(words.number()?),
                other => return Err(format!("`{other}` is not expected here")),
            };
            words.expect(">")?;
            Op::Random { seed, site }
        }
        "broadcast" => Op::Broadcast,
        "transpose" => Op::Transpose(words.list(angles, Words::number)?),
        "slice" => Op::Slice(words.list(angles, Words::range)?),
        "reshape" => Op::Reshape,
        "flip" => Op::Flip(words.list(angles, Words::number)?),
        "index" => Op::Index,
        "concat" => Op::Concat(one(words)? as usize),
        "matmul" => Op::MatMul,
        "conv2d" => Op::Conv(Box::new(geometry(&words.list(angles, Words::number)?)?)),
        "by_delay" => Op::ByDelay,
        _ => {
            let reduces = [ReduceOp::Sum, ReduceOp::Min, ReduceOp::Max, ReduceOp::ArgMax];
            match reduces.into_iter().find(|op| super::print::reduce_name(*op) == name) {
                Some(op) => Op::Reduce(op, words.list(angles, Words::number)?),
                None => Op::Scalar(
                    scalar::Op::parse(name).ok_or_else(|| format!("there is no `{name}`"))?,
                ),
            }
        }
    })
}

fn geometry(numbers: &[usize]) -> Parsed<Geometry> {
    let [w, h, c, outputs, kw, kh, sx, sy, px, py, dx, dy, groups] = *numbers else {
        return Err("a convolution has 13 numbers".into());
    };
    let geometry = Geometry {
        input: [w, h, c],
        outputs,
        kernel: [kw, kh],
        stride: [sx, sy],
        padding: [px, py],
        dilation: [dx, dy],
        groups,
    };
    if infer::is_sound(&geometry) {
        Ok(geometry)
    } else {
        Err("these are no sizes of a convolution".into())
    }
}
