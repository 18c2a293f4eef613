//! Pictures of a network: what is connected to what.
//!
//! A [`Graph`] knows nothing of the language; [`network`] makes one of a checked network.
//! [`dot`] writes it for Graphviz and its relatives; [`svg`] draws it, after `layout`
//! has decided where everything goes.

pub mod dot;
mod layout;
pub mod network;
pub mod svg;

/// A directed graph of named things in nested groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// What it shows: the network's name.
    pub title: String,
    /// In the order in which they should be drawn where nothing else decides.
    pub nodes: Vec<Node>,
    /// In the same sense.
    pub edges: Vec<Edge>,
}

/// A leaf process of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The networks it is inside of, outermost first; each level is drawn as a box.
    pub cluster: Vec<String>,
    /// Its own name there.
    pub name: String,
    /// What it is: `LIF[128]`, the chosen model, …; one line each.
    pub details: Vec<String>,
    /// How it is drawn.
    pub kind: NodeKind,
}

/// What a process is for, as far as a reader of the picture cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// What it receives in a step acts on what it sends in a later one: weights, delays.
    Connection,
    /// What it receives acts on what it sends in the same step: neurons.
    Neuron,
    /// Nothing that it sends depends on what it receives: sources, encoders, readouts.
    Process,
}

/// Messages from a port to a port.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Index into [`Graph::nodes`].
    pub from: usize,
    /// Index into [`Graph::nodes`].
    pub to: usize,
    /// What goes there: `spikes: spike[784]`. Edges of one node with the same label and
    /// clock are drawn as one port.
    pub label: String,
    /// When: `t % 32 == 1`; empty for every step.
    pub clock: String,
}

impl Graph {
    /// The edges between nodes that exist.
    fn edges(&self) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(|e| e.from < self.nodes.len() && e.to < self.nodes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(path: &str, details: &str, kind: NodeKind) -> Node {
        let mut parts: Vec<String> = path.split('.').map(str::to_owned).collect();
        let name = parts.pop().unwrap();
        Node { cluster: parts, name, details: vec![details.to_owned()], kind }
    }

    fn edge(from: usize, to: usize, label: &str, clock: &str) -> Edge {
        Edge { from, to, label: label.to_owned(), clock: clock.to_owned() }
    }

    /// The three layers of an MNIST network between encoder and decoder.
    fn mnist() -> Graph {
        use NodeKind::*;
        let mut nodes = vec![node("enc", "ImgToSpk", Process)];
        for (k, size) in [128, 64, 10].into_iter().enumerate() {
            nodes.push(node(
                &format!("net.layer{k}.synapse"),
                &format!("Dense[{size}]"),
                Connection,
            ));
            nodes.push(node(&format!("net.layer{k}.neuron"), &format!("LIFReset[{size}]"), Neuron));
        }
        nodes.push(node("cls", "SpkToCls", Process));
        let mut edges = vec![edge(0, 7, "label: i32", "t % 32 == 1")];
        for (k, size) in [784, 128, 128, 64, 64, 10, 10].into_iter().enumerate() {
            let (port, ty) = if k % 2 == 0 { ("s_out", "spike") } else { ("a_out", "i32") };
            edges.push(edge(k, k + 1, &format!("{port}: {ty}[{size}]"), ""));
        }
        Graph { title: "MnistOnLoihi".to_owned(), nodes, edges }
    }

    /// Layers with recurrent connections, one of them over several layers.
    fn recurrent(layers: usize) -> Graph {
        use NodeKind::*;
        let mut graph = Graph { title: "Recurrent".to_owned(), ..Graph::default() };
        graph.nodes.push(node("source", "Source", Process));
        for k in 0..layers {
            let at = graph.nodes.len();
            graph.nodes.push(node(&format!("l{k}.ff"), "Dense[64, 64]", Connection));
            graph.nodes.push(node(&format!("l{k}.lif"), "LIF[64]", Neuron));
            graph.nodes.push(node(&format!("l{k}.rec"), "Sparse[64, 64]", Connection));
            graph.edges.push(edge(if k == 0 { 0 } else { at - 2 }, at, "s_out: spike[64]", ""));
            graph.edges.push(edge(at, at + 1, "a_out: i32[64]", ""));
            graph.edges.push(edge(at + 1, at + 2, "s_out: spike[64]", ""));
            graph.edges.push(edge(at + 2, at + 1, "a_out: i32[64]", ""));
        }
        let last = graph.nodes.len() - 2;
        graph.nodes.push(node("readout", "Sink", Process));
        graph.edges.push(edge(last, last + 2, "s_out: spike[64]", ""));
        graph.edges.push(edge(2, last + 2, "s_out: spike[64]", ""));
        graph.edges.push(edge(last, 1, "s_out: spike[64]", ""));
        graph
    }

    #[test]
    fn dot_nests_clusters_and_escapes() {
        let mut graph = mnist();
        graph.nodes[7].details = vec!["say \"hi\" \\ there".to_owned()];
        insta::assert_snapshot!(dot::dot(&graph));
    }

    /// (x, y, width, height) of the rectangles of a class.
    fn rectangles(svg: &str, class: &str) -> Vec<[f64; 4]> {
        let start = format!("<rect class=\"{class}\" ");
        let numbers = |line: &str| {
            let value = |name: &str| {
                let at = line.find(name).unwrap() + name.len();
                line[at..].split('"').next().unwrap().parse().unwrap()
            };
            [value(" x=\""), value(" y=\""), value(" width=\""), value(" height=\"")]
        };
        svg.lines().filter(|l| l.starts_with(&start)).map(numbers).collect()
    }

    fn overlap(a: &[f64; 4], b: &[f64; 4]) -> bool {
        a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3]
    }

