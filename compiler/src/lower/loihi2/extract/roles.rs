//! Where each process runs, and what keeps it off the cores.

use super::super::network::{ChipNetwork, HostProcess};
use super::super::profile::Profile;
use super::obstacle;
use crate::diagnostics::{Code, Diagnostic, Loc};
use crate::types::{Cx, Eval, Process, Stop, TypedGraph};
use snn_grammar::ast::ItemKind;

/// Where a process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// On cores: neurons.
    Neurons,
    /// On cores: synapses of the standard library.
    Synapses(SynapseKind),
    /// Beside them.
    Host {
        /// `cpu` or `embedded`.
        resource: &'static str,
        /// Why.
        reason: String,
    },
}

/// The standard library's connection processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SynapseKind {
    /// `Dense`, `DelayDense`.
    Dense,
    /// `Sparse`, `DelaySparse`.
    Sparse,
    /// `Conv`.
    Conv,
}

impl Role {
    /// Whether it is beside the cores.
    pub fn is_host(&self) -> bool {
        matches!(self, Role::Host { .. })
    }
}

/// Decides for every process. `target` is where the chip is chosen.
pub fn roles(
    cx: &mut Cx<'_>,
    graph: &TypedGraph,
    profile: &Profile,
    target: Loc,
) -> Eval<Vec<Role>> {
    let mut roles = Vec::new();
    let mut failed = false;
    for process in &graph.processes {
        match role(cx, process, profile) {
            Ok(role) => roles.push(role),
            Err(diagnostic) => {
                failed = true;
                cx.sink.push(diagnostic);
            }
        }
    }
    if failed {
        return Err(Stop::Reported);
    }
    follow_receivers(graph, &mut roles);
    if !roles.contains(&Role::Neurons) {
        let message = format!("nothing of `{}` runs on neurocores", graph.network);
        let mut d = Diagnostic::without_place(Code::E0810, message);
        for (process, role) in graph.processes.iter().zip(&roles) {
            if let Role::Host { reason, .. } = role {
                d = d.label(process.loc, format!("`{}` stays on the host: {reason}", process.path));
            }
        }
        if d.labels.is_empty() {
            d = d.label(target, "its network has no neurons to place");
            return Err(cx.fail(d.help("add some, such as `LIF`, and synapses between them")));
        }
        let d = d.help("choose models that can: `models fixed_pt`, or mark a model `on neurocore`");
        return Err(cx.fail(d));
    }
    Ok(roles)
}

fn role(cx: &Cx<'_>, process: &Process, profile: &Profile) -> Result<Role, Diagnostic> {
    let (resources, tag) = match &cx.program.item(process.model).kind {
        ItemKind::Model(m) => {
            let named: Vec<&str> = m.resources.iter().map(|r| r.name.as_str()).collect();
            (named, Some(m.tag.name.as_str()))
        }
        _ => (Vec::new(), None),
    };
    if resources.contains(&"neurocore") {
        if let Some(kind) = synapses(cx, process) {
            return Ok(Role::Synapses(kind));
        }
        return match obstacle::find(process, profile) {
            None => Ok(Role::Neurons),
            Some(obstacle) => {
                let message = format!("`{}` cannot run on a neurocore", process.path);
                Err(Diagnostic::new(Code::E0803, message, obstacle.loc, obstacle.what)
                    .label(process.loc, "this is an instance of it")
                    .help(obstacle.remedy))
            }
        };
    }
    let resource = if resources.contains(&"embedded") { "embedded" } else { "cpu" };
    let mut reason = match tag {
        Some(tag) if resources.is_empty() => format!("its model `{tag}` names no resource"),
        Some(tag) => format!("its model `{tag}` is `on {}`", resources.join(", ")),
        None => "it has no model `on neurocore`".to_string(),
    };
    if let Some(obstacle) = obstacle::find(process, profile) {
        reason += &format!("; {}", obstacle.what);
    }
    Ok(Role::Host { resource, reason })
}

/// Which connection process of the standard library it is, if it is one.
pub fn synapses(cx: &Cx<'_>, process: &Process) -> Option<SynapseKind> {
    if !cx.program.prelude.contains(&process.definition.file) {
        return None;
    }
    match process.process.as_str() {
        "Dense" | "DelayDense" => Some(SynapseKind::Dense),
        "Sparse" | "DelaySparse" => Some(SynapseKind::Sparse),
        "Conv" => Some(SynapseKind::Conv),
        _ => None,
    }
}

/// Synapses add up in the neurons they end at: where those are on the host, so are they.
fn follow_receivers(graph: &TypedGraph, roles: &mut [Role]) {
    for (i, process) in graph.processes.iter().enumerate() {
        if !matches!(roles[i], Role::Synapses(_)) {
            continue;
        }
        let receivers = graph.connections.iter().filter(|c| c.senders.iter().any(|s| s.0 == i));
        let mut on_host = receivers.map(|c| (c.to.0, roles[c.to.0].is_host())).peekable();
        let first = on_host.peek().map(|(to, _)| *to);
        if on_host.all(|(_, host)| host) {
            let reason = match first {
                Some(to) => {
                    let to = &graph.processes[to].path;
                    format!("its sums go to `{to}`, which runs on the host")
                }
                None => format!("nothing receives the sums of `{}`", process.path),
            };
            roles[i] = Role::Host { resource: "cpu", reason };
        }
    }
}

/// Lists the processes beside the cores; their adapters are those of the populations and
/// outputs.
pub fn host(
    cx: &mut Cx<'_>,
    graph: &TypedGraph,
    roles: &[Role],
    embedded: u64,
    network: &mut ChipNetwork,
) -> Eval<()> {
    let mut on_embedded = Vec::new();
    for (process, role) in graph.processes.iter().zip(roles) {
        let Role::Host { resource, reason } = role else { continue };
        if *resource == "embedded" {
            on_embedded.push(process);
        }
        let adapters = network.adapters(&process.path);
        network.host.push(HostProcess {
            process: process.path.clone(),
            resource: (*resource).to_string(),
            reason: reason.clone(),
            adapters,
        });
    }
    if let Some(beyond) = on_embedded.get(usize::try_from(embedded).unwrap_or(usize::MAX)) {
        let message = format!(
            "{} processes are `on embedded`, the board's chips have {embedded} embedded CPUs to use",
            on_embedded.len()
        );
        let d = Diagnostic::new(Code::E0808, message, beyond.loc, "the first beyond them");
        return Err(cx.fail(d.help("use more chips, or models `on cpu`")));
    }
    Ok(())
}
