//! Any text as a program: what `snnc check` does, and every run that it finds no error in has a
//! crate.
#![no_main]

use snnc::driver::{Options, check};
use snnc::execute::generate;

libfuzzer_sys::fuzz_target!(|text: &str| {
    snn_fuzz::with_file(text.as_bytes(), "snn", |path| {
        for run in check(&snn_data::Disk, path, &Options::default()).runs {
            drop(generate(&run.ir, &snn_data::Disk, [text]));
        }
    });
});
