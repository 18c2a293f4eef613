//! The `.npy` array format: headers, and reading values from any source of bytes.
//!
//! The crates for this format pull in a parser generator for the header's Python literal.
//! This code is compiled on users' machines with every first network, so it reads that
//! literal itself.
//!
//! # Source
//! NumPy's format description, versions 1.0 to 3.0 (`numpy/lib/format.py`).

use crate::network::ElementType;
use std::io::{self, Read, Write};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Longer headers are refused: they would only serve to exhaust memory.
const MAX_HEADER: usize = 1 << 20;
const MAX_AXES: usize = 32;
const CHUNK: usize = 1 << 16;

/// The element types this module reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// One that recordings and tables have too.
    Element(ElementType),
    /// Unsigned, 64 bits: read where every value fits a signed one.
    U64,
}

impl Dtype {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Dtype::Element(element) => element.size(),
            Dtype::U64 => 8,
        }
    }

    /// NumPy's name without the byte order: `u1`, `f8`.
    pub fn code(self) -> &'static str {
        use ElementType::*;
        match self {
            Dtype::Element(Bool) => "b1",
            Dtype::Element(I8) => "i1",
            Dtype::Element(U8) => "u1",
            Dtype::Element(I16) => "i2",
            Dtype::Element(U16) => "u2",
            Dtype::Element(I32) => "i4",
            Dtype::Element(U32) => "u4",
            Dtype::Element(I64) => "i8",
            Dtype::Element(F32) => "f4",
            Dtype::Element(F64) => "f8",
            Dtype::U64 => "u8",
        }
    }

    fn from_code(code: &str) -> Option<Dtype> {
        use ElementType::*;
        let elements = [Bool, I8, U8, I16, U16, I32, U32, I64, F32, F64];
        let known = elements.map(Dtype::Element).into_iter().chain([Dtype::U64]);
        let alias = if code == "?" { "b1" } else { code };
        known.into_iter().find(|dtype| dtype.code() == alias)
    }
}

/// The cause of an error of kind `Unsupported` that is no fault of the values: a version of the
/// format, or a way of compression, that is not read here.
#[derive(Debug)]
pub struct NotRead(pub String);

impl std::fmt::Display for NotRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotRead {}

/// What a `.npy` file says about its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The type of an element.
    pub dtype: Dtype,
    /// Whether the bytes of an element are stored from the highest to the lowest.
    pub big_endian: bool,
    /// Whether the first axis varies fastest, instead of the last.
    pub fortran: bool,
    /// The shape; empty for a scalar.
    pub shape: Vec<usize>,
}

/// Values of a `.npy` file in C order.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Integers of any width.
    Int(Vec<i64>),
    /// Floats; single precision is held exactly.
    Float(Vec<f64>),
    /// Booleans.
    Bool(Vec<bool>),
}

impl Header {
    /// A header for little-endian values in C order.
    pub fn new(element: ElementType, shape: &[usize]) -> Header {
        Header {
            dtype: Dtype::Element(element),
            big_endian: false,
            fortran: false,
            shape: shape.to_vec(),
        }
    }

    /// Bytes of all values.
    ///
    /// # Errors
    /// Where the number does not fit the address space.
    pub fn data_len(&self) -> io::Result<usize> {
        self.shape
            .iter()
            .try_fold(self.dtype.size(), |n, &d| n.checked_mul(d))
            .filter(|n| isize::try_from(*n).is_ok())
            .ok_or_else(|| invalid(format!("the shape {:?} is too large", self.shape)))
    }

