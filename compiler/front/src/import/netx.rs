//! Networks as lava-dl exports them: HDF5 with one group a layer (`.net`).
//!
//! The same numbers come out as with the original loader; where that loader would fail late,
//! drop a layer without a word or load weights that are all zero, this one says so at once.
//!
//! # Source
//! lava-dl, `lib/dl/netx/hdf5.py`, `netx/utils.py`, `netx/blocks/process.py`.

mod conv;
mod layers;
mod options;
mod text;
mod values;
mod weights;

pub use options::NetxOptions;

use super::Imported;
use snn_data::Files;
use snn_data::h5::File;
use snn_ir::data::DataError;
use snn_ir::diagnostics::Code;
use std::path::Path;

/// Describes a network of dense layers and convolutions with CUBA neurons.
///
/// The text declares one network a layer, `Layer0`, `Layer1`, … (parts `synapse` and
/// `neuron`), and the whole under a name made from the file's, with a port `s_in` of `i32`
/// (a binary first layer takes any value but 0 as a spike), a port `s_out` of `spike` and the
/// layers as parts `layer0`, `layer1`, …
///
/// # Errors
/// E0601 to E0605 where the file cannot be read, E0610 where layers cannot be imported (one
/// error that names all), E0611 where a layer is not as the format says, E0612 where an
/// option cannot apply.
pub fn import(
    files: &dyn Files,
    file: &Path,
    options: &NetxOptions,
) -> Result<Imported, Vec<DataError>> {
    let h5 = File::open(files, file).map_err(|e| vec![e])?;
    let layers = layers::read(&h5, options)
        .map_err(|errors| errors.into_iter().map(lacking).collect::<Vec<_>>())?;
    text::write(&h5, options, &layers).map_err(|e| vec![e])
}

/// A dataset that a layer needs and has not is a fault of the file, not of whoever named it.
fn lacking(mut error: DataError) -> DataError {
    if error.code == Code::E0604 {
        error.code = Code::E0611;
    }
    error
}
