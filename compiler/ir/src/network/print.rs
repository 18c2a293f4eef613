//! The text form of a network: one line a thing, in order.
//!
//! What is parsed and printed again is the same text. Tensors of more than 64 elements are
//! printed as kind, shape and digest; parsing takes their values from a store. Floats keep their
//! bits: NaN is printed with its bits. Places in the source are printed for statements,
//! instances, params, links, resets, reports and variables, as `@file:start-end`.
//!
//! See [`parse`](super::parse) for the grammar.

use super::{
    Action, Body, ClockId, Data, Flat, Link, Member, Network, Op, Pick, ReduceOp, ReportKind,
    SettingValue, Site, Stmt, Target, Tensor, TensorId, Value, VarKind, When,
};
use crate::diagnostics::Loc;
use crate::hash::sha256;
use crate::tensor::{Tensor as Known, Values};
use snn_grammar::ast::Direction;
use std::fmt::{self, Display, Write};

/// Tensors up to this many elements are printed.
pub const SMALL: usize = 64;

impl Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "network {:?}", self.name)?;
        writeln!(out, "run {:?} steps {}", self.run.name, self.run.steps)?;
        if self.run.open {
            writeln!(out, "open")?;
        }
        target_text(out, &self.run.target)?;
        for (clock, at) in self.clocks.iter().zip(0..) {
            writeln!(out, "clock {at} {clock}")?;
        }
        for (tensor, at) in self.tensors.iter().zip(0..) {
            writeln!(out, "tensor {at} {}", tensor_text(tensor))?;
        }
        for (param, at) in self.params.iter().zip(0..) {
            write!(out, "param {at} {:?} = tensor {}", param.path, param.tensor.0)?;
            if let Some(range) = param.range {
                let dots = if range.inclusive { "..=" } else { ".." };
                write!(out, " in {}{dots}{}", Float(range.lo), Float(range.hi))?;
            }
            if param.structural {
                write!(out, " structural")?;
            }
            writeln!(out, " {}", At(param.place))?;
        }
        for (body, at) in self.bodies.iter().zip(0..) {
            body_text(out, body, at)?;
        }
        for (instance, at) in self.instances.iter().zip(0..) {
            let args: Vec<String> = instance.args.iter().map(|p| p.0.to_string()).collect();
            let (first, last) = instance.arrival;
            writeln!(
                out,
                "instance {at} {:?} body {} ({}) after {first}..{last} {}",
                instance.path,
                instance.body.0,
                args.join(", "),
                At(instance.place)
            )?;
        }
        for link in &self.links {
            link_text(out, link)?;
        }
        for reset in &self.resets {
            let when = match reset.when {
                When::Start => "start",
                When::After(phase) => phase.name(),
                When::Host => "host",
            };
            writeln!(
                out,
                "reset {}.{} clock {} {when} {}",
                reset.var.0.0,
                reset.var.1,
                reset.clock.0,
                At(reset.place)
            )?;
        }
        run_text(out, self)
    }
}

impl Display for Flat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A place in the source.
struct At(Loc);

impl Display for At {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "@{}:{}-{}", self.0.file, self.0.span.start, self.0.span.end)
    }
}

/// A float that keeps its bits.
pub struct Float(pub f64);

impl Display for Float {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            x if x.is_nan() => write!(out, "nan:{:016x}", x.to_bits()),
            x => write!(out, "{x:?}"),
        }
    }
}

fn shape(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("[{}]", sizes.join(", "))
}

fn tensor_text(tensor: &Tensor) -> String {
    let form = format!("{} {}", tensor.kind.name(), shape(&tensor.shape));
    match &tensor.data {
        Data::Dense(known) if known.len() <= SMALL => format!("{form} = {}", elements(known)),
        _ => format!("{form} {} {}", data_name(tensor), digest(tensor)),
    }
}

fn data_name(tensor: &Tensor) -> &'static str {
    match tensor.data {
        Data::Dense(_) => "dense",
        Data::Sparse(_) => "sparse",
        Data::File(_) => "file",
    }
}

fn elements(known: &Known) -> String {
    let all: Vec<String> = match &known.values {
        Values::Int(v) => v.iter().map(i64::to_string).collect(),
        Values::Bool(v) => v.iter().map(bool::to_string).collect(),
        Values::Float(v) => v.iter().map(|x| Float(*x).to_string()).collect(),
    };
    format!("({})", all.join(", "))
}