    /// Writes the header in the lowest version that holds it, padded so that the values
    /// that follow stand at a multiple of 64 bytes.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        self.write_padded(0, to)
    }

    /// The same, of at least so many bytes: what is written first, before the number of rows is
    /// known, can then be replaced.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_padded(&self, least: usize, to: &mut impl Write) -> io::Result<()> {
        let order = match (self.dtype.size(), self.big_endian) {
            (1, _) => '|',
            (_, true) => '>',
            (_, false) => '<',
        };
        let shape: String = match self.shape.as_slice() {
            [] => "()".into(),
            [n] => format!("({n},)"),
            many => {
                let axes: Vec<String> = many.iter().map(usize::to_string).collect();
                format!("({})", axes.join(", "))
            }
        };
        let fortran = if self.fortran { "True" } else { "False" };
        let mut text = format!(
            "{{'descr': '{order}{}', 'fortran_order': {fortran}, 'shape': {shape}, }}",
            self.dtype.code()
        );
        let version_2 = text.len() > usize::from(u16::MAX) - 128;
        let before = if version_2 { 12 } else { 10 };
        let unpadded = (before + text.len() + 1).max(least);
        text.extend(std::iter::repeat_n(
            ' ',
            unpadded.next_multiple_of(64) - before - text.len() - 1,
        ));
        text.push('\n');

        to.write_all(MAGIC)?;
        if version_2 {
            to.write_all(&[2, 0])?;
            to.write_all(&(text.len() as u32).to_le_bytes())?;
        } else {
            to.write_all(&[1, 0])?;
            to.write_all(&(text.len() as u16).to_le_bytes())?;
        }
        to.write_all(text.as_bytes())
    }

    /// Reads a header; the values follow in `from`.
    ///
    /// # Errors
    /// `InvalidData`, saying what is wrong, where this is not a `.npy` file, or one of a
    /// shape that cannot be read; `Unsupported` for an element type that cannot, or, with the
    /// cause [`NotRead`], a version; `UnexpectedEof` where it is cut.
    pub fn read(from: &mut impl Read) -> io::Result<Header> {
        let mut start = [0; 8];
        exactly(from, &mut start)?;
        if &start[..6] != MAGIC {
            return Err(invalid("this is not a .npy file"));
        }
        let length = match start[6] {
            1 => {
                let mut n = [0; 2];
                exactly(from, &mut n)?;
                usize::from(u16::from_le_bytes(n))
            }
            2 | 3 => {
                let mut n = [0; 4];
                exactly(from, &mut n)?;
                u32::from_le_bytes(n) as usize
            }
            v => {
                let version = NotRead(format!(".npy version {v}.{}", start[7]));
                return Err(io::Error::new(io::ErrorKind::Unsupported, version));
            }
        };
        if length > MAX_HEADER {
            return Err(invalid("the header is too long"));
        }
        let mut text = vec![0; length];
        exactly(from, &mut text)?;
        let text = std::str::from_utf8(&text).map_err(|_| invalid("the header is not text"))?;
        Literal { rest: text }.header()
    }
}

/// Reads the values that follow `header`, in C order.
///
/// # Errors
/// `UnexpectedEof` where there are fewer than the shape says; `Unsupported` where an
/// unsigned 64-bit value exceeds the signed ones.
pub fn read_values(header: &Header, from: &mut impl Read) -> io::Result<Values> {
    let bytes = read_bytes(header, from)?;
    use ElementType::*;
    macro_rules! decode {
        ($variant:ident, $t:ty, $as:ty) => {
            Values::$variant(elements::<{ size_of::<$t>() }, _>(&bytes, |b| {
                <$as>::from(<$t>::from_le_bytes(b))
            }))
        };
    }
    Ok(match header.dtype {
        Dtype::Element(Bool) => Values::Bool(bytes.iter().map(|b| *b != 0).collect()),
        Dtype::Element(I8) => decode!(Int, i8, i64),
        Dtype::Element(U8) => decode!(Int, u8, i64),
        Dtype::Element(I16) => decode!(Int, i16, i64),
        Dtype::Element(U16) => decode!(Int, u16, i64),
        Dtype::Element(I32) => decode!(Int, i32, i64),
        Dtype::Element(U32) => decode!(Int, u32, i64),
        Dtype::Element(I64) => decode!(Int, i64, i64),
        Dtype::Element(F32) => decode!(Float, f32, f64),
        Dtype::Element(F64) => decode!(Float, f64, f64),
        Dtype::U64 => {
            let values = elements::<8, _>(&bytes, u64::from_le_bytes);
            let signed = values.into_iter().map(i64::try_from).collect::<Result<_, _>>();
            Values::Int(signed.map_err(|_| unsupported("a value exceeds 2^63 - 1"))?)
        }
    })
}

