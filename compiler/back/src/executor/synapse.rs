//! Weights times messages: for each source that is not zero, its column of weights is added.

use super::array::Array;
use snn_ir::step::{BufferId, Elem, Kind, Source, StepIr, Synapse, TensorValues};
use snn_ir::tensor::{Sparse, Tensor, Values, conv};
use snn_runtime::arith;
use snn_runtime::kernels::{Number, Payload};
use std::sync::Arc;

/// The weights of a synapse, as they are multiplied.
#[derive(Debug)]
pub enum Weights {
    /// Constant, in the narrowest integers that hold them.
    I8(Columns<i8>),
    I16(Columns<i16>),
    I32(Columns<i32>),
    I64(Columns<i64>),
    F32(Columns<f32>),
    F64(Columns<f64>),
    /// The kernel of a convolution, or in a buffer: as they lie there.
    InPlace,
}

/// A matrix by columns: those of a source lie side by side.
#[derive(Debug)]
pub struct Columns<W> {
    layout: Layout,
    weights: Vec<W>,
}

/// Where the weights of a column are.
#[derive(Debug)]
enum Layout {
    /// A weight for each of so many rows.
    Full(usize),
    /// Where columns begin, and the row of each weight.
    Some(Vec<usize>, Vec<u32>),
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
        let (layout, weights) = match &ir.tensors[id.0 as usize].values {
            TensorValues::Sparse(sparse) => by_column(sparse, columns),
            TensorValues::Known(_) | TensorValues::File(_) => {
                let all = &tensors[id.0 as usize].values;
                (Layout::Full(rows), transposed(all, rows, columns))
            }
        };
        let kind = ir.buffers[of.dst.0 as usize].elem.kind();
        match (kind, weights) {
            (Kind::F32, weights) => Weights::F32(Columns { layout, weights: floats(&weights) }),
            (Kind::F64, weights) => Weights::F64(Columns { layout, weights: floats(&weights) }),
            (_, Values::Int(weights)) => narrowest(layout, weights),
            (_, Values::Bool(weights)) => {
                narrowest(layout, weights.into_iter().map(i64::from).collect())
            }
            (_, Values::Float(_)) => panic!("floats are summed to {kind:?}"),
        }
    }
}

fn floats<T: Number>(weights: &Values) -> Vec<T>
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

fn narrowest(layout: Layout, weights: Vec<i64>) -> Weights {
    fn all<W: TryFrom<i64>>(weights: &[i64]) -> Option<Vec<W>> {
        weights.iter().map(|w| W::try_from(*w).ok()).collect()
    }
    if let Some(weights) = all(&weights) {
        Weights::I8(Columns { layout, weights })
    } else if let Some(weights) = all(&weights) {
        Weights::I16(Columns { layout, weights })
    } else if let Some(weights) = all(&weights) {
        Weights::I32(Columns { layout, weights })
    } else {
        Weights::I64(Columns { layout, weights })
    }
}

fn transposed(of: &Values, rows: usize, columns: usize) -> Values {
    fn each<T: Copy>(of: &[T], rows: usize, columns: usize) -> Vec<T> {
        let column = |c| (0..rows).map(move |r| of[r * columns + c]);
        (0..columns).flat_map(column).collect()
    }
    match of {
        Values::Int(w) => Values::Int(each(w, rows, columns)),
        Values::Float(w) => Values::Float(each(w, rows, columns)),
        Values::Bool(w) => Values::Bool(each(w, rows, columns)),
    }
}

/// The entries of a sparse matrix by columns. What is 0 is not stored, or as if it were not: it
/// meets no infinity.
fn by_column(of: &Sparse, columns: usize) -> (Layout, Values) {
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
    (Layout::Some(starts, targets), values)
}

/// The sources that are not zero, and what each is multiplied by: nothing where it counts 1.
struct Active<T> {
    sources: Vec<usize>,
    payloads: Option<Vec<T>>,
}

impl<T: Number> Active<T>
where
    i64: Payload<T>,
    f32: Payload<T>,
    f64: Payload<T>,
{
    fn of(source: &Array, binary: bool) -> Active<T> {
        fn some<S: Copy>(from: &[S], is_some: impl Fn(S) -> bool) -> Vec<usize> {
            let each = from.iter().enumerate();
            each.filter(|(_, x)| is_some(**x)).map(|(at, _)| at).collect()
        }
        fn graded<S: Payload<T>, T>(from: &[S], sources: &[usize]) -> Vec<T> {
            sources.iter().map(|at| from[*at].convert()).collect()
        }
        let (sources, payloads) = match source {
            Array::Bool(x) => (some(x, |x| x), None),
            Array::Int(x) => {
                let sources = some(x, |x| x != 0);
                let payloads = graded(x, &sources);
                (sources, Some(payloads))
            }
            Array::F32(x) => {
                let sources = some(x, |x| x != 0.0);
                let payloads = graded(x, &sources);
                (sources, Some(payloads))
            }
            Array::F64(x) => {
                let sources = some(x, |x| x != 0.0);
                let payloads = graded(x, &sources);
                (sources, Some(payloads))
            }
        };
        Active { sources, payloads: payloads.filter(|_| !binary) }
    }
}

impl<W: Copy> Columns<W> {
    fn add<T: Number>(&self, active: &Active<T>, out: &mut [T])
    where
        W: Payload<T>,
    {
        match &active.payloads {
            None => {
                for source in &active.sources {
                    self.column(*source, out, |sum, weight| sum.plus(weight));
                }
            }
            Some(payloads) => {
                for (source, payload) in active.sources.iter().zip(payloads) {
                    self.column(*source, out, |sum, weight| sum.plus(weight.times(*payload)));
                }
            }
        }
    }

