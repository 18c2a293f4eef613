//! What a run is for.

use super::Options;
use snn_front::resolve::ItemRef;
#[cfg(feature = "loihi2")]
use snn_front::types::settings::{Known, settings};
use snn_front::types::{Cx, Eval};
use snn_grammar::ast::{self, ItemKind, RunMemberKind};
use snn_ir::diagnostics::{Code, Diagnostic, Edit, Fix, Loc};
use snn_ir::network;
#[cfg(feature = "loihi2")]
use snn_loihi2::options::{KNOWN, WORDS};

/// A target as it is written.
pub struct Written {
    name: ast::Ident,
    args: Vec<ast::Arg>,
    /// Where; the run, where it names none.
    pub loc: Loc,
}

/// A run's name and target.
pub fn described(cx: &Cx<'_>, at: ItemRef) -> (String, Written) {
    let rust = |span| Written {
        name: ast::Ident { name: RUST.into(), span },
        args: Vec::new(),
        loc: cx.program.loc(at.file, span),
    };
    let ItemKind::Run(run) = &cx.program.item(at).kind else {
        return (String::new(), rust(Default::default()));
    };
    let written = run.members.iter().find_map(|m| match &m.kind {
        RunMemberKind::Target { name, args } => Some(Written {
            name: name.clone(),
            args: args.clone(),
            loc: cx.program.loc(at.file, m.span),
        }),
        _ => None,
    });
    (run.name.name.clone(), written.unwrap_or_else(|| rust(run.name.span)))
}

/// The names of the targets.
const RUST: &str = "rust";
const LOIHI2: &str = "loihi2";

/// The target with its settings.
///
/// # Errors
/// Reported: E0801.
pub fn target(cx: &mut Cx<'_>, written: &Written, options: &Options) -> Eval<network::Target> {
    let name = options.target.as_deref().unwrap_or(&written.name.name);
    match name {
        RUST if written.name.name != RUST || written.args.is_empty() => Ok(network::Target::Rust),
        #[cfg(not(feature = "loihi2"))]
        LOIHI2 => {
            let message = "this build of snnc does not place networks on Loihi 2";
            Err(cx.fail(Diagnostic::new(Code::E0801, message, written.loc, "")))
        }
        #[cfg(feature = "loihi2")]
        LOIHI2 => {
            // Options of another target say nothing about this one.
            let args = if written.name.name == LOIHI2 { written.args.as_slice() } else { &[] };
            let known = Known { target: LOIHI2, names: KNOWN, words: WORDS };
            let settings = settings(cx, &known, args, written.loc.file)?;
            Ok(network::Target::Chip(settings, written.loc))
        }
        RUST => {
            let message = "the target `rust` has no options";
            let plain = Fix::safe(vec![Edit::replace(written.loc, "target rust")]);
            let d = Diagnostic::new(Code::E0801, message, written.loc, "");
            Err(cx.fail(d.fix("write `target rust`", plain)))
        }
        _ => {
            let message = format!("there is no target `{name}`");
            let at = Loc { span: written.name.span, ..written.loc };
            let d = Diagnostic::new(Code::E0801, message, written.loc, "");
            let d = d.meant(name, [RUST, LOIHI2], at);
            Err(cx.fail(d.help(format!("the targets are `{RUST}` and `{LOIHI2}`"))))
        }
    }
}
