//! Pictures of what a network did, as SVG. The only file that knows `plotters`.
//!
//! Values are added one after another and not kept. The same values give the same bytes. What does not fit the picture is summed up, never
//! left out, and the line under the title says how.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::{Range, RangeInclusive};

/// Why a picture could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw `{title}`: {reason}")]
pub struct PlotError {
    title: String,
    reason: String,
}

impl PlotError {
    /// What `title` shows cannot be read.
    pub fn unreadable(title: &str, error: &std::io::Error) -> PlotError {
        PlotError { title: title.to_string(), reason: error.to_string() }
    }
}

const WIDTH: u32 = 1100;
const MARGIN: u32 = 14;
const FONT: &str = "sans-serif";
const GREY: RGBColor = RGBColor(110, 110, 110);
const GRID: RGBColor = RGBColor(228, 228, 228);

/// Spikes that are drawn one by one; more are drawn as shares of cells.
const SINGLE_SPIKES: usize = 20_000;
/// Columns and rows of cells at most.
const CELLS: (u64, u64) = (360, 180);
/// Few to many spikes in a cell: one hue from pale to dark, told apart without colour.
const SHADES: [RGBColor; 4] = [
    RGBColor(0x9e, 0xca, 0xe1),
    RGBColor(0x4f, 0x9b, 0xcb),
    RGBColor(0x1c, 0x63, 0xa8),
    RGBColor(0x08, 0x26, 0x5c),
];

/// Lines that a trace draws one by one.
const LINES: usize = 7;
/// Points of a line at most, in pairs of the lowest and the highest of a bin.
const BINS: usize = 500;
/// The colours of Okabe and Ito that stand out from white, told apart by colour-blind eyes.
const COLOURS: [RGBColor; LINES] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x00, 0x00, 0x00),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
];

type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Title, axes and legend around what is drawn.
struct Frame<'a> {
    title: &'a str,
    subtitle: String,
    x_label: &'a str,
    y_label: &'a str,
    x: Range<f64>,
    y: Range<f64>,
    size: (u32, u32),
    legend: Vec<(String, RGBColor)>,
}

impl Frame<'_> {
    fn draw(self, inside: impl FnOnce(&mut Chart<'_, '_>) -> Drawn) -> Result<String, PlotError> {
        let mut svg = String::new();
        self.draw_to(&mut svg, inside)
            .map_err(|e| PlotError { title: self.title.to_owned(), reason: e.to_string() })?;
        Ok(svg)
    }

    fn draw_to(&self, svg: &mut String, inside: impl FnOnce(&mut Chart<'_, '_>) -> Drawn) -> Drawn {
        let root = SVGBackend::with_string(svg, self.size).into_drawing_area();
        root.fill(&WHITE)?;
        let (header, body) = root.split_vertically(58);
        header.draw_text(self.title, &text(20, BLACK), (MARGIN as i32, 12))?;
        header.draw_text(&self.subtitle, &text(14, GREY), (MARGIN as i32, 38))?;
        let right = if self.legend.is_empty() { MARGIN } else { 120 };

        let mut chart = ChartBuilder::on(&body)
            .margin(MARGIN)
            .margin_top(4)
            .margin_right(right)
            .x_label_area_size(46)
            .y_label_area_size(84)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        let span = self.y.end - self.y.start;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GREY)
            .x_labels(12)
            .y_labels(((self.size.1 - 150) / 24).clamp(3, 12) as usize)
            .x_label_formatter(&whole)
            .y_label_formatter(&|v| {
                if self.y_label == "neuron" { whole(v) } else { number(*v, span) }
            })
            .x_desc(self.x_label)
            .y_desc(self.y_label)
            .axis_desc_style(text(15, BLACK))
            .label_style(text(13, BLACK))
            .draw()?;
        inside(&mut chart)?;

        let left = (self.size.0 - right + 12) as i32;
        for (i, (name, colour)) in self.legend.iter().enumerate() {
            let y = 16 + 22 * i as i32;
            body.draw(&Rectangle::new([(left, y - 2), (left + 18, y + 2)], colour.filled()))?;
            let style = text(13, BLACK).pos(Pos::new(HPos::Left, VPos::Center));
            body.draw_text(name, &style, (left + 24, y))?;
        }
        root.present()?;
        Ok(())
    }
}

fn text(size: i32, colour: RGBColor) -> TextStyle<'static> {
    (FONT, size).into_font().color(&colour)
}

/// Label of an axis that counts: nothing between whole numbers.
fn whole(value: &f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { String::new() }
}

