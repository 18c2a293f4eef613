//! Recordings that grow in a folder while a network runs: one `.npy` file a record.
//!
//! The header of a file is written when it is made, with room for any number of rows, and again
//! in the end. Of a run in chunks the first writes into the file itself, every other into a part
//! beside it, which is appended in the end.

use crate::execute::{RecordSpec, Recorder};
use crate::npy::Header;
use crate::record::{self, Recording};
use snn_core::Column;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A folder of recordings.
pub struct Folder<'a> {
    dir: PathBuf,
    specs: &'a [RecordSpec],
    /// Which chunks of the run have come to their end.
    done: Mutex<Vec<bool>>,
}

impl<'a> Folder<'a> {
    /// Makes the folder, which must not be there or be empty.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn create(dir: &Path, specs: &'a [RecordSpec]) -> io::Result<Folder<'a>> {
        fs::create_dir_all(dir)?;
        if fs::read_dir(dir)?.next().is_some() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the folder is not empty"));
        }
        Ok(Folder { dir: dir.to_path_buf(), specs, done: Mutex::new(Vec::new()) })
    }

    /// The file of a record.
    pub fn file(dir: &Path, spec: &RecordSpec) -> PathBuf {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-[]".contains(c);
        let name = spec.key.chars().map(|c| match plain(c) {
            true => c.to_string(),
            false => format!("%{:x}", u32::from(c)),
        });
        dir.join(format!("{}.npy", name.collect::<String>()))
    }

    fn part(&self, chunk: usize, spec: &RecordSpec) -> PathBuf {
        let file = Folder::file(&self.dir, spec);
        if chunk == 0 { file } else { file.with_extension(format!("npy.{chunk}")) }
    }

    /// Puts the parts together and says in every file how many rows it has: of a run that
    /// failed, those up to where the first chunk stopped. `columns` are those of a run that did
    /// not fail, with what was kept at its end.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn finish(&self, columns: Option<&[Column]>) -> io::Result<Vec<Recording>> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let whole = done.iter().take_while(|done| **done).count();
        let mut recordings = Vec::new();
        for (record, spec) in self.specs.iter().enumerate() {
            let path = Folder::file(&self.dir, spec);
            let rows = match (spec.at_end, columns.and_then(|c| c.get(record))) {
                (true, Some(column)) => {
                    let mut file = File::create(&path)?;
                    Header::new(spec.element, &spec.shape).write(&mut file)?;
                    file.write_all(&column.bytes)?;
                    column.rows
                }
                (true, None) => continue,
                (false, column) => {
                    let counted = column.map_or(0, |column| column.rows);
                    self.join(spec, &done, whole, counted)?
                }
            };
            recordings.push(Recording::in_file(path, rows));
        }
        Ok(recordings)
    }

    /// The parts of a record as one file, and how many rows it has: as many as were `counted`
    /// where a row takes no room.
    fn join(
        &self,
        spec: &RecordSpec,
        done: &[bool],
        whole: usize,
        counted: u64,
    ) -> io::Result<u64> {
        let mut file = OpenOptions::new().write(true).read(true).open(self.part(0, spec))?;
        for chunk in 1..done.len() {
            let part = self.part(chunk, spec);
            if chunk <= whole && part.exists() {
                file.seek(SeekFrom::End(0))?;
                io::copy(&mut File::open(&part)?, &mut file)?;
            }
            // A chunk that kept nothing has no part.
            remove(&part)?;
        }
        let start = room(spec).len() as u64;
        let row = Header::new(spec.element, &spec.shape).data_len()? as u64;
        let bytes = file.metadata()?.len().saturating_sub(start);
        let rows = bytes.checked_div(row).unwrap_or(counted);
        file.set_len(start + rows * row)?;
        file.seek(SeekFrom::Start(0))?;
        Header::new(spec.element, &record::shape(spec, rows))
            .write_padded(start as usize, &mut file)?;
        Ok(rows)
    }
}

/// A header with room for any number of rows.
fn room(spec: &RecordSpec) -> Vec<u8> {
    let mut header = Vec::new();
    // Writing to memory does not fail.
    let _ = Header::new(spec.element, &record::shape(spec, u64::MAX)).write(&mut header);
    header
}

