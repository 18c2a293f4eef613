//! The pictures that a run's reports ask for.

use super::plots::PlotError;
use super::recording::Recording;
use super::requests::{ReportKind, Requests};
use crate::ir::{RecordWhen, StepIr};
use snn_runtime::network::Column;

/// A picture of what was recorded.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What it shows, fit for a file name: `net.lif1.s_out.raster`.
    pub name: String,
    /// SVG.
    pub svg: String,
}

/// Draws all rasters and traces. `columns` are those of the step IR's records.
///
/// # Errors
/// Where one cannot be drawn.
pub fn pictures(
    requests: &Requests,
    ir: &StepIr,
    columns: &[Column],
) -> Result<Vec<Picture>, PlotError> {
    let mut pictures = Vec::new();
    for report in &requests.reports {
        let (record, kind) = match report.kind {
            ReportKind::Raster(record) => (record, "raster"),
            ReportKind::Trace(record) => (record, "trace"),
            ReportKind::Value(_) => continue,
        };
        let Some(recording) = recording(ir, columns, record) else { continue };
        let svg = match kind {
            "raster" => recording.raster(1..=ir.steps.max(1))?,
            _ => recording.trace()?,
        };
        let name = format!("{}.{kind}", recording.key);
        pictures.push(Picture { name, svg });
    }
    Ok(pictures)
}

/// A record with its steps; `None` where it is not kept over time.
fn recording<'a>(ir: &'a StepIr, columns: &'a [Column], record: usize) -> Option<Recording<'a>> {
    let column = columns.get(record)?;
    let record = ir.records.get(record)?;
    let buffer = ir.buffers.get(record.buffer.0 as usize)?;
    let RecordWhen::Clock(clock) = record.when else { return None };
    let steps = ir.clocks.get(clock.0 as usize)?.steps();
    Some(Recording {
        key: &buffer.name,
        element: buffer.elem.into(),
        neurons: buffer.len(),
        column,
        steps: steps.take(column.rows as usize).collect(),
    })
}
