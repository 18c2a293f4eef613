//! Any bytes as an archive of recordings, compared with itself: it cannot be read, or is the same.
#![no_main]

use snn_data::compare::compare;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    snn_fuzz::with_file(bytes, "npz", |path| {
        if let Ok(comparison) = compare(&snn_data::Disk, path, path) {
            assert!(comparison.equal());
        }
    });
});
