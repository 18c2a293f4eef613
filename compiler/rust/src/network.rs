//! The network: its state as a structure, its phases as methods.

use super::clock;
use super::data::Tables;
use super::loops::{self, Argument, Lowered};
use super::names::Names;
use super::printer::{Code, Field, Function, Item};
use super::reduce;
use super::typed::{float, stored};
use snn_ir::clock::Clock;
use snn_ir::step::{
    ALWAYS, Buffer, BufferId, BufferKind, ClockId, Init, Kind, Op, OpKind, Source, StepIr,
};
use std::collections::BTreeMap;

/// Everything of the generated `lib.rs` that is about the network itself.
pub struct Emitter<'a> {
    /// The network.
    pub ir: &'a StepIr,
    /// The name of its structure.
    pub type_name: &'a str,
    /// The names of the fields of the structure, by buffer.
    pub fields: Vec<String>,
    pub(super) tables: &'a mut Tables,
    functions: Vec<Function>,
    names: Names,
}

/// A phase as a method.
struct Phase {
    function: Function,
    uses_time: bool,
    faults: bool,
}

/// The statements of one op.
pub(super) struct Lines {
    pub(super) body: Vec<Code>,
    pub(super) uses_data: bool,
    pub(super) uses_time: bool,
    pub(super) faults: bool,
}

impl Lines {
    pub(super) fn plain(body: Vec<Code>) -> Lines {
        Lines { body, uses_data: false, uses_time: false, faults: false }
    }
}

