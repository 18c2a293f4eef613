//! The convolutional example: a network of a size at which nothing may be spread out.

use snn_ir::diagnostics::Severity;
use snn_tests::program;
use snnc::driver::{self, Options};
use std::path::{Path, PathBuf};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/pilotnet/pilotnet.snn")
}

#[test]
fn kernels_stay_kernels() {
    let checked = driver::check(&snn_data::Disk, &example(), &Options::default());
    let errors = checked.diagnostics.iter().filter(|d| d.code.severity() == Severity::Error);
    assert_eq!(errors.count(), 0, "{:#?}", checked.diagnostics);
    assert_eq!(checked.runs.len(), 2);
    for run in &checked.runs {
        let elements: usize =
            run.ir.tensors.iter().map(|t| t.shape.iter().product::<usize>()).sum();
        // Weights (134 000 of convolutions, 121 000 of dense layers) and the frame; the matrix of
        // the first layer alone would have 2.9 billion.
        assert!(elements < 350_000, "{elements} constants");
    }
}

#[test]
fn generated_code_equals_the_executor_on_whole_layers() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(example()).unwrap();
    let records = "    record net.lif1.s_out\n    record net.lif2.v\n    record net.conv2.a_out\n";
    let file = folder.path().join("pilotnet.snn");
    let report = text.find("    report").unwrap();
    let text = [&text[..report], records, &text[report..]].concat();
    std::fs::write(&file, text).unwrap();
    let run = program::check(&file, &[("n_ts", "9")]);
    let (executed, generated) = (program::executed(&run.ir), program::generated(&run.ir, 1));
    assert!(executed["net.conv2.a_out"].values.iter().any(|x| *x != 0.0));
    assert_eq!(executed, generated);
}
