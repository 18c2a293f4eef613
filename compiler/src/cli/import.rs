//! `snnc import`: a trained network as a `.snn` file.

use super::{Status, args, output};
use snn_data::Disk;
use snn_front::import::NetxOptions;
use snn_ir::data::DataError;
use snn_ir::diagnostics::{Code, Diagnostic, SourceMap};
use std::path::{Path, PathBuf};

/// Writes the description of `file`; paths in it start from where it is written.
///
/// # Errors
/// E0901.
pub fn import(
    file: &Path,
    to: Option<PathBuf>,
    options: args::Loader,
) -> Result<Status, Diagnostic> {
    let folder = to.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let options = NetxOptions {
        folder: folder.to_path_buf(),
        reset_interval: options.reset_interval,
        reset_offset: options.reset_offset,
        num_layers: options.num_layers,
        skip_layers: options.skip_layers,
        input_shape: options.input_shape,
        input_message_bits: options.input_message_bits,
        spike_exp: options.spike_exp,
        sparse_fc_layer: options.sparse_fc_layer,
    };
    let imported = match snn_front::import::import(&Disk, file, &options) {
        Ok(imported) => imported,
        Err(errors) => {
            let diagnostics: Vec<Diagnostic> = errors.into_iter().map(diagnostic).collect();
            output::report(&diagnostics, &SourceMap::default());
            return Ok(Status::Failed);
        }
    };
    match to {
        Some(path) => output::write(&path, imported.text.as_bytes())?,
        None => output::print(&imported.text)?,
    }
    Ok(Status::Fine)
}

fn diagnostic(error: DataError) -> Diagnostic {
    let mut diagnostic = Diagnostic::from(error);
    if diagnostic.code == Code::E0601 {
        // It explains paths inside programs.
        diagnostic.helps.clear();
    }
    diagnostic
}