/// Copies the values that follow `header`, as little-endian bytes in C order. Values in C
/// order pass through a small buffer; values in Fortran order are held in memory.
///
/// # Errors
/// `UnexpectedEof` where there are fewer than the shape says; those of the writer.
pub fn copy_values(header: &Header, from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    if header.fortran {
        return to.write_all(&read_bytes(header, from)?);
    }
    let mut left = header.data_len()?;
    let mut chunk = vec![0; CHUNK.min(left)];
    while left > 0 {
        let n = CHUNK.min(left);
        exactly(from, &mut chunk[..n])?;
        if header.big_endian {
            swap(&mut chunk[..n], header.dtype.size());
        }
        to.write_all(&chunk[..n])?;
        left -= n;
    }
    Ok(())
}

/// The values of an array, piece by piece, as little-endian bytes in C order.
///
/// Every piece but the last is equally long, and whole elements, so that two arrays of one form
/// can be read side by side. Values in C order pass through a small buffer; values in Fortran
/// order are held in memory.
pub struct Pieces<R> {
    from: R,
    left: usize,
    /// Bytes of an element where their order must be turned.
    turned: Option<usize>,
    held: Option<Vec<u8>>,
    piece: Vec<u8>,
}

impl<R: Read> Pieces<R> {
    /// The values that follow `header` in `from`.
    ///
    /// # Errors
    /// Those of reading what must be held.
    pub fn new(header: &Header, mut from: R) -> io::Result<Pieces<R>> {
        let held = match header.fortran {
            true => Some(read_bytes(header, &mut from)?),
            false => None,
        };
        let turned = (header.big_endian && held.is_none()).then(|| header.dtype.size());
        Ok(Pieces { from, left: header.data_len()?, turned, held, piece: Vec::new() })
    }

    /// The next piece; empty where there is no more.
    ///
    /// # Errors
    /// `UnexpectedEof` where there are fewer values than the shape says.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> io::Result<&[u8]> {
        let n = CHUNK.min(self.left);
        if let Some(held) = &self.held {
            let at = held.len() - self.left;
            self.left -= n;
            return Ok(&held[at..at + n]);
        }
        self.piece.resize(n, 0);
        exactly(&mut self.from, &mut self.piece)?;
        if let Some(size) = self.turned {
            swap(&mut self.piece, size);
        }
        self.left -= n;
        Ok(&self.piece)
    }

    /// What the values were read from.
    pub fn into_inner(self) -> R {
        self.from
    }
}

/// The values as little-endian bytes in C order.
fn read_bytes(header: &Header, from: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = header.data_len()?;
    // Grows as bytes arrive: a false shape must not allocate what the file does not have.
    let mut bytes = Vec::with_capacity(length.min(CHUNK));
    from.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Err(cut());
    }
    let size = header.dtype.size();
    if header.big_endian {
        swap(&mut bytes, size);
    }
    if header.fortran && header.shape.len() > 1 {
        bytes = to_c_order(&bytes, size, &header.shape);
    }
    Ok(bytes)
}

fn swap(bytes: &mut [u8], size: usize) {
    bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
}

