//! Any bytes as an `npz` file, and every member that it says to have.
#![no_main]

use snn_data::npz_members;
use snn_ir::data::DataSource;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    snn_fuzz::with_file(bytes, "npz", |path| {
        for member in npz_members(&snn_data::Disk, path).unwrap_or_default() {
            snn_fuzz::read(DataSource::Npz(path.into(), member));
        }
    });
});
