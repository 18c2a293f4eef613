//! Processes whose state goes from epoch to epoch in a way that leaves windows independent:
//! results by row, data by row, counters.

use super::design::{Design, I32, Port, Variant, every_step};
use super::maker::Maker;
use super::tree::{File, Kind, Line, Phase, Process, Program, Stmt, form};
use snn_runtime::network::ElementType;

/// `target op value where mask`.
pub(super) fn assign(target: &str, op: &'static str, value: &str, mask: Option<&str>) -> Stmt {
    Stmt::Assign {
        target: form!(Kind::Int, []; target),
        op,
        value: form!(Kind::Int, []; value),
        mask: mask.map(|m| form!(Kind::Bool, []; m)),
    }
}

fn when(cond: &str, then: Vec<Stmt>) -> Stmt {
    Stmt::If { cond: form!(Kind::Bool, []; cond), then, els: Vec::new() }
}

fn port(name: &str, n: usize) -> Port {
    Port { name: name.into(), ty: I32, shape: vec![n], at: every_step(), adds: true }
}

fn made(
    name: String,
    members: Vec<String>,
    phases: Vec<Phase>,
    variant: Variant,
) -> (Vec<Process>, Design) {
    let shape =
        variant.outs.first().or(variant.ins.first()).map_or(Vec::new(), |p| p.shape.clone());
    let process = Process {
        head: format!("process {name}"),
        name: name.clone(),
        members: members.into_iter().map(Line::of).collect(),
        phases,
        elsewhere: false,
    };
    let variants = vec![variant];
    let design = Design {
        name,
        variants,
        uniform: false,
        shape,
        open: false,
        arguments: Vec::new(),
        keeps: true,
    };
    (vec![process], design)
}

