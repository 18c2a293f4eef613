//! Synapses as calls of the runtime's kernels.

use super::network::{Emitter, Lines};
use super::printer::Code;
use super::typed::stored;
use snn_ir::step::{Buffer, BufferId, KernelKind, Kind, Op, OpKind, Outer, Source, Synapse};

impl Emitter<'_> {
    /// Finds the active sources, unless the op before has, and calls the kernel.
    pub(super) fn synapse(&mut self, of: &Synapse, op: &Op, previous: Option<&Op>) -> Lines {
        let Some(src) = self.buffer(of.src) else { return Lines::plain(vec![]) };
        if src.is_empty() || self.buffer(of.dst).is_none_or(Buffer::is_empty) {
            return match self.buffer(of.dst) {
                Some(dst) if !dst.is_empty() => self.clear(of.dst),
                _ => Lines::plain(vec![]),
            };
        }
        let spikes = src.elem.kind() == Kind::Bool;
        let binary = of.binary || spikes;
        let mut body = Vec::new();
        self.find(of.src, op, previous, &mut body);
        let (call, uses_data) = match of.weights {
            Source::Tensor(_) => (self.prepared(of, binary), true),
            Source::Buffer(_) => (self.live(of, binary), false),
        };
        body.push(Code::line(call));
        Lines { uses_data, ..Lines::plain(body) }
    }

    /// Finds what is active of a source, unless the op before has.
    fn find(&self, src: BufferId, op: &Op, previous: Option<&Op>, body: &mut Vec<Code>) {
        let known = previous.is_some_and(|previous| {
            previous.clock == op.clock
                && match &previous.kind {
                    OpKind::Synapse(p) => p.src == src,
                    OpKind::Outer(p) => p.sources == src,
                    _ => false,
                }
        });
        let spikes = self.buffer(src).is_some_and(|src| src.elem.kind() == Kind::Bool);
        if !known {
            let find = if spikes { "spikes" } else { "nonzero" };
            let source = self.slice(src, false);
            body.push(Code::line(format!("let events = self.events.{find}({source});")));
        }
    }

    /// Adds an outer product.
    pub(super) fn outer(&mut self, of: &Outer, op: &Op, previous: Option<&Op>) -> Lines {
        if self.buffer(of.dst).is_none_or(Buffer::is_empty) {
            return Lines::plain(vec![]);
        }
        let mut body = Vec::new();
        self.find(of.sources, op, previous, &mut body);
        let [sources, targets] = [of.sources, of.targets].map(|b| self.slice(b, false));
        let dst = self.slice(of.dst, true);
        let call = format!("snn_runtime::kernels::outer({dst}, events, {sources}, {targets});");
        body.push(Code::line(call));
        Lines::plain(body)
    }

    /// The call of a kernel whose weights are a constant of the network.
    fn prepared(&mut self, of: &Synapse, binary: bool) -> String {
        let kernel = self.tables.kernel(self.ir, of, binary);
        let (source, target) = (self.slice(of.src, false), self.array(of.dst));
        let sums = stored(of.kernel.accumulator);
        // These form their sums where they are put.
        let in_place = of.kernel.kind != KernelKind::Columns;
        let call = match (binary, in_place || kernel.packed) {
            (true, true) => format!("add(events, {target})"),
            (true, false) => format!("add::<{sums}, _, _>(events, {target})"),
            (false, true) => format!("add_graded(events, {source}, {target})"),
            (false, false) => format!("add_graded::<{sums}, _, _, _>(events, {source}, {target})"),
        };
        format!("data.{}.{call};", kernel.field)
    }

    /// The call of a kernel whose weights are in a buffer.
    fn live(&self, of: &Synapse, binary: bool) -> String {
        let mut arguments = Vec::new();
        if let Source::Buffer(weights) = of.weights {
            arguments.push(self.slice(weights, false));
        }
        if let Some(geometry) = &of.conv {
            // What Debug prints of the sizes is also how Rust writes them.
            arguments.push(format!("&snn_runtime::kernels::{geometry:?}"));
        }
        arguments.push("events".into());
        if !binary {
            arguments.push(self.slice(of.src, false));
        }
        arguments.push(self.slice(of.dst, true));
        let name = match (of.conv.is_some(), of.kernel.kind) {
            (true, _) => "live_conv",
            (false, KernelKind::Turned) => "turned",
            (false, _) => "live",
        };
        let name = if binary { name.to_string() } else { format!("{name}_graded") };
        format!("snn_runtime::kernels::{name}({});", arguments.join(", "))
    }
}
