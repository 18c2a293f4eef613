//! What the fuzz targets of data files share: readers take files, fuzzers give bytes.

use snn_ir::data::{DataSource, Dataset};
use std::path::{Path, PathBuf};

/// Calls `use_it` with a file of these bytes; each process has one of its own.
///
/// # Panics
/// Where the temporary folder cannot be written to.
pub fn with_file(bytes: &[u8], ending: &str, use_it: impl FnOnce(&Path)) {
    let name = format!("snn-fuzz-{}.{ending}", std::process::id());
    let path: PathBuf = std::env::temp_dir().join(name);
    std::fs::write(&path, bytes).expect("the temporary folder can be written to");
    use_it(&path);
}

/// Reads a dataset as the compiler does. The values agree with the header, or it is an error.
///
/// # Panics
/// Where they do not agree.
pub fn read(source: DataSource) {
    let Ok(dataset) = snn_data::open(&snn_data::Disk, source) else { return };
    if let Ok(tensor) = snn_data::read(&snn_data::Disk, &dataset) {
        assert_eq!(tensor.shape, dataset.shape);
        assert_eq!(tensor.shape.iter().product::<usize>(), tensor.len());
    }
}
