//! Programs around an encoder of bytes: what it sends may be tabulated, if it is forgotten from
//! row to row, depends on nothing else, and goes through integer weights only.

use super::maker::Maker;
use super::patterns::assign;
use super::tree::{File, Kind, Line, Network, Phase, Process, Program, Stmt, form};
use snn_runtime::network::ElementType;

impl Maker<'_> {
    /// A whole program: rows of bytes, an encoder, layers behind it.
    pub(super) fn rates(&mut self, program: &mut Program) {
        self.mark("whole program rates");
        let n = self.pick(&[64usize, 70, 81]);
        let windows = 6 + self.below(20);
        let rows = windows + 2;
        let values = (0..rows * n).map(|i| (i * 37 + i / n * 11) as u8).collect();
        let bytes = super::data::npy(ElementType::U8, &[rows, n], values);
        program.files.push(File { name: "images.npy".into(), bytes });
        program.items.push(Line::of("data images = npy(\"images.npy\")".to_string()));
        program.processes.push(self.rate_encoder(n));
        program.processes.push(sums());
        let mut parts = vec![("enc".to_string(), "Enc()".to_string())];
        let mut links = Vec::new();
        for layer in 0..1 + self.below(2) {
            let m = self.pick(&[3usize, 17, 40, 70]);
            let cells = format!("cells{layer}");
            let made = self.pick(&["LIF(vth: 40, du: 4000, dv: 100)", "LIF(vth: 9, du: 4095)"]);
            match self.one_in(3) {
                true => parts.push((cells.clone(), format!("Sums[{m}]()"))),
                false => parts.push((cells.clone(), made.to_string())),
            }
            for _ in 0..1 + self.below(2) {
                let weights = self.rate_weights(m, n);
                links.push(format!("enc.o -> {weights} -> {cells}"));
            }
            program.requests.push(format!("record {cells}.*"));
        }
        // Whoever looks at the encoder keeps it from being tabulated.
        match self.below(8) {
            0 => program.requests.push("record enc.o".into()),
            1 => program.requests.push("record enc.v at end".into()),
            2 => {
                parts.push(("seen".into(), format!("Sums[{n}]()")));
                links.push("enc.o -> seen.a".into());
                program.requests.push("record seen.x".into());
            }
            _ => {}
        }
        let start = self.pick(&["start", "end"]);
        let resets = match self.below(4) {
            0 => vec![format!("reset cells* at image.{start} skew auto")],
            1 => vec![format!("reset {{enc, cells0}}.v at image.{start}")],
            2 => vec![format!("reset cells0.v every {} offset 1", 2 * self.epoch)],
            _ => Vec::new(),
        };
        let name = "Random".to_string();
        let resets =
            resets.into_iter().filter(|r| !r.contains(".v") || parts[1].1.starts_with('L'));
        let resets = resets.collect();
        let (params, ports) = (String::new(), Vec::new());
        program.networks.push(Network { name, params, ports, parts, links, resets });
        program.models.push("models fixed_pt".into());
        program.steps = (self.epoch * windows + self.below(3)) as u64;
    }

    /// Integers in up to eight bits, with the options of synapses that a sum still allows.
    fn rate_weights(&mut self, m: usize, n: usize) -> String {
        let range = self.pick(&["-9, 10", "0, 9", "-120, 120"]);
        let seed = self.below(999);
        let option = self.pick(&["", "", ", weight_exp: -1", ", num_message_bits: 8"]);
        let kind = self.pick(&["Dense", "Dense", "Dense", "Sparse", "DelayDense"]);
        let delay = if kind == "DelayDense" { ", delays: 2" } else { "" };
        format!("{kind}(uniform({range}, shape: [{m}, {n}], seed: {seed}){option}{delay})")
    }

    fn rate_encoder(&mut self, n: usize) -> Process {
        let float = self.one_in(2);
        let ty = self.pick(if float { &["f64", "f32"] } else { &["i32", "i16 sat"] });
        let mut take =
            vec![assign("px", "=", if float { "images[k] / 255" } else { "images[k]" }, None)];
        if !self.one_in(6) {
            take.push(assign("v", "=", "0", None));
        }
        take.push(assign("k", "+=", "1", None));
        let limit = match (float, self.below(3)) {
            (true, 0) => "1",
            (true, _) => "0.7",
            (false, 0) => "200",
            (false, _) => "255",
        };
        let mut spk = vec![assign("v", "+=", "px", None)];
        match self.below(6) {
            0 => spk.push(assign("o", "=", &format!("v > {limit} and t % 3 > 0"), None)),
            1 => spk.push(assign("o", "=", &format!("px + v > {limit}"), None)),
            _ => spk.push(assign("o", "=", &format!("v > {limit}"), None)),
        }
        match self.below(3) {
            0 => spk.push(assign("v", "-=", limit, Some("o"))),
            1 => spk.push(assign("v", "=", "0", Some("o"))),
            _ => {}
        }
        let moment = self.pick(&["image.start", "image.end"]);
        let phases = match self.one_in(2) {
            true => {
                let cond = form!(Kind::Bool, []; moment);
                spk.insert(0, Stmt::If { cond, then: take, els: Vec::new() });
                vec![Phase { name: "spk", guard: None, body: spk }]
            }
            false => {
                let guard = Some(moment.to_string());
                vec![
                    Phase { name: "spk", guard: None, body: spk },
                    Phase { name: "post_mgmt", guard, body: take },
                ]
            }
        };
        let members = vec![
            format!("out o: spike[{n}]"),
            format!("var px: {ty}[{n}] = 0"),
            format!("var v: {ty}[{n}] = 0"),
            "var k: int = 0".to_string(),
        ];
        Process {
            head: "process Enc".into(),
            name: "Enc".into(),
            members: members.into_iter().map(Line::of).collect(),
            phases,
            elsewhere: false,
        }
    }
}

/// Adds up what arrives.
fn sums() -> Process {
    let members = ["in a: i32[n]", "var x: i32[n] = 0"].map(String::from);
    Process {
        head: "process Sums[n]".into(),
        name: "Sums".into(),
        members: members.into_iter().map(Line::of).collect(),
        phases: vec![Phase { name: "spk", guard: None, body: vec![assign("x", "+=", "a", None)] }],
        elsewhere: false,
    }
}
