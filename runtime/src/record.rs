//! Recordings: held in memory or in files, and as `.npz` archives.

use crate::execute::RecordSpec;
use crate::npy::Header;
use crate::npz::{self, Member, Values};
use snn_core::Column;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// What one record has kept: its rows, and where their values are.
#[derive(Clone, Debug)]
pub struct Recording {
    /// How many values (each an array of the record's shape).
    pub rows: u64,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Held(Vec<u8>),
    /// A `.npy` file.
    Lies(PathBuf),
}

impl From<Column> for Recording {
    fn from(column: Column) -> Recording {
        Recording { rows: column.rows, place: Place::Held(column.bytes) }
    }
}

impl Recording {
    /// One in a `.npy` file, little-endian in C order.
    pub fn in_file(path: PathBuf, rows: u64) -> Recording {
        Recording { rows, place: Place::Lies(path) }
    }

    /// The recording that a run has left in a `.npy` file.
    ///
    /// # Errors
    /// Where the file cannot be read, or does not hold what `spec` records.
    pub fn open(path: PathBuf, spec: &RecordSpec) -> io::Result<Recording> {
        let header = Header::read(&mut BufReader::new(File::open(&path)?))?;
        let rows = match (spec.at_end, header.shape.first()) {
            (false, Some(rows)) => *rows as u64,
            _ => 1,
        };
        let recording = Recording::in_file(path, rows);
        if recording.header(spec) != header {
            let message = format!("it does not hold `{}`", spec.key);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(recording)
    }

    /// All values: little-endian elements in C order. What lies in a file is read.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn bytes(&self) -> io::Result<Cow<'_, [u8]>> {
        let path = match &self.place {
            Place::Held(bytes) => return Ok(Cow::Borrowed(bytes)),
            Place::Lies(path) => path,
        };
        let mut from = BufReader::new(File::open(path)?);
        let length = Header::read(&mut from)?.data_len()?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
        from.read_to_end(&mut bytes)?;
        Ok(Cow::Owned(bytes))
    }

    /// Reads the values from the first to the last.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match &self.place {
            Place::Held(bytes) => Box::new(bytes.as_slice()),
            Place::Lies(path) => {
                let mut from = BufReader::new(File::open(path)?);
                Header::read(&mut from)?;
                Box::new(from)
            }
        })
    }

    /// The header of its array: the first axis is time, one entry a value kept; a record at the
    /// end has no time axis.
    pub fn header(&self, spec: &RecordSpec) -> Header {
        Header::new(spec.element, &shape(spec, self.rows))
    }
}

/// The shape of what `spec` recorded in so many rows.
pub fn shape(spec: &RecordSpec, rows: u64) -> Vec<usize> {
    let time = (!spec.at_end).then_some(rows as usize);
    time.into_iter().chain(spec.shape.iter().copied()).collect()
}

/// Writes recordings to the archive at `path`, each under its key, with a comment that says where
/// they come from.
///
/// # Errors
/// Those of [`npz::write`].
pub fn write<'a>(
    path: &Path,
    recordings: impl IntoIterator<Item = (&'a RecordSpec, &'a Recording)>,
    comment: &str,
) -> io::Result<()> {
    npz::write(path, &members(recordings), comment)
}

/// The bytes of the same archive.
///
/// # Errors
/// Those of [`npz::write_to`].
pub fn bytes<'a>(
    recordings: impl IntoIterator<Item = (&'a RecordSpec, &'a Recording)>,
    comment: &str,
) -> io::Result<Vec<u8>> {
    let mut archive = io::Cursor::new(Vec::new());
    npz::write_to(&mut archive, &members(recordings), comment)?;
    Ok(archive.into_inner())
}

fn members<'a>(
    recordings: impl IntoIterator<Item = (&'a RecordSpec, &'a Recording)>,
) -> Vec<Member<'a>> {
    let member = |(spec, recording): (&'a RecordSpec, &'a Recording)| Member {
        name: &spec.key,
        header: recording.header(spec),
        bytes: match &recording.place {
            Place::Held(bytes) => Values::Held(bytes),
            Place::Lies(path) => Values::Behind(path),
        },
    };
    recordings.into_iter().map(member).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::npy::{Values, read_values};
    use snn_core::network::ElementType;

    #[test]
    fn time_is_the_first_axis_except_at_the_end() {
        let spec = |key: &str, at_end| RecordSpec {
            key: key.into(),
            element: ElementType::I32,
            shape: vec![2],
            at_end,
        };
        let specs = [spec("a.u", false), spec("a.v", true), spec("never", false)];
        let mut columns = vec![Column::default(); 3];
        columns[0].push(&[1i32, -1]);
        columns[0].push(&[2i32, -2]);
        columns[1].push(&[9i32, 8]);
        let recordings: Vec<Recording> = columns.into_iter().map(Recording::from).collect();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("results.npz");
        write(&path, specs.iter().zip(&recordings), "").unwrap();

        let mut archive = npz::Archive::open(&path).unwrap();
        let mut read = |key| {
            let (header, mut from) = archive.array(key).unwrap();
            let values = read_values(&header, &mut from).unwrap();
            (header.shape, values)
        };
        assert_eq!(read("a.u"), (vec![2, 2], Values::Int(vec![1, -1, 2, -2])));
        assert_eq!(read("a.v"), (vec![2], Values::Int(vec![9, 8])));
        assert_eq!(read("never"), (vec![0, 2], Values::Int(vec![])));
    }
}
