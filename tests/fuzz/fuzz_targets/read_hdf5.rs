//! Any bytes as an HDF5 file, with the names that `tests/files/kinds.h5`, a good seed, has.
#![no_main]

use snn_ir::data::DataSource;

const NAMES: [&str; 6] = ["bool", "u64", "text", "deep/er/values", "chunked", "unwritten"];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    snn_fuzz::with_file(bytes, "h5", |path| {
        for name in NAMES {
            snn_fuzz::read(DataSource::Hdf5(path.into(), name.into()));
        }
    });
});