/// What tells a large tensor from others: the SHA-256 of its kind, shape and elements, or of
/// where its file is.
pub fn digest(tensor: &Tensor) -> String {
    let mut bytes = format!("{} {}", tensor.kind.name(), shape(&tensor.shape)).into_bytes();
    let mut values = |of: &Known| match &of.values {
        Values::Int(v) => v.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
        Values::Bool(v) => bytes.extend(v.iter().map(|x| u8::from(*x))),
        Values::Float(v) => v.iter().for_each(|x| bytes.extend(x.to_bits().to_le_bytes())),
    };
    match &tensor.data {
        Data::Dense(known) => values(known),
        Data::Sparse(sparse) => {
            values(sparse.palette());
            for row in 0..sparse.rows() {
                for (column, code) in sparse.row(row) {
                    bytes.extend((row as u64).to_le_bytes());
                    bytes.extend((column as u64).to_le_bytes());
                    bytes.extend((code as u64).to_le_bytes());
                }
            }
        }
        Data::File(dataset) => bytes.extend(format!("{:?}", dataset.source).into_bytes()),
    }
    sha256(&bytes)
}

fn body_text(out: &mut fmt::Formatter<'_>, body: &Body, at: u32) -> fmt::Result {
    write!(out, "body {at} {:?}", body.process)?;
    if let Some(tag) = &body.tag {
        write!(out, " model {tag:?}")?;
    }
    if body.standard {
        write!(out, " standard")?;
    }
    for resource in &body.resources {
        write!(out, " on {resource:?}")?;
    }
    writeln!(out)?;
    for slot in &body.slots {
        writeln!(out, "  slot {:?} {} {}", slot.name, slot.kind.name(), shape(&slot.shape))?;
    }
    for port in &body.ports {
        let direction = if port.direction == Direction::In { "in" } else { "out" };
        let ty = port.ty.text();
        writeln!(
            out,
            "  {direction} {:?} {ty} {} {}",
            port.name,
            shape(&port.shape),
            At(port.place)
        )?;
    }
    for var in &body.vars {
        let kind = match var.kind {
            VarKind::State => "state".to_string(),
            VarKind::Given => "given".to_string(),
            VarKind::Flight => "flight".to_string(),
            VarKind::Port => "port".to_string(),
            VarKind::Queue { slots } => format!("queue {slots}"),
        };
        let (ty, init) = (var.ty.text(), var.init.0);
        writeln!(
            out,
            "  var {:?} {kind} {ty} {} init %{init} {}",
            var.name,
            shape(&var.shape),
            At(var.place)
        )?;
    }
    values_text(out, &body.values)?;
    for (phase, stmts) in super::Phase::ALL.iter().zip(&body.phases) {
        if stmts.is_empty() {
            continue;
        }
        writeln!(out, "  phase {}", phase.name())?;
        for stmt in stmts {
            writeln!(out, "    {}", stmt_text(stmt))?;
        }
    }
    Ok(())
}

fn values_text(out: &mut fmt::Formatter<'_>, values: &[Value]) -> fmt::Result {
    for (at, value) in values.iter().enumerate() {
        let args: Vec<String> = value.args.iter().map(|a| format!("%{}", a.0)).collect();
        write!(out, "  %{at} = {}({})", op_text(&value.op), args.join(", "))?;
        write!(out, " : {} {}", value.kind.name(), shape(&value.shape))?;
        if let Some(name) = &value.name {
            write!(out, " as {name:?}")?;
        }
        if let Some(mark) = value.spike {
            write!(out, " {}", mark.name())?;
        }
        writeln!(out, " {}", At(value.place))?;
    }
    Ok(())
}

fn list(items: &[usize]) -> String {
    items.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

fn op_text(op: &Op) -> String {
    match op {
        Op::Const(TensorId(id)) => format!("const<{id}>"),
        Op::Param(slot) => format!("param<{slot}>"),
        Op::Time => "time".into(),
        Op::Var(var) => format!("var<{var}>"),
        Op::Input(input) => format!("input<{input}>"),
        Op::Random { seed, site: Site::Call(call) } => format!("random<{seed}, call {call}>"),
        Op::Random { seed, site: Site::Stream(stream) } => {
            format!("random<{seed}, stream {stream}>")
        }
        Op::Scalar(op) => op.name(),
        Op::Broadcast => "broadcast".into(),
        Op::Transpose(axes) => format!("transpose<{}>", list(axes)),
        Op::Slice(ranges) => {
            let ranges: Vec<String> = ranges.iter().map(|(lo, hi)| format!("{lo}..{hi}")).collect();
            format!("slice<{}>", ranges.join(", "))
        }
        Op::Reshape => "reshape".into(),
        Op::Flip(axes) => format!("flip<{}>", list(axes)),
        Op::Index => "index".into(),
        Op::Concat(axis) => format!("concat<{axis}>"),
        Op::MatMul => "matmul".into(),
        Op::Conv(g) => {
            let all = [
                g.input.as_slice(),
                &[g.outputs],
                &g.kernel,
                &g.stride,
                &g.padding,
                &g.dilation,
                &[g.groups],
            ];
            format!("conv2d<{}>", list(&all.concat()))
        }
        Op::Reduce(op, axes) => format!("{}<{}>", reduce_name(*op), list(axes)),
        Op::ByDelay => "by_delay".into(),
    }
}

/// As the text form writes it.
pub fn reduce_name(op: ReduceOp) -> &'static str {
    match op {
        ReduceOp::Sum => "reduce_sum",
        ReduceOp::Min => "reduce_min",
        ReduceOp::Max => "reduce_max",
        ReduceOp::ArgMax => "reduce_argmax",
    }
}

