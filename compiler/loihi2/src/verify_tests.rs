//! Whatever is changed in a manifest is found, unless nothing follows from it.

use super::*;
use crate::fixtures::{conv, mnist, recurrent, small_world};
use crate::network::{Layer, Rate};
use crate::plan::Plan;
use crate::site::Site;
use crate::yaml::Tree;
use crate::{manifest, mapped};
use std::fs;

pub(super) fn written(plan: &Plan) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("placement.yaml");
    manifest::write(plan, &path, "weights.h5").expect("writes");
    let text = fs::read_to_string(&path).expect("reads");
    (folder, text)
}

/// What is wrong, without what could not be checked.
pub(super) fn errors(text: &str, folder: &Path) -> Vec<Finding> {
    let mut findings = verify_text(text, folder);
    findings.retain(|f| f.code != Code::W0812);
    findings
}

pub(super) fn show(findings: &[Finding]) -> String {
    let line = |f: &Finding| format!("{} {}: {}\n", f.code.name(), f.path, f.message);
    findings.iter().map(line).collect()
}

#[test]
fn what_was_written_holds_and_is_written_again_alike() {
    for plan in [mnist(), conv(), recurrent(), small_world(100_000, 10)] {
        let (folder, text) = written(&plan);
        assert_eq!(show(&verify(&folder.path().join("placement.yaml"))), "");
        let (other, again) = written(&plan);
        assert_eq!(text, again);
        let bytes =
            |folder: &tempfile::TempDir| fs::read(folder.path().join("weights.h5")).expect("reads");
        assert!(bytes(&folder) == bytes(&other));
    }
}

/// Entries from which nothing follows: names and descriptions, and facts about the source, the
/// network and the hardware. By path without positions. Only the digest shows their changes.
fn is_given(path: &str) -> bool {
    let given = [
        "source.file",
        "source.sha256",
        "source.compiler",
        "source.seed",
        "source.run",
        "source.steps",
        "target.profile",
        "target.bad_cores[]",
        "host[].reason",
        "network",
        "programs[].operations[]",
        "projections[].graded",
        "rates.origin",
        "digest",
    ];
    given.contains(&path) || path.starts_with("programs[].state.")
}

/// What stands at each scalar of a document, with its path.
fn leaves<'a>(tree: &'a mut Tree, path: String, visit: &mut dyn FnMut(&str, &mut Tree)) {
    match tree {
        Tree::List(items) => {
            for (i, item) in items.iter_mut().enumerate() {
                leaves(item, format!("{path}[{i}]"), visit);
            }
        }
        Tree::Map(entries) => {
            for (key, value) in entries {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(value, format!("{path}{dot}{key}"), visit);
            }
        }
        scalar => visit(&path, scalar),
    }
}

/// Other values of the same kind.
fn others(scalar: &Tree) -> Vec<Tree> {
    match scalar {
        Tree::Int(n) => vec![Tree::Int(n - 1), Tree::Int(2 * n + 1)],
        Tree::Float(x) => vec![Tree::Float(x * 1.001 + 0.001), Tree::Float(-x - 1.0)],
        Tree::Bool(b) => vec![Tree::Bool(!b)],
        Tree::Null => vec![Tree::Int(0)],
        Tree::Text(text) => {
            // Another digit, one less text, another word.
            let digit = |c: char| match c {
                '0'..='8' => char::from(c as u8 + 1),
                c => c,
            };
            let mut texts = vec![format!("{text}x"), text.chars().map(digit).collect()];
            texts.extend(text.split_once(", ").map(|(first, _)| first.to_string()));
            texts.retain(|other| other != text);
            texts.into_iter().map(Tree::Text).collect()
        }
        Tree::List(_) | Tree::Map(_) => vec![],
    }
}

fn without_positions(path: &str) -> String {
    let mut inside = false;
    let keep = |c: &char| {
        inside = match c {
            '[' => true,
            ']' => false,
            _ => inside,
        };
        !inside || *c == '['
    };
    path.chars().filter(keep).collect()
}

