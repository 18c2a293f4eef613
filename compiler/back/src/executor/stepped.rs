//! An executor whose state is looked at and written between steps.

use super::{Array, Executor};
use snn_ir::scalar::Scalar;
use snn_ir::step::{Buffer, BufferId, BufferKind, Kind};
use snn_ir::tensor::{Tensor, Values};
use snn_runtime::Learn;

impl Executor {
    /// The variable or port of this path: `lif.v`. Queues and temporaries have no path that
    /// a user knows.
    pub fn named(&self, path: &str) -> Option<(BufferId, &Buffer)> {
        let known = |b: &Buffer| !matches!(b.kind, BufferKind::Queue | BufferKind::Local);
        let at = self.program.ir.buffers.iter().position(|b| b.name == path && known(b))?;
        Some((BufferId(at as u32), &self.program.ir.buffers[at]))
    }

    /// The paths of all variables and ports that are kept.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let known = |b: &&Buffer| !matches!(b.kind, BufferKind::Queue | BufferKind::Local);
        self.program.ir.buffers.iter().filter(known).map(|b| b.name.as_str())
    }

    /// The present elements of a buffer.
    pub fn value(&self, id: BufferId) -> Tensor {
        let shape = self.program.ir.buffers[id.0 as usize].shape.clone();
        let values = match self.buffer(id) {
            Array::Bool(values) => Values::Bool(values.clone()),
            Array::Narrow(values) => Values::Int(values.iter().map(|n| i64::from(*n)).collect()),
            Array::Int(values) => Values::Int(values.clone()),
            Array::F32(values) => Values::Float(values.iter().map(|x| f64::from(*x)).collect()),
            Array::F64(values) => Values::Float(values.clone()),
        };
        Tensor { shape, values }
    }

    /// Writes all elements of a buffer; whether the array is of its shape, and every element a
    /// value of its type.
    #[must_use]
    pub fn set_value(&mut self, id: BufferId, tensor: &Tensor) -> bool {
        let buffer = &self.program.ir.buffers[id.0 as usize];
        let (elem, kind) = (buffer.elem, buffer.elem.kind());
        let element = |n: usize| {
            let given = match &tensor.values {
                Values::Bool(values) => Scalar::Bool(values[n]),
                Values::Int(values) => Scalar::Int(values[n]),
                Values::Float(values) => Scalar::F64(values[n]),
            };
            let fits = match (given, kind) {
                (Scalar::Bool(_), Kind::Bool) | (Scalar::F64(_), Kind::F32 | Kind::F64) => true,
                (Scalar::Int(n), Kind::Int) => {
                    elem.bounds().is_none_or(|(lo, hi)| (lo..=hi).contains(&n))
                }
                _ => false,
            };
            fits.then(|| given.convert(kind))
        };
        if tensor.shape != buffer.shape {
            return false;
        }
        let Some(elements) = (0..buffer.len()).map(element).collect::<Option<Vec<_>>>() else {
            return false;
        };
        let array = &mut self.state.buffers[id.0 as usize];
        for (n, element) in elements.into_iter().enumerate() {
            array.set(n, elem, element);
        }
        true
    }
}

/// Variables are numbered as buffers are.
impl Learn for Executor {
    fn read(&self, variable: usize, to: &mut [f64]) {
        fn all<T: Copy>(to: &mut [f64], from: &[T], float: impl Fn(T) -> f64) {
            assert_eq!(to.len(), from.len(), "elements");
            to.iter_mut().zip(from).for_each(|(to, from)| *to = float(*from));
        }
        match &self.state.buffers[variable] {
            Array::Bool(x) => all(to, x, f64::from),
            Array::Narrow(x) => all(to, x, f64::from),
            Array::Int(x) => all(to, x, |x| x as f64),
            Array::F32(x) => all(to, x, f64::from),
            Array::F64(x) => to.copy_from_slice(x),
        }
    }

    fn write(&mut self, variable: usize, from: &[f64]) {
        fn all<T>(to: &mut [T], from: &[f64], value: impl Fn(f64) -> T) {
            assert_eq!(to.len(), from.len(), "elements");
            to.iter_mut().zip(from).for_each(|(to, from)| *to = value(*from));
        }
        match &mut self.state.buffers[variable] {
            Array::Bool(x) => all(x, from, |x| x != 0.0),
            Array::Narrow(x) => all(x, from, |x| x as i32),
            Array::Int(x) => all(x, from, |x| x as i64),
            Array::F32(x) => all(x, from, |x| x as f32),
            Array::F64(x) => x.copy_from_slice(from),
        }
    }
}