fn to_c_order(bytes: &[u8], size: usize, shape: &[usize]) -> Vec<u8> {
    let mut strides = vec![0; shape.len()];
    let mut stride = 1;
    for (s, d) in strides.iter_mut().zip(shape) {
        *s = stride;
        stride *= d;
    }
    let mut ordered = Vec::with_capacity(bytes.len());
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    for _ in 0..bytes.len() / size {
        ordered.extend_from_slice(&bytes[at * size..(at + 1) * size]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    ordered
}

fn elements<const N: usize, T>(bytes: &[u8], decode: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().map(|chunk| decode(*chunk)).collect()
}

fn exactly(from: &mut impl Read, to: &mut [u8]) -> io::Result<()> {
    from.read_exact(to).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => cut(),
        _ => e,
    })
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the data ends before all values")
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

fn unsupported(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, message.into())
}

/// What is left of a header: a Python dictionary of literals.
struct Literal<'a> {
    rest: &'a str,
}

impl<'a> Literal<'a> {
    fn header(mut self) -> io::Result<Header> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        self.expect('{')?;
        while !self.take('}') {
            let key = self.string()?;
            self.expect(':')?;
            match key {
                "descr" => descr = Some(self.descr()?),
                "fortran_order" => fortran = Some(self.boolean()?),
                "shape" => shape = Some(self.shape()?),
                other => return Err(invalid(format!("the header has an unknown key `{other}`"))),
            }
            if !self.take(',') {
                self.expect('}')?;
                break;
            }
        }
        let missing = |key| invalid(format!("the header has no `{key}`"));
        let (dtype, big_endian) = descr.ok_or_else(|| missing("descr"))?;
        let fortran = fortran.ok_or_else(|| missing("fortran_order"))?;
        let shape = shape.ok_or_else(|| missing("shape"))?;
        let header = Header { dtype, big_endian, fortran, shape };
        header.data_len()?;
        Ok(header)
    }

    fn descr(&mut self) -> io::Result<(Dtype, bool)> {
        if self.peek() == Some('[') {
            return Err(unsupported("records (structured element types) are not read"));
        }
        let text = self.string()?;
        let (order, code) = match text.chars().next() {
            Some(order @ ('<' | '>' | '=' | '|')) => (order, &text[1..]),
            _ => ('=', text),
        };
        let dtype = Dtype::from_code(code).ok_or_else(|| {
            let help = match code {
                "f2" => " (half precision: convert it to f4 first)",
                "f16" => " (extended precision: convert it to f8 first)",
                "O" => " (Python objects)",
                c if c.starts_with('c') => " (complex: store real and imaginary part apart)",
                _ => "",
            };
            unsupported(format!("the element type `{text}` is not read{help}"))
        })?;
        let native_big = cfg!(target_endian = "big");
        Ok((dtype, order == '>' || order == '=' && native_big))
    }

    fn boolean(&mut self) -> io::Result<bool> {
        self.skip();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(self.malformed())
    }

    fn shape(&mut self) -> io::Result<Vec<usize>> {
        let mut shape = Vec::new();
        self.expect('(')?;
        while !self.take(')') {
            let digits = self.peek().map_or(0, |_| {
                self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len())
            });
            let (number, rest) = self.rest.split_at(digits);
            shape.push(number.parse().map_err(|_| self.malformed())?);
            // Python 2 marked long integers.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            if shape.len() > MAX_AXES {
                return Err(invalid("the shape has too many axes"));
            }
            if !self.take(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(shape)
    }

    fn string(&mut self) -> io::Result<&'a str> {
        let quote = self.peek().filter(|c| matches!(c, '\'' | '"'));
        let quote = quote.ok_or_else(|| self.malformed())?;
        let body = &self.rest[1..];
        let end = body.find(quote).ok_or_else(|| self.malformed())?;
        self.rest = &body[end + 1..];
        Ok(&body[..end])
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn peek(&mut self) -> Option<char> {
        self.skip();
        self.rest.chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char) -> io::Result<()> {
        if self.take(wanted) { Ok(()) } else { Err(self.malformed()) }
    }

    fn malformed(&self) -> io::Error {
        let near: String = self.rest.chars().take(20).collect();
        invalid(format!("the header is malformed at `{near}`"))
    }
}

#[cfg(test)]
#[path = "npy_tests.rs"]
mod tests;
