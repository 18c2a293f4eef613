//! Any bytes as a `npy` file.
#![no_main]

use snn_ir::data::DataSource;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    snn_fuzz::with_file(bytes, "npy", |path| snn_fuzz::read(DataSource::Npy(path.into())));
});
