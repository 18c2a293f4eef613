//! Trained networks as text.

use snn_front::import::{Imported, NetxOptions, import};
use snn_ir::data::DataError;
use snn_ir::diagnostics::Code;
use std::path::{Path, PathBuf};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("files").join(name)
}

/// The text of an import, which follows the grammar and is formatted.
fn imported(path: &Path, options: &NetxOptions) -> Imported {
    let imported = import(&snn_data::Disk, path, options).unwrap();
    assert_eq!(snn_grammar::format(&imported.text).as_ref(), Ok(&imported.text));
    imported
}

/// Options with paths from the folder of the test files.
fn options() -> NetxOptions {
    NetxOptions { folder: file(""), ..NetxOptions::default() }
}

fn text(name: &str, options: &NetxOptions) -> String {
    imported(&file(name), options).text
}

fn refused(name: &str, options: &NetxOptions) -> Vec<DataError> {
    import(&snn_data::Disk, &file(name), options).unwrap_err()
}

#[test]
fn every_form_that_a_file_can_have() {
    insta::assert_snapshot!(text("forms.net", &options()));
}

#[test]
fn convolutions() {
    insta::assert_snapshot!(text("conv.net", &options()));
    // A skipped layer says the shape of what follows, and so does the option.
    let skipped = |skip, shape: Option<&[i64]>| {
        let shape = shape.map(<[i64]>::to_vec);
        let options = NetxOptions { skip_layers: Some(skip), input_shape: shape, ..options() };
        import(&snn_data::Disk, &file("conv.net"), &options)
    };
    assert!(skipped(1, None).unwrap().text.contains("in s_in: i32[6, 7, 2]"));
    assert!(skipped(2, None).unwrap().text.contains("in s_in: i32[5, 4, 4]"));
    assert!(skipped(1, Some(&[6, 7, 2])).is_ok());
    for (shape, part) in [(&[7, 6, 2][..], "an input of 7 by 6"), (&[84], "is [84]")] {
        let errors = skipped(1, Some(shape)).unwrap_err();
        assert_eq!(errors[0].code, Code::E0611);
        assert!(errors[0].message.contains(part), "{errors:?}");
    }
}

/// The spikes that `files/make.py` computes from the definition in PyTorch's terms.
#[test]
fn convolutions_give_the_spikes_of_the_network_that_was_exported() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["conv.net", "conv.npz"] {
        std::fs::copy(file(name), dir.path().join(name)).unwrap();
    }
    let text = "data spikes = npz(\"conv.npz\")
network Main {
    net = netx(\"conv.net\")
    Source(spikes.s_in) -> net
}
run sim of Main {
    models fixed_pt
    steps 16
    record net.layer2.neuron.s_out
}
";
    let program = dir.path().join("program.snn");
    std::fs::write(&program, text).unwrap();
    let run = snn_tests::program::check(&program, &[]);
    let results = snn_tests::program::executed(&run.ir);
    let expected = &snn_tests::program::arrays(&file("conv.npz"))["s_out"];
    assert!(expected.values.contains(&1.0));
    assert_eq!(&results["net.layer2.neuron.s_out"], expected);
}

#[test]
fn options_of_the_loader() {
    let options = NetxOptions {
        reset_interval: Some(32),
        reset_offset: Some(1),
        skip_layers: Some(1),
        input_shape: Some(vec![3]),
        input_message_bits: Some(8),
        sparse_fc_layer: true,
        ..options()
    };
    insta::assert_snapshot!(text("small.net", &options));
}

#[test]
fn a_skipped_layer_decides_the_message_bits_of_the_next() {
    let skipped = |skip, bits| {
        let options =
            NetxOptions { skip_layers: Some(skip), input_message_bits: Some(bits), ..options() };
        let text = text("forms.net", &options);
        text.lines().find(|l| l.contains("num_message_bits")).unwrap().trim().to_string()
    };
    assert_eq!(skipped(0, 8), "num_message_bits: 8,");
    assert_eq!(skipped(2, 8), "num_message_bits: 8,", "input and flatten pass messages on");
    assert_eq!(skipped(3, 8), "num_message_bits: 0,", "CUBA neurons send spikes");
}