impl<'a> Emitter<'a> {
    /// For a network whose constants are kept in `tables`.
    pub fn new(ir: &'a StepIr, type_name: &'a str, tables: &'a mut Tables) -> Emitter<'a> {
        let mut fields = Names::reserving(&["data", "events", "late_fault"]);
        let fields = ir.buffers.iter().map(|b| fields.unique(&b.name)).collect();
        let names = Names::reserving(&["plan"]);
        Emitter { ir, type_name, fields, tables, functions: Vec::new(), names }
    }

    /// The structure, its methods, and the functions they call.
    pub fn items(mut self) -> Vec<Item> {
        let phases: Vec<Phase> = self
            .ir
            .program
            .phases()
            .into_iter()
            .filter_map(|(name, ops)| self.phase(name, ops))
            .collect();
        let late_fault = phases.iter().any(|phase| phase.function.name == "host" && phase.faults);
        let mut methods = vec![self.constructor(late_fault)];
        let contract = self.contract(&phases);
        methods.extend(phases.into_iter().map(|phase| phase.function));
        let mut items = vec![
            self.structure(late_fault),
            Item::Impl(self.type_name.into(), None, methods),
            Item::Impl(self.type_name.into(), Some("snn_runtime::Network".into()), contract),
        ];
        items.extend(self.functions.into_iter().map(Item::Function));
        items
    }

    fn structure(&self, late_fault: bool) -> Item {
        let buffers = self.ir.buffers.iter().zip(&self.fields).flat_map(|(buffer, name)| {
            let element = stored(buffer.elem);
            let ty = match buffer.shape.as_slice() {
                [] => element.to_string(),
                _ => format!("snn_runtime::Array<{element}, {}>", buffer.len()),
            };
            let doc = describe(buffer);
            let ends = has_ends(buffer).then(|| {
                ["head", "tail"].map(|end| Field {
                    name: format!("{name}_{end}"),
                    ty: "usize".into(),
                    doc: String::new(),
                })
            });
            [Field { name: name.clone(), ty, doc }].into_iter().chain(ends.into_iter().flatten())
        });
        let mut fields: Vec<Field> = buffers.collect();
        let private =
            |name: &str, ty: &str| Field { name: name.into(), ty: ty.into(), doc: String::new() };
        fields.push(Field {
            name: "data".into(),
            ty: "std::sync::Arc<Data>".into(),
            doc: "The network's constants.".into(),
        });
        if self.largest_source().is_some() {
            fields.push(private("events", "snn_runtime::kernels::Events"));
        }
        if late_fault {
            fields.push(private("late_fault", "Option<snn_runtime::Fault>"));
        }
        let doc = format!(
            "The state of network `{}`, which run `{}` executes.",
            self.ir.network, self.ir.run
        );
        Item::Struct(self.type_name.into(), doc, fields)
    }

    fn constructor(&mut self, late_fault: bool) -> Function {
        let mut fields = Vec::new();
        for (buffer, name) in self.ir.buffers.iter().zip(&self.fields) {
            let value = match (buffer.init, buffer.shape.is_empty()) {
                (Init::Tensor(id), true) => format!("{}[0]", self.tables.table(self.ir, id)),
                (Init::Tensor(id), false) => {
                    let table = self.tables.table(self.ir, id);
                    format!("snn_runtime::Array::copied(&{table}[..])")
                }
                (init, true) => initial(init, buffer),
                (init, false) => {
                    format!("snn_runtime::Array::filled({})", initial(init, buffer))
                }
            };
            fields.push(Code::line(format!("{name}: {value},")));
            if has_ends(buffer) {
                fields.push(Code::line(format!("{name}_head: 0,")));
                fields.push(Code::line(format!("{name}_tail: 0,")));
            }
        }
        fields.push(Code::line("data,"));
        if late_fault {
            fields.push(Code::line("late_fault: None,"));
        }
        if let Some(largest) = self.largest_source() {
            let events = format!("events: snn_runtime::kernels::Events::new({largest}),");
            fields.push(Code::line(events));
        }
        Function {
            name: "new".into(),
            doc: "A network in its initial state, before step 1.".into(),
            public: true,
            arguments: vec![("data".into(), "std::sync::Arc<Data>".into())],
            returns: Some("Self".into()),
            body: vec![Code::block(self.type_name, fields)],
            ..Function::default()
        }
    }

    /// Elements of the largest source of a synapse, if there is one.
    fn largest_source(&self) -> Option<usize> {
        let phases = self.ir.program.phases();
        let ops = phases.iter().flat_map(|(_, ops)| ops.iter());
        ops.filter_map(|op| match &op.kind {
            OpKind::Synapse(synapse) => Some(self.buffer(synapse.src)?.len()),
            OpKind::Outer(outer) => Some(self.buffer(outer.sources)?.len()),
            _ => None,
        })
        .max()
    }

    fn phase(&mut self, name: &str, ops: &[Op]) -> Option<Phase> {
        let mut groups: Vec<(ClockId, Vec<Code>)> = Vec::new();
        let (mut uses_data, mut uses_time, mut faults) = (false, false, false);
        let mut previous = None;
        for op in ops {
            if self.ir.clocks.get(op.clock.0 as usize).is_none_or(|clock| clock.is_never()) {
                continue;
            }
            let lines = self.op(op, name, previous);
            previous = Some(op);
            let always = self.ir.clocks.get(op.clock.0 as usize).is_some_and(Clock::is_always);
            let clock = if always { ALWAYS } else { op.clock };
            uses_data |= lines.uses_data;
            uses_time |= lines.uses_time;
            faults |= lines.faults;
            match groups.last_mut() {
                Some((last, body)) if *last == clock => body.extend(lines.body),
                _ => groups.push((clock, lines.body)),
            }
        }
        groups.retain(|(_, body)| !body.is_empty());
        if groups.is_empty() {
            return None;
        }
        let mut body = Vec::new();
        if uses_data {
            body.push(Code::line("let data = &*self.data;"));
        }
        // By name: two numbers may stand for the same steps.
        let clocks: BTreeMap<String, String> = groups
            .iter()
            .filter(|(clock, _)| *clock != ALWAYS)
            .map(|(clock, _)| self.clock(*clock))
            .collect();
        uses_time |= !clocks.is_empty();
        for (name, condition) in &clocks {
            body.push(Code::line(format!("let {name} = {condition};")));
        }
        for (clock, lines) in groups {
            match clock {
                ALWAYS => body.extend(lines),
                _ => body.push(Code::block(format!("if {}", self.clock(clock).0), lines)),
            }
        }
        if faults {
            body.push(Code::line("Ok(())"));
        }
        let doc = match name {
            "start" => "Resets at the start of step `t`.".into(),
            "host" => "What happens between step `t` and the next.".into(),
            _ => format!("Phase `{name}` of step `t`."),
        };
        let function = Function {
            name: name.into(),
            doc,
            receiver: Some("&mut self"),
            arguments: if uses_time { vec![("t".into(), "u64".into())] } else { vec![] },
            returns: faults.then(|| "Result<(), snn_runtime::Fault>".into()),
            body,
            ..Function::default()
        };
        Some(Phase { function, uses_time, faults })
    }

    /// The name and the condition of a clock.
    pub fn clock(&self, id: ClockId) -> (String, String) {
        match self.ir.clocks.get(id.0 as usize) {
            Some(found) => (clock::name(found, id.0 as usize), clock::condition(found)),
            None => ("always".into(), "true".into()),
        }
    }

    /// A buffer; ids come from the IR itself, so there always is one.
    pub fn buffer(&self, id: BufferId) -> Option<&'a Buffer> {
        self.ir.buffers.get(id.0 as usize)
    }

