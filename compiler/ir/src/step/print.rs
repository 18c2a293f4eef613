//! The step IR as text, for snapshots and for people.
//!
//! One line a buffer, tensor and statement. An access that follows the loop's domain element
//! by element is the bare name; any other shows its position in C order, with `i`, `j`, `k`,
//! … for the indices of the domain. The origin of an op stands after `//`.

use super::{
    Access, Buffer, ClockId, DynamicIndex, Elem, Expr, ExprKind, Fit, Init, Kind, Loop, Op, OpKind,
    RecordWhen, ReduceOp, Source, StepIr, Stmt, Tensor, TensorValues,
};
use crate::clock::Clock;
use crate::data::DataSource;
use crate::scalar::{self, Form};
use crate::tensor::Values;
use std::fmt::{self, Display, Write};
use std::path::Path;

/// The whole of a network's step IR; ends with a newline.
pub fn print(ir: &StepIr) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = Printer { ir }.all(&mut out);
    out
}

/// Elements of a tensor that are still printed one by one.
const FEW: usize = 8;

struct Printer<'a> {
    ir: &'a StepIr,
}

/// How expressions of one loop are printed.
struct Scope<'a> {
    domain: &'a [usize],
    /// Names of locals, made unique.
    locals: Vec<String>,
}

impl Printer<'_> {
    fn all(&self, out: &mut String) -> fmt::Result {
        let ir = self.ir;
        writeln!(out, "network {}, run {}: {} steps", ir.network, ir.run, ir.steps)?;
        writeln!(out, "\nbuffers")?;
        for buffer in &ir.buffers {
            self.buffer(out, buffer)?;
        }
        if !ir.tensors.is_empty() {
            writeln!(out, "\ntensors")?;
        }
        for tensor in &ir.tensors {
            self.tensor(out, tensor)?;
        }
        for (name, ops) in ir.program.phases() {
            if !ops.is_empty() {
                writeln!(out, "\n{name}")?;
            }
            for op in ops {
                self.op(out, op)?;
            }
        }
        self.records(out)?;
        self.windows(out)
    }

    fn buffer(&self, out: &mut String, buffer: &Buffer) -> fmt::Result {
        let kind = format!("{:?}", buffer.kind).to_lowercase();
        write!(out, "  {}: {} = ", buffer.name, Type(buffer.elem, &buffer.shape))?;
        match buffer.init {
            Init::Int(value) => write!(out, "{value}")?,
            Init::Float(value) => write!(out, "{value:?}")?,
            Init::Tensor(id) => write!(out, "{}", self.ir.tensors[id.0 as usize].name)?,
        }
        if !matches!(buffer.elem, Elem::Bool | Elem::F32 | Elem::F64) {
            let (lo, hi) = buffer.range;
            write!(out, " in {lo}..={hi}")?;
        }
        writeln!(out, "  // {kind}")
    }

    fn tensor(&self, out: &mut String, tensor: &Tensor) -> fmt::Result {
        write!(out, "  {}: {} = ", tensor.name, Type(tensor.elem, &tensor.shape))?;
        match &tensor.values {
            TensorValues::File(dataset) => writeln!(out, "{}", source(&dataset.source)),
            TensorValues::Known(known) if known.len() > FEW => writeln!(out, "known"),
            TensorValues::Sparse(known) => writeln!(out, "known, {} stored", known.stored()),
            TensorValues::Known(known) => match &known.values {
                Values::Int(values) => writeln!(out, "{values:?}"),
                Values::Float(values) => writeln!(out, "{values:?}"),
                Values::Bool(values) => writeln!(out, "{values:?}"),
            },
        }
    }

    fn op(&self, out: &mut String, op: &Op) -> fmt::Result {
        let name = |id: super::BufferId| self.ir.buffers[id.0 as usize].name.as_str();
        write!(out, "  ")?;
        if let Some(clock) = self.clock(op.clock) {
            write!(out, "when {clock}: ")?;
        }
        let origin = if op.origin.is_empty() { "" } else { "  // " };
        let origin = format!("{origin}{}", op.origin);
        match &op.kind {
            OpKind::Loop(body) => {
                writeln!(out, "for {:?}{origin}", body.domain)?;
                self.body(out, body)
            }
            OpKind::Synapse(synapse) => {
                let weights = match synapse.weights {
                    Source::Tensor(id) => self.ir.tensors[id.0 as usize].name.as_str(),
                    Source::Buffer(id) => name(id),
                };
                let (src, dst, kernel) = (name(synapse.src), name(synapse.dst), &synapse.kernel);
                let src = if synapse.binary { format!("({src} != 0)") } else { src.into() };
                match &synapse.conv {
                    None => writeln!(out, "{dst} = {weights} @ {src}{origin}")?,
                    Some(conv) => {
                        writeln!(out, "{dst} = conv2d({weights}, {src}){origin}\n    {conv:?}")?;
                    }
                }
                write!(out, "    {:?}: ", kernel.kind)?;
                write!(out, "{} weights", elem(kernel.weight))?;
                if kernel.shift > 0 {
                    write!(out, " << {}", kernel.shift)?;
                }
                writeln!(out, ", {} sums; {}", elem(kernel.accumulator), kernel.reason)
            }
            OpKind::Reduce(reduce) => {
                let how = match reduce.op {
                    ReduceOp::Sum => "sum",
                    ReduceOp::Min => "min",
                    ReduceOp::Max => "max",
                    ReduceOp::ArgMax => "argmax",
                };
                let scope = Scope { domain: &reduce.domain, locals: Vec::new() };
                let value = self.expr(&scope, &reduce.value);
                let (dst, domain) = (name(reduce.dst), &reduce.domain);
                let over = match reduce.axes.len() == domain.len() {
                    true => String::new(),
                    false => {
                        let axes: Vec<String> =
                            reduce.axes.iter().map(|axis| index_name(*axis)).collect();
                        format!(" over {}", axes.join(", "))
                    }
                };
                writeln!(out, "{dst} = {how}{over} for {domain:?} of {value}{origin}")
            }
            OpKind::Outer(outer) => {
                let [dst, sources, targets] = [outer.dst, outer.sources, outer.targets].map(name);
                writeln!(out, "{dst} += {sources} outer {targets}{origin}")
            }
            OpKind::Push { queue, from } => {
                writeln!(out, "push {} to {}{origin}", name(*from), name(*queue))
            }
            OpKind::Pop { queue, to } => {
                writeln!(out, "pop {} from {}{origin}", name(*to), name(*queue))
            }
            OpKind::Reset { buffer } => writeln!(out, "reset {}{origin}", name(*buffer)),
        }
    }

    fn body(&self, out: &mut String, body: &Loop) -> fmt::Result {
        let scope = Scope { domain: &body.domain, locals: local_names(body) };
        for statement in &body.body {
            match statement {
                Stmt::Let { local, value, .. } => {
                    let value = self.expr(&scope, value);
                    writeln!(out, "    let {} = {value}", scope.local(*local))?;
                }
                Stmt::Store { to, value, fit, mask } => {
                    let (to, value) = (self.access(&scope, to), self.expr(&scope, value));
                    write!(out, "    {to} = {value}")?;
                    match fit {
                        Fit::Exact => {}
                        Fit::Wrap { bits, signed } => {
                            write!(out, " wrap {}", Bits(*bits, *signed))?
                        }
                        Fit::Sat { bits, signed } => write!(out, " sat {}", Bits(*bits, *signed))?,
                    }
                    if let Some(mask) = mask {
                        write!(out, " where {}", self.expr(&scope, mask))?;
                    }
                    writeln!(out)?;
                }
            }
        }
        Ok(())
    }

    fn records(&self, out: &mut String) -> fmt::Result {
        if !self.ir.records.is_empty() {
            writeln!(out, "\nrecords")?;
        }
        for record in &self.ir.records {
            let name = &self.ir.buffers[record.buffer.0 as usize].name;
            write!(out, "  {}", record.key)?;
            if *name != record.key {
                write!(out, " = {name}")?;
            }
            match record.when {
                RecordWhen::End => write!(out, " at end")?,
                RecordWhen::Clock(id) => match self.clock(id) {
                    Some(clock) => write!(out, " when {clock}")?,
                    None => write!(out, " every step")?,
                },
            }
            writeln!(out, "{}", if record.asked { "" } else { "  // for a report" })?;
        }
        Ok(())
    }

    fn windows(&self, out: &mut String) -> fmt::Result {
        let windows = &self.ir.windows;
        let name = |id: super::BufferId| self.ir.buffers[id.0 as usize].name.as_str();
        writeln!(out, "\nwindows, period {}", windows.period)?;
        match windows.horizon {
            Some(horizon) => writeln!(out, "  independent after {horizon} steps")?,
            None => writeln!(out, "  dependent")?,
        }
        for counter in &windows.counters {
            let clock = self.clock(counter.clock).unwrap_or_else(|| "every step".into());
            writeln!(out, "  counter {} += {} when {clock}", name(counter.buffer), counter.add)?;
        }
        for collected in &windows.collected {
            let counter = windows.counters.get(collected.counter).map(|c| name(c.buffer));
            let counter = counter.unwrap_or("?");
            writeln!(out, "  collected {} by {counter}", name(collected.buffer))?;
        }
        for (buffer, reason) in &windows.carried {
            writeln!(out, "  carried {}: {reason}", name(*buffer))?;
        }
        Ok(())
    }

    /// A clock in words; `None` if it always holds.
    fn clock(&self, id: ClockId) -> Option<String> {
        let clock = &self.ir.clocks[id.0 as usize];
        (!clock.is_always()).then(|| clock_text(clock))
    }

    fn access(&self, scope: &Scope, access: &Access) -> String {
        let (name, shape) = match access.source {
            Source::Buffer(id) => {
                let buffer = &self.ir.buffers[id.0 as usize];
                (&buffer.name, &buffer.shape)
            }
            Source::Tensor(id) => {
                let tensor = &self.ir.tensors[id.0 as usize];
                (&tensor.name, &tensor.shape)
            }
        };
        let fixed = access.offset == 0 && access.dynamic.is_empty();
        let elementwise = scope.domain == shape && access.strides == c_strides(shape);
        if fixed && (elementwise || shape.is_empty()) {
            return name.clone();
        }
        let mut terms = Vec::new();
        for (axis, stride) in access.strides.iter().enumerate().filter(|(_, stride)| **stride != 0)
        {
            terms.push(scaled(&index_name(axis), *stride));
        }
        for DynamicIndex { index, stride, extent } in &access.dynamic {
            let index = self.expr(scope, index);
            terms.push(scaled(&format!("({index} in 0..{extent})"), *stride));
        }
        if access.offset != 0 || terms.is_empty() {
            terms.push(access.offset.to_string());
        }
        format!("{name}[{}]", terms.join(" + "))
    }

    fn expr(&self, scope: &Scope, expr: &Expr) -> String {
        let part = |e: &Expr| match &e.node {
            ExprKind::Apply(op, _) if infix(*op).is_some() => {
                format!("({})", self.expr(scope, e))
            }
            _ => self.expr(scope, e),
        };
        match &expr.node {
            ExprKind::Int(value) if expr.kind == Kind::Bool => (*value != 0).to_string(),
            ExprKind::Int(value) => value.to_string(),
            ExprKind::Float(value) if expr.kind == Kind::F32 => format!("{value:?}f32"),
            ExprKind::Float(value) => format!("{value:?}"),
            ExprKind::Local(n) => scope.local(*n),
            ExprKind::Load(access) => self.access(scope, access),
            ExprKind::Time => "t".into(),
            ExprKind::Apply(op, operands) => match (*op, operands.as_slice()) {
                (scalar::Op::Neg, [a]) => format!("-{}", part(a)),
                (scalar::Op::Not, [a]) => format!("!{}", part(a)),
                (op, operands) => match (infix(op), operands) {
                    (Some(sign), [a, b]) => format!("{} {sign} {}", part(a), part(b)),
                    _ => {
                        let operands: Vec<String> =
                            operands.iter().map(|e| self.expr(scope, e)).collect();
                        format!("{}({})", function(op), operands.join(", "))
                    }
                },
            },
            ExprKind::Random { seed, site } => format!("random({seed}, site {site})"),
        }
    }
}

