//! A connection process as synapses: one projection for each sender and receiver.

use super::super::network::{Conv, Dense, Population, Projection, Sparse, Synapses};
use super::super::profile::Profile;
use super::process::Process;
use super::roles::SynapseKind;
use super::weights::{self, Stored};
use snn_grammar::ast::Direction;
use snn_ir::diagnostics::{Code, Diagnostic, Reported, Sink};
use snn_ir::network::{InstanceId, Network};
use snn_ir::scalar::Kind;
use std::sync::Arc;

/// What a connection process is connected to.
#[derive(Debug, Default)]
pub struct Ends {
    /// Populations that send, each with (input, source neuron) pairs, inputs ascending.
    pub inputs: Vec<(usize, Vec<(u32, u32)>)>,
    /// Layers that receive, each with (output, target neuron) pairs, neurons ascending.
    pub outputs: Vec<(usize, Vec<(u32, u32)>)>,
}

/// The projections of a connection process.
///
/// # Errors
/// E0806 weights or delays that the chip cannot store; E0804 a convolution of parts.
pub fn projections(
    process: &Process<'_>,
    kind: SynapseKind,
    ends: &Ends,
    populations: &[Population],
    profile: &Profile,
    sink: &mut Sink,
) -> Result<Vec<Projection>, Reported> {
    let stored = weights::stored(process, kind, profile, sink)?;
    let neurons = |p: usize| populations.get(p).map_or(0, |p| u64::from(p.neurons));
    let mut projections = Vec::new();
    for (from, inputs) in &ends.inputs {
        for (to, outputs) in &ends.outputs {
            let columns = Selection::of(inputs, stored.synapses.inputs(), neurons(*from));
            let rows = Selection::of(outputs, stored.synapses.outputs(), neurons(*to));
            let Some(synapses) = select(&stored.synapses, &rows, &columns) else {
                let message = format!("`{}` is a convolution of parts", process.path());
                let what = "all of its input has one sender, all of its output one receiver";
                let d = Diagnostic::new(Code::E0804, message, process.place(), what);
                let remedy = "give each sender and each receiver its own `Conv`, with the weights of its \
                              channels; what they send to one layer adds up there";
                return Err(sink.fail(d.help(remedy)));
            };
            let several = ends.inputs.len() * ends.outputs.len() > 1;
            let number = projections.len();
            projections.push(Projection {
                name: match several {
                    true => format!("{}[{number}]", process.path()),
                    false => process.path().into(),
                },
                from: *from,
                to: *to,
                gather: columns.map(),
                scatter: rows.map(),
                synapses,
                format: stored.format,
                graded: graded(process, &stored),
                loc: Some(process.place()),
            });
        }
    }
    Ok(projections)
}

/// The largest magnitude of a payload: what the sender sends, where that is known, else what the
/// bits hold that the process says messages have.
pub fn payload(process: &Process<'_>, network: &Network, sender: (InstanceId, u32)) -> u128 {
    match network.message_bounds(sender.0, sender.1) {
        Some((lo, hi)) => u128::from(lo.unsigned_abs().max(hi.unsigned_abs())),
        None => (1 << weights::message_bits(process).clamp(0, 32)) - 1,
    }
}

/// Whether messages carry payloads: the process counts them, and its port is not one of spikes.
fn graded(process: &Process<'_>, stored: &Stored) -> bool {
    let ports = &process.body.ports;
    let spikes = ports.iter().any(|p| p.direction == Direction::In && p.ty.kind() == Kind::Bool);
    stored.message_bits > 0 && !spikes
}

/// Which rows or columns of a matrix are used, in which order, and what they connect to.
struct Selection {
    /// The used ones, in the new order; none where all are, in the old order.
    picked: Option<Vec<u32>>,
    /// The neuron of each, in the new order; none where that is its own number and there are
    /// no other neurons.
    neurons: Option<Vec<u32>>,
}

