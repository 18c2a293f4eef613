//! The pictures that a run's reports ask for.

use super::plots::PlotError;
use super::series::Series;
use snn_ir::network::{Network, ReportKind};
use snn_runtime::execute::RecordSpec;
use snn_runtime::record::Recording;

/// A picture of what was recorded.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What it shows, fit for a file name: `net.lif1.s_out.raster`.
    pub name: String,
    /// SVG.
    pub svg: String,
}

/// Draws all rasters and traces. `specs` and `recordings` are those of the run's records.
///
/// # Errors
/// Where one cannot be drawn.
pub fn pictures(
    network: &Network,
    specs: &[RecordSpec],
    recordings: &[Recording],
) -> Result<Vec<Picture>, PlotError> {
    let mut pictures = Vec::new();
    for report in &network.run.reports {
        let (record, kind) = match report.kind {
            ReportKind::Raster(record) => (record, "raster"),
            ReportKind::Trace(record) => (record, "trace"),
            ReportKind::Value(_) => continue,
        };
        let Some(of) = network.run.records.get(record as usize) else { continue };
        let path = network.member_path(of.instance, of.member);
        let series = series(network, (specs, recordings), record as usize);
        let Some(series) = series else { continue };
        let svg = match kind {
            "raster" => series.raster(1..=network.run.steps.max(1))?,
            _ => series.trace()?,
        };
        let name = format!("{path}.{kind}");
        pictures.push(Picture { name, svg });
    }
    Ok(pictures)
}

/// A record with its steps; `None` where it is not kept over time.
fn series<'a>(
    network: &Network,
    (specs, recordings): (&'a [RecordSpec], &'a [Recording]),
    record: usize,
) -> Option<Series<'a>> {
    let (spec, recording) = (specs.get(record)?, recordings.get(record)?);
    let steps = network.clock(network.run.records.get(record)?.when?).steps();
    Some(Series { spec, recording, steps: steps.take(recording.rows as usize).collect() })
}
