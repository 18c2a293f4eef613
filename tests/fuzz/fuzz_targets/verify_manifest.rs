//! Any text as a manifest; one that `snnc build` has written for `target loihi2` is a good seed.
#![no_main]

use snn_loihi2::verify::verify;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    snn_fuzz::with_file(bytes, "yaml", |path| drop(verify(path)));
});