impl Selection {
    /// Of `all` rows or columns those of `pairs`, each with one of a population's `neurons`.
    fn of(pairs: &[(u32, u32)], all: u64, neurons: u64) -> Selection {
        let mut sorted = pairs.to_vec();
        sorted.sort_unstable();
        let complete = sorted.len() as u64 == all
            && sorted.iter().enumerate().all(|(i, (picked, _))| *picked == i as u32);
        let same = sorted.len() as u64 == neurons
            && sorted.iter().enumerate().all(|(i, (_, neuron))| *neuron == i as u32);
        Selection {
            picked: (!complete).then(|| sorted.iter().map(|p| p.0).collect()),
            neurons: (!same).then(|| sorted.iter().map(|p| p.1).collect()),
        }
    }

    fn map(&self) -> Option<Arc<Vec<u32>>> {
        self.neurons.clone().map(Arc::new)
    }
}

/// The synapses of some rows and columns; none for parts of a convolution.
fn select(synapses: &Synapses, rows: &Selection, columns: &Selection) -> Option<Synapses> {
    if rows.picked.is_none() && columns.picked.is_none() {
        return Some(synapses.clone());
    }
    let all = |n: u32| (0..n).collect::<Vec<u32>>();
    match synapses {
        Synapses::Conv(_) => None,
        Synapses::Dense(d) => {
            let rows = rows.picked.clone().unwrap_or_else(|| all(d.outputs));
            let columns = columns.picked.clone().unwrap_or_else(|| all(d.inputs));
            let pick = |values: &[i16]| -> Vec<i16> {
                let row = |r: &u32| *r as usize * d.inputs as usize;
                let of_row = |r| columns.iter().map(move |c| values[row(r) + *c as usize]);
                rows.iter().flat_map(of_row).collect()
            };
            let delays: Vec<i16> = d.delays.iter().map(|n| i16::from(*n)).collect();
            let delays = if delays.is_empty() { Vec::new() } else { pick(&delays) };
            Some(Synapses::Dense(Dense {
                outputs: rows.len() as u32,
                inputs: columns.len() as u32,
                weights: Arc::new(pick(&d.weights)),
                delays: Arc::new(delays.into_iter().map(|n| n as u8).collect()),
            }))
        }
        Synapses::Sparse(s) => {
            let rows = rows.picked.clone().unwrap_or_else(|| all(s.outputs));
            let columns = columns.picked.clone().unwrap_or_else(|| all(s.inputs));
            let mut number = vec![u32::MAX; s.inputs as usize];
            for (new, old) in columns.iter().enumerate() {
                number[*old as usize] = new as u32;
            }
            let mut picked = Sparse {
                outputs: rows.len() as u32,
                inputs: columns.len() as u32,
                starts: Arc::default(),
                sources: Arc::default(),
                weights: Arc::default(),
                delays: Arc::default(),
            };
            let (mut starts, mut sources) = (vec![0u64], Vec::new());
            let (mut values, mut delays) = (Vec::new(), Vec::new());
            for row in rows {
                for at in s.row(row).filter(|at| number[s.sources[*at] as usize] != u32::MAX) {
                    sources.push(number[s.sources[at] as usize]);
                    values.push(s.weights[at]);
                    delays.extend(s.delays.get(at));
                }
                starts.push(sources.len() as u64);
            }
            picked.starts = Arc::new(starts);
            picked.sources = Arc::new(sources);
            picked.weights = Arc::new(values);
            picked.delays = Arc::new(delays);
            Some(Synapses::Sparse(picked))
        }
    }
}

impl Conv {
    /// Whether the sizes fit each other and no number is 0.
    pub fn is_sound(&self) -> bool {
        let sizes = self.input.iter().chain(&self.output).chain(&self.kernel);
        let positive = sizes.chain(&self.stride).chain(&self.dilation).all(|n| *n > 0);
        let groups = self.groups > 0
            && self.input[2].is_multiple_of(self.groups)
            && self.output[2].is_multiple_of(self.groups);
        positive
            && groups
            && (0..2).all(|axis| {
                let reach = u64::from(self.dilation[axis]) * u64::from(self.kernel[axis] - 1) + 1;
                let padded = u64::from(self.input[axis]) + 2 * u64::from(self.padding[axis]);
                padded >= reach
                    && (padded - reach) / u64::from(self.stride[axis]) + 1
                        == u64::from(self.output[axis])
            })
    }
}
