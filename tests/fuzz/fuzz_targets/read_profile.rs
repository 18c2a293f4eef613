//! Any text as a profile of a chip.
#![no_main]

use snn_loihi2::profile::Profile;
use std::path::Path;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    snn_fuzz::with_file(bytes, "yaml", |path| {
        drop(Profile::load(&path.to_string_lossy(), Path::new("")));
    });
});
