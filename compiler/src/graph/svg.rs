//! A graph as a picture: columns from left to right, networks as boxes, ports with shape and
//! clock on the edges, edges that close a cycle dashed and led back below.

use super::layout::{self, Cluster, Layout, PAD, TITLE};
use super::{Edge, Graph, Node, NodeKind};
use snn_ir::markup::escaped;
use std::fmt::Write;

const TEXT: f64 = 12.0;
const SMALL: f64 = 11.0;
/// Height of a line of text.
const LINE: f64 = 15.0;
/// Space between the picture and its edge; above, for the title.
const MARGIN: f64 = 20.0;
const HEADER: f64 = 36.0;
/// Space between ports of a node: a label above the edge, a clock below.
const PORT: f64 = 34.0;
/// Room for an edge to change its height in.
const BEND: f64 = 40.0;

const STYLE: &str = "\
  text { font-family: sans-serif; font-size: 12px; fill: #1a1a1a }\n\
  .small { font-size: 11px; fill: #444; paint-order: stroke; stroke: #fff; stroke-width: 3px }\n\
  .title { font-size: 18px }\n\
  .name { font-weight: bold }\n\
  .edge { fill: none; stroke: #555; stroke-width: 1.4 }\n\
  .back { stroke-dasharray: 6 4 }\n\
  .box { fill: #7a7a7a; fill-opacity: 0.06; stroke: #9a9a9a }\n\
  .connection { fill: #dcebf7; stroke: #2a6ca8 }\n\
  .neuron { fill: #fdebd0; stroke: #b8650a }\n\
  .process { fill: #f2f2f2; stroke: #555 }\n";

/// The picture.
pub fn svg(graph: &Graph) -> String {
    let edges: Vec<&Edge> = graph.edges().collect();
    let mut ports = ports(graph.nodes.len(), &edges);
    let heights: Vec<f64> =
        graph.nodes.iter().zip(&ports).map(|(n, p)| node_height(n, p)).collect();
    let layout = layout::layout(graph, &heights);
    for ports in &mut ports {
        ports.sort(&edges, &layout);
    }
    let columns = Columns::of(graph, &edges, &layout);
    let picture = Picture { ports: &ports, layout: &layout, columns: &columns };
    let ends = picture.ends(edges.len());

    let below = HEADER + layout.clusters.first().map_or(0.0, |c| c.height) + 12.0;
    let (legend, end) = legend(below, layout.feedback.iter().any(Option::is_some));
    let (width, height) = (columns.width.max(end + MARGIN), below + 40.0);

    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n<title>{0}</title>\n<style>\n{STYLE}</style>\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" \
         markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
         <path d=\"M0 0L8 4L0 8z\" fill=\"#555\"/></marker></defs>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text class=\"title\" x=\"{MARGIN}\" y=\"28\">{0}</text>",
        escaped(&graph.title),
    );
    for cluster in layout.clusters.iter().skip(1) {
        picture.cluster(&mut out, cluster);
    }
    for (index, (start, end)) in ends.into_iter().enumerate() {
        picture.edge(&mut out, index, start, end);
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        picture.node(&mut out, index, node);
    }
    picture.labels(&mut out);
    out.push_str(&legend);
    out.push_str("</svg>\n");
    out
}

/// The ends of edges at a node, from top to bottom.
#[derive(Default)]
struct Ports<'a> {
    outgoing: Vec<Port<'a>>,
    incoming: Vec<usize>,
}

/// Where edges with the same label and clock leave a node.
struct Port<'a> {
    label: &'a str,
    clock: &'a str,
    edges: Vec<usize>,
}

fn ports<'a>(nodes: usize, edges: &[&'a Edge]) -> Vec<Ports<'a>> {
    let mut ports: Vec<Ports<'a>> = Vec::new();
    ports.resize_with(nodes, Ports::default);
    for (index, edge) in edges.iter().enumerate() {
        ports[edge.to].incoming.push(index);
        let outgoing = &mut ports[edge.from].outgoing;
        match outgoing.iter_mut().find(|p| p.label == edge.label && p.clock == edge.clock) {
            Some(port) => port.edges.push(index),
            None => {
                outgoing.push(Port { label: &edge.label, clock: &edge.clock, edges: vec![index] })
            }
        }
    }
    ports
}

impl Ports<'_> {
    /// In the order of what is at the other ends, edges that lead back lowest.
    fn sort(&mut self, edges: &[&Edge], layout: &Layout) {
        let height = |edge: usize, neighbour: usize| match layout.feedback[edge] {
            Some(_) => f64::INFINITY,
            None => layout.vertices[neighbour].top,
        };
        let next = |edge: usize| layout.waypoints[edge].first().copied().unwrap_or(edges[edge].to);
        let last = |edge: usize| layout.waypoints[edge].last().copied().unwrap_or(edges[edge].from);
        let upper = |port: &Port| {
            port.edges.iter().map(|e| height(*e, next(*e))).fold(f64::INFINITY, f64::min)
        };
        self.outgoing.sort_by(|a, b| upper(a).total_cmp(&upper(b)));
        self.incoming.sort_by(|a, b| height(*a, last(*a)).total_cmp(&height(*b, last(*b))));
    }
}

