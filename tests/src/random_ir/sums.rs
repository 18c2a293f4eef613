//! Random sums: synapses and reductions.

use super::expr::{Scope, c_strides, elem_of};
use super::{Builder, ELEMS, SHAPES};
use snn_ir::step::kernels;
use snn_ir::step::{
    Access, Buffer, BufferId, BufferKind, ClockId, Elem, Init, KernelKind, Kind, Loop, OpKind,
    Outer, Reduce, ReduceOp, Source, Synapse, TensorValues,
};
use snn_ir::tensor::{Sparse, Tensor as Known};
use snn_runtime::kernels::Geometry;
use std::sync::Arc;

impl Builder<'_> {
    pub(super) fn synapse(&mut self, clock: ClockId) {
        let float = self.choices.one_in(3);
        let src = match float {
            true => self.find(|b| !b.shape.is_empty()),
            // Every sum is exact in 64 bits, whatever the source holds.
            false => self.find(|b| {
                let integer = matches!(b.elem.kind(), Kind::Bool | Kind::Int);
                integer && b.elem != Elem::I64 && !b.shape.is_empty()
            }),
        };
        let Some(src) = src else { return };
        let n = self.ir.buffers[src.0 as usize].len();
        // Below, at and beyond what kernels work on at once.
        let few = 1 + self.choices.below(40);
        let m = self.choices.pick(&[few, few, 64, 130, 257]);
        let conv = self.choices.one_in(3).then(|| self.geometry(n));
        // The weights of a target, or of all targets of an output channel; and the targets.
        let weights_shape = conv.map_or(vec![m, n], |g| g.weights().to_vec());
        let targets = conv.map_or(vec![m], |g| g.output().to_vec());
        let density = self.choices.pick(&[2, 10]);
        let Buffer { elem, range, .. } = self.ir.buffers[src.0 as usize].clone();
        let binary = elem == Elem::Bool || self.choices.one_in(2);
        let scale = self.choices.pick(&[1, 4]);
        let choices = &mut *self.choices;
        let int = (0..weights_shape.iter().product()).map(|_| match choices.below(density) {
            1 => (choices.below(255) as i64 - 127) * scale,
            _ => 0,
        });
        let int: Vec<i64> = int.collect();
        let (weights, weight_elem) = match float {
            true => {
                let values = int.iter().map(|w| *w as f64 / 96.0).collect();
                (Known::float(weights_shape, values), Elem::F64)
            }
            false => (Known::int(weights_shape, int), Elem::I16),
        };
        let lists = conv.is_none() && self.choices.one_in(3);
        let sparse = Sparse::of(&weights).filter(|_| lists);
        let mut kernel = match &sparse {
            Some(sparse) => kernels::choose(sparse, false, binary, range),
            None => kernels::choose(&weights, conv.is_some(), binary, range),
        };
        // Lists leave out zeros, which infinities can tell.
        if conv.is_none() && (binary || !float) && self.choices.one_in(4) {
            // Not the kernel that would be fastest, but one that must do the same.
            kernel.kind = KernelKind::SparseColumns;
        }
        let elem = match (float, kernel.accumulator) {
            (true, _) => Elem::F64,
            // The shift back may need a few bits more than the sums.
            (false, Elem::I16) => self.choices.pick(&[Elem::I32, Elem::I64]),
            (false, _) => Elem::I64,
        };
        let weights = self.known(weight_elem, weights);
        if let (Some(sparse), Some(tensor)) = (sparse, self.ir.tensors.last_mut()) {
            tensor.values = TensorValues::Sparse(Arc::new(sparse));
        }
        let init = if float { Init::Float(0.0) } else { Init::Int(0) };
        let dst = self.buffer_with(elem, &targets, BufferKind::State, init);
        let weights = Source::Tensor(weights);
        self.add(clock, OpKind::Synapse(Synapse { weights, conv, src, binary, dst, kernel }));
    }

    /// A convolution of a source of `n` elements.
    fn geometry(&mut self, n: usize) -> Geometry {
        let mut divisor = |n: usize| {
            let divisors: Vec<usize> = (1..=n).filter(|d| n.is_multiple_of(*d)).collect();
            self.choices.pick(&divisors)
        };
        let channels = divisor(n);
        let height = divisor(n / channels);
        let groups = divisor(channels);
        let mut both = |least: usize, below: usize| {
            [least + self.choices.below(below), least + self.choices.below(below)]
        };
        let (stride, padding) = (both(1, 3), both(0, 3));
        let input = [n / channels / height, height, channels];
        let mut axis = |axis: usize| {
            let room = input[axis] + 2 * padding[axis];
            let kernel = 1 + self.choices.below(room.min(4));
            let most = if kernel > 1 { (room - 1) / (kernel - 1) } else { 3 };
            (kernel, 1 + self.choices.below(most.min(3)))
        };
        let ((x, dilation_x), (y, dilation_y)) = (axis(0), axis(1));
        let outputs = groups * (1 + self.choices.below(5));
        let (kernel, dilation) = ([x, y], [dilation_x, dilation_y]);
        Geometry { input, outputs, kernel, stride, padding, dilation, groups }
    }

    /// Weights in a buffer that other ops may change.
    pub(super) fn live(&mut self, clock: ClockId) {
        let float = self.choices.one_in(2);
        let fits = |elem: Elem| float || !elem.kind().is_float();
        let Some(src) = self.find(|b| fits(b.elem) && !b.shape.is_empty()) else { return };
        let n = self.ir.buffers[src.0 as usize].len();
        let conv = self.choices.one_in(3).then(|| self.geometry(n));
        let few = 1 + self.choices.below(20);
        let m = self.choices.pick(&[few, few, 8, 33]);
        let shape = conv.map_or(vec![m, n], |g| g.weights().to_vec());
        let targets = conv.map_or(vec![m], |g| g.output().to_vec());
        let elems: Vec<Elem> = ELEMS.into_iter().filter(|elem| fits(*elem)).collect();
        let (sums, weight) = match float {
            true => (self.choices.pick(&[Elem::F64, Elem::F32]), self.choices.pick(&ELEMS)),
            false => (Elem::I64, self.choices.pick(&elems)),
        };
        // Those that the ops change, where they fit; else new ones, all different.
        let len: usize = shape.iter().product();
        let known = self.find(|b| b.len() == len && fits(b.elem));
        let weights = match known.filter(|_| self.choices.one_in(2)) {
            Some(weights) => weights,
            None => {
                let tensor = self.tensor(weight, &shape);
                let init = Init::Tensor(tensor);
                self.buffer_with(weight, &shape, BufferKind::State, init)
            }
        };
        self.changed(clock, weights);
        let binary = self.choices.one_in(2);
        let init = if float { Init::Float(0.0) } else { Init::Int(0) };
        let dst = self.buffer_with(sums, &targets, BufferKind::State, init);
        let weight = self.ir.buffers[weights.0 as usize].elem;
        let turned = conv.is_none() && self.choices.one_in(2);
        let kernel = if turned { kernels::turned } else { kernels::live };
        let kernel = kernel(weight, sums, (i64::MIN, i64::MAX));
        let weights = Source::Buffer(weights);
        self.add(clock, OpKind::Synapse(Synapse { weights, conv, src, binary, dst, kernel }));
    }

    /// Products that are added up.
    pub(super) fn outer(&mut self, clock: ClockId) {
        let elem = self.choices.pick(&[Elem::F64, Elem::F32]);
        let Some(sources) = self.find(|b| !b.shape.is_empty()) else { return };
        let Some(targets) = self.find(|b| b.elem == elem && !b.shape.is_empty()) else { return };
        let [n, m] = [sources, targets].map(|b| self.ir.buffers[b.0 as usize].len());
        let dst = self.buffer_with(elem, &[n, m], BufferKind::State, Init::Float(0.0));
        self.add(clock, OpKind::Outer(Outer { dst, sources, targets }));
    }

    /// A loop that gives every element of a buffer another value.
    fn changed(&mut self, clock: ClockId, buffer: BufferId) {
        let shape = self.ir.buffers[buffer.0 as usize].shape.clone();
        let source = Source::Buffer(buffer);
        let to = Access { source, offset: 0, strides: c_strides(&shape), dynamic: Vec::new() };
        let stored = vec![(buffer, to)];
        let scope = Scope { domain: &shape, locals: Vec::new(), stored };
        let store = self.store(&scope);
        self.add(clock, OpKind::Loop(Loop { domain: shape, body: vec![store], locals: 0 }));
    }

    pub(super) fn reduce(&mut self, clock: ClockId) {
        let shapes: [&[usize]; 3] = [&[0, 3], &[4, 1, 5, 2], &[3, 0]];
        let domain = match self.choices.one_in(5) {
            true => self.choices.pick(&shapes),
            false => self.choices.pick(&SHAPES),
        };
        let scope = Scope { domain, locals: Vec::new(), stored: Vec::new() };
        let op =
            self.choices.pick(&[ReduceOp::Sum, ReduceOp::Max, ReduceOp::Min, ReduceOp::ArgMax]);
        let kind = self.choices.pick(&[Kind::Int, Kind::Bool, Kind::F64, Kind::F32]);
        let value = self.expr(&scope, kind, 3);
        let elem = match (op, kind) {
            (ReduceOp::ArgMax, _) | (ReduceOp::Sum, Kind::Bool) => Elem::I64,
            _ => elem_of(kind),
        };
        let all = self.choices.below(3) == 0;
        let axes = (0..domain.len()).filter(|_| all || self.choices.one_in(2)).collect();
        // What it is put into is chosen later: its shape is that of the axes that are kept.
        let domain = domain.to_vec();
        let mut reduce = Reduce { op, domain, axes, value, dst: BufferId(0) };
        let kept = reduce.kept();
        let kept: Vec<usize> = kept.into_iter().map(|axis| reduce.domain[axis]).collect();
        reduce.dst = self.buffer(elem, &kept);
        self.add(clock, OpKind::Reduce(reduce));
    }
}