/// Label of an axis of values whose ends are `span` apart.
fn number(value: f64, span: f64) -> String {
    let size = value.abs().max(span);
    if value.abs() <= span * 1e-9 {
        "0".to_owned()
    } else if !(1e-3..1e8).contains(&size) {
        format!("{value:.2e}")
    } else {
        let decimals = (2.0 - span.log10().floor()).clamp(0.0, 6.0) as usize;
        let shown = format!("{value:.decimals$}");
        match shown.contains('.') {
            true => shown.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => shown,
        }
    }
}

/// The range of an axis: a little more than the values, something where they are all equal.
fn padded(low: f64, high: f64) -> Range<f64> {
    if low > high {
        return -1.0..1.0;
    }
    let pad = match high - low {
        span if span > 0.0 => (0.05 * span).max(low.abs().max(high.abs()) * 1e-9),
        _ => (0.1 * high.abs()).max(1.0),
    };
    low - pad..high + pad
}

/// Whether a value can be placed on an axis: the library overflows where the length of the
/// axis is no finite number.
fn drawable(value: f64) -> bool {
    value.abs() <= 1e300
}

/// A raster: one mark for each spike, time to the right, neurons upward from 0.
///
/// Beyond 20 000 spikes, or more neurons or steps than pixels, cells of several steps and neurons
/// are shaded by how many spikes they hold; a cell with a spike is never blank.
pub struct Raster {
    first: u64,
    last: u64,
    neurons: usize,
    total: u64,
    /// Steps and neurons of one cell.
    cell: (u64, u64),
    /// Cells side by side.
    columns: u64,
    /// Spikes by cell: row by row.
    counts: Vec<u64>,
    /// Every spike, unless that is too many to tell apart.
    single: Option<Vec<(u64, usize)>>,
}

impl Raster {
    /// One of these steps and so many neurons, without spikes.
    pub fn new(steps: RangeInclusive<u64>, neurons: usize) -> Raster {
        let (first, last) = (*steps.start(), *steps.end().max(steps.start()));
        let length = last - first + 1;
        let cell = (length.div_ceil(CELLS.0), (neurons as u64).div_ceil(CELLS.1).max(1));
        let columns = length.div_ceil(cell.0);
        let rows = (neurons as u64).div_ceil(cell.1);
        let fits = length <= 2 * CELLS.0 && neurons as u64 <= 2 * CELLS.1;
        Raster {
            first,
            last,
            neurons,
            total: 0,
            cell,
            columns,
            counts: vec![0; (columns * rows) as usize],
            single: fits.then(Vec::new),
        }
    }

    /// Adds a spike; spikes come in any order. One outside its steps or neurons is not drawn.
    pub fn spike(&mut self, t: u64, n: usize) {
        if !(self.first..=self.last).contains(&t) || n >= self.neurons {
            return;
        }
        let at = n as u64 / self.cell.1 * self.columns + (t - self.first) / self.cell.0;
        if let Some(count) = self.counts.get_mut(at as usize) {
            *count += 1;
        }
        self.total += 1;
        match &mut self.single {
            Some(single) if single.len() < SINGLE_SPIKES => single.push((t, n)),
            single => *single = None,
        }
    }

    /// The picture.
    ///
    /// # Errors
    /// Where the drawing library fails.
    pub fn draw(&self, title: &str) -> Result<String, PlotError> {
        let height = (self.neurons as u32).saturating_mul(14).saturating_add(150).clamp(260, 640);
        let frame = Frame {
            title,
            subtitle: self.in_words(),
            x_label: "step",
            y_label: "neuron",
            x: self.first as f64 - 0.5..self.last as f64 + 0.5,
            y: -0.5..(self.neurons.max(1) as f64 - 0.5),
            size: (WIDTH, height),
            legend: Vec::new(),
        };
        frame.draw(|chart| match &self.single {
            Some(single) => self.draw_marks(chart, single),
            None => self.draw_cells(chart),
        })
    }

    fn in_words(&self) -> String {
        let length = self.last - self.first + 1;
        let rate = self.total as f64 / (length as f64 * self.neurons.max(1) as f64);
        let plural = |n: u64, what: &str| {
            if n == 1 { format!("one {what}") } else { format!("{n} {what}s") }
        };
        let mut words = match self.total {
            0 => "no spikes".to_owned(),
            1 => "1 spike".to_owned(),
            n => format!("{n} spikes, {rate:.3} per neuron and step"),
        };
        if self.single.is_none() {
            let most = self.counts.iter().max().copied().unwrap_or(0);
            words += &format!(
                "; the darker, the more spikes in a cell of {} and {} (at most {most})",
                plural(self.cell.0, "step"),
                plural(self.cell.1, "neuron"),
            );
        }
        words
    }

