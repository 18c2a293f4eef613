//! Weights times messages: for each source that is not zero, its column of weights is added.

use super::array::{Array, Type};
use super::compile::held;
use super::state::{Program, State};
use snn_ir::scalar::{Slice, SliceMut};
use snn_ir::step::{BufferId, Elem, Fit, KernelKind, Outer, Source, StepIr, Synapse, TensorValues};
use snn_ir::tensor::{Sparse, Tensor, Values, conv};
use snn_runtime::arith;
use snn_runtime::kernels::elementwise::Many;
use snn_runtime::kernels::{
    Active, Columns, Events, Finite, Number, Payload, Work, outer, turned, turned_graded, widest,
};
use std::marker::PhantomData;
use std::sync::Arc;

/// The weights of a synapse, as they are multiplied.
pub enum Weights {
    /// Constant, by column.
    ByColumn(Box<dyn Sums>),
    /// The kernel of a convolution, or in a buffer: as they lie there.
    InPlace,
}

/// Weights that are added.
pub trait Sums: Send + Sync {
    /// Puts the sums over the sources that are active.
    fn put(&self, input: &Input<'_>, out: SliceMut<'_>);
}

/// The sources that are not zero, and what each of all is multiplied by: nothing where it
/// counts 1.
pub struct Input<'a> {
    active: Active<'a>,
    payloads: Option<Slice<'a>>,
}

impl Input<'_> {
    /// What active sources are multiplied by.
    fn payloads<T: Number>(&self) -> Option<Vec<T>>
    where
        i32: Payload<T>,
        i64: Payload<T>,
        f32: Payload<T>,
        f64: Payload<T>,
    {
        fn some<S: Payload<T>, T: Number>(all: Many<'_, S>, active: Active<'_>) -> Vec<T> {
            let mut payloads = vec![T::default(); active.sources()];
            active.indices().iter().for_each(|n| {
                payloads[*n as usize] = all.at(*n as usize).convert();
            });
            payloads
        }
        match self.payloads? {
            Slice::Bool(_) => None,
            Slice::Narrow(all) => Some(some(all, self.active)),
            Slice::Int(all) => Some(some(all, self.active)),
            Slice::F32(all) => Some(some(all, self.active)),
            Slice::F64(all) => Some(some(all, self.active)),
        }
    }
}

/// What sums are held as.
trait Held: Number {
    fn elements(of: SliceMut<'_>) -> &mut [Self];
}

macro_rules! held {
    ($($variant:ident $type:ty),*) => { $(
        impl Held for $type {
            fn elements(of: SliceMut<'_>) -> &mut [Self] {
                match of {
                    SliceMut::$variant(elements) => elements,
                    other => panic!("sums are put into {other:?}"),
                }
            }
        }
    )* };
}

held!(Narrow i32, Int i64, F32 f32, F64 f64);

/// A matrix whose sums are formed in `A` and put as `T`.
struct Full<W, A, T> {
    columns: Columns<W>,
    sums: PhantomData<fn() -> (A, T)>,
}

impl<W: Payload<A>, A: Payload<T> + Payload<A>, T: Held> Sums for Full<W, A, T>
where
    i32: Payload<A>,
    i64: Payload<A>,
    f32: Payload<A>,
    f64: Payload<A>,
{
    fn put(&self, input: &Input<'_>, out: SliceMut<'_>) {
        let payloads = input.payloads::<A>();
        let (columns, active, out) = (&self.columns, input.active, T::elements(out));
        widest(Added { columns, active, payloads: payloads.as_deref(), out });
    }
}

/// The sums of a matrix, as work for wide registers.
struct Added<'w, W, A, T> {
    columns: &'w Columns<W>,
    active: Active<'w>,
    payloads: Option<&'w [A]>,
    out: &'w mut [T],
}

impl<W: Payload<A>, A: Payload<T> + Payload<A>, T: Number> Work for Added<'_, W, A, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        match self.payloads {
            None => self.columns.add_to::<A, T>(self.active, self.out),
            Some(payloads) => {
                self.columns.add_graded_to::<A, A, T>(self.active, payloads, self.out);
            }
        }
    }
}

/// A mostly zero matrix.
struct Lists<W, T> {
    /// Where columns begin.
    starts: Vec<usize>,
    /// The row of each weight.
    targets: Vec<u32>,
    weights: Vec<W>,
    sums: PhantomData<fn() -> T>,
}

