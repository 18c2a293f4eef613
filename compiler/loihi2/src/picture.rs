//! A placement as an SVG picture: the mesh, layers in colour, traffic on the links.

use super::plan::Plan;
use super::traffic::{Direction, Link};
use snn_ir::markup::escaped;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Side of a router's square.
const ROUTER: f64 = 56.0;
/// From router to router.
const PITCH: f64 = 84.0;
/// Around a chip.
const MARGIN: f64 = 28.0;
/// Above everything.
const HEADER: f64 = 56.0;
/// A line of the legend.
const LINE: f64 = 18.0;

/// Colours that are told apart also by those who see few; layers beyond them begin again.
const COLOURS: &[&str] = &[
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#997700", "#004488",
    "#bb5566", "#44aa99", "#ddaa33", "#882255",
];

/// The picture of a plan. Chips without cores in use are left out.
pub fn svg(plan: &Plan) -> String {
    let figures = &plan.target.profile.figures;
    let [rx, ry] = [figures.routers_x as f64, figures.routers_y as f64];
    let chip = [rx * PITCH + MARGIN, ry * PITCH + MARGIN];
    let used: Vec<u32> = plan.traffic.chips.iter().map(|c| c.chip).collect();
    // Columns and rows of the board without chips in use are left out.
    let board = plan.target.chips[0].max(1);
    let distinct = |of: &dyn Fn(&u32) -> u32| used.iter().map(of).collect::<BTreeSet<u32>>();
    let [across, up] = [distinct(&|c| c % board), distinct(&|c| c / board)];
    let (columns, rows) = (across.len().max(1), up.len().max(1));
    let layers: Vec<usize> = (0..plan.network.populations.len())
        .filter(|p| plan.network.populations[*p].on_chip())
        .collect();
    let width = (columns as f64 * (chip[0] + MARGIN) + MARGIN).max(480.0);
    let below = HEADER + rows as f64 * (chip[1] + MARGIN);
    let height = below + (layers.len() as f64 + 3.0) * LINE;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n<title>{0}</title>\n<style>\
         text {{ font-family: sans-serif; font-size: 12px; fill: #1a1a1a }}\
         </style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{MARGIN}\" y=\"30\" style=\"font-size: 18px\">{0}</text>",
        escaped(&format!("{} on {}", plan.network.name, plan.target.board)),
    );
    let picture = Picture {
        plan,
        size: [figures.routers_x as u32, figures.routers_y as u32],
        hottest: plan.traffic.links.first().map_or(1.0, |(_, load)| *load),
        colour: layers.iter().enumerate().map(|(i, l)| (*l, COLOURS[i % COLOURS.len()])).collect(),
    };
    for number in &used {
        // Row 0 is below, as on a chip.
        let column = across.range(..number % board).count();
        let row = up.range(number / board + 1..).count();
        let x = MARGIN + column as f64 * (chip[0] + MARGIN);
        let y = HEADER + row as f64 * (chip[1] + MARGIN);
        picture.chip(&mut out, *number, [x, y], chip);
    }
    picture.legend(&mut out, &layers, below + LINE);
    out += "</svg>\n";
    out
}

struct Picture<'a> {
    plan: &'a Plan,
    /// Columns and rows of routers.
    size: [u32; 2],
    /// Messages of the hottest link.
    hottest: f64,
    colour: BTreeMap<usize, &'static str>,
}

