//! Any bytes as the weights beside a manifest; the `weights.h5` that `snnc build` writes for a
//! network with `Sparse` synapses is a good seed.
#![no_main]

use snn_loihi2::verify::verify_text;
use std::path::Path;

/// A manifest with sparse synapses, which are only in the file of weights.
const MANIFEST: &str = include_str!("../seeds/sparse.yaml");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    snn_fuzz::with_file(bytes, "h5", |path| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let text = MANIFEST.replace("weights.h5", &file);
        drop(verify_text(&text, path.parent().unwrap_or(Path::new(""))));
    });
});