impl<W: Payload<T>, T: Held> Sums for Lists<W, T>
where
    i32: Payload<T>,
    i64: Payload<T>,
    f32: Payload<T>,
    f64: Payload<T>,
{
    fn put(&self, input: &Input<'_>, out: SliceMut<'_>) {
        let out = T::elements(out);
        out.fill(T::default());
        let payloads = input.payloads::<T>();
        for source in input.active.indices() {
            let source = *source as usize;
            match &payloads {
                None => self.column(source, out, |weight| weight),
                Some(payloads) => self.column(source, out, |weight| weight.times(payloads[source])),
            }
        }
    }
}

impl<W: Payload<T>, T: Held> Lists<W, T> {
    fn column(&self, source: usize, out: &mut [T], product: impl Fn(T) -> T) {
        let range = self.starts[source]..self.starts[source + 1];
        for (w, row) in self.weights[range.clone()].iter().zip(&self.targets[range]) {
            let sum = &mut out[*row as usize];
            *sum = sum.plus(product(w.convert()));
        }
    }
}

impl Weights {
    /// Those of a synapse.
    pub fn of(ir: &StepIr, of: &Synapse, tensors: &[Arc<Tensor>]) -> Weights {
        let Source::Tensor(id) = of.weights else { return Weights::InPlace };
        if of.conv.is_some() {
            return Weights::InPlace;
        }
        let size = |b: BufferId| ir.buffers[b.0 as usize].len();
        let (rows, columns) = (size(of.dst), size(of.src));
        let to = held(ir, of.dst);
        Weights::ByColumn(match &ir.tensors[id.0 as usize].values {
            TensorValues::Sparse(sparse) => {
                let (starts, targets, weights) = by_column(sparse, columns);
                lists(starts, targets, &weights, to)
            }
            TensorValues::Known(_) | TensorValues::File(_) => {
                full(of, &tensors[id.0 as usize].values, [rows, columns], to)
            }
        })
    }
}

/// A matrix, in the narrowest of some types that hold its weights and sums.
fn full(of: &Synapse, weights: &Values, size: [usize; 2], to: Type) -> Box<dyn Sums> {
    fn boxed<W: Payload<A>, A: Payload<T> + Payload<A>, T: Held>(
        weights: &[W],
        [rows, columns]: [usize; 2],
        shift: u8,
    ) -> Box<dyn Sums>
    where
        i32: Payload<A>,
        i64: Payload<A>,
        f32: Payload<A>,
        f64: Payload<A>,
    {
        let columns = Columns::new(weights, rows, columns, shift.into());
        Box::new(Full::<W, A, T> { columns, sums: PhantomData })
    }
    let shift = of.kernel.shift;
    let shifted: Vec<i64> = match (to, weights) {
        (Type::F32, weights) => return boxed::<f32, f32, f32>(&numbers(weights), size, 0),
        (Type::F64, weights) => return boxed::<f64, f64, f64>(&numbers(weights), size, 0),
        (_, weights) => numbers::<i64>(weights).into_iter().map(|w| w >> shift).collect(),
    };
    let narrow = to == Type::Narrow;
    let (i8s, i16s, i32s) = (all::<i8>(&shifted), all::<i16>(&shifted), all::<i32>(&shifted));
    match (of.kernel.accumulator, i8s, i16s, i32s) {
        (Elem::I16, Some(w), ..) if narrow => boxed::<i8, i16, i32>(&w, size, shift),
        (Elem::I16, Some(w), ..) => boxed::<i8, i16, i64>(&w, size, shift),
        (Elem::I32, Some(w), ..) if narrow => boxed::<i8, i32, i32>(&w, size, shift),
        (Elem::I16 | Elem::I32, _, Some(w), _) if narrow => boxed::<i16, i32, i32>(&w, size, shift),
        (Elem::I16 | Elem::I32, _, _, Some(w)) if narrow => boxed::<i32, i32, i32>(&w, size, shift),
        (_, Some(w), ..) if narrow => boxed::<i8, i64, i32>(&w, size, shift),
        (_, Some(w), ..) => boxed::<i8, i64, i64>(&w, size, shift),
        (_, _, _, Some(w)) if narrow => boxed::<i32, i64, i32>(&w, size, shift),
        (_, _, _, Some(w)) => boxed::<i32, i64, i64>(&w, size, shift),
        _ if narrow => boxed::<i64, i64, i32>(&shifted, size, shift),
        _ => boxed::<i64, i64, i64>(&shifted, size, shift),
    }
}

