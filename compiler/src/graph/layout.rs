//! Where the nodes of a graph go: in layers from left to right, networks as boxes.
//!
//! Edges that close a cycle are set aside ([`feedback`]); the rest gives each node a layer,
//! one beyond the latest of what it receives from. Edges over several layers get a waypoint
//! in each. Then every box is laid out from the inside out: its parts (nodes, waypoints,
//! inner boxes) are sorted by where their neighbours are and packed, again and again, and
//! the arrangement with the shortest edges wins. Nothing depends on more than the graph.

use super::Graph;
use std::collections::BTreeMap;

/// Space between parts above each other.
const GAP: f64 = 22.0;
/// Space between a box and what is in it, without its title.
pub const PAD: f64 = 16.0;
/// Space between edges that lead back.
const LANE: f64 = 14.0;
/// Height of a box's title.
pub const TITLE: f64 = 20.0;
/// More waypoints than this are not made: long edges are then drawn straight.
const MOST_WAYPOINTS: usize = 20_000;
/// How often the parts of a box are sorted anew.
const SWEEPS: usize = 16;

/// A node or waypoint.
pub struct Vertex {
    /// Column, from the left.
    pub layer: usize,
    /// Upper edge.
    pub top: f64,
    /// 0 for waypoints.
    pub height: f64,
    /// Index into [`Layout::clusters`].
    inside: usize,
}

/// A box around a network's parts, drawn with a title. The first is the whole picture.
pub struct Cluster {
    /// Its title.
    pub name: String,
    parent: Option<usize>,
    /// Boxes around it.
    pub depth: usize,
    /// First and last column.
    pub layers: (usize, usize),
    /// Upper edge.
    pub top: f64,
    /// From the upper edge.
    pub height: f64,
    /// How many edges lead back below its parts, above each other.
    lanes: usize,
}

/// Where everything is, columns not yet in pixels.
pub struct Layout {
    /// Nodes, in the order of the graph; then waypoints.
    pub vertices: Vec<Vertex>,
    /// Boxes of networks, outer before inner.
    pub clusters: Vec<Cluster>,
    /// For each edge of the graph: its waypoints from left to right.
    pub waypoints: Vec<Vec<usize>>,
    /// For each edge that closes a cycle: the height at which it leads back.
    pub feedback: Vec<Option<f64>>,
}

/// Lays out a graph whose nodes have these heights.
pub fn layout(graph: &Graph, heights: &[f64]) -> Layout {
    let edges: Vec<(usize, usize)> = graph.edges().map(|e| (e.from, e.to)).collect();
    let feedback = feedback(graph.nodes.len(), &edges);
    let forward: Vec<(usize, usize)> =
        edges.iter().zip(&feedback).filter(|(_, back)| !**back).map(|(e, _)| *e).collect();
    let layers = layers(graph.nodes.len(), &forward);
    let (mut boxes, inside) = boxes(graph, &layers);

    let mut vertices: Vec<Vertex> = Vec::new();
    for ((layer, height), inside) in layers.iter().zip(heights).zip(inside) {
        vertices.push(Vertex { layer: *layer, top: 0.0, height: *height, inside });
    }
    let length = |&(a, b): &(usize, usize)| layers[b].saturating_sub(layers[a] + 1);
    let few = forward.iter().map(length).sum::<usize>() <= MOST_WAYPOINTS;
    let mut waypoints = Vec::new();
    let mut segments = Vec::new();
    for (edge, back) in edges.iter().zip(&feedback) {
        let mut way = Vec::new();
        if !back {
            let mut from = edge.0;
            for layer in (layers[edge.0] + 1..layers[edge.1]).take_while(|_| few) {
                let inside = waypoint_box(&boxes, &vertices, *edge, layer);
                way.push(vertices.len());
                segments.push((from, vertices.len()));
                from = vertices.len();
                vertices.push(Vertex { layer, top: 0.0, height: 0.0, inside });
            }
            segments.push((from, edge.1));
        }
        waypoints.push(way);
    }

    let lanes = lanes(&edges, &feedback, &layers, &vertices, &mut boxes);

    // Inner boxes first: an outer one treats them as a whole.
    for index in (0..boxes.len()).rev() {
        arrange(index, &mut boxes, &mut vertices, &segments);
    }
    // Places were relative to the box; outer boxes stand first.
    for index in 1..boxes.len() {
        if let Some(parent) = boxes[index].parent {
            boxes[index].top += boxes[parent].top;
        }
    }
    for vertex in &mut vertices {
        vertex.top += boxes[vertex.inside].top;
    }
    let height = |(index, lane): (usize, usize)| {
        let around = &boxes[index];
        around.top + around.height - PAD / 2.0 - lane as f64 * LANE
    };
    let feedback = lanes.into_iter().map(|lane| lane.map(height)).collect();
    Layout { vertices, clusters: boxes, waypoints, feedback }
}

