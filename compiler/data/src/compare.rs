//! Whether two archives of recordings are the same, bit for bit, and where they first differ.
//!
//! Both files are read once, side by side, through small buffers (but see
//! [`snn_runtime::npy::Pieces`]).

use super::{Files, npz, stream};
use snn_ir::data::DataError;
use snn_runtime::network::ElementType;
use snn_runtime::npy::{Dtype, Header, Pieces};
use std::path::Path;

/// How two archives compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// How many keys either has.
    pub keys: usize,
    /// The keys that differ: in the order of the first archive, then those that only the second
    /// has.
    pub differing: Vec<Differing>,
    /// The first element that differs: the one with the smallest row of all keys, and of these
    /// that of the first key.
    pub first: Option<First>,
}

impl Comparison {
    /// Whether both archives hold the same.
    pub fn equal(&self) -> bool {
        self.differing.is_empty()
    }

    /// How many elements differ, in all keys that have the same form in both.
    pub fn elements(&self) -> u64 {
        self.differing.iter().map(|d| if let How::Elements(n) = d.how { n } else { 0 }).sum()
    }
}

/// A key that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Differing {
    /// The key.
    pub key: String,
    /// What of it.
    pub how: How,
}

/// What differs of a key.
#[derive(Clone, Debug, PartialEq)]
pub enum How {
    /// Only the first archive has it.
    OnlyFirst,
    /// Only the second has it.
    OnlySecond,
    /// Element types or shapes.
    Form(Form, Form),
    /// So many elements.
    Elements(u64),
}

/// What an array is besides its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The type of an element; the order of its bytes does not count.
    pub dtype: Dtype,
    /// The shape.
    pub shape: Vec<usize>,
}

/// The first difference.
#[derive(Clone, Debug, PartialEq)]
pub struct First {
    /// The key.
    pub key: String,
    /// Where and what.
    pub at: Element,
}

/// An element that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Its index on the first axis, which is time in recordings; `None` of an array without axes.
    pub row: Option<usize>,
    /// Its indices on the other axes.
    pub element: Vec<usize>,
    /// Its value in the first archive.
    pub a: Value,
    /// Its value in the second.
    pub b: Value,
}

/// A value, exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A boolean.
    Bool(bool),
    /// An integer of any width.
    Int(i128),
    /// A float in single precision.
    F32(f32),
    /// A float in double precision.
    F64(f64),
}

impl Value {
    fn of(dtype: Dtype, bytes: &[u8]) -> Value {
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        let unsigned = u64::from_le_bytes(wide);
        let shift = 64 - 8 * bytes.len() as u32;
        use ElementType::*;
        match dtype {
            // A file may hold other bytes than 0 and 1.
            Dtype::Element(Bool) if unsigned < 2 => Value::Bool(unsigned == 1),
            Dtype::Element(F32) => Value::F32(f32::from_bits(unsigned as u32)),
            Dtype::Element(F64) => Value::F64(f64::from_bits(unsigned)),
            Dtype::Element(I8 | I16 | I32 | I64) => {
                Value::Int(i128::from((unsigned << shift) as i64 >> shift))
            }
            Dtype::Element(Bool | U8 | U16 | U32) | Dtype::U64 => Value::Int(i128::from(unsigned)),
        }
    }

    fn is_nan(self) -> bool {
        match self {
            Value::F32(x) => x.is_nan(),
            Value::F64(x) => x.is_nan(),
            Value::Bool(_) | Value::Int(_) => false,
        }
    }
}

impl std::fmt::Display for Value {
    /// Every value has a text of its own; of NaN it shows the bits.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Bool(x) => write!(f, "{x}"),
            Value::Int(x) => write!(f, "{x}"),
            Value::F32(x) if x.is_nan() => write!(f, "NaN (bits {:#010x})", x.to_bits()),
            Value::F64(x) if x.is_nan() => write!(f, "NaN (bits {:#018x})", x.to_bits()),
            Value::F32(x) => write!(f, "{x:?}"),
            Value::F64(x) => write!(f, "{x:?}"),
        }
    }
}

/// When two NaN are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nans {
    /// With the same bits.
    SameBits,
    /// Always: IEEE 754 leaves open which NaN an operation gives.
    Alike,
}

/// Compares two arrays of one form, piece by piece.
pub struct Tally<'f> {
    form: &'f Form,
    nans: Nans,
    seen: usize,
    /// How many elements differ.
    pub count: u64,
    /// The first that does, in C order.
    pub first: Option<Element>,
}