/// Changes every scalar: each change is reported, where it is, unless it is of what is given.
/// Without the weights file the place of changes at the paths of `unknown` cannot be found.
fn every_change_is_found(plan: &Plan, unknown: Option<&[&str]>) {
    let (folder, text) = written(plan);
    if unknown.is_some() {
        fs::remove_file(folder.path().join("weights.h5")).expect("removes");
        assert_eq!(show(&errors(&text, folder.path())), "");
    }
    let mut tree = yaml::tree(&parse(&text).expect("parses")).expect("a tree");
    let mut count = 0;
    leaves(&mut tree.clone(), String::new(), &mut |_, _| count += 1);
    let (mut missed, mut tried) = (Vec::new(), 0);
    for at in 0..count {
        let mut place = (0, None);
        leaves(&mut tree, String::new(), &mut |path, scalar| {
            if place.0 == at {
                place.1 = Some((path.to_string(), scalar.clone()));
            }
            place.0 += 1;
        });
        let (path, original) = place.1.expect("there are as many");
        let place = without_positions(&path);
        let given =
            is_given(&place) || unknown.is_some_and(|unknown| unknown.contains(&place.as_str()));
        let put = |tree: &mut Tree, value: &Tree| {
            let mut i = 0;
            leaves(tree, String::new(), &mut |_, scalar| {
                if i == at {
                    *scalar = value.clone();
                }
                i += 1;
            });
        };
        for other in others(&original) {
            put(&mut tree, &other);
            let changed = yaml::write(&tree).expect("writes");
            let found = match unknown {
                Some(_) => errors(&changed, folder.path()),
                None => verify_text(&changed, folder.path()),
            };
            if found.iter().all(|f| !given && f.path == "digest") {
                missed.push(format!("{path}: {original} -> {other}"));
            }
            tried += 1;
        }
        put(&mut tree, &original);
    }
    assert!(tried > 500, "{tried}");
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn every_change_of_dense_layers_is_found() {
    every_change_is_found(&mnist(), None);
}

#[test]
fn every_change_of_a_convolution_is_found() {
    every_change_is_found(&conv(), None);
}

#[test]
fn every_change_of_a_sparse_recurrent_network_is_found() {
    every_change_is_found(&recurrent(), None);
}

#[test]
fn without_the_weights_file_every_change_of_dense_layers_is_found() {
    every_change_is_found(&mnist(), IN_THE_FILE);
    let mut plan = mnist();
    let each = |n: u32| Rate::Each((0..n).map(|i| f64::from(i % 7) / 8.0).collect());
    plan.rates.of = [784, 128, 64, 10].map(each).into();
    every_change_is_found(&again(plan), IN_THE_FILE);
}

#[test]
fn without_the_weights_file_every_change_of_a_convolution_is_found() {
    let mut plan = conv();
    plan.rates.of[1] = Rate::Each((0..36).map(|i| f64::from(i % 5) / 8.0).collect());
    every_change_is_found(&again(plan), IN_THE_FILE);
}

#[test]
fn without_the_weights_file_every_change_of_a_sparse_recurrent_network_is_found() {
    every_change_is_found(&recurrent(), IN_THE_FILE);
    let mut plan = recurrent();
    plan.rates.of[1] = Rate::Uniform(0.5);
    every_change_is_found(&again(plan), IN_THE_FILE);
}

/// What nothing but the file says.
const IN_THE_FILE: Option<&[&str]> = Some(&[
    "weights.file",
    "weights.sha256",
    "populations[].bias_mant",
    "populations[].bias_mant[]",
]);

/// Sources and routes that are digests, of equal and of different rates.
#[test]
fn without_the_weights_file_the_sums_of_a_large_network_are_checked() {
    let mut each = small_world(100_000, 10);
    let rates = (0..100_000).map(|i| f64::from(i % 11) / 300.0).collect();
    each.rates.of = vec![Rate::Each(rates)];
    for plan in [small_world(100_000, 10), again(each)] {
        let (folder, text) = written(&plan);
        fs::remove_file(folder.path().join("weights.h5")).expect("removes");
        assert_eq!(show(&errors(&text, folder.path())), "");
        let manifest = parse(&text).expect("parses");
        type Change = fn(&mut Manifest);
        let changes: [Change; 8] = [
            |m| m.cores[1].axons_in[0].axons += 1,
            |m| m.cores[1].axons_in[0].fan_out[0].axons += 1,
            |m| m.cores[1].load.messages_in += 1.0,
            |m| m.cores[1].load.messages_out += 1.0,
            |m| m.cores[1].axons_out[0].messages += 1.0,
            |m| m.cores[1].resources.axon_in[0] += 1,
            |m| m.traffic.messages_per_step += 1.0,
            |m| m.estimate.energy_nj_per_step.hops_x += 1.0,
        ];
        for (i, change) in changes.iter().enumerate() {
            let mut changed = manifest.clone();
            change(&mut changed);
            let text = manifest::text(&changed).expect("writes");
            assert!(!errors(&text, folder.path()).is_empty(), "change {i}");
        }
    }
}

#[test]
fn rules_of_the_chip_are_those_of_its_profile() {
    let found = |plan: Plan| {
        let (folder, text) = written(&again(plan));
        verify_text(&text, folder.path())
    };
    let one = |plan: Plan, code: Code, path: &str| {
        let findings = found(plan);
        let here = findings.iter().any(|f| f.code == code && f.path == path);
        assert!(here, "{path}: {}", show(&findings));
    };
    fn layer(plan: &mut Plan, p: usize) -> &mut Layer {
        plan.network.populations[p].layer.as_mut().expect("a layer")
    }
    let du = |value: i64| {
        let mut plan = mnist();
        layer(&mut plan, 1).configs[0].0[0].1 = value;
        plan
    };
    assert_eq!(show(&found(du(-1))), "");
    one(du(4096), Code::E0814, "populations[1].configurations[0].parameters.du");
    let mut plan = mnist();
    layer(&mut plan, 1).resets[0].interval = 33;
    one(plan.clone(), Code::E0814, "populations[1].resets[0].interval");
    let profile = &mut plan.target.profile;
    profile.name = "mine".into();
    profile.figures.reset_power_of_two = 0;
    profile.provenance["reset_power_of_two"].value = 0.0;
    profile.boards.retain(|name, _| name == "kapoho_point");
    assert_eq!(show(&found(plan)), "");
    let mut plan = conv();
    plan.sites[1] = Site::of_id(130, &plan.target.profile.figures);
    one(plan, Code::E0814, "projections[0].conv");
    let mut plan = mnist();
    plan.network.host[0].resource = "embedded".into();
    plan.network.host = vec![plan.network.host[0].clone(); 25];
    one(plan, Code::E0814, "host[24].resource");
    let mut plan = mnist();
    plan.target.bad_cores = vec![1 << 20];
    one(plan, Code::E0814, "target.bad_cores[0]");
    let mut plan = mnist();
    plan.network.projections[1].format.bits = 6;
    one(plan, Code::E0605, "projections[1]");
    let mut plan = recurrent();
    plan.network.projections[1].format.max_delay = 0;
    one(plan, Code::E0605, "projections[1]");
}

/// The plan with what follows from changes.
pub(super) fn again(plan: Plan) -> Plan {
    let Plan { source, network, target, rates, assignment, sites, .. } = plan;
    Plan::new(source, network, target, rates, &assignment, &sites, None).expect("a plan")
}

/// Every line that is left out is missed.
#[test]
fn what_is_left_out_is_found() {
    for plan in [mnist(), conv()] {
        let (folder, text) = written(&plan);
        let lines: Vec<&str> = text.lines().collect();
        for skip in 0..lines.len() {
            let kept = lines.iter().enumerate().filter(|(i, _)| *i != skip);
            let cut: String = kept.flat_map(|(_, line)| [*line, "\n"]).collect();
            assert!(!verify_text(&cut, folder.path()).is_empty(), "{}", lines[skip]);
        }
    }
}

#[test]
fn what_is_no_manifest_is_refused() {
    let (folder, text) = written(&mnist());
    let code = |text: &str| verify_text(text, folder.path())[0].code;
    let broken = ["", "[", "3", "a: b", "schema: snnc.loihi2-placement/1", "\u{0}", "- &a [*a]"];
    for text in broken {
        assert_eq!(code(text), Code::E0812, "{text}");
    }
    assert_eq!(code(&text.replace("placement/1", "placement/2")), Code::E0812);
    assert_eq!(code(&text.replace("network: Net", "network: Net\nmore: 1")), Code::E0812);
    assert_eq!(verify(&folder.path().join("none.yaml"))[0].code, Code::E0812);
}

#[test]
fn the_weights_file_belongs_to_the_manifest() {
    let (folder, text) = written(&recurrent());
    let file = folder.path().join("weights.h5");
    let mut bytes = fs::read(&file).expect("reads");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&file, &bytes).expect("writes");
    let findings = verify_text(&text, folder.path());
    assert!(findings.iter().any(|f| f.path == "weights.sha256"), "{}", show(&findings));
    fs::write(&file, "no HDF5").expect("writes");
    let findings = verify_text(&text, folder.path());
    assert!(findings.iter().any(|f| f.code == Code::E0603), "{}", show(&findings));
}

