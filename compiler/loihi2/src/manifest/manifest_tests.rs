//! What a manifest looks like, and whether other programs can read it.

use super::*;
use crate::fixtures::{conv, mnist, recurrent, small_world};
use crate::plan::Plan;
use crate::yaml::Tree;
use std::collections::BTreeSet;
use std::process::Command;

fn written(plan: &Plan) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("placement.yaml");
    write(plan, &path, "weights.h5").expect("writes");
    let text = std::fs::read_to_string(&path).expect("reads");
    (folder, text)
}

/// The manifest without the profile's figures, which `spec/loihi2.md` lists, and without the
/// digest of all of it.
fn shown(plan: &Plan) -> String {
    let (_folder, text) = written(plan);
    let inside = |line: &&str| {
        line.starts_with("    ")
            && line.split_once(": {value: ").is_some_and(|(key, _)| !key.trim().contains(' '))
    };
    let shown = |line: &&str| !inside(line) && !line.starts_with("digest: ");
    text.lines().filter(shown).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_manifest_of_dense_layers() {
    insta::assert_snapshot!(shown(&mnist()));
}

#[test]
fn a_manifest_of_a_convolution_on_two_chips() {
    insta::assert_snapshot!(shown(&conv()));
}

#[test]
fn a_manifest_of_a_sparse_recurrent_network() {
    insta::assert_snapshot!(shown(&recurrent()));
}

/// Runs a Python program with the folder as argument, if there are the modules that it needs.
fn python(modules: &str, program: &str, folder: &Path) {
    let run = |program: &str| Command::new("python3").arg("-c").arg(program).arg(folder).output();
    if !run(&format!("import {modules}")).is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: python3 has no {modules}");
        return;
    }
    let output = run(program).expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn other_programs_read_the_weights() {
    let (folder, _) = written(&conv());
    let program = r#"
import sys, h5py, numpy as np
with h5py.File(sys.argv[1] + "/weights.h5") as f:
    conv = f["projections/conv.w/weights"]
    assert conv.shape == (4, 3, 3, 1) and conv.dtype == np.int8, conv
    assert (2 * conv[:].astype(int).ravel() == np.arange(36) * 7 % 256 * 2 - 256).all()
    assert f["projections/conv.w"].attrs["sign_mode"] == "mixed"
    dense = f["projections/dense/weights"]
    assert dense.shape == (10, 18) and dense.dtype == np.uint8, dense
    assert (dense[:].ravel() == np.arange(180)).all()
    bias = f["populations/conv/bias"]
    assert bias.dtype == np.int16 and (bias[:] == np.arange(36) - 9).all()
"#;
    python("h5py", program, folder.path());
    let (folder, _) = written(&recurrent());
    let program = r#"
import sys, h5py, numpy as np
with h5py.File(sys.argv[1] + "/weights.h5") as f:
    loop = f["projections/loop"]
    starts, sources = loop["starts"][:], loop["sources"][:]
    assert starts.dtype == np.uint64 and len(starts) == 301 and starts[-1] == len(sources)
    assert sources.dtype == np.uint32 and sources.max() < 300
    assert (loop["weights"][:] == 3).all() and (loop["delays"][:] == 1).all()
    assert (f["populations/r/rates"][:] == np.arange(300) % 9 / 16).all()
"#;
    python("h5py", program, folder.path());
}

#[test]
fn manifests_keep_to_the_published_schema() {
    for plan in [mnist(), conv(), recurrent(), small_world(100_000, 10)] {
        let (folder, _) = written(&plan);
        std::fs::write(folder.path().join("schema.json"), JSON_SCHEMA).expect("writes");
        let program = r#"
import sys, json, yaml, jsonschema
schema = json.load(open(sys.argv[1] + "/schema.json"))
jsonschema.Draft202012Validator.check_schema(schema)
manifest = yaml.safe_load(open(sys.argv[1] + "/placement.yaml"))
jsonschema.validate(manifest, schema, jsonschema.Draft202012Validator)
assert not jsonschema.Draft202012Validator(schema).is_valid({**manifest, "more": 1})
"#;
        python("yaml, jsonschema", program, folder.path());
    }
}

/// Every key of a manifest is in the schema, and the schema has no others.
#[test]
fn the_published_schema_has_the_keys_of_the_types() {
    fn keys(tree: &Tree, found: &mut BTreeSet<String>) {
        match tree {
            Tree::List(items) => items.iter().for_each(|item| keys(item, found)),
            Tree::Map(entries) => {
                for (key, value) in entries {
                    found.insert(key.clone());
                    // Keys that users choose.
                    if !["provenance", "parameters", "state"].contains(&key.as_str()) {
                        keys(value, found);
                    }
                }
            }
            _ => {}
        }
    }
    fn properties(tree: &Tree, found: &mut BTreeSet<String>) {
        match tree {
            Tree::List(items) => items.iter().for_each(|item| properties(item, found)),
            Tree::Map(entries) => {
                for (key, value) in entries {
                    if let (true, Tree::Map(named)) = (key == "properties", value) {
                        found.extend(named.iter().map(|(name, _)| name.clone()));
                        named.iter().for_each(|(_, value)| properties(value, found));
                    } else {
                        properties(value, found);
                    }
                }
            }
            _ => {}
        }
    }
    let mut written_keys = BTreeSet::from(["value".to_string()]);
    for plan in [mnist(), conv(), recurrent(), small_world(100_000, 10)] {
        let manifest =
            build::build(&plan, Some(schema::Weights { file: "w".into(), sha256: "0".into() }));
        keys(&yaml::tree(&manifest).expect("a tree"), &mut written_keys);
    }
    let parameters = ["du", "dv", "vth", "bias_exp"];
    written_keys.retain(|key| !parameters.contains(&key.as_str()));
    let mut published = BTreeSet::new();
    // JSON is YAML.
    properties(&yaml::parse(JSON_SCHEMA).expect("JSON"), &mut published);
    assert_eq!(written_keys, published);
}