    /// The field that holds a buffer.
    pub fn field(&self, id: BufferId) -> String {
        let name = self.fields.get(id.0 as usize);
        name.map_or_else(|| "missing".into(), |name| format!("self.{name}"))
    }

    /// The elements of a buffer as a slice.
    pub(super) fn slice(&self, id: BufferId, mutable: bool) -> String {
        let field = self.field(id);
        let scalar = self.buffer(id).is_some_and(|b| b.shape.is_empty());
        match (scalar, mutable) {
            (true, true) => format!("std::slice::from_mut(&mut {field})"),
            (true, false) => format!("std::slice::from_ref(&{field})"),
            (false, true) => format!("&mut {field}[..]"),
            (false, false) => format!("&{field}[..]"),
        }
    }

    /// A buffer as an array to assign.
    pub(super) fn array(&self, id: BufferId) -> String {
        let field = self.field(id);
        match self.buffer(id).is_some_and(|b| b.shape.is_empty()) {
            true => format!("std::array::from_mut(&mut {field})"),
            false => format!("&mut {field}"),
        }
    }

    fn op(&mut self, op: &Op, phase: &str, previous: Option<&Op>) -> Lines {
        match &op.kind {
            OpKind::Loop(of) if of.domain.contains(&0) || of.body.is_empty() => {
                Lines::plain(vec![])
            }
            OpKind::Loop(of) => {
                let (name, doc) = self.function_name(op, phase);
                self.call(loops::lower(self.ir, of, &name, &doc), None)
            }
            OpKind::Reduce(of) if of.results() == 0 => Lines::plain(vec![]),
            OpKind::Reduce(of) if of.reduced() == 0 => self.clear(of.dst),
            OpKind::Reduce(of) => {
                let (name, doc) = self.function_name(op, phase);
                let target = (of.results() == 1).then(|| self.scalar(of.dst));
                self.call(reduce::lower(self.ir, of, &name, &doc), target)
            }
            OpKind::Synapse(of) => self.synapse(of, op, previous),
            OpKind::Outer(of) => self.outer(of, op, previous),
            OpKind::Push { queue, from } => Lines::plain(self.push(*queue, *from)),
            OpKind::Pop { queue, to } => Lines::plain(self.pop(*queue, *to)),
            OpKind::Reset { buffer } => self.reset(*buffer),
        }
    }

    /// A scalar buffer as the target of an assignment.
    fn scalar(&self, id: BufferId) -> String {
        let scalar = self.buffer(id).is_none_or(|b| b.shape.is_empty());
        if scalar { self.field(id) } else { format!("{}[0]", self.field(id)) }
    }

    fn function_name(&mut self, op: &Op, phase: &str) -> (String, String) {
        let origin = if op.origin.is_empty() { phase } else { &op.origin };
        let when = self.ir.clocks.get(op.clock.0 as usize).map(clock::words);
        let doc = format!("`{origin}`, {phase}, {}.", when.unwrap_or_default());
        (self.names.unique(origin), doc)
    }

    fn call(&mut self, lowered: Lowered, target: Option<String>) -> Lines {
        let Lowered { function, arguments, faults } = lowered;
        if function.body.is_empty() {
            return Lines::plain(vec![]);
        }
        let mut uses_data = false;
        let texts: Vec<String> = arguments
            .iter()
            .map(|argument| match *argument {
                Argument::Time => "t".to_string(),
                Argument::Place { source: Source::Buffer(id), stored, scalar } => {
                    let sign = if stored { "&mut " } else { "&" };
                    let sign = if scalar && !stored { "" } else { sign };
                    format!("{sign}{}", self.field(id))
                }
                Argument::Place { source: Source::Tensor(id), scalar, .. } => {
                    let table = self.tables.table(self.ir, id);
                    uses_data |= table.starts_with("data.");
                    match scalar {
                        true => table,
                        false => format!("snn_runtime::support::exact(&{table}[..])"),
                    }
                }
            })
            .collect();
        let question = if faults { "?" } else { "" };
        let assign = target.map(|target| format!("{target} = ")).unwrap_or_default();
        let line = format!("{assign}{}({}){question};", function.name, texts.join(", "));
        let uses_time = arguments.contains(&Argument::Time);
        self.functions.push(function);
        Lines { body: vec![Code::line(line)], uses_data, uses_time, faults }
    }

