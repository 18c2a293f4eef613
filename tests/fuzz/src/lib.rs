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

/// Reads a dataset as the compiler does, and as the executor where it leaves it in its file. The
/// values agree with the header and with each other, or it is an error.
///
/// # Panics
/// Where they do not agree.
pub fn read(source: DataSource) {
    let Ok(dataset) = snn_data::open(&snn_data::Disk, source) else { return };
    let elements = snn_data::Elements::open(&snn_data::Disk, &dataset);
    let Ok(tensor) = snn_data::read(&snn_data::Disk, &dataset) else { return };
    assert_eq!(tensor.shape, dataset.shape);
    assert_eq!(tensor.shape.iter().product::<usize>(), tensor.len());
    if let Ok(Some(elements)) = elements {
        let half = elements.len() / 2;
        let parts = [(0, half), (half, elements.len() - half)].map(|(at, n)| elements.read(at, n));
        let bytes = parts.map(|values| {
            let values = values.expect("all of it was read");
            snn_ir::tensor::Tensor { shape: Vec::new(), values }.bytes()
        });
        assert_eq!(bytes.concat(), tensor.bytes());
    }
}