    fn draw_marks(&self, chart: &mut Chart<'_, '_>, single: &[(u64, usize)]) -> Drawn {
        let (width, height) = chart.plotting_area().dim_in_pixel();
        let length = (self.last - self.first + 1) as u32;
        let w = (width / length * 2 / 3).clamp(2, 5) as i32;
        let h = (height / self.neurons.max(1) as u32 * 4 / 5).clamp(2, 14) as i32;
        let mark = [(-w / 2, -h / 2), (w - w / 2, h - h / 2)];
        chart.draw_series(single.iter().map(|&(t, n)| {
            EmptyElement::at((t as f64, n as f64)) + Rectangle::new(mark, SHADES[3].filled())
        }))?;
        Ok(())
    }

    /// Neighbours of one shade are drawn as one rectangle.
    fn draw_cells(&self, chart: &mut Chart<'_, '_>) -> Drawn {
        let most = self.counts.iter().max().copied().unwrap_or(0).max(1);
        let shade = |count: u64| (count * SHADES.len() as u64).div_ceil(most);
        let x = |column: u64| (self.first + column * self.cell.0).min(self.last + 1) as f64 - 0.5;
        let y = |row: u64| (row * self.cell.1).min(self.neurons as u64) as f64 - 0.5;
        for (row, cells) in self.counts.chunks(self.columns as usize).enumerate() {
            let mut column = 0;
            for run in cells.chunk_by(|a, b| shade(*a) == shade(*b)) {
                let (start, end) = (column, column + run.len() as u64);
                column = end;
                let level = run.first().map_or(0, |c| shade(*c)) as usize;
                if let Some(colour) = level.checked_sub(1).and_then(|l| SHADES.get(l)) {
                    let corners = [(x(start), y(row as u64)), (x(end), y(row as u64 + 1))];
                    chart.draw_series([Rectangle::new(corners, colour.filled())])?;
                }
            }
        }
        Ok(())
    }
}

/// Traces: a line for each of the first seven neurons, and behind them the range of all.
///
/// Where there are more rows than pixels, each line goes through the lowest and the highest value
/// of each bin. Values that are not finite, or beyond 1e300, are gaps, and are counted.
pub struct Trace {
    neurons: usize,
    /// Rows that are to come, and those of a bin; the last may have fewer.
    rows: usize,
    size: usize,
    bins: Vec<Bin>,
    /// Rows of the last bin.
    filled: usize,
    /// Values that are left out.
    lost: usize,
}

/// Rows that are drawn as one.
struct Bin {
    /// The first and the last of their steps.
    steps: (u64, u64),
    /// By line, its lowest and highest value.
    lines: Vec<Option<Extremes>>,
    /// The lowest and the highest value of all neurons.
    range: Option<(f64, f64)>,
}

/// The lowest and the highest of some values, each with its step.
#[derive(Clone, Copy)]
struct Extremes {
    low: (u64, f64),
    high: (u64, f64),
}

impl Trace {
    /// One of so many rows and neurons, the rows still to come.
    pub fn new(rows: usize, neurons: usize) -> Trace {
        // As many points as two bins: as well drawn one by one.
        let size = if rows <= 2 * BINS { 1 } else { rows.div_ceil(BINS) };
        Trace { neurons, rows, size, bins: Vec::new(), filled: size, lost: 0 }
    }

    /// Adds the next row: the step, later than those before, and the value of each neuron.
    pub fn row(&mut self, t: u64, value: impl Fn(usize) -> f64) {
        if self.filled == self.size {
            self.filled = 0;
            let lines = vec![None; self.neurons.min(LINES)];
            self.bins.push(Bin { steps: (t, t), lines, range: None });
        }
        self.filled += 1;
        let Some(bin) = self.bins.last_mut() else { return };
        bin.steps.1 = t;
        for n in 0..self.neurons {
            let v = value(n);
            if !drawable(v) {
                self.lost += 1;
                continue;
            }
            bin.range = Some(bin.range.map_or((v, v), |(low, high)| (v.min(low), v.max(high))));
            if let Some(line) = bin.lines.get_mut(n) {
                let known = line.get_or_insert(Extremes { low: (t, v), high: (t, v) });
                if v.total_cmp(&known.low.1).is_lt() {
                    known.low = (t, v);
                }
                if v.total_cmp(&known.high.1).is_ge() {
                    known.high = (t, v);
                }
            }
        }
    }