    /// Makes every element of a buffer 0.
    pub(super) fn clear(&self, id: BufferId) -> Lines {
        let zero = self.buffer(id).map(|b| initial(Init::Int(0), b)).unwrap_or_default();
        let line = match self.buffer(id).is_some_and(|b| b.len() == 1) {
            true => format!("{} = {zero};", self.scalar(id)),
            false => format!("({}).fill({zero});", self.slice(id, true)),
        };
        Lines::plain(vec![Code::line(line)])
    }

    fn push(&self, queue: BufferId, from: BufferId) -> Vec<Code> {
        self.move_message(queue, "tail", |slot, scalar| match scalar {
            true => format!("{slot} = {};", self.scalar(from)),
            false => format!("{slot}.copy_from_slice({});", self.slice(from, false)),
        })
    }

    fn pop(&self, queue: BufferId, to: BufferId) -> Vec<Code> {
        self.move_message(queue, "head", |slot, scalar| match scalar {
            true => format!("{} = {slot};", self.scalar(to)),
            false => format!("({}).copy_from_slice(&{slot});", self.slice(to, true)),
        })
    }

    /// A copy from or to the slot at an end of a queue, which then moves on. `copy` is given
    /// the slot, and whether it is a single element.
    fn move_message(
        &self,
        queue: BufferId,
        end: &str,
        copy: impl Fn(&str, bool) -> String,
    ) -> Vec<Code> {
        let (field, slots, len) = self.ring(queue);
        match (slots, len) {
            (1, 1) => vec![Code::line(copy(&format!("{field}[0]"), true))],
            (1, _) => vec![Code::line(copy(&format!("{field}[..]"), false))],
            _ => {
                let at = format!("{field}_{end}");
                let advance = Code::line(format!("{at} = ({at} + 1) % {slots};"));
                if len == 1 {
                    return vec![Code::line(copy(&format!("{field}[{at}]"), true)), advance];
                }
                let slot = format!("{field}[at..at + {len}]");
                let start = Code::line(format!("let at = {at} * {len};"));
                vec![start, Code::line(copy(&slot, false)), advance]
            }
        }
    }

    /// A queue's field, its slots, and the elements of a message.
    pub fn ring(&self, queue: BufferId) -> (String, usize, usize) {
        let shape = self.buffer(queue).map(|b| b.shape.as_slice()).unwrap_or_default();
        let slots = shape.first().copied().unwrap_or(1).max(1);
        (self.field(queue), slots, shape.iter().skip(1).product())
    }

    fn reset(&mut self, id: BufferId) -> Lines {
        let Some(buffer) = self.buffer(id) else { return Lines::plain(vec![]) };
        let field = self.field(id);
        let mut lines = Vec::new();
        if has_ends(buffer) {
            lines.push(Code::line(format!("{field}_head = 0;")));
            lines.push(Code::line(format!("{field}_tail = 0;")));
        }
        let line = match (buffer.init, buffer.shape.is_empty()) {
            (Init::Tensor(tensor), scalar) => {
                let table = self.tables.table(self.ir, tensor);
                let line = match scalar {
                    true => format!("{field} = {table}[0];"),
                    false => format!("{field}.copy_from_slice(&{table}[..]);"),
                };
                let uses_data = table.starts_with("data.");
                lines.push(Code::line(line));
                return Lines { uses_data, ..Lines::plain(lines) };
            }
            (init, true) => format!("{field} = {};", initial(init, buffer)),
            (init, false) => format!("{field}.fill({});", initial(init, buffer)),
        };
        lines.push(Code::line(line));
        Lines::plain(lines)
    }