fn node_height(node: &Node, ports: &Ports<'_>) -> f64 {
    let text = (1 + node.details.len()) as f64 * LINE + 14.0;
    let outgoing = ports.outgoing.len() as f64 * PORT;
    let incoming = ports.incoming.len() as f64 * LINE + 8.0;
    text.max(outgoing).max(incoming)
}

/// About how wide a text is: fonts differ, so a little more than most.
fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.6
}

/// Where columns begin and end, in pixels.
struct Columns {
    left: Vec<f64>,
    right: Vec<f64>,
    width: f64,
}

impl Columns {
    fn of(graph: &Graph, edges: &[&Edge], layout: &Layout) -> Columns {
        let count = layout.clusters.first().map_or(0, |c| c.layers.1 + 1);
        let mut node_width = vec![40.0f64; count];
        let mut label_width = vec![0.0f64; count];
        for (node, vertex) in graph.nodes.iter().zip(&layout.vertices) {
            let lines = node.details.iter().map(|d| text_width(d, SMALL));
            let widest = lines.fold(text_width(&node.name, TEXT) * 1.1, f64::max);
            let width = &mut node_width[vertex.layer];
            *width = width.max(widest + 24.0);
        }
        for edge in edges {
            let text = text_width(&edge.label, SMALL).max(text_width(&edge.clock, SMALL));
            let width = &mut label_width[layout.vertices[edge.from].layer];
            *width = width.max(text + 10.0);
        }
        let padding = |clusters: &dyn Fn(&Cluster) -> bool| {
            let around = layout.clusters.iter().filter(|c| c.depth > 0 && clusters(c));
            around.map(|c| side_padding(layout, c)).fold(0.0, f64::max)
        };
        let (mut left, mut right) = (Vec::new(), Vec::new());
        let mut x = MARGIN;
        for column in 0..count {
            x += padding(&|c| c.layers.0 == column);
            left.push(x);
            x += node_width[column];
            right.push(x);
            x += label_width[column] + padding(&|c| c.layers.1 == column);
            if column + 1 < count {
                x += BEND;
            }
        }
        // An edge that leads back from the last column needs room to turn.
        Columns { left, right, width: x + 2.0 * MARGIN }
    }
}

/// Between a box and the columns in it: more where it contains boxes of the same columns.
fn side_padding(layout: &Layout, cluster: &Cluster) -> f64 {
    let inner = |c: &&Cluster| {
        c.depth > cluster.depth && c.layers.0 >= cluster.layers.0 && c.layers.1 <= cluster.layers.1
    };
    let deepest = layout.clusters.iter().filter(inner).map(|c| c.depth).max();
    PAD * (1 + deepest.map_or(0, |d| d - cluster.depth)) as f64
}

struct Picture<'a> {
    ports: &'a [Ports<'a>],
    layout: &'a Layout,
    columns: &'a Columns,
}