    /// The picture. `quantity` is what the values are.
    ///
    /// # Errors
    /// Where the drawing library fails.
    pub fn draw(&self, title: &str, quantity: &str) -> Result<String, PlotError> {
        let mut subtitle = Vec::new();
        if self.neurons > LINES {
            let (last, all) = (LINES - 1, self.neurons);
            subtitle.push(format!("neurons 0 to {last} of {all}, the range of all in grey"));
        }
        if self.size > 1 {
            let rows = self.size.min(self.rows);
            subtitle.push(format!("lowest and highest of every {rows} values"));
        }
        if self.lost > 0 {
            let lost = self.lost;
            subtitle.push(format!("{lost} values are not finite or beyond 1e300, and left out"));
        }
        let (low, high) = self
            .bins
            .iter()
            .filter_map(|bin| bin.range)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), r| (l.min(r.0), h.max(r.1)));
        let first = self.bins.first().map_or(1, |bin| bin.steps.0);
        let last = self.bins.last().map_or(1, |bin| bin.steps.1);
        let lines = self.neurons.min(LINES);
        let frame = Frame {
            title,
            subtitle: subtitle.join("; "),
            x_label: "step",
            y_label: quantity,
            x: first as f64 - 0.5..last as f64 + 0.5,
            y: padded(low, high),
            size: (WIDTH, 420),
            legend: (0..lines).map(|n| (format!("neuron {n}"), COLOURS[n % LINES])).collect(),
        };
        frame.draw(|chart| {
            if self.neurons > LINES {
                for band in self.band() {
                    chart.draw_series([Polygon::new(band, GRID.filled())])?;
                }
            }
            for n in 0..lines {
                for piece in self.line(n).split(Option::is_none) {
                    let points: Vec<(f64, f64)> = piece.iter().flatten().copied().collect();
                    let colour = COLOURS[n % LINES];
                    match points.as_slice() {
                        [] => {}
                        [point] => {
                            chart.draw_series([Circle::new(*point, 2, colour.filled())])?;
                        }
                        _ => {
                            chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
                        }
                    }
                }
            }
            Ok(())
        })
    }

    /// The points of one line; `None` is a gap.
    fn line(&self, n: usize) -> Vec<Option<(f64, f64)>> {
        let mut points = Vec::with_capacity(2 * self.bins.len());
        for bin in &self.bins {
            let Some(Extremes { low, high }) = bin.lines.get(n).copied().flatten() else {
                points.push(None);
                continue;
            };
            let (first, second) = if low.0 <= high.0 { (low, high) } else { (high, low) };
            points.push(Some((first.0 as f64, first.1)));
            if second.0 != first.0 {
                points.push(Some((second.0 as f64, second.1)));
            }
        }
        points
    }

    /// The outlines of the ranges over time, one for each stretch without a gap.
    fn band(&self) -> Vec<Vec<(f64, f64)>> {
        let outline = |stretch: &[Bin]| {
            let points = stretch.iter().filter_map(|bin| {
                let (low, high) = bin.range?;
                Some((bin.steps.0 as f64, bin.steps.1 as f64, low, high))
            });
            let there = points.clone().flat_map(|p| [(p.0, p.3), (p.1, p.3)]);
            let back = points.rev().flat_map(|p| [(p.1, p.2), (p.0, p.2)]);
            there.chain(back).collect()
        };
        let stretches = self.bins.split(|bin| bin.range.is_none());
        stretches.filter(|stretch| !stretch.is_empty()).map(outline).collect()
    }
}

