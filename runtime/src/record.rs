//! Recordings as named arrays, and as `.npz` files.

use crate::execute::RecordSpec;
use crate::network::Column;
use crate::npy::Header;
use crate::npz::{self, Member};
use std::io;
use std::path::Path;

/// The shape of what `spec` recorded in `column`: the first axis is time, one entry a value
/// kept; a record at the end has no time axis.
pub fn shape(spec: &RecordSpec, column: &Column) -> Vec<usize> {
    let time = (!spec.at_end).then_some(column.rows as usize);
    time.into_iter().chain(spec.shape.iter().copied()).collect()
}

/// Writes all recordings to the archive at `path`, each under its key.
///
/// # Errors
/// Those of [`npz::write`].
pub fn write(path: &Path, specs: &[RecordSpec], columns: &[Column]) -> io::Result<()> {
    npz::write(path, &members(specs, columns))
}

/// The bytes of the same archive.
///
/// # Errors
/// Those of [`npz::write_to`].
pub fn bytes(specs: &[RecordSpec], columns: &[Column]) -> io::Result<Vec<u8>> {
    let mut archive = io::Cursor::new(Vec::new());
    npz::write_to(&mut archive, &members(specs, columns))?;
    Ok(archive.into_inner())
}

fn members<'a>(specs: &'a [RecordSpec], columns: &'a [Column]) -> Vec<Member<'a>> {
    let member = |(spec, column): (&'a RecordSpec, &'a Column)| Member {
        name: &spec.key,
        header: Header::new(spec.element, &shape(spec, column)),
        bytes: &column.bytes,
    };
    specs.iter().zip(columns).map(member).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::ElementType;
    use crate::npy::{Values, read_values};

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
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("results.npz");
        write(&path, &specs, &columns).unwrap();

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