#[test]
fn without_the_weights_file_sparse_rows_are_compared_with_each_other() {
    let (folder, text) = written(&recurrent());
    fs::remove_file(folder.path().join("weights.h5")).expect("removes");
    let codes = |text: &str| -> Vec<Code> {
        verify_text(text, folder.path()).iter().map(|f| f.code).collect()
    };
    assert_eq!(codes(&text), [Code::W0812]);
    let manifest = parse(&text).expect("parses");
    type Change = fn(&mut Manifest);
    let changes: [Change; 7] = [
        |m| m.cores[1].axons_in[0].words += 1,
        |m| m.cores[1].axons_in[0].synapses += 1,
        |m| m.cores[1].axons_in[0].fan_out[0].axons += 1,
        |m| m.cores[1].resources.syn_words[0] += 1,
        |m| m.cores[1].resources.axon_in[1] += 1,
        |m| m.projections[0].synapses += 1,
        |m| m.precision[0].weight_bits = Some(7),
    ];
    for (i, change) in changes.iter().enumerate() {
        let mut changed = manifest.clone();
        change(&mut changed);
        let text = manifest::text(&changed).expect("writes");
        assert!(codes(&text).contains(&Code::E0813), "change {i}");
    }
}

#[test]
fn routes_to_very_many_cores_are_compared_by_their_digest() {
    let (folder, text) = written(&small_world(100_000, 10));
    let manifest = parse(&text).expect("parses");
    assert!(text.len() < 200_000, "{}", text.len());
    type Change = fn(&mut Manifest);
    let changes: [Change; 3] = [
        |m| m.cores[1].axons_out[0].to_cores = Some("0..60".into()),
        |m| m.cores[1].axons_out[0].digest = m.cores[2].axons_out[0].digest.clone(),
        |m| m.cores[1].axons_in[0].src = m.cores[2].axons_in[0].src.clone(),
    ];
    for change in changes {
        let mut changed = manifest.clone();
        change(&mut changed);
        let text = manifest::text(&changed).expect("writes");
        let findings = verify_text(&text, folder.path());
        assert!(findings.iter().any(|f| f.code == Code::E0813), "{}", show(&findings));
    }
}