impl Scope<'_> {
    fn local(&self, n: u32) -> String {
        self.locals.get(n as usize).cloned().unwrap_or_else(|| format!("local_{n}"))
    }
}

/// The names of a loop's locals; those that more than one has, with its number.
fn local_names(body: &Loop) -> Vec<String> {
    let mut names = vec![String::new(); body.locals as usize];
    for statement in &body.body {
        if let Stmt::Let { local, name, .. } = statement
            && let Some(place) = names.get_mut(*local as usize)
        {
            place.clone_from(name);
        }
    }
    let numbered = |(n, name): (usize, &String)| {
        let unique = names.iter().filter(|other| *other == name).count() == 1;
        if unique { name.clone() } else { format!("{name}_{n}") }
    };
    names.iter().enumerate().map(numbered).collect()
}

fn infix(op: scalar::Op) -> Option<&'static str> {
    Some(match (op, op.rust().int, op.rust().float) {
        (scalar::Op::FloorDiv, ..) => "//",
        (scalar::Op::Rem, ..) => "%",
        (scalar::Op::Pow, ..) => "**",
        (scalar::Op::Shl, ..) => "<<",
        (scalar::Op::Shr, ..) => ">>",
        (_, Form::Infix(sign, _), _) | (_, _, Form::Infix(sign, _)) => sign,
        _ => return None,
    })
}

