//! What the digest, the rules and the weights file show of a manifest that was changed.

use super::tests::{again, errors, show, written};
use super::*;
use crate::fixtures::{conv, mnist, recurrent};
use crate::manifest::schema;
use crate::network::{Projection, Rate, SignMode, Synapses};
use crate::plan::Plan;
use crate::weights;
use std::fs;

/// What is wrong with a manifest after a change.
fn changed(plan: &Plan, change: impl Fn(&mut Manifest)) -> Vec<Finding> {
    let (folder, text) = written(plan);
    let mut manifest = parse(&text).expect("parses");
    change(&mut manifest);
    verify_text(&manifest::text(&manifest).expect("writes"), folder.path())
}

fn at(findings: &[Finding], code: Code, path: &str) {
    assert!(findings.iter().any(|f| f.code == code && f.path == path), "{}", show(findings));
}

#[test]
fn what_is_given_and_has_changed_is_shown_by_the_digest() {
    type Change = fn(&mut Manifest);
    let changes: [Change; 8] = [
        |m| m.warnings.push("all is well".into()),
        |m| m.source.steps += 1,
        |m| m.rates.origin = "guessed".into(),
        |m| m.programs[0].operations[0] += " + 1",
        |m| m.programs[0].state["v"] = 23,
        |m| m.host.reverse(),
        |m| m.target.bad_cores.clear(),
        |m| {
            // A threshold, in every place.
            m.populations[3].configurations[0].parameters["vth"] = 65;
            m.precision[2].parameters["vth"] = schema::Span::One(65);
        },
    ];
    for (i, change) in changes.iter().enumerate() {
        let findings = changed(&mnist(), change);
        at(&findings, Code::E0813, "digest");
        assert_eq!(findings.len(), 1, "{i}: {}", show(&findings));
    }
}

#[test]
fn how_a_manifest_is_formatted_makes_no_difference() {
    let (folder, text) = written(&mnist());
    let others = [
        text.replace('\n', "\r\n"),
        format!("\u{feff}{text}# a comment\n"),
        text.replace("steps: 32", "steps: 0x20"),
        text.replace("value: 8.0", "value: 8"),
        text.replace("network: Net", "network: &name Net"),
    ];
    for other in others {
        assert_ne!(other, text);
        assert_eq!(show(&verify_text(&other, folder.path())), "", "{other}");
    }
}