/// Lists of weights, in the narrowest type that holds them.
fn lists(starts: Vec<usize>, targets: Vec<u32>, weights: &Values, to: Type) -> Box<dyn Sums> {
    fn boxed<W: Payload<T>, T: Held>(
        starts: Vec<usize>,
        targets: Vec<u32>,
        weights: Vec<W>,
    ) -> Box<dyn Sums>
    where
        i32: Payload<T>,
        i64: Payload<T>,
        f32: Payload<T>,
        f64: Payload<T>,
    {
        Box::new(Lists::<W, T> { starts, targets, weights, sums: PhantomData })
    }
    match to {
        Type::F32 => return boxed::<f32, f32>(starts, targets, numbers(weights)),
        Type::F64 => return boxed::<f64, f64>(starts, targets, numbers(weights)),
        _ => {}
    }
    let weights: Vec<i64> = numbers(weights);
    match (all::<i8>(&weights), all::<i32>(&weights), to) {
        (Some(w), _, Type::Narrow) => boxed::<i8, i32>(starts, targets, w),
        (Some(w), ..) => boxed::<i8, i64>(starts, targets, w),
        (_, Some(w), Type::Narrow) => boxed::<i32, i32>(starts, targets, w),
        (_, Some(w), _) => boxed::<i32, i64>(starts, targets, w),
        (.., Type::Narrow) => boxed::<i64, i32>(starts, targets, weights),
        _ => boxed::<i64, i64>(starts, targets, weights),
    }
}

fn numbers<T: Number>(weights: &Values) -> Vec<T>
where
    i64: Payload<T>,
    f64: Payload<T>,
{
    match weights {
        Values::Int(w) => w.iter().map(|w| w.convert()).collect(),
        Values::Float(w) => w.iter().map(|w| w.convert()).collect(),
        Values::Bool(w) => w.iter().map(|w| i64::from(*w).convert()).collect(),
    }
}

/// The same integers, if all fit another type.
fn all<W: TryFrom<i64>>(weights: &[i64]) -> Option<Vec<W>> {
    weights.iter().map(|w| W::try_from(*w).ok()).collect()
}

/// The entries of a sparse matrix by columns. What is 0 is not stored, or as if it were not: it
/// meets no infinity.
fn by_column(of: &Sparse, columns: usize) -> (Vec<usize>, Vec<u32>, Values) {
    let nonzero = of.nonzero_codes();
    let mut entries: Vec<Vec<(u32, usize)>> = vec![Vec::new(); columns];
    for row in 0..of.rows() {
        for (column, code) in of.row(row).filter(|(_, code)| nonzero[*code]) {
            entries[column].push((row as u32, code));
        }
    }
    let mut starts = vec![0];
    for column in &entries {
        starts.push(starts[starts.len() - 1] + column.len());
    }
    let each = || entries.iter().flatten();
    let targets = each().map(|(row, _)| *row).collect();
    let values = match &of.palette().values {
        Values::Int(p) => Values::Int(each().map(|(_, code)| p[*code]).collect()),
        Values::Float(p) => Values::Float(each().map(|(_, code)| p[*code]).collect()),
        Values::Bool(p) => Values::Bool(each().map(|(_, code)| p[*code]).collect()),
    };
    (starts, targets, values)
}

impl State {
    /// Adds products of sources and targets, for each window.
    pub(super) fn outer(&mut self, program: &Program, of: &Outer) {
        let [dst, sources, targets] = [of.dst, of.sources, of.targets].map(|b| b.0 as usize);
        let (n, m) = (program.len(sources), program.len(targets));
        // The sums are neither.
        let mut result = std::mem::replace(&mut self.buffers[dst], Array::Bool(Vec::new()));
        for window in 0..self.times.len() {
            let source = self.buffers[sources].slice(window * n..(window + 1) * n);
            let target = self.buffers[targets].slice(window * m..(window + 1) * m);
            let sums = result.part_mut(window * n * m..(window + 1) * n * m);
            match (sums, target) {
                (SliceMut::F32(sums), Slice::F32(Many::Each(targets))) => {
                    products(&mut self.events, source, targets, sums);
                }
                (SliceMut::F64(sums), Slice::F64(Many::Each(targets))) => {
                    products(&mut self.events, source, targets, sums);
                }
                (sums, targets) => panic!("{targets:?} are added to {sums:?}"),
            }
        }
        self.buffers[dst] = result;
    }

