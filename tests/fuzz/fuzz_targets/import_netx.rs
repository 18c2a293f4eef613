//! Any bytes as a trained network; `tests/files/forms.net` is a good seed.
#![no_main]

use snnc::import::{NetxOptions, import};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    snn_fuzz::with_file(bytes, "net", |path| {
        if let Err(errors) = import(path, &NetxOptions::default()) {
            assert!(!errors.is_empty());
        }
    });
});