/// For each edge that leads back: the innermost box around both ends, and a lane at its
/// bottom that no other edge uses in the same columns.
fn lanes(
    edges: &[(usize, usize)],
    feedback: &[bool],
    layers: &[usize],
    vertices: &[Vertex],
    boxes: &mut [Cluster],
) -> Vec<Option<(usize, usize)>> {
    let mut taken: BTreeMap<(usize, usize), Vec<(usize, usize)>> = BTreeMap::new();
    let mut lane_of = |&(from, to): &(usize, usize)| {
        let (mut a, mut b) = (vertices[from].inside, vertices[to].inside);
        while a != b {
            let deeper = if boxes[a].depth >= boxes[b].depth { &mut a } else { &mut b };
            *deeper = boxes[*deeper].parent.unwrap_or(0);
        }
        let span = (layers[to], layers[from]);
        let apart = |other: &(usize, usize)| other.1 < span.0 || other.0 > span.1;
        let mut lane = 0;
        while taken.get(&(a, lane)).is_some_and(|spans| !spans.iter().all(apart)) {
            lane += 1;
        }
        taken.entry((a, lane)).or_default().push(span);
        boxes[a].lanes = boxes[a].lanes.max(lane + 1);
        (a, lane)
    };
    edges.iter().zip(feedback).map(|(edge, back)| back.then(|| lane_of(edge))).collect()
}

/// Which edges close a cycle: those that lead back to a node on the path of a depth-first
/// walk, begun at nodes that receive nothing.
fn feedback(nodes: usize, edges: &[(usize, usize)]) -> Vec<bool> {
    let mut outgoing: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    let mut receives = vec![false; nodes];
    for (index, (from, to)) in edges.iter().enumerate() {
        outgoing[*from].push(index);
        receives[*to] |= from != to;
    }
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        OnPath,
        Done,
    }
    let mut state = vec![State::New; nodes];
    let mut back = vec![false; edges.len()];
    let sources = (0..nodes).filter(|n| !receives[*n]);
    for root in sources.chain(0..nodes) {
        if state[root] != State::New {
            continue;
        }
        state[root] = State::OnPath;
        let mut path = vec![(root, 0)];
        while let Some((node, next)) = path.last_mut() {
            let Some(&edge) = outgoing[*node].get(*next) else {
                state[*node] = State::Done;
                path.pop();
                continue;
            };
            *next += 1;
            let to = edges[edge].1;
            match state[to] {
                State::OnPath => back[edge] = true,
                State::Done => {}
                State::New => {
                    state[to] = State::OnPath;
                    path.push((to, 0));
                }
            }
        }
    }
    back
}