    fn column<T: Number>(&self, source: usize, out: &mut [T], add: impl Fn(T, T) -> T)
    where
        W: Payload<T>,
    {
        match &self.layout {
            Layout::Full(rows) => {
                let column = &self.weights[source * rows..][..*rows];
                out.iter_mut().zip(column).for_each(|(sum, w)| *sum = add(*sum, w.convert()));
            }
            Layout::Some(starts, targets) => {
                let range = starts[source]..starts[source + 1];
                for (w, row) in self.weights[range.clone()].iter().zip(&targets[range]) {
                    let sum = &mut out[*row as usize];
                    *sum = add(*sum, w.convert());
                }
            }
        }
    }
}

/// What a synapse is executed on.
pub(super) struct Product<'p> {
    pub(super) ir: &'p StepIr,
    pub(super) tensors: &'p [Arc<Tensor>],
    pub(super) buffers: &'p mut [Array],
}

impl Product<'_> {
    /// Puts the sums in the place of the synapse's result.
    pub(super) fn put(&mut self, of: &Synapse, weights: &Weights) {
        let dst = of.dst.0 as usize;
        // The result is neither the source nor the weights.
        let mut result = std::mem::replace(&mut self.buffers[dst], Array::Bool(Vec::new()));
        match &mut result {
            Array::Int(out) => {
                out.fill(0);
                let active = self.active(of);
                match weights {
                    Weights::I8(columns) => columns.add(&active, out),
                    Weights::I16(columns) => columns.add(&active, out),
                    Weights::I32(columns) => columns.add(&active, out),
                    Weights::I64(columns) => columns.add(&active, out),
                    Weights::InPlace => self.in_place(of, &active, out),
                    Weights::F32(_) | Weights::F64(_) => panic!("floats are summed to integers"),
                }
                wrap(out, self.ir.buffers[dst].elem);
            }
            Array::F32(out) => {
                out.fill(0.0);
                let active = self.active(of);
                match weights {
                    Weights::F32(columns) => columns.add(&active, out),
                    _ => self.in_place(of, &active, out),
                }
            }
            Array::F64(out) => {
                out.fill(0.0);
                let active = self.active(of);
                match weights {
                    Weights::F64(columns) => columns.add(&active, out),
                    _ => self.in_place(of, &active, out),
                }
            }
            Array::Bool(_) => panic!("sums are no booleans"),
        }
        self.buffers[dst] = result;
    }

    fn active<T: Number>(&self, of: &Synapse) -> Active<T>
    where
        i64: Payload<T>,
        f32: Payload<T>,
        f64: Payload<T>,
    {
        Active::of(&self.buffers[of.src.0 as usize], of.binary)
    }

    /// With weights as they lie in a buffer or tensor.
    fn in_place<T: Number>(&self, of: &Synapse, active: &Active<T>, out: &mut [T])
    where
        i64: Payload<T>,
        f32: Payload<T>,
        f64: Payload<T>,
    {
        let sources = self.buffers[of.src.0 as usize].len();
        match of.weights {
            Source::Buffer(id) => match &self.buffers[id.0 as usize] {
                Array::Bool(w) => sums(of, active, sources, out, |at| i64::from(w[at]).convert()),
                Array::Int(w) => sums(of, active, sources, out, |at| w[at].convert()),
                Array::F32(w) => sums(of, active, sources, out, |at| w[at].convert()),
                Array::F64(w) => sums(of, active, sources, out, |at| w[at].convert()),
            },
            Source::Tensor(id) => match &self.tensors[id.0 as usize].values {
                Values::Bool(w) => sums(of, active, sources, out, |at| i64::from(w[at]).convert()),
                Values::Int(w) => sums(of, active, sources, out, |at| w[at].convert()),
                Values::Float(w) => sums(of, active, sources, out, |at| w[at].convert()),
            },
        }
    }
}

/// Sums of weights that are found one by one.
fn sums<T: Number>(
    of: &Synapse,
    active: &Active<T>,
    sources: usize,
    out: &mut [T],
    weight: impl Fn(usize) -> T,
) {
    let product = |sum: T, at: usize, payload: Option<T>| match payload {
        Some(payload) => sum.plus(weight(at).times(payload)),
        None => sum.plus(weight(at)),
    };
    let payload = |n: usize| active.payloads.as_ref().map(|payloads| payloads[n]);
    match &of.conv {
        Some(geometry) => {
            let mut events: Vec<Option<usize>> = vec![None; sources];
            active.sources.iter().enumerate().for_each(|(n, source)| events[*source] = Some(n));
            let add = |sum: T, at: usize, source: usize| match events[source] {
                Some(n) => product(sum, at, payload(n)),
                None => sum,
            };
            let all = conv::sums(geometry, T::default, add);
            out.iter_mut().zip(all).for_each(|(out, sum)| *out = sum);
        }
        None => {
            for (row, out) in out.iter_mut().enumerate() {
                for (n, source) in active.sources.iter().enumerate() {
                    *out = product(*out, row * sources + source, payload(n));
                }
            }
        }
    }
}

/// Integers as elements of a type keep them.
fn wrap(values: &mut [i64], elem: Elem) {
    if let snn_ir::step::Fit::Wrap { bits, signed } = elem.fit() {
        values.iter_mut().for_each(|x| *x = arith::wrap(*x, bits.into(), signed));
    }
}
