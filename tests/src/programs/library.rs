//! Processes of the standard library.

use super::design::{F64, I32, Port, SPIKE, TYPES, Variant, every_step};
use super::maker::Maker;
use super::tree::{Kind, Ty};

/// A process with its arguments, as a network writes it.
pub struct Made {
    /// `LIF[3](vth: 4)`.
    pub text: String,
    /// What it does.
    pub variant: Variant,
}

fn port(name: &str, ty: Ty, shape: &[usize]) -> Port {
    Port { name: name.into(), ty, shape: shape.to_vec(), at: every_step(), adds: true }
}

/// Integers or floats.
fn number(float: bool) -> Ty {
    if float { F64 } else { I32 }
}

fn tag(float: bool) -> Option<&'static str> {
    Some(if float { "floating_pt" } else { "fixed_pt" })
}

impl Maker<'_> {
    /// A neuron of some shape.
    pub(super) fn neuron(&mut self, shape: &[usize], float: bool) -> Made {
        let kinds = ["LIF", "LIF", "LIFReset", "TernaryLIF", "LIFRefractory"];
        let kind = self.pick(&kinds);
        self.mark(kind);
        let float = float || kind == "LIFRefractory";
        let mut args = Vec::new();
        let arg = |maker: &mut Self,
                   args: &mut Vec<String>,
                   name: &str,
                   ints: &[&str],
                   floats: &[&str]| {
            if maker.one_in(3) {
                return;
            }
            let all = if float { floats } else { ints };
            args.push(format!("{name}: {}", maker.pick(all)));
        };
        arg(
            self,
            &mut args,
            "du",
            &["0", "-1", "500", "4095", "2048"],
            &["0.0", "0.5", "1.0", "0.1"],
        );
        arg(self, &mut args, "dv", &["0", "100", "4096", "4095"], &["0.0", "0.25", "1.0"]);
        arg(self, &mut args, "bias_mant", &["3", "-2", "70_000", "1"], &["0.5", "-1.5", "3"]);
        if self.one_in(3) {
            args.push(format!("bias_exp: {}", self.pick(&["2", "-1", "6"])));
        }
        match kind {
            "TernaryLIF" => {
                arg(self, &mut args, "vth_lo", &["-1", "-10", "0"], &["-1.0", "-0.5"]);
                arg(self, &mut args, "vth_hi", &["1", "5", "0"], &["1.0", "2.5"]);
            }
            _ => arg(
                self,
                &mut args,
                "vth",
                &["1", "0", "7", "100", "131072"],
                &["1.0", "0.0", "3.5"],
            ),
        }
        match kind {
            "LIFReset" => {
                let n = self.epoch;
                args.push(format!(
                    "reset_interval: {n}, reset_offset: {}",
                    self.choices.below(2 * n)
                ));
            }
            "LIFRefractory" => args.push(format!("refractory_period: {}", 1 + self.below(4))),
            _ => {}
        }
        if self.one_in(4) && !shape.is_empty() {
            let seed = self.below(99);
            let range = if float { "0.0, 2.0" } else { "0, 9" };
            args.push(format!("v: uniform({range}, shape: {shape:?}, seed: {seed})"));
        }
        let sizes = if shape.is_empty() { String::new() } else { format!("{shape:?}") };
        let out = if kind == "TernaryLIF" { Ty { policy: "", ..TYPES[13] } } else { SPIKE };
        let mut vars = vec![("u".to_string(), false), ("v".into(), false)];
        if kind == "LIFRefractory" {
            vars.push(("refractory_period_end".into(), false));
        }
        let variant = Variant {
            tag: tag(float),
            ins: vec![port("a_in", number(float), shape)],
            outs: vec![port("s_out", out, shape)],
            delays: false,
            vars,
            results: Vec::new(),
        };
        Made { text: format!("{kind}{sizes}({})", args.join(", ")), variant }
    }

    /// A player of data of some shape.
    pub(super) fn source(&mut self, shape: &[usize], float: bool) -> Made {
        self.mark("Source");
        let mut full = vec![1 + self.below(2 * self.epoch)];
        full.extend(shape);
        let seed = self.below(999);
        let text = match (float, self.below(4)) {
            (true, _) => format!("normal(0.0, 1.0, shape: {full:?}, seed: {seed})"),
            (_, 0) => format!("uniform(-3, 4, shape: {full:?}, seed: {seed})"),
            _ => format!("bernoulli(0.4, shape: {full:?}, seed: {seed})"),
        };
        let fits = |n: &&super::maker::Name| {
            n.shape.len() == full.len()
                && n.shape[1..] == *shape
                && if float { n.kind == Kind::F64 } else { n.kind == Kind::Int }
        };
        let files: Vec<String> = self.items.iter().filter(fits).map(|n| n.text.clone()).collect();
        let text = if files.is_empty() { text } else { self.pick(&files) };
        let variant = Variant {
            tag: tag(float),
            ins: Vec::new(),
            outs: vec![port("s_out", number(float), shape)],
            delays: true,
            vars: Vec::new(),
            results: Vec::new(),
        };
        Made { text: format!("Source({text})"), variant }
    }

    /// A matrix of `m` rows as SciPy stores it, compressed along rows or columns.
    fn compressed(&mut self, (m, n): (usize, usize), float: bool) -> String {
        let by_columns = self.one_in(2);
        self.mark(if by_columns { "compressed columns" } else { "compressed rows" });
        let (name, lines, places) = if by_columns { ("csc", n, m) } else { ("csr", m, n) };
        let (mut data, mut indices, mut ends) = (Vec::new(), Vec::new(), vec![0]);
        for _ in 0..lines {
            for place in 0..places {
                if data.is_empty() || self.one_in(3) {
                    let weight = self.below(19) as i64 - 9;
                    data.push(if float { format!("{weight}.5") } else { weight.to_string() });
                    indices.push(place);
                }
            }
            ends.push(indices.len());
        }
        format!("{name}([{}], {indices:?}, {ends:?}, [{m}, {n}])", data.join(", "))
    }

    /// Synapses from `n` elements to `m`.
    pub(super) fn synapses(&mut self, (n, m): (usize, usize), float: bool) -> Made {
        let kind = self.pick(&["Dense", "Dense", "Sparse", "DelayDense", "DelaySparse"]);
        self.mark(kind);
        let (seed, p) = (self.below(999), self.pick(&["0.1", "0.5"]));
        let range = match (float, self.below(4)) {
            (true, _) => "-1.0, 1.0",
            (_, 0) => "0, 9",
            (_, 1) => "-300, 300",
            (_, 2) => "-9, 0",
            _ => "-9, 10",
        };
        let (lo, hi) = range.split_once(", ").unwrap_or(("0", "1"));
        let weights = match (kind, self.one_in(2)) {
            ("Dense" | "DelayDense", false) | (_, false) if n * m < 4000 => {
                format!("uniform({range}, shape: [{m}, {n}], seed: {seed})")
            }
            _ if n * m < 400 && self.one_in(3) => self.compressed((m, n), float),
            (_, _) if self.one_in(3) => {
                format!("transpose(sparse([{n}, {m}], p: {p}, lo: {lo}, hi: {hi}, seed: {seed}))")
            }
            _ => format!("sparse([{m}, {n}], p: {p}, lo: {lo}, hi: {hi}, seed: {seed})"),
        };
        let mut args = vec![format!("weights: {weights}")];
        if kind.starts_with("Delay") {
            args.push(match self.below(3) {
                0 => format!("delays: {}", self.below(4)),
                1 => format!("delays: uniform(0, 4, shape: [{m}, {n}], seed: {seed})"),
                _ => format!("delays: sparse([{m}, {n}], p: 0.5, hi: 4, seed: {seed})"),
            });
            if self.one_in(4) {
                args.push(format!("max_delay: {}", 3 + self.below(3)));
            }
        }
        if !float && self.one_in(3) {
            args.push(format!("weight_exp: {}", self.pick(&["-1", "2", "-3", "1"])));
        }
        if !float && self.one_in(4) {
            args.push(format!("num_weight_bits: {}", 1 + self.below(9)));
        }
        if self.one_in(2) {
            args.push(format!("num_message_bits: {}", self.pick(&["8", "24"])));
        }
        if !float && self.one_in(6) {
            args.push(format!("sign_mode: {}", self.pick(&["1", "2", "3"])));
        }
        let variant = Variant {
            tag: tag(float),
            ins: vec![port("s_in", number(float), &[n])],
            outs: vec![port("a_out", number(float), &[m])],
            delays: true,
            vars: vec![("a_buff".into(), true)],
            results: Vec::new(),
        };
        Made { text: format!("{kind}({})", args.join(", ")), variant }
    }

    /// A convolution from `n` elements (as they are: `[width, height, channels]`) to `m`.
    pub(super) fn convolution(
        &mut self,
        (n, m): (usize, usize),
        float: bool,
    ) -> (Made, [usize; 3]) {
        self.mark("Conv");
        let of_two = |maker: &mut Self, n: usize| {
            if n.is_multiple_of(2) && maker.one_in(2) { 2 } else { 1 }
        };
        let (channels, outputs) = (of_two(self, n), of_two(self, m));
        let (width, out_width) = (n / channels, m / outputs);
        let groups = if (channels, outputs) == (2, 2) { 1 + self.below(2) } else { 1 };
        let (stride, rest) = (1 + self.below(2), self.below(2));
        // As much padding as a kernel of at least one weight needs, and a little more.
        let reach = stride * (out_width - 1) + 1;
        let padding = reach.saturating_sub(width).div_ceil(2) + self.below(2);
        let spread = width + 2 * padding + 1 - reach;
        let spread = if stride == 2 && rest == 1 && spread > 1 { spread - 1 } else { spread };
        let dilation = if spread % 2 == 1 { 1 + self.below(2) } else { 1 };
        let kernel = (spread - 1) / dilation + 1;
        let (high, above) = self.pick(&[(1, 0), (3, 1)]);
        let (seed, bits) = (self.below(999), self.pick(&[0, 8]));
        let shape = [outputs, kernel, high, channels / groups];
        let range = if float { "-1.0, 1.0" } else { "-9, 10" };
        let variant = Variant {
            tag: tag(float),
            ins: vec![port("s_in", number(float), &[width, 1, channels])],
            outs: vec![port("a_out", number(float), &[out_width, 1, outputs])],
            delays: true,
            vars: vec![("a_buf".into(), true)],
            results: Vec::new(),
        };
        let text = format!(
            "Conv(uniform({range}, shape: {shape:?}, seed: {seed}), stride: [{stride}, 1], \
             padding: [{padding}, {above}], dilation: [{dilation}, 1], groups: {groups}, \
             num_message_bits: {bits})"
        );
        (Made { text, variant }, [width, 1, channels])
    }
}
