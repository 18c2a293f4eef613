//! Any bytes as a `idx` file.
#![no_main]

use snn_ir::data::DataSource;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    snn_fuzz::with_file(bytes, "idx", |path| snn_fuzz::read(DataSource::Idx(path.into())));
});