#[test]
fn fewer_layers() {
    let options = NetxOptions { num_layers: Some(1), ..options() };
    let text = text("small.net", &options);
    assert!(text.contains("Layer0()") && !text.contains("Layer1"), "{text}");
    let named = NetxOptions { num_layers: Some(1), ..options };
    assert!(
        import(&snn_data::Disk, &file("unsupported.net"), &named).is_ok(),
        "what is not read does not matter"
    );
}

#[test]
fn layers_that_cannot_be_imported_are_named_all_at_once() {
    let errors = refused("unsupported.net", &options());
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].code, Code::E0610);
    for part in ["layer 2 is `pool`", "layer 3 is `dense` with `SDNN`"] {
        assert!(errors[0].message.contains(part), "{}", errors[0].message);
    }
}

#[test]
fn a_layer_that_lacks_something() {
    let errors = refused("no-decay.net", &options());
    assert_eq!(errors[0].code, Code::E0611);
    assert!(errors[0].message.contains("/layer/0/neuron/iDecay"), "{errors:?}");
    let errors = refused("kinds.h5", &options());
    assert_eq!(errors[0].code, Code::E0613, "told by the ending: {errors:?}");
    let errors = snn_front::import::netx::import(&snn_data::Disk, &file("kinds.h5"), &options())
        .unwrap_err();
    assert_eq!(errors[0].code, Code::E0611);
    assert!(errors[0].message.contains("/layer"), "{errors:?}");
}

#[test]
fn options_that_cannot_apply() {
    let cases: [(&str, NetxOptions); 8] = [
        ("num_layers", NetxOptions { num_layers: Some(3), ..options() }),
        ("num_layers", NetxOptions { num_layers: Some(0), ..options() }),
        ("skip_layers", NetxOptions { skip_layers: Some(2), ..options() }),
        ("skip_layers", NetxOptions { skip_layers: Some(-1), ..options() }),
        ("reset_interval", NetxOptions { reset_interval: Some(0), ..options() }),
        ("reset_offset", NetxOptions { reset_offset: Some(3), ..options() }),
        ("spike_exp", NetxOptions { spike_exp: Some(6), ..options() }),
        ("input_shape", NetxOptions { input_shape: Some(vec![5, 1]), ..options() }),
    ];
    for (name, options) in cases {
        let errors = refused("small.net", &options);
        assert_eq!(errors[0].code, Code::E0612);
        assert!(errors[0].message.contains(name), "{errors:?}");
    }
    let several = NetxOptions { num_layers: Some(9), reset_interval: Some(-4), ..options() };
    assert_eq!(refused("small.net", &several).len(), 2);
}

#[test]
fn names_and_paths_follow_the_file() {
    let dir = tempfile::tempdir().unwrap();
    for (name, network) in [
        ("trained_mnist-network.net", "TrainedMnistNetwork"),
        ("2nd.net", "Net2nd"),
        ("Dense.net", "DenseNetwork"),
        ("layer0.net", "Layer0Network"),
        ("größe \"x\".net", "GrEX"),
    ] {
        let path = dir.path().join(name);
        std::fs::copy(file("small.net"), &path).unwrap();
        let options = NetxOptions { folder: dir.path().join("sub"), ..NetxOptions::default() };
        let imported = imported(&path, &options);
        assert_eq!(imported.network, network);
        assert!(imported.text.contains(&format!("network {network} {{")));
        let written = format!("hdf5(\"../{}\", ", name.replace('"', "\\\""));
        assert!(imported.text.contains(&written), "{}", imported.text);
    }
}

#[test]
fn other_files_are_not_networks() {
    for name in ["lif.nir", "weights.h5", "README"] {
        let errors = refused(name, &options());
        assert_eq!(errors[0].code, Code::E0613);
        assert!(errors[0].message.contains(name));
    }
}

#[test]
fn the_reference_networks() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !data.exists() {
        eprintln!("skipped: the reference data is not here");
        return;
    }
    let options = NetxOptions {
        folder: data.clone(),
        reset_interval: Some(32),
        reset_offset: Some(1),
        ..NetxOptions::default()
    };
    for name in ["netx/mnist_cuba.net", "netx/oxford.net", "mnist_snn/mnist.net"] {
        let imported = imported(&data.join(name), &options);
        assert!(!imported.text.contains("Warning"), "{}", imported.text);
        insta::assert_snapshot!(name.replace(['/', '.'], "_"), imported.text);
    }
    let pilotnet =
        import(&snn_data::Disk, &data.join("netx/pilotnet_sdnn.net"), &NetxOptions::default());
    let errors = pilotnet.unwrap_err();
    assert_eq!((errors.len(), errors[0].code), (1, Code::E0610));
    assert!(errors[0].message.contains("layer 9 is `dense` with `SDNN` neurons"));
}