    /// Puts the sums in the place of a synapse's result, for each window.
    pub(super) fn product(&mut self, program: &Program, of: &Synapse, weights: &Weights) {
        let (dst, src) = (of.dst.0 as usize, of.src.0 as usize);
        let (targets, sources) = (program.len(dst), program.len(src));
        // The result is neither the source nor the weights.
        let mut result = std::mem::replace(&mut self.buffers[dst], Array::Bool(Vec::new()));
        for window in 0..self.times.len() {
            let source = self.buffers[src].slice(window * sources..(window + 1) * sources);
            let active = match source {
                Slice::Bool(Many::Each(x)) => self.events.holding(x),
                Slice::Narrow(Many::Each(x)) => self.events.nonzero(x),
                Slice::Int(Many::Each(x)) => self.events.nonzero(x),
                Slice::F32(Many::Each(x)) => self.events.nonzero(x),
                Slice::F64(Many::Each(x)) => self.events.nonzero(x),
                other => panic!("{other:?} has no elements"),
            };
            let payloads = match source {
                Slice::Bool(_) => None,
                source => Some(source).filter(|_| !of.binary),
            };
            let input = Input { active, payloads };
            let out = result.part_mut(window * targets..(window + 1) * targets);
            match (weights, of.weights) {
                (Weights::ByColumn(sums), _) => sums.put(&input, out),
                (Weights::InPlace, Source::Tensor(id)) => {
                    let Some(kernel) = program.constants.array(id.0) else {
                        panic!("weights are held");
                    };
                    in_place(of, &input, kernel, 0, out);
                }
                (Weights::InPlace, Source::Buffer(id)) => {
                    let first = window * program.len(id.0 as usize);
                    in_place(of, &input, &self.buffers[id.0 as usize], first, out);
                }
            }
        }
        let n = self.times.len() * targets;
        wrap(result.part_mut(0..n), program.ir.buffers[dst].elem);
        self.buffers[dst] = result;
    }
}

/// Sums of weights as they lie in an array, from `first` on.
fn in_place(of: &Synapse, input: &Input<'_>, weights: &Array, first: usize, out: SliceMut<'_>) {
    match out {
        SliceMut::Narrow(out) => found(of, input, weights, first, out),
        SliceMut::Int(out) => found(of, input, weights, first, out),
        SliceMut::F32(out) => found(of, input, weights, first, out),
        SliceMut::F64(out) => found(of, input, weights, first, out),
        SliceMut::Bool(_) => panic!("sums are no booleans"),
    }
}

/// Weights that lie source by source, as work for wide registers.
struct BySource<'w, W, T> {
    weights: &'w [W],
    active: Active<'w>,
    payloads: Option<&'w [T]>,
    out: &'w mut [T],
}

impl<W: Payload<T>, T: Payload<T>> Work for BySource<'_, W, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        match self.payloads {
            None => turned(self.weights, self.active, self.out),
            Some(payloads) => turned_graded(self.weights, self.active, payloads, self.out),
        }
    }
}

fn by_source<T: Payload<T>>(input: &Input<'_>, weights: &Array, first: usize, out: &mut [T])
where
    i32: Payload<T>,
    i64: Payload<T>,
    f32: Payload<T>,
    f64: Payload<T>,
{
    fn on<W: Payload<T>, T: Payload<T>>(input: &Input<'_>, all: &[W], at: usize, out: &mut [T])
    where
        i32: Payload<T>,
        i64: Payload<T>,
        f32: Payload<T>,
        f64: Payload<T>,
    {
        let payloads = input.payloads::<T>();
        let (active, payloads) = (input.active, payloads.as_deref());
        let weights = &all[at..at + active.sources() * out.len()];
        widest(BySource { weights, active, payloads, out });
    }
    match weights {
        Array::Bool(w) => {
            let w: Vec<i32> = w.iter().map(|w| i32::from(*w)).collect();
            on(input, &w, first, out);
        }
        Array::Narrow(w) => on(input, w, first, out),
        Array::Int(w) => on(input, w, first, out),
        Array::F32(w) => on(input, w, first, out),
        Array::F64(w) => on(input, w, first, out),
    }
}

/// Products that are added up, as work for wide registers.
struct Products<'w, S, T> {
    sums: &'w mut [T],
    active: Active<'w>,
    source: &'w [S],
    targets: &'w [T],
}

impl<S: Payload<T>, T: Number + Finite> Work for Products<'_, S, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        outer(self.sums, self.active, self.source, self.targets);
    }
}