impl<'f> Tally<'f> {
    /// Nothing compared yet.
    pub fn new(form: &'f Form, nans: Nans) -> Tally<'f> {
        Tally { form, nans, seen: 0, count: 0, first: None }
    }

    /// Compares the elements that follow: little-endian, in C order, as many on both sides.
    pub fn compare(&mut self, a: &[u8], b: &[u8]) {
        let (dtype, size) = (self.form.dtype, self.form.dtype.size());
        if a != b {
            for (n, (x, y)) in a.chunks_exact(size).zip(b.chunks_exact(size)).enumerate() {
                if x == y {
                    continue;
                }
                let (x, y) = (Value::of(dtype, x), Value::of(dtype, y));
                if self.nans == Nans::Alike && x.is_nan() && y.is_nan() {
                    continue;
                }
                self.count += 1;
                if self.first.is_none() {
                    self.first = Some(self.element(self.seen + n, x, y));
                }
            }
        }
        self.seen += a.len() / size;
    }

    fn element(&self, mut at: usize, a: Value, b: Value) -> Element {
        let mut indices: Vec<usize> = Vec::new();
        for extent in self.form.shape.iter().rev() {
            indices.push(at % extent);
            at /= extent;
        }
        let row = indices.pop();
        indices.reverse();
        Element { row, element: indices, a, b }
    }
}

/// Compares two archives; NaN is the same as NaN only with the same bits.
///
/// # Errors
/// E0601, E0602, E0603, E0605.
pub fn compare(files: &dyn Files, first: &Path, second: &Path) -> Result<Comparison, DataError> {
    let (mut a, mut b) = (npz::open(files, first)?, npz::open(files, second)?);
    let (in_a, in_b) = (a.names_in_order(), b.names_in_order());
    let mut result = Comparison { keys: 0, differing: Vec::new(), first: None };
    for key in &in_a {
        let how = match in_b.contains(key) {
            false => Some(How::OnlyFirst),
            true => {
                let (how, at) = array(files, (first, &mut a), (second, &mut b), key)?;
                if let Some(at) = at {
                    let sooner = |known: &First| at.row.unwrap_or(0) < known.at.row.unwrap_or(0);
                    if result.first.as_ref().is_none_or(sooner) {
                        result.first = Some(First { key: key.clone(), at });
                    }
                }
                how
            }
        };
        result.differing.extend(how.map(|how| Differing { key: key.clone(), how }));
    }
    let only_b = in_b.iter().filter(|key| !in_a.contains(key));
    result
        .differing
        .extend(only_b.clone().map(|key| Differing { key: key.clone(), how: How::OnlySecond }));
    result.keys = in_a.len() + only_b.count();
    Ok(result)
}

/// Compares an array that both archives have.
fn array(
    files: &dyn Files,
    (first, a): (&Path, &mut npz::Opened),
    (second, b): (&Path, &mut npz::Opened),
    key: &str,
) -> Result<(Option<How>, Option<Element>), DataError> {
    let (header_a, from_a) = a.array(key).map_err(|e| npz::damaged(first, key, &e))?;
    let (header_b, from_b) = b.array(key).map_err(|e| npz::damaged(second, key, &e))?;
    let form = |h: &Header| Form { dtype: h.dtype, shape: h.shape.clone() };
    let (form, other) = (form(&header_a), form(&header_b));
    if form != other {
        return Ok((Some(How::Form(form, other)), None));
    }
    for (path, header) in [(first, &header_a), (second, &header_b)] {
        if header.fortran {
            stream::held(files, path, header)?;
        }
    }
    let mut tally = Tally::new(&form, Nans::SameBits);
    let mut pieces_a = Pieces::new(&header_a, from_a).map_err(|e| npz::damaged(first, key, &e))?;
    let mut pieces_b = Pieces::new(&header_b, from_b).map_err(|e| npz::damaged(second, key, &e))?;
    loop {
        let piece = pieces_a.next().map_err(|e| npz::damaged(first, key, &e))?;
        tally.compare(piece, pieces_b.next().map_err(|e| npz::damaged(second, key, &e))?);
        if piece.is_empty() {
            break;
        }
    }
    npz::end(first, key, pieces_a.into_inner())?;
    npz::end(second, key, pieces_b.into_inner())?;
    let (count, first) = (tally.count, tally.first);
    Ok(((count > 0).then_some(How::Elements(count)), first))
}
