//! Tables of numbers, separated by commas. The only file that knows the csv crate.
//!
//! A first line without any number is a header and skipped. A table of one column has the
//! shape `[rows]`, any other `[rows, columns]`. Where every cell is written as an integer the
//! elements are `I64`, otherwise `F64`.

use super::Files;
use super::input::{self, Input};
use ::csv::{ByteRecord, ErrorKind, ReaderBuilder, Trim};
use snn_ir::data::DataError;
use snn_ir::diagnostics::Code;
use snn_ir::step::Elem;
use snn_ir::tensor::{Tensor, Values};
use std::io::{self, Read};
use std::path::Path;

/// The element type and shape: reads the whole file, keeps nothing.
///
/// # Errors
/// E0601, E0602, E0606.
pub(super) fn scan(files: &dyn Files, path: &Path) -> Result<(Elem, Vec<usize>), DataError> {
    let mut integers = true;
    let table = cells(files, path, |cell| integers &= matches!(cell, Cell::Int(_)))?;
    Ok((if integers { Elem::I64 } else { Elem::F64 }, table.shape()))
}

/// The element type and all values.
///
/// # Errors
/// As [`scan`].
pub(super) fn read(files: &dyn Files, path: &Path) -> Result<(Elem, Tensor), DataError> {
    let mut values = Values::Int(Vec::new());
    let table = cells(files, path, |cell| match (&mut values, cell) {
        (Values::Int(ints), Cell::Int(n)) => ints.push(n),
        (Values::Int(ints), Cell::Float(x)) => {
            // An integer that a double rounds is read as the double nearest to its digits.
            let mut floats: Vec<f64> = ints.iter().map(|&n| n as f64).collect();
            floats.push(x);
            values = Values::Float(floats);
        }
        (Values::Float(floats), Cell::Int(n)) => floats.push(n as f64),
        (Values::Float(floats), Cell::Float(x)) => floats.push(x),
        (Values::Bool(_), _) => {}
    })?;
    let elem = if matches!(values, Values::Int(_)) { Elem::I64 } else { Elem::F64 };
    Ok((elem, Tensor { shape: table.shape(), values }))
}

/// The longest line of a table, in bytes: a line is held whole.
const LONGEST: usize = 64 << 20;

/// A reader of lines, none of which is longer.
struct Lines<R> {
    reader: R,
    /// Bytes since the last line began.
    length: usize,
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        let begins = buffer[..n].iter().rposition(|byte| *byte == b'\n');
        self.length = begins.map_or(self.length + n, |at| n - at);
        if self.length > LONGEST {
            let what = format!("it has a line of more than {} MiB", LONGEST >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(n)
    }
}

/// A number in a table.
enum Cell {
    Int(i64),
    Float(f64),
}

impl Cell {
    fn parse(text: &[u8]) -> Option<Cell> {
        let text = std::str::from_utf8(text).ok()?;
        match text.parse() {
            Ok(n) => Some(Cell::Int(n)),
            Err(_) => text.parse().ok().map(Cell::Float),
        }
    }
}

/// How large a table is.
struct Size {
    rows: usize,
    columns: usize,
}

impl Size {
    fn shape(&self) -> Vec<usize> {
        if self.columns == 1 { vec![self.rows] } else { vec![self.rows, self.columns] }
    }
}

/// Hands every number to `each`, row by row.
fn cells(files: &dyn Files, path: &Path, mut each: impl FnMut(Cell)) -> Result<Size, DataError> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .trim(Trim::All)
        .flexible(true)
        .from_reader(Lines { reader: Input::open(files, path)?.limited(), length: 0 });
    let mut record = ByteRecord::new();
    let mut size = Size { rows: 0, columns: 0 };
    let mut first = true;
    while reader.read_byte_record(&mut record).map_err(|e| unreadable(path, e))? {
        let line = record.position().map_or(0, |p| p.line());
        if first {
            first = false;
            size.columns = record.len();
            if record.iter().all(|text| Cell::parse(text).is_none()) {
                continue;
            }
        }
        if record.len() != size.columns {
            return Err(DataError::new(
                Code::E0606,
                format!(
                    "line {line} of `{}` has {}, the lines before have {}",
                    path.display(),
                    cells_in_words(record.len()),
                    size.columns
                ),
                "give every line the same number of cells",
            ));
        }
        for (column, text) in (1..).zip(record.iter()) {
            each(Cell::parse(text).ok_or_else(|| not_a_number(path, line, column, text))?);
        }
        size.rows += 1;
    }
    if size.rows == 0 {
        return Err(DataError::new(
            Code::E0606,
            format!("`{}` has no rows of numbers", path.display()),
            "write one row a line, cells separated by commas",
        ));
    }
    Ok(size)
}

fn cells_in_words(n: usize) -> String {
    if n == 1 { "1 cell".to_string() } else { format!("{n} cells") }
}

fn not_a_number(path: &Path, line: u64, column: usize, text: &[u8]) -> DataError {
    let shown: String = String::from_utf8_lossy(text).escape_debug().take(40).collect();
    let help = if shown.is_empty() {
        "give the cell a value; there are no missing values".to_string()
    } else if [" ", ";", "\\t"].iter().any(|s| shown.contains(s)) {
        "separate cells with commas".to_string()
    } else {
        "write a number, such as `7` or `-1.5e-3`".to_string()
    };
    let what = if shown.is_empty() { "is empty".to_string() } else { format!("is `{shown}`") };
    DataError::new(
        Code::E0606,
        format!(
            "cell {column} in line {line} of `{}` {what}, which is not a number",
            path.display()
        ),
        help,
    )
}

fn unreadable(path: &Path, error: ::csv::Error) -> DataError {
    match error.into_kind() {
        ErrorKind::Io(e) => input::broken(path, &e),
        // Nothing else can be wrong with bytes in lines of any length.
        other => DataError::damaged(path, format!("{other:?}")),
    }
}
