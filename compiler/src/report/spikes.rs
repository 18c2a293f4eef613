//! Which comparisons make spikes, in words: a part of what `snnc explain FILE` prints.

use super::messages::table;
use snn_ir::diagnostics::SourceMap;
use snn_ir::network::{Mark, Network};

/// Every marked comparison with where it is written, process by process.
pub fn spikes(network: &Network, sources: &SourceMap) -> String {
    let mut rows = Vec::new();
    for instance in &network.instances {
        let body = &network.bodies[instance.body.at()];
        for value in &body.values {
            let what = match value.spike {
                Some(Mark::Spike) => "makes a spike",
                Some(Mark::Soft) => "makes a spike, as the source says",
                Some(Mark::Hard) => "makes none, as the source says",
                None => continue,
            };
            let line = sources.line(value.place);
            rows.push([instance.path.clone(), format!("{what}: {line}")]);
        }
    }
    let mut out = String::new();
    if !rows.is_empty() {
        out.push_str("\nComparisons\n");
        table(&mut out, &rows);
    }
    out
}
