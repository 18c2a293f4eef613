//! The pictures that a run's reports ask for.

use super::plots::PlotError;
use super::recording::Recording;
use snn_ir::network::{Network, ReportKind};
use snn_runtime::execute::RecordSpec;
use snn_runtime::record;

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
    recordings: &[record::Recording],
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
        let recording = recording(network, (specs, recordings), record as usize, &path);
        let Some(recording) = recording.transpose()? else { continue };
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
    (specs, recordings): (&[RecordSpec], &'a [record::Recording]),
    record: usize,
    path: &'a str,
) -> Option<Result<Recording<'a>, PlotError>> {
    let (spec, kept) = (specs.get(record)?, recordings.get(record)?);
    let steps = network.clock(network.run.records.get(record)?.when?).steps();
    let bytes = match kept.bytes() {
        Ok(bytes) => bytes,
        Err(error) => return Some(Err(PlotError::unreadable(path, &error))),
    };
    Some(Ok(Recording {
        key: path,
        element: spec.element,
        neurons: spec.shape.iter().product(),
        bytes,
        steps: steps.take(kept.rows as usize).collect(),
    }))
}