/// A layer that only adds up is placed as it is imported: its threshold is one that the chip has.
#[test]
fn a_layer_without_neurons_fits_the_chip() {
    let options = NetxOptions { skip_layers: Some(4), num_layers: Some(5), ..options() };
    let text = text("forms.net", &options);
    assert!(text.contains("vth: 131071"), "{text}");
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(file("forms.net"), dir.path().join("forms.net")).unwrap();
    let program = dir.path().join("program.snn");
    let main = "network Main {
    drive = LIF[2](vth: 10, bias_mant: 100)
    net = Forms()
    drive -> net
}
run hw of Main { models fixed_pt; target loihi2(board: oheo_gulch); steps 10 }
";
    std::fs::write(&program, text + main).unwrap();
    let checked = snnc::driver::check(&snn_data::Disk, &program, &snnc::driver::Options::default());
    let codes: Vec<_> = checked.diagnostics.iter().map(|d| d.code.name()).collect();
    assert!(!codes.iter().any(|c| c.starts_with('E')), "{:#?}", checked.diagnostics);
}

/// The text of an import is a program: with a run, it passes all checks.
#[test]
fn imported_networks_compile() {
    let dir = tempfile::tempdir().unwrap();
    let networks = [("forms.net", "Forms"), ("small.net", "Small"), ("conv.net", "ConvNetwork")];
    for (sparse_fc_layer, (name, network)) in
        [false, true].into_iter().flat_map(|sparse| networks.map(|n| (sparse, n)))
    {
        let folder = dir.path().into();
        let options = NetxOptions { folder, sparse_fc_layer, ..NetxOptions::default() };
        let mut text = imported(&file(name), &options).text;
        text += &format!("\nrun sim of {network} {{\n    models fixed_pt\n    steps 10\n}}\n");
        let program = dir.path().join("program.snn");
        std::fs::write(&program, &text).unwrap();
        let checked =
            snnc::driver::check(&snn_data::Disk, &program, &snnc::driver::Options::default());
        let errors: Vec<_> = checked
            .diagnostics
            .iter()
            .filter(|d| d.code.severity() == snn_ir::diagnostics::Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{errors:#?}\n{text}");
        assert_eq!(checked.runs.len(), 1);
    }
}

#[test]
fn what_is_not_kept_of_a_file_is_said_once_at_its_import() {
    let lost = imported(&file("forms.net"), &options()).losses;
    let counts: Vec<(&str, usize, usize)> =
        lost.iter().map(|l| (l.dataset.as_str(), l.count, l.of)).collect();
    assert_eq!(counts, [("/layer/6/delay", 1, 2), ("/layer/11/weight", 3, 4)]);

    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(file("forms.net"), dir.path().join("forms.net")).unwrap();
    let checked = |allow: &str| {
        let program = format!(
            "network N {{
    source = Source(data: ones([4, 3]))
    {allow}
    first = netx(\"forms.net\")
    second = netx(\"forms.net\")
    source -> first
    source -> second
}}
run r of N {{ models fixed_pt; steps 2 }}
run s of N {{ models fixed_pt; steps 4 }}
"
        );
        std::fs::write(dir.path().join("n.snn"), program).unwrap();
        let checked =
            snnc::driver::check(&snn_data::Disk, &dir.path().join("n.snn"), &Default::default());
        let losses = checked.diagnostics.into_iter().filter(|d| d.code == Code::W0701);
        losses.map(|d| (d.labels[0].loc.file, d.message)).collect::<Vec<_>>()
    };
    assert_eq!(
        checked(""),
        [
            (0, "1 of 2 values of `/layer/6/delay` in `forms.net` is not kept".to_string()),
            (0, "3 of 4 values of `/layer/11/weight` in `forms.net` are not kept".to_string()),
        ]
    );
    assert_eq!(checked("allow W0701 \"as it was trained\""), []);
}