impl Maker<'_> {
    /// A process that keeps a row of results for each epoch.
    pub(super) fn collector(&mut self, rows: usize) -> (Vec<Process>, Design) {
        self.mark("rows of results");
        let name = self.name("Rows");
        let n = self.pick(&[3usize, 4]);
        let mut members = vec![
            format!("in x: i32[{n}]"),
            format!("var sum: i32[{n}] = 0"),
            format!("var rows: i32[{rows}, {n}] = -1"),
            "var k: int = 0".to_string(),
        ];
        let mut vars = vec![("sum".to_string(), false), ("k".into(), false)];
        let mut spk = vec![assign("sum", "+=", "x", None)];
        match self.below(3) {
            0 => spk.insert(0, when("image.start", vec![assign("sum", "=", "0", None)])),
            1 => spk.push(assign("sum", "=", "x", Some("t % 2 == 1"))),
            _ => {}
        }
        let mut end = vec![
            assign("rows[k]", "=", "sum", None),
            assign("k", "+=", "1", None),
            assign("sum", "=", "0", None),
        ];
        if self.may.masked_rows && self.one_in(if self.each { 6 } else { 2 }) {
            // Rows that many windows write, each some elements.
            spk.push(assign("rows[k]", "=", "1", Some("x > 0")));
            end = vec![assign("sum", "=", "0", None)];
            spk.push(when("t == 1", vec![assign("k", "+=", "1", None)]));
        }
        let _ = self.counter(&mut members, &mut vars, &mut spk, None);
        let phases = vec![
            Phase { name: "spk", guard: None, body: spk },
            Phase { name: "post_mgmt", guard: Some("image.end".into()), body: end },
        ];
        let variant = Variant {
            tag: None,
            ins: vec![port("x", n)],
            outs: Vec::new(),
            delays: true,
            vars,
            results: vec!["rows".into()],
        };
        made(name, members, phases, variant)
    }

    /// A process that learns: its weights change by outer products of what it receives and
    /// what it sends, and begin anew with the epoch or not at all.
    pub(super) fn learner(&mut self, each: bool) -> (Vec<Process>, Design) {
        self.mark("learning");
        let name = self.name("Learn");
        let (m, n) = (self.pick(&[2usize, 3, 5]), self.pick(&[3usize, 4, 7]));
        let float = self.one_in(3);
        let ty = match float {
            true => self.pick(&["f64", "f32"]),
            false => self.pick(&["i8 sat", "i16 wrap", "i32", "int", "u8 sat"]),
        };
        let port_ty = if float { super::design::F64 } else { I32 };
        let seed = self.below(99);
        let init = if ty == "u8 sat" { "0, 5" } else { "-4, 5" };
        let init = if float { "-1.0, 1.0" } else { init };
        let members = vec![
            format!("in x: {}[{n}]", port_ty.name),
            format!("out y: {}[{m}]", port_ty.name),
            format!("var w: {ty}[{m}, {n}] = uniform({init}, shape: [{m}, {n}], seed: {seed})"),
            format!("var pre: {}[{n}] = 0", port_ty.name),
            format!("var post: i32[{m}] = 0"),
            "var k: int = 0".to_string(),
        ];
        let convert = |text: &str| match ty {
            "f32" => format!("f32({text})"),
            _ => text.to_string(),
        };
        let rate = if float { "0.25" } else { "1" };
        let sum = self.pick(&["w @ pre", "w @ (pre > 0)", "(w @ pre) - (w[k % M] @ pre)"]);
        let sum = sum.replace('M', &m.to_string());
        let mut spk = vec![
            assign("y", "=", &sum, None),
            assign("pre", "=", "x", None),
            assign("post", "=", "int(clip(y, -3, 3))", None),
        ];
        if self.one_in(2) {
            let text = "clip(w @ pre, -100, 100)";
            spk.push(assign("post", "+=", &format!("int({text})"), None));
        }
        let x = if float { "clip(pre, -2.0, 2.0)" } else { "clip(pre, -2, 2)" };
        let mask = match self.below(4) {
            0 => Some("outer(post > 0, pre != 0)"),
            1 => Some("any(pre != 0)"),
            _ => None,
        };
        let mut lrn = match self.below(6) {
            0 => vec![assign(
                &format!("w[k % {m}]"),
                "+=",
                &convert(&format!("{x} * {rate}")),
                mask.filter(|m| m.starts_with("any")),
            )],
            1 => vec![assign(&format!("w[.., t % {n}]"), "-=", &convert("post"), None)],
            2 => vec![assign("w", "=", "transpose(flip(transpose(w), 0))", mask)],
            _ => vec![assign("w", "+=", &convert(&format!("outer(post, {x}) * {rate}")), mask)],
        };
        if self.one_in(3) {
            let old = self.pick(&["w - div(w, 4)", "clip(w, 0, 9)", "where(w > 3, 0, w)"]);
            let old = if float { "w * 0.5" } else { old };
            lrn.push(assign("w", "=", &convert(old), None));
        }
        lrn.push(assign("k", "+=", "1", None));
        let anew = vec![assign("w", "=", self.pick(&["0", "1"]), None)];
        match self.below(3) {
            _ if each => spk.insert(0, when("image.start", anew)),
            0 => lrn.push(when("image.end", anew)),
            _ => {}
        }
        let guard = match self.below(3) {
            0 => Some("t % 2 == 0".to_string()),
            1 => Some("t > 2".into()),
            _ => None,
        };
        let phase = self.pick(&["lrn", "lrn", "post_mgmt", "pre_mgmt"]);
        let phases = vec![
            Phase { name: "spk", guard: None, body: spk },
            Phase { name: phase, guard, body: lrn },
        ];
        let vars = ["w", "pre", "post", "k"].map(|v| (v.to_string(), false)).to_vec();
        let of = |name: &str, n: usize| Port { ty: port_ty, ..port(name, n) };
        let variant = Variant {
            tag: None,
            ins: vec![of("x", n)],
            outs: vec![of("y", m)],
            delays: true,
            vars,
            results: Vec::new(),
        };
        let (processes, design) = made(name, members, phases, variant);
        (processes, Design { keeps: false, ..design })
    }

    /// A counter, which is sent where there is a port; its name.
    fn counter(
        &mut self,
        members: &mut Vec<String>,
        vars: &mut Vec<(String, bool)>,
        body: &mut Vec<Stmt>,
        port: Option<(&str, usize)>,
    ) -> String {
        self.mark("counter");
        let wide: [(&str, i64); 3] = [("int", 0), ("i64", 5), ("int", -7)];
        let narrow: [(&str, i64); 5] = [
            ("i8 sat", 0),
            ("u4 wrap", 0),
            ("i8 wrap", 100),
            ("u8 sat", 250),
            ("i32 sat", 2_147_483_600),
        ];
        let (ty, init) = match self.may.narrow_counters && self.one_in(2) {
            true => self.pick(&narrow),
            false => self.pick(&wide),
        };
        let name = self.name("count");
        members.push(format!("var {name}: {ty} = {init}"));
        vars.push((name.clone(), false));
        let step = self.pick(&["1", "2", "3"]);
        let add = match self.below(4) {
            0 => assign(&name, "-=", step, None),
            1 => assign(&name, "=", &format!("{step} + {name}"), None),
            _ => assign(&name, "+=", step, None),
        };
        let steps = self.pick(&["", "", "image.start", "t % 2 == 0", "t > 3"]);
        let add = if steps.is_empty() { add } else { when(steps, vec![add]) };
        let before = self.one_in(2);
        if before {
            body.push(add.clone());
        }
        if let Some((port, n)) = port {
            body.push(assign(port, "=", &format!("full([{n}], 1) * int({name} % 1000)"), None));
        }
        if !before {
            body.push(add);
        }
        name
    }

    /// A process that sends a counter.
    pub(super) fn ticker(&mut self) -> (Vec<Process>, Design) {
        let name = self.name("Tick");
        let n = self.pick(&[2usize, 3]);
        let (mut members, mut vars, mut body) =
            (vec![format!("out o: i32[{n}]")], Vec::new(), Vec::new());
        let _ = self.counter(&mut members, &mut vars, &mut body, Some(("o", n)));
        let phases = vec![Phase { name: "spk", guard: None, body }];
        let outs = vec![port("o", n)];
        made(
            name,
            members,
            phases,
            Variant { tag: None, ins: Vec::new(), outs, delays: true, vars, results: Vec::new() },
        )
    }

    /// A process that shows a row of data in each epoch, and sends spikes for it.
    pub(super) fn encoder(&mut self, rows: usize, program: &mut Program) -> (Vec<Process>, Design) {
        self.mark("encoder");
        let name = self.name("Enc");
        let n = self.pick(&[4usize, 6, 70]);
        let data = self.name("images");
        if self.one_in(2) {
            let values = (0..rows * n).map(|i| (i * 37 + i / n * 11) as u8).collect();
            let file = format!("{data}.npy");
            let bytes = super::data::npy(ElementType::U8, &[rows, n], values);
            program.files.push(File { name: file.clone(), bytes });
            program.items.push(Line::of(format!("data {data} = npy(\"{file}\")")));
        } else {
            let seed = self.below(99);
            let text =
                format!("const {data} = uniform(0, 256, shape: [{rows}, {n}], seed: {seed})");
            program.items.push(Line::of(text));
        }
        let start = self.pick(&["image.start", "image.end"]);
        let pixel = self.pick(&["i32", "u8 sat", "i16 wrap"]);
        let members = vec![
            format!("out o: spike[{n}]"),
            format!("var px: {pixel}[{n}] = 0"),
            format!("var old: i32[{n}] = {}", self.below(3)),
            "var k: int = 0".to_string(),
        ];
        let mut show =
            vec![assign("px", "=", &format!("{data}[k]"), None), assign("k", "+=", "1", None)];
        if self.one_in(2) {
            show.insert(0, assign("old", "=", "px", None));
        }
        let mut body = vec![when(start, show)];
        let rest = match self.below(4) {
            0 => vec![assign("o", "=", "px + old > 200", None), assign("old", "=", "0", None)],
            1 => vec![
                assign("old", "+=", "px", None),
                assign("o", "=", "old > 255", None),
                assign("old", "-=", "255", Some("o")),
            ],
            2 => vec![assign("o", "=", &format!("random(3, [{n}]) * 255 < px"), None)],
            _ => vec![assign("o", "=", "old > 0", None), assign("old", "=", "px - old", None)],
        };
        body.extend(rest);
        let phases = vec![Phase { name: "spk", guard: None, body }];
        let vars = ["px", "old", "k"].map(|v| (v.to_string(), false)).to_vec();
        let spikes = Port { ty: super::design::SPIKE, ..port("o", n) };
        let outs = vec![spikes];
        made(
            name,
            members,
            phases,
            Variant { tag: None, ins: Vec::new(), outs, delays: true, vars, results: Vec::new() },
        )
    }
}