fn found<T: Payload<T>>(
    of: &Synapse,
    input: &Input<'_>,
    weights: &Array,
    first: usize,
    out: &mut [T],
) where
    i32: Payload<T>,
    i64: Payload<T>,
    f32: Payload<T>,
    f64: Payload<T>,
{
    if of.kernel.kind == KernelKind::Turned {
        return by_source(input, weights, first, out);
    }
    match weights {
        Array::Bool(w) => sums(of, input, out, |at| i32::from(w[first + at]).convert()),
        Array::Narrow(w) => sums(of, input, out, |at| w[first + at].convert()),
        Array::Int(w) => sums(of, input, out, |at| w[first + at].convert()),
        Array::F32(w) => sums(of, input, out, |at| w[first + at].convert()),
        Array::F64(w) => sums(of, input, out, |at| w[first + at].convert()),
    }
}

/// Sums of weights that are found one by one.
fn sums<T: Number>(of: &Synapse, input: &Input<'_>, out: &mut [T], weight: impl Fn(usize) -> T)
where
    i32: Payload<T>,
    i64: Payload<T>,
    f32: Payload<T>,
    f64: Payload<T>,
{
    let (payloads, sources) = (input.payloads::<T>(), input.active.sources());
    let product = |sum: T, at: usize, source: usize| match &payloads {
        Some(payloads) => sum.plus(weight(at).times(payloads[source])),
        None => sum.plus(weight(at)),
    };
    match &of.conv {
        Some(geometry) => {
            let mut active = vec![false; sources];
            input.active.indices().iter().for_each(|source| active[*source as usize] = true);
            let add = |sum: T, at: usize, source: usize| match active[source] {
                true => product(sum, at, source),
                false => sum,
            };
            let all = conv::sums(geometry, T::default, add);
            out.iter_mut().zip(all).for_each(|(out, sum)| *out = sum);
        }
        None => {
            for (row, out) in out.iter_mut().enumerate() {
                *out = input.active.indices().iter().fold(T::default(), |sum, source| {
                    let source = *source as usize;
                    product(sum, row * sources + source, source)
                });
            }
        }
    }
}

/// Adds products of a source, of any type, and targets.
fn products<T: Number + Finite>(
    events: &mut Events,
    source: Slice<'_>,
    targets: &[T],
    sums: &mut [T],
) where
    i32: Payload<T>,
    i64: Payload<T>,
    f32: Payload<T>,
    f64: Payload<T>,
{
    match source {
        Slice::Bool(Many::Each(x)) => {
            let source: Vec<i32> = x.iter().map(|x| i32::from(*x)).collect();
            let active = events.holding(x);
            widest(Products { sums, active, source: &source, targets });
        }
        Slice::Narrow(Many::Each(source)) => {
            widest(Products { sums, active: events.nonzero(source), source, targets });
        }
        Slice::Int(Many::Each(source)) => {
            widest(Products { sums, active: events.nonzero(source), source, targets });
        }
        Slice::F32(Many::Each(source)) => {
            widest(Products { sums, active: events.nonzero(source), source, targets });
        }
        Slice::F64(Many::Each(source)) => {
            widest(Products { sums, active: events.nonzero(source), source, targets });
        }
        other => panic!("{other:?} has no elements"),
    }
}

/// Integers as elements of a type keep them.
fn wrap(values: SliceMut<'_>, elem: Elem) {
    let Fit::Wrap { bits, signed } = elem.fit() else { return };
    match values {
        SliceMut::Narrow(values) if bits < 32 || !signed => {
            values
                .iter_mut()
                .for_each(|x| *x = arith::wrap((*x).into(), bits.into(), signed) as i32);
        }
        SliceMut::Int(values) => {
            values.iter_mut().for_each(|x| *x = arith::wrap(*x, bits.into(), signed));
        }
        _ => {}
    }
}
