//! Train blocks.

use super::{clocked, flat};
use snn_front::clocks::Clocked;
use snn_front::resolve::ItemRef;
use snn_front::training::{self, Settings};
use snn_front::types::{Cx, Eval};
use snn_grammar::ast::ItemKind;
use snn_ir::diagnostics::{Loc, Severity};
use snn_ir::network::{Flat, Network};
use snn_ir::training::Training;

/// A train block that can be executed.
pub struct CheckedTraining {
    /// Its name.
    pub name: String,
    /// A run over all samples that asks for nothing, in the network form.
    pub network: Network,
    /// That run in the flat form, with its params.
    pub flat: Flat,
    /// What is learned of the network, from what, and how.
    pub training: Training,
}

/// As a run is made of its text, with what the block gives in the place of the program's data.
pub fn train(cx: &mut Cx<'_>, at: ItemRef) -> Eval<CheckedTraining> {
    let overrides = training::overrides(cx, at);
    let others = overrides.len() > cx.overrides.len();
    let said = cx.sink.count();
    let trained = cx.with_overrides(overrides, |cx| {
        let settings = training::settings(cx, at)?;
        trained(cx, at, settings)
    });
    if others {
        with_block(cx, at, said);
    }
    trained
}

/// Says of new errors elsewhere that they are about what a block gives: without it, the very same
/// text is right.
fn with_block(cx: &mut Cx<'_>, at: ItemRef, said: usize) {
    let item = cx.program.item(at);
    let ItemKind::Train(train) = &item.kind else { return };
    let name = &train.run.name;
    let inside = |loc: Loc| {
        loc.file == at.file && item.span.start <= loc.span.start && loc.span.end <= item.span.end
    };
    let here = Loc { file: at.file, span: name.span };
    for d in cx.sink.split_off(said) {
        let elsewhere = d.labels.iter().all(|label| !inside(label.loc));
        cx.sink.push(match elsewhere && d.severity == Severity::Error {
            true => d.label(here, "with the constants and data that are given here"),
            false => d,
        });
    }
}

fn trained(cx: &mut Cx<'_>, at: ItemRef, settings: Settings) -> Eval<CheckedTraining> {
    cx.begin_run();
    let Clocked { mut network, wave, passages, .. } = clocked(cx, at)?;
    let training = training::training(cx, &network, at, settings)?;
    network.run.name.clone_from(&training.name);
    network.run.steps = training::steps(cx, &training)?;
    let flat = flat(cx, &mut network, wave, passages)?;
    Ok(CheckedTraining { name: training.name.clone(), network, flat, training })
}
