//! Any bytes as a `csv` file.
#![no_main]

use snn_ir::data::DataSource;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    snn_fuzz::with_file(bytes, "csv", |path| snn_fuzz::read(DataSource::Csv(path.into())));
});
