//! Pictures of what a network did, as SVG. The only file that knows `plotters`.
//!
//! The same values give the same bytes. What does not fit the picture is summed up, never
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

/// A raster: one mark for each spike, time to the right, neurons upward from 0.
///
/// `spikes` are (step, neuron) in any order; those outside `steps` or `0..neurons` are not
/// drawn. Beyond 20 000 spikes, or more neurons or steps than pixels, cells of several steps
/// and neurons are shaded by how many spikes they hold; a cell with a spike is never blank.
///
/// # Errors
/// Where the drawing library fails.
pub fn raster(
    title: &str,
    steps: RangeInclusive<u64>,
    neurons: usize,
    spikes: impl IntoIterator<Item = (u64, usize)>,
) -> Result<String, PlotError> {
    let raster = Spikes::count(steps, neurons, spikes);
    let height = (neurons as u32).saturating_mul(14).saturating_add(150).clamp(260, 640);
    let rows = -0.5..(neurons.max(1) as f64 - 0.5);
    let frame = Frame {
        title,
        subtitle: raster.in_words(),
        y_label: "neuron",
        x: raster.first as f64 - 0.5..raster.last as f64 + 0.5,
        y: rows,
        size: (WIDTH, height),
        legend: Vec::new(),
    };
    frame.draw(|chart| match &raster.single {
        Some(single) => raster.draw_marks(chart, single),
        None => raster.draw_cells(chart),
    })
}