fn stmt_text(stmt: &Stmt) -> String {
    let mut text = match &stmt.action {
        Action::Read(v) => format!("read %{}", v.0),
        Action::Receive(v) => format!("receive %{}", v.0),
        Action::Eval(v) => format!("eval %{}", v.0),
        Action::Pop(v) => format!("pop %{}", v.0),
        Action::Send { port, value } => format!("send {port} = %{}", value.0),
        Action::Push { var, value } => format!("push {var} = %{}", value.0),
        Action::Store { var, region, value, mask } => {
            let picks: Vec<String> = region
                .iter()
                .map(|pick| match pick {
                    Pick::At(i) => i.to_string(),
                    Pick::Range(lo, hi) => format!("{lo}..{hi}"),
                    Pick::Computed(index) => format!("%{}", index.0),
                })
                .collect();
            let mut text = format!("store {var}[{}] = %{}", picks.join(", "), value.0);
            if let Some(mask) = mask {
                let _ = write!(text, " where %{}", mask.0);
            }
            text
        }
    };
    if let Some(guard) = stmt.guard {
        let _ = write!(text, " if %{}", guard.0);
    }
    if stmt.clock != ClockId(0) {
        let _ = write!(text, " clock {}", stmt.clock.0);
    }
    let _ = write!(text, " {}", At(stmt.place));
    text
}

fn link_text(out: &mut fmt::Formatter<'_>, link: &Link) -> fmt::Result {
    writeln!(out, "link {}.{} = %{} {}", link.to.0.0, link.to.1, link.result.0, At(link.place))?;
    for sender in &link.senders {
        write!(out, "  sender {}.{}", sender.from.0.0, sender.from.1)?;
        if let Some(slots) = sender.queue {
            write!(out, " queue {slots}")?;
        }
        if sender.instant {
            write!(out, " instant")?;
        }
        writeln!(out)?;
    }
    values_text(out, &link.values)
}

fn target_text(out: &mut fmt::Formatter<'_>, target: &Target) -> fmt::Result {
    let Target::Chip(settings, place) = target else { return Ok(()) };
    writeln!(out, "chip {}", At(*place))?;
    for setting in settings {
        write!(out, "setting {:?} ", setting.name)?;
        match &setting.value {
            SettingValue::Word(word) => write!(out, "word {word:?}")?,
            SettingValue::Int(n) => write!(out, "int {n}")?,
            SettingValue::Float(x) => write!(out, "float {}", Float(*x))?,
            SettingValue::Ints(all) => write!(out, "ints {all:?}")?,
            SettingValue::Floats(all) => {
                let all: Vec<String> = all.iter().map(|x| Float(*x).to_string()).collect();
                write!(out, "floats [{}]", all.join(", "))?;
            }
        }
        writeln!(out, " {}", At(setting.place))?;
    }
    Ok(())
}

fn run_text(out: &mut fmt::Formatter<'_>, network: &Network) -> fmt::Result {
    for record in &network.run.records {
        let (member, number) = match record.member {
            Member::Var(i) => ("var", i),
            Member::Port(i) => ("port", i),
        };
        write!(out, "record {:?} {} {member} {number}", record.key, record.instance.0)?;
        match record.when {
            Some(clock) => write!(out, " clock {}", clock.0)?,
            None => write!(out, " end")?,
        }
        writeln!(out, "{}", if record.asked { " asked" } else { "" })?;
    }
    if !network.run.values.is_empty() {
        writeln!(out, "values")?;
        values_text(out, &network.run.values)?;
    }
    for report in &network.run.reports {
        let what = match report.kind {
            ReportKind::Value(id) => format!("%{}", id.0),
            ReportKind::Raster(record) => format!("raster {record}"),
            ReportKind::Trace(record) => format!("trace {record}"),
        };
        writeln!(out, "report {:?} = {what} {}", report.text, At(report.place))?;
    }
    for expectation in &network.run.expectations {
        write!(out, "expect {:?} = %{}", expectation.text, expectation.holds.0)?;
        if let Some((a, b)) = expectation.sides {
            write!(out, " of %{} %{}", a.0, b.0)?;
        }
        writeln!(out, " {}", At(expectation.place))?;
    }
    Ok(())
}

/// The constants of a network that its text does not hold, by digest.
pub fn store(network: &Network) -> super::parse::Store {
    let large = network.tensors.iter().filter(|tensor| match &tensor.data {
        Data::Dense(known) => known.len() > SMALL,
        Data::Sparse(_) | Data::File(_) => true,
    });
    large.map(|tensor| (digest(tensor), tensor.clone())).collect()
}
