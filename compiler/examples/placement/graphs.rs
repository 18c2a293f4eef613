//! The graphs of the benchmark. All are made with fixed seeds.

/// SplitMix64, so that every platform makes the same graphs.
pub struct Random(u64);

impl Random {
    /// Numbers that follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: usize) -> usize {
        (self.unit() * end as f64) as usize
    }
}

/// `(from, to, messages per step)`.
pub type Edge = (u32, u32, f64);

/// `n − 1` layers of `n` cores, each layer fully connected to the next; weights uniform in `[0, 1)`.
pub fn dense(n: usize) -> Vec<Edge> {
    let mut random = Random::new(1);
    let mut edges = Vec::with_capacity(n * n * n);
    for layer in 0..n.saturating_sub(2) {
        for from in 0..n {
            for to in 0..n {
                edges.push(edge(layer * n + from, (layer + 1) * n + to, random.unit()));
            }
        }
    }
    edges
}

/// `layers` layers of `width × height` cores. Each core sends to the cores of the next layer at
/// most `reach` away from its own place on each axis; weights uniform in `[0, 1)`, or all 1.
pub fn conv(layers: usize, [width, height]: [usize; 2], reach: usize, uniform: bool) -> Vec<Edge> {
    let mut random = Random::new(1);
    let mut edges = Vec::new();
    let size = width * height;
    for layer in 0..layers - 1 {
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            for v in y.saturating_sub(reach)..(y + reach + 1).min(height) {
                for u in x.saturating_sub(reach)..(x + reach + 1).min(width) {
                    let weight = if uniform { 1.0 } else { random.unit() };
                    let from = layer * size + y * width + x;
                    edges.push(edge(from, (layer + 1) * size + v * width + u, weight));
                }
            }
        }
    }
    edges
}

/// Each pair of `nodes` nodes is connected, in a random direction, with the probability that gives
/// `degree` connections a node (Erdős and Rényi 1959).
pub fn random(nodes: usize, degree: usize) -> Vec<Edge> {
    let mut random = Random::new(2);
    (0..nodes * degree / 2)
        .map(|_| edge(random.below(nodes), random.below(nodes), random.unit()))
        .collect()
}

/// A ring where each node sends to the next `reach` nodes, every connection rewired to a random
/// node with a probability of 1/10 (Watts and Strogatz 1998). Numbers are shuffled, so that they
/// do not tell where on the ring a node is.
pub fn small_world(nodes: usize, reach: usize) -> Vec<Edge> {
    let mut random = Random::new(3);
    let mut name: Vec<usize> = (0..nodes).collect();
    for last in (1..nodes).rev() {
        name.swap(last, random.below(last + 1));
    }
    let mut edges = Vec::new();
    for node in 0..nodes {
        for step in 1..=reach {
            let to = if random.unit() < 0.1 { random.below(nodes) } else { (node + step) % nodes };
            edges.push(edge(name[node], name[to], random.unit()));
        }
    }
    edges
}

/// `layers` layers of `size` cores: each core sends to half of the next layer and to an eighth of
/// its own, and every second layer back to an eighth of the layer before.
pub fn recurrent(layers: usize, size: usize) -> Vec<Edge> {
    let mut random = Random::new(4);
    let mut edges = Vec::new();
    for layer in 0..layers {
        let mut connect = |to: usize, share: f64| {
            for (a, b) in (0..size).flat_map(|a| (0..size).map(move |b| (a, b))) {
                if random.unit() < share {
                    edges.push(edge(layer * size + a, to * size + b, random.unit()));
                }
            }
        };
        connect(layer, 0.125);
        if layer + 1 < layers {
            connect(layer + 1, 0.5);
        }
        if layer % 2 == 1 {
            connect(layer - 1, 0.125);
        }
    }
    edges
}

fn edge(from: usize, to: usize, messages: f64) -> Edge {
    (from as u32, to as u32, messages)
}