impl Picture<'_> {
    fn chip(&self, out: &mut String, chip: u32, [x, y]: [f64; 2], [w, h]: [f64; 2]) {
        let _ = writeln!(
            out,
            "<g transform=\"translate({x:.1} {y:.1})\"><rect width=\"{w:.1}\" height=\"{h:.1}\" \
             rx=\"6\" fill=\"#f6f6f6\" stroke=\"#9a9a9a\"/><text x=\"8\" y=\"16\">chip {chip}</text>"
        );
        for (link, load) in self.plan.traffic.links.iter().filter(|(l, _)| l.chip == chip) {
            self.link(out, link, *load);
        }
        for column in 0..self.size[0] {
            for row in 0..self.size[1] {
                let [x, y] = self.corner([column, row]);
                let _ = writeln!(
                    out,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{ROUTER}\" height=\"{ROUTER}\" \
                     fill=\"#fff\" stroke=\"#bbb\"/>"
                );
            }
        }
        let sites = self.plan.sites.iter().enumerate().filter(|(_, s)| s.chip == chip);
        sites.for_each(|(core, _)| self.core(out, core));
        *out += "</g>\n";
    }

    /// The upper left corner of a router's square; row 0 is below.
    fn corner(&self, router: [u32; 2]) -> [f64; 2] {
        let up = f64::from(self.size[1] - 1 - router[1].min(self.size[1] - 1));
        [MARGIN + f64::from(router[0]) * PITCH, MARGIN + up * PITCH]
    }

    fn link(&self, out: &mut String, link: &Link, load: f64) {
        let [x, y] = self.corner(link.router).map(|at| at + ROUTER / 2.0);
        // The two directions of a link side by side.
        let (dx, dy, sx, sy) = match link.direction {
            Direction::East => (PITCH, 0.0, 0.0, -5.0),
            Direction::West => (-PITCH, 0.0, 0.0, 5.0),
            Direction::North => (0.0, -PITCH, -5.0, 0.0),
            Direction::South => (0.0, PITCH, 5.0, 0.0),
        };
        let heat = (load / self.hottest.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        let (r, g) = (90.0 + 140.0 * heat, 120.0 * (1.0 - heat) + 20.0);
        let _ = writeln!(
            out,
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"rgb({r:.0},{g:.0},60)\" \
             stroke-width=\"{:.1}\"><title>{load:.2} messages a step</title></line>",
            x + sx,
            y + sy,
            x + dx + sx,
            y + dy + sy,
            1.0 + 6.0 * heat,
        );
    }

    /// A core: bands of its layers, as wide as their shares of its neurons.
    fn core(&self, out: &mut String, core: usize) {
        let (site, used) = (&self.plan.sites[core], &self.plan.mapped.cores[core]);
        let slots = self.plan.target.profile.figures.cores_per_router.max(1) as f64;
        let across = slots.sqrt().ceil();
        let side = (ROUTER - 4.0) / across;
        let slot = f64::from(site.slot);
        let [x, y] = self.corner(site.router);
        let (x, y) = (x + 2.0 + (slot % across) * side, y + 2.0 + (slot / across).floor() * side);
        let id = site.id(&self.plan.target.profile.figures);
        let usage = &used.usage;
        let _ = writeln!(
            out,
            "<g><title>core {id}: {} neurons, {} words of {}</title>",
            usage.neurons,
            usage.total(),
            self.plan.target.profile.figures.total_words,
        );
        let mut at = 0.0;
        for group in &used.groups {
            let share = group.neurons.len() as f64 / usage.neurons.max(1) as f64;
            let colour = self.colour.get(&group.layer).copied().unwrap_or("#888");
            let _ = writeln!(
                out,
                "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
                x + at * (side - 2.0),
                share * (side - 2.0),
                side - 2.0,
            );
            at += share;
        }
        *out += "</g>\n";
    }

    fn legend(&self, out: &mut String, layers: &[usize], y: f64) {
        for (i, layer) in layers.iter().enumerate() {
            let population = &self.plan.network.populations[*layer];
            let cores = self.plan.mapped.cores.iter();
            let cores = cores.filter(|c| c.groups.iter().any(|g| g.layer == *layer)).count();
            let at = y + i as f64 * LINE;
            let _ = writeln!(
                out,
                "<rect x=\"{MARGIN}\" y=\"{:.1}\" width=\"12\" height=\"12\" fill=\"{}\"/>\
                 <text x=\"{:.1}\" y=\"{at:.1}\">{}: {} neurons on {cores} cores</text>",
                at - 11.0,
                self.colour[layer],
                MARGIN + 20.0,
                escaped(&population.name),
                population.neurons,
            );
        }
        let _ = writeln!(
            out,
            "<text x=\"{MARGIN}\" y=\"{:.1}\">{:.1} messages and {:.1} hops a step; the hottest link \
             carries {:.1}</text>",
            y + layers.len() as f64 * LINE,
            self.plan.traffic.messages,
            self.plan.traffic.all_hops(),
            self.plan.traffic.links.first().map_or(0.0, |(_, load)| *load),
        );
    }
}
