//! YAML, as profiles and manifests are written. The only file that knows `serde_yaml`.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a document.
///
/// # Errors
/// What is wrong and at which line, for a message.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_yaml::from_str(text).map_err(|e| e.to_string())
}

/// Writes a document: the same bytes for the same value.
///
/// # Errors
/// A value that YAML cannot hold, for a message.
pub fn write<T: Serialize>(value: &T) -> Result<String, String> {
    serde_yaml::to_string(value).map_err(|e| e.to_string())
}