impl Picture<'_> {
    /// Upper edge of a node or waypoint.
    fn top(&self, vertex: usize) -> f64 {
        HEADER + self.layout.vertices[vertex].top
    }

    /// Height at which the `k`-th of `n` ports of a node is.
    fn port(&self, node: usize, k: usize, n: usize) -> f64 {
        let height = self.layout.vertices[node].height;
        self.top(node) + height * (k as f64 + 0.5) / n.max(1) as f64
    }

    /// Where each edge begins and ends.
    fn ends(&self, edges: usize) -> Vec<((f64, f64), (f64, f64))> {
        let mut ends = vec![((0.0, 0.0), (0.0, 0.0)); edges];
        for (node, ports) in self.ports.iter().enumerate() {
            let column = self.layout.vertices[node].layer;
            for (k, port) in ports.outgoing.iter().enumerate() {
                let y = self.port(node, k, ports.outgoing.len());
                for edge in &port.edges {
                    ends[*edge].0 = (self.columns.right[column], y);
                }
            }
            for (k, edge) in ports.incoming.iter().enumerate() {
                let y = self.port(node, k, ports.incoming.len());
                ends[*edge].1 = (self.columns.left[column], y);
            }
        }
        ends
    }

    fn cluster(&self, out: &mut String, cluster: &Cluster) {
        let padding = side_padding(self.layout, cluster);
        let left = self.columns.left[cluster.layers.0] - padding;
        let right = self.columns.right[cluster.layers.1] + padding;
        let top = HEADER + cluster.top;
        let _ = writeln!(
            out,
            "<rect class=\"box\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" \
             height=\"{:.1}\" rx=\"6\"/>\n<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            right - left,
            cluster.height,
            left + 8.0,
            top + TITLE - 4.0,
            escaped(&cluster.name),
        );
    }

    fn edge(&self, out: &mut String, index: usize, start: (f64, f64), end: (f64, f64)) {
        let mut path = format!("M{:.1} {:.1}", start.0, start.1);
        if let Some(lane) = self.layout.feedback[index] {
            let y = HEADER + lane;
            // Turns next to the nodes, not all in one line.
            let out_by = 8.0 + y % 9.0;
            let (right, left) = (start.0 + out_by, end.0 - out_by - 6.0);
            let _ = write!(path, "H{right:.1}V{y:.1}H{left:.1}V{:.1}H{:.1}", end.1, end.0);
            let _ = writeln!(
                out,
                "<path class=\"edge back\" d=\"{path}\" marker-end=\"url(#arrow)\"/>"
            );
            return;
        }
        let mut at = start;
        let bend = |path: &mut String, from: (f64, f64), to: (f64, f64)| {
            // Level for as long as the label is, then over to the next column.
            let begin = (to.0 - BEND).max(from.0);
            let middle = (begin + to.0) / 2.0;
            let _ = write!(
                path,
                "H{begin:.1}C{middle:.1} {:.1} {middle:.1} {:.1} {:.1} {:.1}",
                from.1, to.1, to.0, to.1
            );
        };
        for &waypoint in &self.layout.waypoints[index] {
            let column = self.layout.vertices[waypoint].layer;
            let y = self.top(waypoint);
            bend(&mut path, at, (self.columns.left[column], y));
            at = (self.columns.right[column], y);
            let _ = write!(path, "H{:.1}", at.0);
        }
        bend(&mut path, at, end);
        let _ = writeln!(out, "<path class=\"edge\" d=\"{path}\" marker-end=\"url(#arrow)\"/>");
    }

    fn node(&self, out: &mut String, index: usize, node: &Node) {
        let vertex = &self.layout.vertices[index];
        let (left, right) = (self.columns.left[vertex.layer], self.columns.right[vertex.layer]);
        let top = self.top(index);
        let (class, radius) = shape(node.kind);
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" \
             height=\"{:.1}\" rx=\"{radius}\"/>",
            right - left,
            vertex.height,
        );
        let x = (left + right) / 2.0;
        let lines = 1 + node.details.len();
        let mut y = top + vertex.height / 2.0 - lines as f64 * LINE / 2.0 + 11.0;
        for (i, line) in std::iter::once(&node.name).chain(&node.details).enumerate() {
            let style = if i == 0 { "class=\"name\"" } else { "style=\"font-size: 11px\"" };
            let _ = writeln!(
                out,
                "<text {style} x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>",
                escaped(line)
            );
            y += LINE;
        }
    }

    /// What goes through each port: above its edge; when: below.
    fn labels(&self, out: &mut String) {
        for (node, ports) in self.ports.iter().enumerate() {
            let x = self.columns.right[self.layout.vertices[node].layer] + 6.0;
            for (k, port) in ports.outgoing.iter().enumerate() {
                let y = self.port(node, k, ports.outgoing.len());
                for (text, y) in [(port.label, y - 4.0), (port.clock, y + 12.0)] {
                    if !text.is_empty() {
                        let _ = writeln!(
                            out,
                            "<text class=\"small\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
                            escaped(text)
                        );
                    }
                }
            }
        }
    }
}

fn shape(kind: NodeKind) -> (&'static str, f64) {
    match kind {
        NodeKind::Connection => ("connection", 0.0),
        NodeKind::Neuron => ("neuron", 16.0),
        NodeKind::Process => ("process", 4.0),
    }
}

/// What the shapes stand for, on a line at `y`, and where the line ends.
fn legend(y: f64, leads_back: bool) -> (String, f64) {
    let (mut out, mut x) = (String::new(), MARGIN);
    const GAP: f64 = 20.0;
    let entries = [
        (NodeKind::Connection, "connection: acts a step later"),
        (NodeKind::Neuron, "neuron: acts in the same step"),
        (NodeKind::Process, "source or sink"),
    ];
    for (kind, text) in entries {
        let (class, radius) = shape(kind);
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"22\" height=\"14\" \
             rx=\"{:.1}\"/>\n<text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
            y + 2.0,
            radius / 2.0,
            x + 28.0,
            y + 13.0
        );
        x += 28.0 + text_width(text, SMALL) + GAP;
    }
    if leads_back {
        let text = "closes a cycle";
        let _ = writeln!(
            out,
            "<path class=\"edge back\" d=\"M{x:.1} {0:.1}h30\"/>\n\
             <text class=\"small\" x=\"{1:.1}\" y=\"{2:.1}\">{text}</text>",
            y + 9.0,
            x + 36.0,
            y + 13.0
        );
        x += 36.0 + text_width(text, SMALL) + GAP;
    }
    (out, x - GAP)
}