#[test]
fn a_source_that_has_changed_is_a_warning() {
    let (folder, text) = written(&mnist());
    fs::write(folder.path().join("net.snn"), "network N {}").expect("writes");
    let findings = verify_text(&text, folder.path());
    assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::W0812]);
}

/// No text makes verification panic: bytes of manifests replaced, left out and repeated.
#[test]
fn damaged_manifests_are_refused_or_verified() {
    for (plan, seed) in [(conv(), 1), (recurrent(), 2)] {
        let (folder, text) = written(&plan);
        let empty = tempfile::tempdir().expect("a folder");
        let mut state = seed;
        let mut random = |below: usize| {
            state = u64::wrapping_mul(state, 6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        };
        for _ in 0..300 {
            let mut bytes = text.clone().into_bytes();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                let digits = b"0123456789-.,:[]{} x\n";
                match random(3) {
                    0 => bytes[at] = digits[random(digits.len())],
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, digits[random(digits.len())]),
                }
            }
            // Most changes are found; that none panics is what is shown here.
            let changed = String::from_utf8_lossy(&bytes);
            let _ = verify_text(&changed, folder.path());
            let _ = verify_text(&changed, empty.path());
        }
    }
}

/// Figures for spec/manifest.md:
/// `cargo test --release -p snnc --lib million -- --ignored --nocapture`.
#[test]
#[ignore = "it measures; run it in release mode"]
fn a_million_neurons() {
    for fan_in in [10, 50] {
        let plan = small_world(1_000_000, fan_in);
        let timed = |what: &str, since: std::time::Instant| {
            eprintln!("{what}: {:.2} s", since.elapsed().as_secs_f64());
        };
        let start = std::time::Instant::now();
        let figures = &plan.target.profile.figures;
        let mapped = mapped::map(&plan.network, &plan.assignment, figures, &plan.rates);
        timed("map", start);
        assert_eq!(mapped, plan.mapped);
        let start = std::time::Instant::now();
        let built = manifest::build::build(&plan, None);
        timed("build", start);
        let start = std::time::Instant::now();
        let text = manifest::text(&built).expect("writes");
        timed("text", start);
        let digest = hash::sha256(text.as_bytes());
        eprintln!("{} cores, {} bytes, digest {digest}", built.cores.len(), text.len());
        let start = std::time::Instant::now();
        let (folder, _) = written(&plan);
        timed("manifest and weights", start);
        let start = std::time::Instant::now();
        let findings = verify(&folder.path().join("placement.yaml"));
        timed("verify", start);
        eprint!("{}", show(&findings));
    }
}

