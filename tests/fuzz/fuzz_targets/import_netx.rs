//! Any bytes as a trained network; `tests/files/forms.net` is a good seed.
#![no_main]

use snn_front::import::{NetxOptions, import};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    snn_fuzz::with_file(bytes, "net", |path| {
        if let Err(errors) = import(&snn_data::Disk, path, &NetxOptions::default()) {
            assert!(!errors.is_empty());
        }
    });
});