    /// What the runner calls.
    fn contract(&self, phases: &[Phase]) -> Vec<Function> {
        let mut step = Vec::new();
        let mut between = Vec::new();
        for Phase { function, uses_time, faults } in phases {
            let (name, t) = (&function.name, if *uses_time { "t" } else { "" });
            match (name.as_str(), faults) {
                ("host", false) => between.push(Code::line(format!("self.{name}({t});"))),
                // Between steps nothing can be reported: the next step does.
                ("host", true) => {
                    between.push(Code::line(format!("self.late_fault = self.{name}({t}).err();")));
                    step.insert(
                        0,
                        Code::block(
                            "if let Some(fault) = self.late_fault.take()",
                            vec![Code::line("return Err(fault);")],
                        ),
                    );
                }
                (_, true) => step.push(Code::line(format!("self.{name}({t})?;"))),
                (_, false) => step.push(Code::line(format!("self.{name}({t});"))),
            }
        }
        step.push(Code::line("Ok(())"));
        let timed = |body: &[Code]| {
            body.iter().any(|c| matches!(c, Code::Line(text) if text.contains("(t)")))
        };
        let t = |used: bool| (if used { "t" } else { "_" }.to_string(), "u64".to_string());
        let method = |name: &str, mutable: bool, arguments: Vec<(String, String)>, body| Function {
            name: name.into(),
            receiver: Some(if mutable { "&mut self" } else { "&self" }),
            arguments,
            body,
            ..Function::default()
        };
        let steps = timed(&step);
        let betweens = timed(&between);
        let mut step = method("step", true, vec![t(steps)], step);
        step.returns = Some("Result<(), snn_runtime::Fault>".into());
        let seek = self.seek();
        let (due, keep) = (self.due(), self.keep());
        let collect = self.collect();
        let usize_ =
            |used: bool| (if used { "record" } else { "_" }.to_string(), "usize".to_string());
        let has_due = !due.is_empty();
        let mut due = method(
            "due",
            false,
            vec![usize_(has_due), t(self.due_needs_time())],
            match has_due {
                true => vec![Code::block("match record", due)],
                false => vec![Code::line("false")],
            },
        );
        due.returns = Some("bool".into());
        let has_keep = !keep.is_empty();
        let column = if has_keep { "column" } else { "_" }.to_string();
        let keep = method(
            "keep",
            false,
            vec![usize_(has_keep), (column, "&mut snn_runtime::Column".into())],
            if has_keep { vec![Code::block("match record", keep)] } else { vec![] },
        );
        let used = !collect.is_empty();
        let name = |name: &str| if used { name.to_string() } else { "_".into() };
        let collect = method(
            "collect",
            true,
            vec![
                (name("later"), "&Self".into()),
                (name("from"), "u64".into()),
                (name("to"), "u64".into()),
            ],
            collect,
        );
        vec![
            step,
            method("between", true, vec![t(betweens)], between),
            method("seek", true, vec![t(!seek.is_empty())], seek),
            due,
            keep,
            collect,
        ]
    }
}

/// The initial value of a buffer's elements, as a literal.
pub fn initial(init: Init, buffer: &Buffer) -> String {
    let kind = buffer.elem.kind();
    match (init, kind) {
        (Init::Int(value), Kind::F32 | Kind::F64) => {
            float(value as f64, kind).at(super::typed::Level::Open)
        }
        (Init::Int(i64::MIN), _) => "i64::MIN".into(),
        (Init::Int(value), _) => value.to_string(),
        (Init::Float(value), _) => float(value, kind).at(super::typed::Level::Open),
        (Init::Tensor(_), _) => "0".into(),
    }
}

/// Whether a buffer is a queue of more than one slot, whose ends move.
pub fn has_ends(buffer: &Buffer) -> bool {
    buffer.kind == BufferKind::Queue && buffer.shape.first().is_some_and(|slots| *slots > 1)
}

fn describe(buffer: &Buffer) -> String {
    let what = match buffer.kind {
        BufferKind::State => "State",
        BufferKind::Given => "Given from outside",
        BufferKind::Port => "Last message of port",
        BufferKind::Queue => "Messages under way,",
        BufferKind::Local => "Intermediate value",
    };
    let mut text = format!("{what} `{}`", buffer.name);
    if !buffer.shape.is_empty() {
        text.push_str(&format!(", shape {:?}", buffer.shape));
    }
    match buffer.elem.kind() {
        Kind::Bool => text.push_str("; 0 or 1"),
        Kind::Int if Some(buffer.range) == buffer.elem.bounds() => {}
        Kind::Int => {
            text.push_str(&format!("; always in {}..={}", buffer.range.0, buffer.range.1));
        }
        Kind::F32 | Kind::F64 => {}
    }
    text.push('.');
    text
}