#[test]
fn numbers_beyond_all_measure_are_refused() {
    let (folder, text) = written(&conv());
    let manifest = parse(&text).expect("parses");
    type Change = fn(&mut Manifest);
    let changes: [Change; 9] = [
        |m| m.populations[0].shape = vec![u64::MAX, 2],
        |m| m.populations[1].shape = vec![1 << 40],
        |m| m.projections[0].inputs = u64::MAX,
        |m| m.projections[1].gather = Some("0..4294967295".into()),
        |m| m.projections[0].conv.as_mut().expect("conv").kernel = [u32::MAX; 2],
        |m| m.projections[0].conv.as_mut().expect("conv").stride = [0; 2],
        |m| m.cores[0].groups[0].neurons = "0..4294967295".into(),
        |m| m.cores[0].chip = u32::MAX,
        |m| m.target.profile = "mine".into(),
    ];
    for (i, change) in changes.iter().enumerate() {
        let mut changed = manifest.clone();
        change(&mut changed);
        if i == 8 {
            for (_, figure) in &mut changed.target.provenance {
                figure.value = 4294967295.0;
            }
        }
        let text = manifest::text(&changed).expect("writes");
        let findings = verify_text(&text, folder.path());
        assert!(findings.iter().any(|f| f.code == Code::E0814), "{i}: {}", show(&findings));
    }
}

#[test]
fn numbers_beyond_all_measure_are_found_without_the_weights_file() {
    let (folder, text) = written(&recurrent());
    fs::remove_file(folder.path().join("weights.h5")).expect("removes");
    let manifest = parse(&text).expect("parses");
    type Change = fn(&mut Manifest);
    let changes: [Change; 6] = [
        |m| m.cores[0].axons_in[0].fan_out[0].synapses = u64::MAX,
        |m| m.cores[0].axons_in[0].fan_out[0].axons = u64::MAX,
        |m| m.cores[0].axons_in[1].src = "18446744073709551615 of 0..299, digest 0".into(),
        |m| m.cores[0].axons_out[0].to_core = Some(u64::MAX),
        |m| m.cores[0].load.spikes = f64::NAN,
        |m| {
            m.cores[0].groups.truncate(1);
            m.cores[0].groups[0].neurons = String::new();
        },
    ];
    for (i, change) in changes.iter().enumerate() {
        let mut changed = manifest.clone();
        change(&mut changed);
        let text = manifest::text(&changed).expect("writes");
        assert!(!errors(&text, folder.path()).is_empty(), "{i}");
    }
}
