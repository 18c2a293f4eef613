//! Files that appear under their name only when they are whole, and `.npy` files for generated
//! programs.

use snn_ir::data::DataError;
use snn_ir::diagnostics::Code;
use snn_ir::step::Elem;
use snn_ir::tensor::{Tensor, Values};
use snn_runtime::network::ElementType;
use snn_runtime::npy::Header;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes a file at `to`: the header, then what `body` writes. The file appears under its
/// name only when it is whole.
///
/// # Errors
/// E0607, and those of `body`.
pub(super) fn npy(
    to: &Path,
    elem: Elem,
    shape: &[usize],
    body: impl FnOnce(&mut BufWriter<File>) -> Result<(), DataError>,
) -> Result<(), DataError> {
    whole(to, |file| {
        Header::new(ElementType::from(elem), shape).write(file).map_err(|e| failed(to, &e))?;
        body(file)
    })
}

/// Writes a file at `to`, which appears under its name only when `body` has written all of it.
///
/// # Errors
/// E0607, and those of `body`.
pub(super) fn whole(
    to: &Path,
    body: impl FnOnce(&mut BufWriter<File>) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let partial = partial_name(to);
    let write = || {
        let mut file = BufWriter::new(File::create(&partial).map_err(|e| failed(to, &e))?);
        body(&mut file)?;
        file.flush().map_err(|e| failed(to, &e))?;
        std::fs::rename(&partial, to).map_err(|e| failed(to, &e))
    };
    let written = write();
    if written.is_err() {
        // The first error is the one to report; what is left behind is only litter.
        let _ = std::fs::remove_file(&partial);
    }
    written
}

/// Writes values as elements of type `elem`, little-endian. Values that do not fit wrap, as
/// a cast does; values read from a dataset with this element type always fit.
///
/// # Errors
/// Those of the writer.
pub(super) fn values(to: &mut impl Write, elem: Elem, tensor: &Tensor) -> io::Result<()> {
    match &tensor.values {
        Values::Bool(v) => v.iter().try_for_each(|&b| to.write_all(&[u8::from(b)])),
        Values::Float(v) if elem == Elem::F32 => {
            v.iter().try_for_each(|&x| to.write_all(&(x as f32).to_le_bytes()))
        }
        Values::Float(v) => v.iter().try_for_each(|x| to.write_all(&x.to_le_bytes())),
        Values::Int(v) => {
            let bytes = ElementType::from(elem).size();
            v.iter().try_for_each(|n| {
                let all = n.to_le_bytes();
                to.write_all(all.get(..bytes).unwrap_or(&all))
            })
        }
    }
}

/// A name beside `to` that no other writer uses, in this process or another.
fn partial_name(to: &Path) -> PathBuf {
    static WRITERS: AtomicU64 = AtomicU64::new(0);
    let writer = WRITERS.fetch_add(1, Ordering::Relaxed);
    let mut name = to.as_os_str().to_owned();
    name.push(format!(".{}.{writer}.partial", std::process::id()));
    name.into()
}

/// E0607: the operating system does not let the file be written.
pub(super) fn failed(to: &Path, error: &io::Error) -> DataError {
    DataError::new(
        Code::E0607,
        format!("cannot write `{}`: {error}", to.display()),
        "check that the folder exists, may be written to and has room",
    )
}