#[test]
fn entries_that_would_be_read_as_something_else_are_found() {
    let (folder, text) = written(&mnist());
    let twice = "state: {u: 24, u: 24, v: 24}";
    for (from, to) in [
        ("state: {u: 24, v: 24}", twice),
        ("parameters: {du: 409,", "parameters: {du: 1, du: 409,"),
        ("    routers_x:", "    routers_x: {value: 8.0}\n    routers_x:"),
        ("compiler: \"snnc 0.1.0\"", "compiler: 5"),
        ("compiler: \"snnc 0.1.0\"", "compiler: null"),
        ("network: Net", "network: !mine Net"),
        ("runs_on: cores", "runs_on: !cores"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{from}");
        let findings = verify_text(&other, folder.path());
        let place = findings.iter().any(|f| f.path != "digest");
        assert!(place, "{to}: {}", show(&findings));
    }
    let findings = verify_text(&text.replace("weights:\n", "weights: null\nx:\n"), folder.path());
    assert!(!findings.is_empty());
    at(&changed(&mnist(), |m| m.weights = None), Code::E0814, "weights");
    let endless = changed(&mnist(), |m| m.traffic.messages_per_step = f64::INFINITY);
    at(&endless, Code::E0813, "traffic.messages_per_step");
}

#[test]
fn programs_assign_their_state_and_one_axon() {
    let wrong = |change: fn(&mut schema::Program), path: &str| {
        at(&changed(&mnist(), |m| change(&mut m.programs[0])), Code::E0814, path);
    };
    wrong(|p| p.state.retain(|name, _| name != "u"), "programs[0].operations[1]");
    wrong(|p| p.operations.push("more = 3".into()), "programs[0].operations[2]");
    wrong(|p| p.operations.push("v + 3".into()), "programs[0].operations[2]");
    wrong(|p| p.operations.push("when t % 4 == 1: w = 0".into()), "programs[0].operations[2]");
    wrong(|p| p.state["u"] = 0, "programs[0].state.u");
    wrong(|p| p.state["u"] = 33, "programs[0].state.u");
    let fine = changed(&mnist(), |m| {
        let more = ["let i = u + a_in", "when t % 4 == 1: v = 0", "v += 1 where s_out"];
        m.programs[0].operations.extend(more.map(String::from));
    });
    assert_eq!(fine.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["digest"]);
    let unused = changed(&mnist(), |m| {
        m.programs.push(schema::Program { name: "more".into(), ..m.programs[0].clone() });
    });
    at(&unused, Code::E0814, "programs[1].name");
}

#[test]
fn ports_and_adapters_are_those_of_listed_processes() {
    let process = |name: &str| changed(&mnist(), |m| m.host[0].process = name.into());
    at(&process("nobody"), Code::E0814, "populations[0].name");
    at(&process("out"), Code::E0814, "host[1].process");
    let gone = changed(&mnist(), |m| drop(m.host.remove(1)));
    at(&gone, Code::E0814, "outputs[0].to");
    let turned = changed(&mnist(), |m| m.host[0].adapters[0] = "dense1 -> enc.spikes".into());
    at(&turned, Code::E0813, "host[0].adapters[0]");
    let other = changed(&mnist(), |m| m.outputs[0].to = "other.port".into());
    at(&other, Code::E0814, "outputs[0].to");
}

#[test]
fn rates_are_what_their_origin_comes_to() {
    let of = |origin: &str| {
        let mut plan = mnist();
        plan.rates.origin = origin.into();
        plan.rates.of = [0.125, 0.25, 0.0, 0.5].map(Rate::Uniform).into();
        let (folder, text) = written(&again(plan));
        verify_text(&text, folder.path())
    };
    assert_eq!(show(&of("counted in 8 steps of run `sim`")), "");
    assert_eq!(show(&of("counted in 64 steps of run `sim`")), "");
    at(&of("counted in 9 steps of run `sim`"), Code::E0814, "rates.of[0]");
    at(&of("assumed: 4 spikes of every neuron in 32 steps"), Code::E0814, "rates.of[1]");
    at(&of("assumed: 4 spikes of every neuron in 31 steps"), Code::E0814, "rates.of[0]");
    let mut plan = recurrent();
    plan.rates.origin = "counted in 16 steps of run `sim`".into();
    let (folder, text) = written(&again(plan.clone()));
    assert_eq!(show(&verify_text(&text, folder.path())), "");
    fs::remove_file(folder.path().join("weights.h5")).expect("removes");
    assert_eq!(show(&errors(&text, folder.path())), "");
    plan.rates.origin = "counted in 15 steps of run `sim`".into();
    let (folder, text) = written(&again(plan));
    at(&verify_text(&text, folder.path()), Code::E0814, "rates.of[0]");
}

#[test]
fn the_weights_file_has_nothing_else() {
    let plan = conv();
    let (folder, text) = written(&plan);
    let mut other = plan.network.clone();
    other.projections[1].name = "more".into();
    other.populations[1].name = "most".into();
    let file = folder.path().join("weights.h5");
    weights::write(&file, &other, &plan.rates).expect("writes");
    let findings = verify_text(&text, folder.path());
    at(&findings, Code::E0814, "weights.file");
    let shown = show(&findings);
    for stranger in ["projections/more/", "populations/most/"] {
        assert!(shown.contains(stranger), "{shown}");
    }
    // A list that the manifest does not have.
    let plan = recurrent();
    let (folder, text) = written(&plan);
    let mut other = plan.network.clone();
    other.projections[1].gather = Some(std::sync::Arc::new((0..300).collect()));
    let file = folder.path().join("weights.h5");
    weights::write(&file, &other, &plan.rates).expect("writes");
    at(&verify_text(&text, folder.path()), Code::E0813, "projections[1].gather");
}

/// The attributes of the weights file repeat the manifest.
#[test]
fn attributes_of_the_weights_file_are_compared() {
    type Change = fn(&mut Projection);
    let changes: [Change; 5] = [
        |q| q.format.exp = 1,
        |q| q.format.bits = 7,
        |q| q.format.max_delay = 3,
        |q| q.graded = true,
        |q| q.format.sign = SignMode::Excitatory,
    ];
    for change in changes {
        // Weights that every format has.
        let mut plan = recurrent();
        for projection in &mut plan.network.projections {
            if let Synapses::Sparse(sparse) = &mut projection.synapses {
                sparse.weights = vec![4; sparse.sources.len()].into();
            }
            projection.format.sign = SignMode::Mixed;
        }
        let (folder, text) = written(&plan);
        assert_eq!(show(&verify_text(&text, folder.path())), "");
        change(&mut plan.network.projections[1]);
        let file = folder.path().join("weights.h5");
        let sha256 = weights::write(&file, &plan.network, &plan.rates);
        let mut manifest = parse(&text).expect("parses");
        manifest.weights.as_mut().expect("a file").sha256 = sha256.expect("writes");
        let text = manifest::text(&manifest).expect("writes");
        at(&verify_text(&text, folder.path()), Code::E0605, "projections[1]");
    }
}