/// The column of each node: one after the last it receives from; one that receives nothing
/// stands right before the first it sends to. `edges` have no cycle.
fn layers(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut outgoing: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    let mut open = vec![0usize; nodes];
    for (from, to) in edges {
        outgoing[*from].push(*to);
        open[*to] += 1;
    }
    let sources: Vec<usize> = (0..nodes).filter(|n| open[*n] == 0).collect();
    let mut layer = vec![0; nodes];
    let mut ready = sources.clone();
    while let Some(node) = ready.pop() {
        for &to in &outgoing[node] {
            layer[to] = layer[to].max(layer[node] + 1);
            open[to] -= 1;
            if open[to] == 0 {
                ready.push(to);
            }
        }
    }
    for node in sources {
        let first = outgoing[node].iter().map(|to| layer[*to]).min();
        layer[node] = first.map_or(0, |l| l - 1);
    }
    layer
}

/// The boxes of all networks, outer before inner, and the innermost of each node.
fn boxes(graph: &Graph, layers: &[usize]) -> (Vec<Cluster>, Vec<usize>) {
    let whole = Cluster {
        name: graph.title.clone(),
        parent: None,
        depth: 0,
        layers: (0, layers.iter().max().copied().unwrap_or(0)),
        top: 0.0,
        height: 0.0,
        lanes: 0,
    };
    let mut boxes = vec![whole];
    let mut known: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    let mut inside = Vec::new();
    for (node, &layer) in graph.nodes.iter().zip(layers) {
        let mut current = 0;
        for name in &node.cluster {
            current = *known.entry((current, name)).or_insert_with(|| {
                boxes.push(Cluster {
                    name: name.clone(),
                    parent: Some(current),
                    depth: boxes[current].depth + 1,
                    layers: (layer, layer),
                    top: 0.0,
                    height: 0.0,
                    lanes: 0,
                });
                boxes.len() - 1
            });
            let range = &mut boxes[current].layers;
            *range = (range.0.min(layer), range.1.max(layer));
        }
        inside.push(current);
    }
    (boxes, inside)
}

/// The box that an edge's waypoint in a column belongs to: the innermost around either end
/// that reaches to that column, so that an edge crosses no box it has no business with.
fn waypoint_box(
    boxes: &[Cluster],
    vertices: &[Vertex],
    edge: (usize, usize),
    layer: usize,
) -> usize {
    let innermost = |node: usize| {
        let around = std::iter::successors(Some(vertices[node].inside), |b| boxes[*b].parent);
        around.into_iter().find(|b| (boxes[*b].layers.0..=boxes[*b].layers.1).contains(&layer))
    };
    let candidates = [innermost(edge.0), innermost(edge.1)];
    candidates.into_iter().flatten().max_by_key(|b| boxes[*b].depth).unwrap_or(0)
}

/// Something that is placed as a whole inside a box.
struct Part {
    layers: (usize, usize),
    height: f64,
    top: f64,
}

