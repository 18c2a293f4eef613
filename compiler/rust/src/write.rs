//! A generated crate on disk.

use super::data::{Contents, DataFile, List};
use super::{GeneratedCrate, build::runtime};
use snn_data::Files;
use snn_ir::diagnostics::{Code, Diagnostic};
use snn_ir::step::Elem;
use snn_ir::tensor::{Sparse, Tensor, Values};
use snn_runtime::network::{Element, ElementType};
use snn_runtime::npy::Header;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a crate that needs nothing else: sources, data, and the runtime beside them.
///
/// # Errors
/// E0901 where a file cannot be written; the codes of data files that cannot be read.
pub fn write(generated: &GeneratedCrate, files: &dyn Files, dir: &Path) -> Result<(), Diagnostic> {
    everything(generated, files, dir).map_err(|mut diagnostic| {
        if diagnostic.code == Code::E0903 {
            diagnostic.code = Code::E0901;
            diagnostic.helps = vec!["give another folder with `-o`, or make room".into()];
        }
        diagnostic
    })
}

fn everything(generated: &GeneratedCrate, files: &dyn Files, dir: &Path) -> Result<(), Diagnostic> {
    let manifest = generated.manifest(&generated.name, "runtime");
    text(dir, "Cargo.toml", &manifest)?;
    text(dir, "Cargo.lock", runtime::LOCK)?;
    for (path, contents) in &generated.files {
        text(dir, path, contents)?;
    }
    for (path, contents) in runtime::files() {
        text(dir, &format!("runtime/{path}"), contents)?;
    }
    data(generated, files, &dir.join("data"))
}

/// Writes the files of the `data` folder into `dir`.
///
/// # Errors
/// E0903 where a file cannot be written; the codes of data files that cannot be read.
pub fn data(generated: &GeneratedCrate, files: &dyn Files, dir: &Path) -> Result<(), Diagnostic> {
    fs::create_dir_all(dir).map_err(|e| unwritable(dir, &e))?;
    for file in &generated.data {
        let path = dir.join(&file.name);
        match &file.contents {
            Contents::Entries(sparse, list) => {
                entries(file, sparse, *list, &path).map_err(|e| unwritable(&path, &e))?;
            }
            Contents::File(dataset) => {
                snn_data::write_npy(files, dataset, &path).map_err(super::data::unreadable)?
            }
            Contents::Known(values, shift) => {
                known(file, values, *shift, &path).map_err(|e| unwritable(&path, &e))?;
            }
        }
    }
    Ok(())
}

/// Writes a text file, and the folders it lies in.
///
/// # Errors
/// E0903.
pub fn text(dir: &Path, path: &str, contents: &str) -> Result<(), Diagnostic> {
    let path = dir.join(path);
    let folder = path.parent().unwrap_or(dir);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, contents))
        .map_err(|e| unwritable(&path, &e))
}

/// E0903 for a path.
pub fn unwritable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::without_place(Code::E0903, format!("cannot write {}: {error}", path.display()))
        .help("make room, or set SNNC_CACHE to another folder")
}

fn known(file: &DataFile, values: &Tensor, shift: u8, path: &Path) -> io::Result<()> {
    let mut out = start(file, path)?;
    let mut bytes = Vec::with_capacity(8);
    for at in 0..values.len() {
        bytes.clear();
        element(values, at, shift, file.elem, &mut bytes);
        out.write_all(&bytes)?;
    }
    finish(out)
}

fn entries(file: &DataFile, sparse: &Sparse, list: List, path: &Path) -> io::Result<()> {
    let mut out = start(file, path)?;
    let palette = sparse.palette();
    let stays = sparse.nonzero_codes();
    let mut bytes = Vec::with_capacity(8);
    let mut count = 0u32;
    for row in 0..sparse.rows() {
        if list == List::Starts {
            out.write_all(&count.to_le_bytes())?;
        }
        for (column, code) in sparse.row(row).filter(|(_, code)| stays[*code]) {
            bytes.clear();
            match list {
                List::Starts => count += 1,
                List::Sources => (column as u32).write(&mut bytes),
                List::Weights(shift) => element(palette, code, shift, file.elem, &mut bytes),
            }
            out.write_all(&bytes)?;
        }
    }
    if list == List::Starts {
        out.write_all(&count.to_le_bytes())?;
    }
    finish(out)
}

fn start(file: &DataFile, path: &Path) -> io::Result<BufWriter<File>> {
    let mut out = BufWriter::new(File::create(path)?);
    Header::new(ElementType::from(file.elem), &file.shape).write(&mut out)?;
    Ok(out)
}

fn finish(out: BufWriter<File>) -> io::Result<()> {
    out.into_inner().map_err(|e| e.into_error())?.sync_data()
}

/// An element as it is stored, integers shifted right.
fn element(values: &Tensor, at: usize, shift: u8, elem: Elem, to: &mut Vec<u8>) {
    match &values.values {
        Values::Int(v) => number(v.get(at).map_or(0, |v| v >> shift), elem, to),
        Values::Bool(v) => number(v.get(at).map_or(0, |v| i64::from(*v)), elem, to),
        Values::Float(v) => {
            let value = v.get(at).copied().unwrap_or(0.0);
            match elem {
                Elem::F64 => value.write(to),
                Elem::F32 => (value as f32).write(to),
                _ => number(value as i64, elem, to),
            }
        }
    }
}

fn number(value: i64, elem: Elem, to: &mut Vec<u8>) {
    match elem {
        Elem::Bool | Elem::U8 => (value as u8).write(to),
        Elem::I8 => (value as i8).write(to),
        Elem::I16 => (value as i16).write(to),
        Elem::U16 => (value as u16).write(to),
        Elem::I32 => (value as i32).write(to),
        Elem::U32 => (value as u32).write(to),
        Elem::I64 => value.write(to),
        Elem::F32 => (value as f32).write(to),
        Elem::F64 => (value as f64).write(to),
    }
}
