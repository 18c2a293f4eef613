//! Where each process runs, and what keeps it off the cores.

use super::super::network::{ChipNetwork, HostProcess};
use super::super::profile::Profile;
use super::obstacle;
use super::process::Process;
use snn_ir::diagnostics::{Code, Diagnostic, Loc, Reported, Sink};
use snn_ir::network::{Body, InstanceId, Network};

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
    network: &Network,
    profile: &Profile,
    target: Loc,
    sink: &mut Sink,
) -> Result<Vec<Role>, Reported> {
    let mut roles = Vec::new();
    let mut failed = false;
    for process in Process::all(network) {
        match role(&process, profile) {
            Ok(role) => roles.push(role),
            Err(diagnostic) => {
                failed = true;
                sink.push(diagnostic);
            }
        }
    }
    if failed {
        return Err(Reported);
    }
    follow_receivers(network, &mut roles);
    if !roles.contains(&Role::Neurons) {
        let message = format!("nothing of `{}` runs on neurocores", network.name);
        let mut d = Diagnostic::without_place(Code::E0810, message);
        for (instance, role) in network.instances.iter().zip(&roles) {
            if let Role::Host { reason, .. } = role {
                let what = format!("`{}` stays on the host: {reason}", instance.path);
                d = d.label(instance.place, what);
            }
        }
        if d.labels.is_empty() {
            d = d.label(target, "its network has no neurons to place");
            return Err(sink.fail(d.help("add some, such as `LIF`, and synapses between them")));
        }
        let d = d.help("choose models that can: `models fixed_pt`, or mark a model `on neurocore`");
        return Err(sink.fail(d));
    }
    Ok(roles)
}

fn role(process: &Process<'_>, profile: &Profile) -> Result<Role, Diagnostic> {
    let Body { resources, tag, .. } = process.body;
    if process.may_run_on_cores() {
        if let Some(kind) = synapses(process.body) {
            return Ok(Role::Synapses(kind));
        }
        return match obstacle::find(process, profile) {
            None => Ok(Role::Neurons),
            Some(obstacle) => {
                let message = format!("`{}` cannot run on a neurocore", process.path());
                Err(Diagnostic::new(Code::E0803, message, obstacle.loc, obstacle.what)
                    .label(process.place(), "this is an instance of it")
                    .help(obstacle.remedy))
            }
        };
    }
    let resource = if resources.iter().any(|r| r == "embedded") { "embedded" } else { "cpu" };
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
pub fn synapses(body: &Body) -> Option<SynapseKind> {
    match body.process.as_str() {
        _ if !body.standard => None,
        "Dense" | "DelayDense" => Some(SynapseKind::Dense),
        "Sparse" | "DelaySparse" => Some(SynapseKind::Sparse),
        "Conv" => Some(SynapseKind::Conv),
        _ => None,
    }
}

/// Synapses add up in the neurons they end at: where those are on the host, so are they.
fn follow_receivers(network: &Network, roles: &mut [Role]) {
    for (i, instance) in network.instances.iter().enumerate() {
        if !matches!(roles[i], Role::Synapses(_)) {
            continue;
        }
        let id = InstanceId(i as u32);
        let receivers = network.links.iter().filter(|l| l.senders.iter().any(|s| s.from.0 == id));
        let receivers = receivers.map(|l| l.to.0.at());
        let mut on_host = receivers.map(|to| (to, roles[to].is_host())).peekable();
        let first = on_host.peek().map(|(to, _)| *to);
        if on_host.all(|(_, host)| host) {
            let reason = match first {
                Some(to) => {
                    let to = &network.instances[to].path;
                    format!("its sums go to `{to}`, which runs on the host")
                }
                None => format!("nothing receives the sums of `{}`", instance.path),
            };
            roles[i] = Role::Host { resource: "cpu", reason };
        }
    }
}

/// Lists the processes beside the cores; their adapters are those of the populations and
/// outputs.
pub fn host(
    network: &Network,
    roles: &[Role],
    embedded: u64,
    chip: &mut ChipNetwork,
    sink: &mut Sink,
) -> Result<(), Reported> {
    let mut on_embedded = Vec::new();
    for (instance, role) in network.instances.iter().zip(roles) {
        let Role::Host { resource, reason } = role else { continue };
        if *resource == "embedded" {
            on_embedded.push(instance);
        }
        let adapters = chip.adapters(&instance.path);
        chip.host.push(HostProcess {
            process: instance.path.clone(),
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
        let d = Diagnostic::new(Code::E0808, message, beyond.place, "the first beyond them");
        return Err(sink.fail(d.help("use more chips, or models `on cpu`")));
    }
    Ok(())
}