/// Traces: a line for each of the first seven neurons, and behind them the range of all.
///
/// Row `r` of the values belongs to `steps[r]` (ascending); `value(r, n)` is that of neuron
/// `n`. Where there are more rows than pixels, each line goes through the lowest and the
/// highest value of each bin. Values that are not finite, or beyond 1e300, are gaps, and are counted.
///
/// # Errors
/// Where the drawing library fails.
pub fn trace(
    title: &str,
    quantity: &str,
    steps: &[u64],
    neurons: usize,
    value: impl Fn(usize, usize) -> f64,
) -> Result<String, PlotError> {
    let bins = bins(steps.len());
    let lines: Vec<Vec<Option<(f64, f64)>>> =
        (0..neurons.min(LINES)).map(|n| line(steps, &bins, |row| value(row, n))).collect();
    let all = bins.iter().cloned().map(|bin| extremes(bin, neurons, &value));
    let ranges: Vec<Option<(f64, f64)>> = all.collect();
    let lost = (0..steps.len())
        .flat_map(|row| (0..neurons).map(move |n| (row, n)))
        .filter(|&(row, n)| !drawable(value(row, n)))
        .count();

    let mut subtitle = Vec::new();
    if neurons > LINES {
        subtitle.push(format!("neurons 0 to {} of {neurons}, the range of all in grey", LINES - 1));
    }
    if bins.len() < steps.len() {
        let rows = bins.first().map_or(0, |b| b.len());
        subtitle.push(format!("lowest and highest of every {rows} values"));
    }
    if lost > 0 {
        subtitle.push(format!("{lost} values are not finite or beyond 1e300, and left out"));
    }
    let (low, high) = ranges
        .iter()
        .flatten()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), r| (l.min(r.0), h.max(r.1)));
    let (first, last) = (steps.first().copied().unwrap_or(1), steps.last().copied().unwrap_or(1));
    let frame = Frame {
        title,
        subtitle: subtitle.join("; "),
        y_label: quantity,
        x: first as f64 - 0.5..last as f64 + 0.5,
        y: padded(low, high),
        size: (WIDTH, 420),
        legend: (0..lines.len()).map(|n| (format!("neuron {n}"), COLOURS[n % LINES])).collect(),
    };
    frame.draw(|chart| {
        if neurons > LINES {
            for band in band(steps, &bins, &ranges) {
                chart.draw_series([Polygon::new(band, GRID.filled())])?;
            }
        }
        for (n, line) in lines.iter().enumerate() {
            for piece in line.split(Option::is_none) {
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
            .x_desc("step")
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

/// Rows `0..rows` in at most [`BINS`] bins of equal size (the last may be smaller).
fn bins(rows: usize) -> Vec<Range<usize>> {
    // As many points as two bins: as well drawn one by one.
    let size = if rows <= 2 * BINS { 1 } else { rows.div_ceil(BINS) };
    (0..rows).step_by(size).map(|start| start..(start + size).min(rows)).collect()
}

/// The points of one line; `None` is a gap.
fn line(
    steps: &[u64],
    bins: &[Range<usize>],
    value: impl Fn(usize) -> f64,
) -> Vec<Option<(f64, f64)>> {
    let mut points = Vec::with_capacity(2 * bins.len());
    for bin in bins {
        let drawn = || bin.clone().filter(|row| drawable(value(*row)));
        let by_value = |a: &usize, b: &usize| value(*a).total_cmp(&value(*b));
        match (drawn().min_by(by_value), drawn().max_by(by_value)) {
            (Some(low), Some(high)) => {
                for row in [low.min(high), low.max(high)].iter().take(1 + usize::from(low != high))
                {
                    points.push(steps.get(*row).map(|t| (*t as f64, value(*row))));
                }
            }
            _ => points.push(None),
        }
    }
    points
}

/// The lowest and highest drawable value of all neurons in the rows.
fn extremes(
    rows: Range<usize>,
    neurons: usize,
    value: &impl Fn(usize, usize) -> f64,
) -> Option<(f64, f64)> {
    rows.flat_map(|row| (0..neurons).map(move |n| value(row, n))).filter(|v| drawable(*v)).fold(
        None,
        |range, v| match range {
            None => Some((v, v)),
            Some((low, high)) => Some((v.min(low), v.max(high))),
        },
    )
}

/// The outlines of the ranges over time, one for each stretch without a gap.
fn band(
    steps: &[u64],
    bins: &[Range<usize>],
    ranges: &[Option<(f64, f64)>],
) -> Vec<Vec<(f64, f64)>> {
    let points: Vec<Option<(f64, f64, f64, f64)>> = bins
        .iter()
        .zip(ranges)
        .map(|(bin, range)| {
            let (low, high) = (*range)?;
            let (first, last) = (*steps.get(bin.start)?, *steps.get(bin.end - 1)?);
            Some((first as f64, last as f64, low, high))
        })
        .collect();
    points
        .split(Option::is_none)
        .filter(|stretch| !stretch.is_empty())
        .map(|stretch| {
            let there = stretch.iter().flatten().flat_map(|p| [(p.0, p.3), (p.1, p.3)]);
            let back = stretch.iter().rev().flatten().flat_map(|p| [(p.1, p.2), (p.0, p.2)]);
            there.chain(back).collect()
        })
        .collect()
}

/// The spikes of a raster: counted by cell and, while they are few, one by one.
struct Spikes {
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

impl Spikes {
    fn count(
        steps: RangeInclusive<u64>,
        neurons: usize,
        spikes: impl IntoIterator<Item = (u64, usize)>,
    ) -> Spikes {
        let (first, last) = (*steps.start(), *steps.end().max(steps.start()));
        let length = last - first + 1;
        let cell = (length.div_ceil(CELLS.0), (neurons as u64).div_ceil(CELLS.1).max(1));
        let columns = length.div_ceil(cell.0);
        let rows = (neurons as u64).div_ceil(cell.1);
        let fits = length <= 2 * CELLS.0 && neurons as u64 <= 2 * CELLS.1;
        let mut all = Spikes {
            first,
            last,
            neurons,
            total: 0,
            cell,
            columns,
            counts: vec![0; (columns * rows) as usize],
            single: fits.then(Vec::new),
        };
        for (t, n) in spikes.into_iter().filter(|(t, n)| steps.contains(t) && *n < neurons) {
            let at = n as u64 / cell.1 * columns + (t - first) / cell.0;
            if let Some(count) = all.counts.get_mut(at as usize) {
                *count += 1;
            }
            all.total += 1;
            match &mut all.single {
                Some(single) if single.len() < SINGLE_SPIKES => single.push((t, n)),
                single => *single = None,
            }
        }
        all
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
        let svg = trace("none", "u", &[], 0, |_, _| 0.0).unwrap();
        assert!(svg.ends_with("</svg>\n"));
    }

    #[test]
    fn odd_values_are_gaps_and_are_counted() {
        let odd = [f64::NAN, 1.0, f64::INFINITY, -f64::MAX, f64::MAX, 2.0];
        let svg = trace("v", "v", &[1, 2, 3, 4, 5, 6], 1, |r, _| odd[r]).unwrap();
        assert!(svg.contains("4 values are not finite"));
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn a_long_trace_keeps_its_extremes() {
        let steps: Vec<u64> = (1..=100_000).collect();
        let value = |r: usize, n: usize| match (r, n) {
            (70_123, 0) => 50.0,
            (70_124, 0) => -50.0,
            _ => ((r + n) as f64 / 3000.0).sin(),
        };
        let points = line(&steps, &bins(steps.len()), |r| value(r, 0));
        assert!(points.len() <= 2 * BINS);
        assert!(
            points.contains(&Some((70_124.0, 50.0))) && points.contains(&Some((70_125.0, -50.0)))
        );
        let svg = trace("net.lif.v", "v", &steps, 20, value).unwrap();
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