/// Curves of a training: a value of each for every epoch from 1 on.
///
/// # Errors
/// Where the drawing library fails.
pub fn curves(
    title: &str,
    subtitle: &str,
    quantity: &str,
    lines: &[(&str, Vec<f64>)],
) -> Result<String, PlotError> {
    let values = lines.iter().flat_map(|(_, values)| values).filter(|v| drawable(**v));
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let epochs = lines.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    let legend = lines.iter().zip(COLOURS);
    let frame = Frame {
        title,
        subtitle: subtitle.to_owned(),
        x_label: "epoch",
        y_label: quantity,
        x: 0.5..epochs as f64 + 0.5,
        y: padded(low, high),
        size: (WIDTH, 420),
        legend: legend.map(|((name, _), colour)| ((*name).to_owned(), colour)).collect(),
    };
    frame.draw(|chart| {
        for ((_, values), colour) in lines.iter().zip(COLOURS) {
            let points = values.iter().enumerate().filter(|(_, v)| drawable(**v));
            let points: Vec<(f64, f64)> = points.map(|(n, v)| (n as f64 + 1.0, *v)).collect();
            chart.draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?;
            chart.draw_series(points.iter().map(|p| Circle::new(*p, 3, colour.filled())))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spikes of a small linear congruential generator: about one in `rarity`.
    fn noise(steps: u64, neurons: usize, rarity: u64) -> impl Iterator<Item = (u64, usize)> {
        let mut state = 1u64;
        (1..=steps).flat_map(move |t| (0..neurons).map(move |n| (t, n))).filter(move |(_, n)| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % rarity < 1 + *n as u64 % 3
        })
    }

    fn raster(
        title: &str,
        steps: RangeInclusive<u64>,
        neurons: usize,
        spikes: impl IntoIterator<Item = (u64, usize)>,
    ) -> Result<String, PlotError> {
        let mut raster = Raster::new(steps, neurons);
        spikes.into_iter().for_each(|(t, n)| raster.spike(t, n));
        raster.draw(title)
    }

    /// A row after each step.
    fn trace(rows: usize, neurons: usize, value: impl Fn(usize, usize) -> f64) -> Trace {
        let mut trace = Trace::new(rows, neurons);
        (0..rows).for_each(|row| trace.row(row as u64 + 1, |n| value(row, n)));
        trace
    }

    fn marks(svg: &str) -> usize {
        svg.matches("fill=\"#08265C\"").count()
    }

    #[test]
    fn every_spike_of_a_small_raster_is_one_mark() {
        let spikes: Vec<_> = noise(64, 10, 20).collect();
        let svg = raster("out.spikes", 1..=64, 10, spikes.clone()).unwrap();
        assert_eq!(marks(&svg), spikes.len());
        assert!(svg.contains(&format!("{} spikes", spikes.len())));
        assert_eq!(svg, raster("out.spikes", 1..=64, 10, spikes).unwrap(), "same bytes again");
    }

    #[test]
    fn a_large_raster_stays_small_and_keeps_a_lone_spike_visible() {
        let busy = noise(10_000, 400, 5).chain([(77, 3999)]);
        let svg = raster("net.lif.s_out", 1..=10_000, 4000, busy).unwrap();
        assert!(svg.len() < 4_000_000, "{} bytes", svg.len());
        assert!(svg.contains("28 steps and 23 neurons"));
        // The only cell of the top row is at the top of the plot, in the palest shade.
        let lone = raster("lone", 1..=10_000, 4000, [(77, 3999)]).unwrap();
        assert_eq!(marks(&lone), 1, "alone it is the most of all cells");
        assert!(svg.matches("fill=\"#9ECAE1\"").count() > 0);
    }

    #[test]
    fn nothing_to_draw_is_an_empty_frame() {
        for svg in [
            raster("none", 1..=1, 0, []).unwrap(),
            raster("outside", 5..=9, 3, [(4, 0), (10, 0), (5, 3)]).unwrap(),
        ] {
            assert!(svg.contains("no spikes"));
            assert_eq!(marks(&svg), 0);
        }
        let svg = trace(0, 0, |_, _| 0.0).draw("none", "u").unwrap();
        assert!(svg.ends_with("</svg>\n"));
    }

    #[test]
    fn odd_values_are_gaps_and_are_counted() {
        let odd = [f64::NAN, 1.0, f64::INFINITY, -f64::MAX, f64::MAX, 2.0];
        let svg = trace(6, 1, |r, _| odd[r]).draw("v", "v").unwrap();
        assert!(svg.contains("4 values are not finite"));
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn a_long_trace_keeps_its_extremes() {
        let value = |r: usize, n: usize| match (r, n) {
            (70_123, 0) => 50.0,
            (70_124, 0) => -50.0,
            _ => ((r + n) as f64 / 3000.0).sin(),
        };
        let trace = trace(100_000, 20, value);
        let points = trace.line(0);
        assert!(points.len() <= 2 * BINS);
        assert!(
            points.contains(&Some((70_124.0, 50.0))) && points.contains(&Some((70_125.0, -50.0)))
        );
        let svg = trace.draw("net.lif.v", "v").unwrap();
        assert!(svg.len() < 200_000, "{} bytes", svg.len());
        assert!(svg.contains("neurons 0 to 6 of 20") && svg.contains("every 200 values"));
    }

    #[test]
    fn axis_labels_are_short() {
        assert_eq!(number(4096.0, 8000.0), "4096");
        assert_eq!(number(0.25, 1.0), "0.25");
        assert_eq!(number(-8388608.0, 16777216.0), "-8388608");
        assert_eq!(number(-8e17, 1e18), "-8.00e17");
        assert_eq!(number(-1e-17, 1.0), "0");
        assert_eq!(whole(&2.5), "");
    }
}