    fn check_picture(graph: &Graph, clusters: usize) {
        let svg = svg::svg(graph);
        let nodes: Vec<_> = ["connection", "neuron", "process"]
            .into_iter()
            // The last of each class is the legend's.
            .flat_map(|class| rectangles(&svg, class).split_last().unwrap().1.to_vec())
            .collect();
        assert_eq!(nodes.len(), graph.nodes.len());
        for (i, a) in nodes.iter().enumerate() {
            assert!(!nodes[i + 1..].iter().any(|b| overlap(a, b)), "nodes overlap at {a:?}");
        }
        let boxes = rectangles(&svg, "box");
        assert_eq!(boxes.len(), clusters);
        for (i, a) in boxes.iter().enumerate() {
            let inside = |b: &[f64; 4]| {
                a[0] <= b[0]
                    && a[1] <= b[1]
                    && a[0] + a[2] >= b[0] + b[2]
                    && a[1] + a[3] >= b[1] + b[3]
            };
            let others = nodes.iter().chain(&boxes[i + 1..]);
            assert!(others.into_iter().all(|b| !overlap(a, b) || inside(b)), "{a:?} is cut");
        }
        assert_eq!(svg.matches("marker-end").count(), graph.edges.len());
        assert_eq!(svg, svg::svg(graph), "the same bytes again");
    }

    #[test]
    fn pictures_keep_nodes_apart_and_inside_their_boxes() {
        check_picture(&mnist(), 4);
        check_picture(&recurrent(1), 1);
        check_picture(&recurrent(10), 10);
    }

    #[test]
    fn edges_that_close_a_cycle_are_dashed() {
        let dashed = |g: &Graph| svg::svg(g).matches("edge back\" d=\"M").count();
        assert_eq!(dashed(&mnist()), 0);
        // One for each layer, one from the last layer to the first, one in the legend.
        assert_eq!(dashed(&recurrent(4)), 6);
        let mut own = Graph::default();
        own.nodes.push(node("a", "loop", NodeKind::Neuron));
        own.edges.push(edge(0, 0, "s", ""));
        assert_eq!(dashed(&own), 2);
    }

    #[test]
    fn odd_graphs_are_drawn_too() {
        let empty = svg::svg(&Graph::default());
        assert!(empty.starts_with("<svg") && empty.ends_with("</svg>\n"));
        let mut graph = Graph { title: "<a & \"b\">\u{1}".to_owned(), ..Graph::default() };
        graph.nodes.push(node("a", "x", NodeKind::Neuron));
        graph.edges.push(edge(0, 7, "to a node that is not there", ""));
        let svg = svg::svg(&graph);
        assert!(svg.contains("&lt;a &amp; &quot;b&quot;&gt; </text>"));
        assert!(!svg.contains("not there"));
    }

    #[test]
    fn a_chain_of_thousands_with_long_edges_is_drawn() {
        let mut graph = Graph::default();
        for k in 0..3000 {
            graph.nodes.push(node(&format!("n{k}"), "x", NodeKind::Process));
            graph.edges.push(edge(k, (k + 1) % 3000, "x", ""));
            graph.edges.push(edge(0, k, "y", ""));
        }
        assert_eq!(svg::svg(&graph).matches("marker-end").count(), 6000);
    }
}
