//! Train blocks: what is learned of a network, from what, and how.
//!
//! The network of a train block is that of a run, made by the same passes; only what the block says
//! beside it is looked at here. [`overrides`] has the constants and data items that it gives,
//! [`settings`] what it says whatever the network is, and [`training`] puts both together with what
//! names something of the network.

mod choices;
mod learn;
mod loss;
mod members;
mod samples;

pub use samples::overrides;

use crate::resolve::ItemRef;
use crate::types::{Cx, Eval, Stop};
use choices::Choices;
use members::Members;
use samples::Samples;
use snn_grammar::ast::{ItemKind, TrainMemberKind};
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use snn_ir::network::Network;
use snn_ir::training::{Export, Training};
use std::path::Path;

/// What a train block says whatever its network is. What is wrong of it is absent, and reported.
pub struct Settings {
    samples: Samples,
    choices: Choices,
    batch: Option<u64>,
    epochs: Option<u64>,
    shuffle: Option<u64>,
    clip: Option<f64>,
    patience: Option<u64>,
    exports: Vec<Export>,
    failed: bool,
}

/// The settings of a train block.
///
/// # Errors
/// Where there is no such block. What is wrong in one is in the sink, and fails [`training`].
pub fn settings(cx: &mut Cx<'_>, at: ItemRef) -> Eval<Settings> {
    let tree = cx.program.tree(at);
    let ItemKind::Train(train) = &tree.items[at.item as usize].kind else {
        return Err(Stop::Reported);
    };
    let mut members = Members::new(cx, train, at.file);
    let samples = samples::samples(&mut members);
    members.need("learn", |k| matches!(k, TrainMemberKind::Learn(_)), None);
    members.need("loss", |k| matches!(k, TrainMemberKind::Loss { .. }), None);
    let choices = Choices::of(&mut members);
    let batch = members.once("batch", |k| match k {
        TrainMemberKind::Batch(e) => Some(e),
        _ => None,
    });
    let epochs = members.once("epochs", |k| match k {
        TrainMemberKind::Epochs(e) => Some(e),
        _ => None,
    });
    let shuffle = members.once("shuffle", |k| match k {
        TrainMemberKind::Shuffle(e) => Some(e),
        _ => None,
    });
    let clip = members.once("clip", |k| match k {
        TrainMemberKind::Clip(e) => Some(e),
        _ => None,
    });
    let exports = exports(&mut members);
    members.model_once();
    Ok(Settings {
        batch: members.needed("batch", batch.map(|m| m.0), "batch 32"),
        epochs: members.needed("epochs", epochs.map(|m| m.0), "epochs 10"),
        shuffle: shuffle.and_then(|(e, _)| members.seed(e)),
        clip: clip.and_then(|(e, _)| members.positive("what gradients are clipped to", e)),
        patience: patience(&mut members),
        samples,
        choices,
        exports,
        failed: members.failed,
    })
}

/// What a train block says about its network.
///
/// # Errors
/// Reported, here or by [`settings`].
pub fn training(
    cx: &mut Cx<'_>,
    network: &Network,
    at: ItemRef,
    settings: Settings,
) -> Eval<Training> {
    let tree = cx.program.tree(at);
    let ItemKind::Train(train) = &tree.items[at.item as usize].kind else {
        return Err(Stop::Reported);
    };
    let mut members = Members::new(cx, train, at.file);
    members.failed = settings.failed;
    let learned = learn::learned(&mut members, network);
    let (losses, steps) = loss::losses(&mut members, network, settings.samples.period);
    let validate = loss::validate(&mut members, network, &settings.samples);
    let failed = members.failed;
    let Settings { samples, choices, .. } = settings;
    let parts = (
        (samples.period, steps, samples.count),
        (settings.batch, settings.epochs),
        (choices.slope, choices.optimizer, choices.decay),
    );
    let (
        (Some(period), Some(steps), Some(count)),
        (Some(batch), Some(epochs)),
        (Some(slope), Some(optimizer), Some(decay)),
    ) = parts
    else {
        return Err(Stop::Reported);
    };
    if failed {
        return Err(Stop::Reported);
    }
    Ok(Training {
        name: train.run.name.name.clone(),
        place: Loc { file: at.file, span: train.run.name.span },
        period: period.0,
        steps,
        samples: count.0,
        learned,
        losses,
        slope,
        optimizer,
        decay,
        clip: settings.clip,
        batch,
        epochs,
        shuffle: settings.shuffle,
        validate,
        patience: settings.patience,
        exports: settings.exports,
    })
}

/// How many steps the network makes for all samples, one after the other.
///
/// # Errors
/// Reported: more than can be counted.
pub fn steps(cx: &mut Cx<'_>, training: &Training) -> Eval<u64> {
    let before = training.samples.checked_mul(training.period);
    let all = before.and_then(|n| n.checked_add(training.steps - training.period));
    all.filter(|n| i64::try_from(*n).is_ok()).ok_or_else(|| {
        let message = "these are more steps than can be counted";
        let what = format!("{} samples of {} steps", training.samples, training.period);
        cx.fail(Diagnostic::new(Code::E1004, message, training.place, what))
    })
}

/// How long nothing better may come.
fn patience(members: &mut Members<'_, '_>) -> Option<u64> {
    let (e, at) = members.once("stop", |k| match k {
        TrainMemberKind::Stop(e) => Some(e),
        _ => None,
    })?;
    if !members.has(|k| matches!(k, TrainMemberKind::Validate { .. })) {
        let message = "`stop` needs a `validate`, which says what a gain is";
        let d = Diagnostic::new(Code::E1001, message, at, "there is none");
        members.fail(d.help("add a line like `validate loss on last 1_000`"));
    }
    members.at_least("epochs without gain", e, 1)
}

/// The files that are written, each once.
fn exports(members: &mut Members<'_, '_>) -> Vec<Export> {
    let mut found: Vec<Export> = Vec::new();
    let train = members.train;
    for member in &train.members {
        let TrainMemberKind::Export { path, span } = &member.kind else { continue };
        let place = members.loc(*span);
        let ending = Path::new(path).extension().and_then(|e| e.to_str());
        if !matches!(ending, Some("npz" | "net")) {
            let message = "a trained network is written as `.npz` or `.net`";
            let stem = Path::new(path).file_stem().and_then(|s| s.to_str());
            let stem = stem.filter(|s| !s.starts_with('.')).unwrap_or("trained");
            let d = Diagnostic::new(Code::E1011, message, place, "another ending");
            members.fail(d.help(format!(
                "write `\"{stem}.net\"` for layers as lava-dl exports them, `\"{stem}.npz\"` for \
                 every param that is learned"
            )));
        } else if let Some(first) = found.iter().find(|known| known.path == *path) {
            let message = format!("`{path}` is written twice");
            let d = Diagnostic::new(Code::E1002, message, place, "here again");
            members.fail(d.label(first.place, "first here"));
        } else {
            found.push(Export { path: path.clone(), place });
        }
    }
    found
}
