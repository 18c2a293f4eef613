//! The pictures that a run's reports ask for.

use super::plots::PlotError;
use super::recording::Recording;
use snn_ir::network::{Network, ReportKind};
use snn_runtime::execute::RecordSpec;
use snn_runtime::network::Column;

/// A picture of what was recorded.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What it shows, fit for a file name: `net.lif1.s_out.raster`.
    pub name: String,
    /// SVG.
    pub svg: String,
}

/// Draws all rasters and traces. `specs` and `columns` are those of the run's records.
///
/// # Errors
/// Where one cannot be drawn.
pub fn pictures(
    network: &Network,
    specs: &[RecordSpec],
    columns: &[Column],
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
        let recording = recording(network, (specs, columns), record as usize, &path);
        let Some(recording) = recording else { continue };
        let svg = match kind {
            "raster" => recording.raster(1..=network.run.steps.max(1))?,
            _ => recording.trace()?,
        };
        let name = format!("{path}.{kind}");
        pictures.push(Picture { name, svg });
    }
    Ok(pictures)
}

/// A record with its steps; `None` where it is not kept over time.
fn recording<'a>(
    network: &Network,
    (specs, columns): (&[RecordSpec], &'a [Column]),
    record: usize,
    path: &'a str,
) -> Option<Recording<'a>> {
    let (spec, column) = (specs.get(record)?, columns.get(record)?);
    let steps = network.clock(network.run.records.get(record)?.when?).steps();
    Some(Recording {
        key: path,
        element: spec.element,
        neurons: spec.shape.iter().product(),
        column,
        steps: steps.take(column.rows as usize).collect(),
    })
}