/// Decides the places of all parts of a box relative to it, and its height.
fn arrange(
    index: usize,
    boxes: &mut [Cluster],
    vertices: &mut [Vertex],
    segments: &[(usize, usize)],
) {
    // Which part of this box each vertex is in, and how far below the part's upper edge.
    let mut parts: Vec<Part> = Vec::new();
    let mut part_of_box: BTreeMap<usize, usize> = BTreeMap::new();
    for (inner, b) in boxes.iter().enumerate().filter(|(_, b)| b.parent == Some(index)) {
        part_of_box.insert(inner, parts.len());
        parts.push(Part { layers: b.layers, height: b.height, top: 0.0 });
    }
    let mut part_of: Vec<Option<(usize, f64)>> = Vec::with_capacity(vertices.len());
    for vertex in vertices.iter() {
        let middle = vertex.top + vertex.height / 2.0;
        if vertex.inside == index {
            part_of.push(Some((parts.len(), vertex.height / 2.0)));
            parts.push(Part {
                layers: (vertex.layer, vertex.layer),
                height: vertex.height,
                top: 0.0,
            });
            continue;
        }
        let (mut at, mut offset, mut found) = (vertex.inside, middle, None);
        while let Some(parent) = boxes[at].parent {
            if let Some(part) = part_of_box.get(&at) {
                found = Some((*part, offset));
                break;
            }
            offset += boxes[at].top;
            at = parent;
        }
        part_of.push(found);
    }
    let links: Vec<Link> = segments
        .iter()
        .filter_map(|(a, b)| Some((part_of[*a]?, part_of[*b]?)))
        .filter(|(a, b)| a.0 != b.0)
        .collect();

    let mut order: Vec<usize> = (0..parts.len()).collect();
    pack(&mut parts, &order, None, false);
    let mut best: Vec<f64> = parts.iter().map(|p| p.top).collect();
    let mut shortest = length(&parts, &links);
    for sweep in 0..SWEEPS {
        let wanted = wanted(&parts, &links);
        order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
        pack(&mut parts, &order, Some(&wanted), sweep % 2 == 1);
        let now = length(&parts, &links);
        if now < shortest {
            shortest = now;
            best = parts.iter().map(|p| p.top).collect();
        }
    }

    let title = if index == 0 { 0.0 } else { TITLE };
    let upper = best.iter().copied().fold(f64::INFINITY, f64::min);
    let lower = parts.iter().zip(&best).map(|(p, t)| t + p.height).fold(upper, f64::max);
    let shift = PAD + title - upper;
    boxes[index].height =
        (lower - upper).max(0.0) + title + 2.0 * PAD + boxes[index].lanes as f64 * LANE;
    for (inner, part) in part_of_box {
        boxes[inner].top = best[part] + shift;
    }
    for (vertex, part) in vertices.iter_mut().zip(&part_of) {
        if let (true, Some((part, _))) = (vertex.inside == index, part) {
            vertex.top = best[*part] + shift;
        }
    }
}

/// Two ends of an edge: the part, and how far below its upper edge.
type Link = ((usize, f64), (usize, f64));

fn length(parts: &[Part], links: &[Link]) -> f64 {
    let y = |end: &(usize, f64)| parts[end.0].top + end.1;
    links.iter().map(|(a, b)| (y(a) - y(b)).abs()).sum()
}

/// Where each part would be if its edges were level: the mean over its neighbours.
fn wanted(parts: &[Part], links: &[Link]) -> Vec<f64> {
    let mut sums = vec![(0.0, 0usize); parts.len()];
    for (a, b) in links {
        for (own, other) in [(a, b), (b, a)] {
            let level = parts[other.0].top + other.1 - own.1;
            sums[own.0] = (sums[own.0].0 + level, sums[own.0].1 + 1);
        }
    }
    let mean = |(i, (sum, n)): (usize, &(f64, usize))| match n {
        0 => parts[i].top,
        n => sum / *n as f64,
    };
    sums.iter().enumerate().map(mean).collect()
}

/// Puts the parts below each other in order (or above each other in reverse), each where it
/// wants to be unless another is there already.
fn pack(parts: &mut [Part], order: &[usize], wanted: Option<&[f64]>, upward: bool) {
    let columns = parts.iter().map(|p| p.layers.1 + 1).max().unwrap_or(0);
    let mut taken: Vec<Option<f64>> = vec![None; columns];
    let direction = if upward { -1.0 } else { 1.0 };
    let in_order: Vec<usize> =
        if upward { order.iter().rev().copied().collect() } else { order.to_vec() };
    for index in in_order {
        let (layers, height) = (parts[index].layers, parts[index].height);
        // Measured in the direction of packing: from the near edge of the part.
        let near = |top: f64| if upward { -(top + height) } else { top };
        let free = taken[layers.0..=layers.1].iter().flatten().copied().reduce(f64::max);
        let wish = wanted.and_then(|w| w.get(index)).map(|top| near(*top));
        let at = match (free, wish) {
            (Some(free), Some(wish)) => free.max(wish),
            (Some(at), None) | (None, Some(at)) => at,
            (None, None) => 0.0,
        };
        parts[index].top = if upward { direction * at - height } else { at };
        taken[layers.0..=layers.1].fill(Some(at + height + GAP));
    }
}
