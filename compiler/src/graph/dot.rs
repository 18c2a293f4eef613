//! A graph in the DOT language.

use super::{Graph, Node, NodeKind};
use std::fmt::Write;

/// The whole graph: networks as clusters, edges labelled with shape and clock.
pub fn dot(graph: &Graph) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "digraph {} {{", quoted(&graph.title));
    out.push_str("  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n");
    out.push_str("  edge [fontname=\"sans-serif\", fontsize=10];\n");
    let members: Vec<(usize, &Node)> = graph.nodes.iter().enumerate().collect();
    cluster(&mut out, &members, 0, &mut 0);
    for edge in graph.edges() {
        let label = match edge.clock.as_str() {
            "" => edge.label.clone(),
            clock => format!("{}\n{clock}", edge.label),
        };
        let _ = writeln!(out, "  n{} -> n{} [label={}];", edge.from, edge.to, quoted(&label));
    }
    out.push_str("}\n");
    out
}

/// The nodes of one cluster at nesting `depth`, its sub-clusters in order of appearance.
fn cluster(out: &mut String, members: &[(usize, &Node)], depth: usize, count: &mut usize) {
    let indent = "  ".repeat(depth + 1);
    let mut groups: Vec<(&str, Vec<(usize, &Node)>)> = Vec::new();
    for &(index, node) in members {
        let Some(name) = node.cluster.get(depth) else {
            let shape = match node.kind {
                NodeKind::Connection => "box",
                NodeKind::Neuron => "ellipse",
                NodeKind::Process => "component",
            };
            let lines = std::iter::once(&node.name).chain(&node.details);
            let label = lines.map(String::as_str).collect::<Vec<_>>().join("\n");
            let _ = writeln!(out, "{indent}n{index} [label={}, shape={shape}];", quoted(&label));
            continue;
        };
        match groups.iter_mut().find(|(n, _)| n == name) {
            Some((_, group)) => group.push((index, node)),
            None => groups.push((name, vec![(index, node)])),
        }
    }
    for (name, group) in groups {
        let _ = writeln!(out, "{indent}subgraph cluster_{count} {{");
        let _ = writeln!(out, "{indent}  label={};", quoted(name));
        *count += 1;
        cluster(out, &group, depth + 1, count);
        let _ = writeln!(out, "{indent}}}");
    }
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}