/// Removes a file that may not be there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

impl Recorder for Folder<'_> {
    fn begin(&self, chunks: usize) -> io::Result<()> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        for spec in self.specs.iter().filter(|spec| !spec.at_end) {
            for chunk in 1..done.len() {
                remove(&self.part(chunk, spec))?;
            }
            fs::write(self.part(0, spec), room(spec))?;
        }
        *done = vec![false; chunks];
        Ok(())
    }

    fn write(&self, chunk: usize, record: usize, bytes: &[u8]) -> io::Result<()> {
        let Some(spec) = self.specs.get(record) else { return Ok(()) };
        // Not kept open: a run may have more records than a process may have files.
        let part = self.part(chunk, spec);
        OpenOptions::new().append(true).create(true).open(part)?.write_all(bytes)
    }

    fn done(&self, chunk: usize) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(done) = done.get_mut(chunk) {
            *done = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::npy::{Values, read_values};
    use snn_core::network::ElementType;

    fn specs() -> Vec<RecordSpec> {
        let spec = |key: &str, shape: &[usize], at_end| RecordSpec {
            key: key.into(),
            element: ElementType::I16,
            shape: shape.to_vec(),
            at_end,
        };
        vec![spec("a.u", &[2], false), spec("odd/key", &[], true), spec("never", &[3], false)]
    }

    fn read(path: &Path) -> (Vec<usize>, Values) {
        let mut from = File::open(path).unwrap();
        let header = Header::read(&mut from).unwrap();
        let values = read_values(&header, &mut from).unwrap();
        (header.shape, values)
    }

    fn bytes(values: &[i16]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    #[test]
    fn chunks_are_joined_in_order_of_time() {
        let (root, specs) = (tempfile::tempdir().unwrap(), specs());
        let folder = Folder::create(&root.path().join("r"), &specs).unwrap();
        folder.begin(2).unwrap();
        folder.write(1, 0, &bytes(&[5, 6])).unwrap();
        // All of it is void when the run begins again.
        folder.begin(3).unwrap();
        folder.write(2, 0, &bytes(&[7, 8])).unwrap();
        folder.write(0, 0, &bytes(&[1, 2])).unwrap();
        folder.write(0, 0, &bytes(&[3, 4])).unwrap();
        (0..3).for_each(|chunk| folder.done(chunk));
        let mut columns = vec![Column::default(); 3];
        columns[1].push(&[9i16]);
        let recordings = folder.finish(Some(&columns)).unwrap();
        assert_eq!(recordings.iter().map(|r| r.rows).collect::<Vec<_>>(), [3, 1, 0]);
        let file = |k: usize| Folder::file(&root.path().join("r"), &specs[k]);
        assert_eq!(read(&file(0)), (vec![3, 2], Values::Int(vec![1, 2, 3, 4, 7, 8])));
        assert_eq!(read(&file(1)), (vec![], Values::Int(vec![9])));
        assert_eq!(read(&file(2)), (vec![0, 3], Values::Int(vec![])));
        assert_eq!(&*recordings[0].bytes().unwrap(), bytes(&[1, 2, 3, 4, 7, 8]));
        assert_eq!(fs::read_dir(root.path().join("r")).unwrap().count(), 3);
        assert!(Folder::create(&root.path().join("r"), &specs).is_err(), "it is not empty");
    }

    #[test]
    fn of_a_run_that_stopped_whole_rows_are_kept_up_to_the_first_gap() {
        let (root, specs) = (tempfile::tempdir().unwrap(), specs());
        let folder = Folder::create(root.path(), &specs).unwrap();
        folder.begin(3).unwrap();
        folder.write(0, 0, &bytes(&[1, 2])).unwrap();
        folder.write(1, 0, &bytes(&[3, 4, 5])).unwrap();
        folder.write(2, 0, &bytes(&[6, 7])).unwrap();
        folder.done(0);
        folder.done(2);
        folder.finish(None).unwrap();
        let values = read(&Folder::file(root.path(), &specs[0]));
        assert_eq!(values, (vec![2, 2], Values::Int(vec![1, 2, 3, 4])));
    }
}