/// The name of an operation without a sign.
fn function(op: scalar::Op) -> String {
    match op {
        scalar::Op::Select => "where".into(),
        scalar::Op::Convert(kind) => kind.name().into(),
        scalar::Op::Wrap { bits, signed } => Bits(bits, signed).to_string(),
        scalar::Op::Round => "round_even".into(),
        other => other.name(),
    }
}

fn c_strides(shape: &[usize]) -> Vec<i64> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis] as i64;
    }
    strides
}

fn index_name(axis: usize) -> String {
    match b"ijklmn".get(axis) {
        Some(letter) => char::from(*letter).to_string(),
        None => format!("i{axis}"),
    }
}

fn scaled(index: &str, stride: i64) -> String {
    if stride == 1 { index.into() } else { format!("{stride}*{index}") }
}

/// Steps of a clock that are listed one by one.
const STEPS_SHOWN: usize = 6;

fn clock_text(clock: &Clock) -> String {
    if clock.is_never() {
        return "never".into();
    }
    if let Some((every, residue)) = clock.as_every() {
        return format!("t % {every} == {residue}");
    }
    let shown: Vec<u64> = clock.steps().take(STEPS_SHOWN).collect();
    let steps: Vec<String> = shown.iter().map(u64::to_string).collect();
    let more = match shown.len() {
        STEPS_SHOWN => format!(", … (every {})", clock.period()),
        _ => String::new(),
    };
    format!("t = {}{more}", steps.join(", "))
}

/// Where data comes from; of a path the last part only.
fn source(source: &DataSource) -> String {
    let file = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match source {
        DataSource::Idx(path) => format!("idx({:?})", file(path)),
        DataSource::Npy(path) => format!("npy({:?})", file(path)),
        DataSource::Npz(path, name) => format!("npz({:?}).{name}", file(path)),
        DataSource::Csv(path) => format!("csv({:?})", file(path)),
        DataSource::Hdf5(path, name) => format!("hdf5({:?}, {name:?})", file(path)),
    }
}

fn elem(elem: Elem) -> String {
    format!("{elem:?}").to_lowercase()
}

/// An element type with a shape: `i32[28, 28]`.
struct Type<'a>(Elem, &'a [usize]);

impl Display for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&elem(self.0))?;
        if self.1.is_empty() { Ok(()) } else { write!(f, "{:?}", self.1) }
    }
}

/// An integer width: `i24`.
struct Bits(u8, bool);

impl Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.1 { 'i' } else { 'u' }, self.0)
    }
}

#[cfg(test)]
#[path = "print_tests.rs"]
mod tests;
