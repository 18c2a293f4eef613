//! HDF5 files. The only file that knows the HDF5 crate.
//!
//! Files are held in memory while they are open: the groups of older files cannot be walked
//! otherwise. Sizes are compared with the file's before anything is read, the number of
//! values that come with the number announced afterwards.

use super::input::{self, Input};
use super::{Files, names};
use hdf5::{
    AttrValue, DType, Dataset, EnumTypeBuilder, Error, FileBuilder, FinishedGroup, FormatError,
    Group, GroupBuilder, Layout, VlenStringReadOptions, make_i8_type,
};
use snn_ir::data::DataError;
use snn_ir::diagnostics::Code;
use snn_ir::step::Elem;
use snn_ir::tensor::{Tensor, Values};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// The best that deflate, the strongest of the common filters, can do is 1032 to 1.
const FILTER_RATIO: u64 = 1032;

/// Datasets up to this many bytes may be larger than what the file stores of them: those never
/// written consist of fill values.
const ALWAYS: u64 = 1 << 20;

/// The versions of its parts that the format has or may have soon. Another number is damage.
const VERSIONS: RangeInclusive<u8> = 1..=8;

/// The most bytes a string may have: names and options are short.
const TEXT: usize = 4096;

/// An open HDF5 file.
pub struct File {
    path: PathBuf,
    size: u64,
    file: hdf5::File,
}

/// What a path in a file leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Nothing.
    Nothing,
    /// A group.
    Group,
    /// A dataset.
    Dataset,
}

impl File {
    /// Opens a file, plain or gzip.
    ///
    /// # Errors
    /// E0601, E0602, E0603.
    pub fn open(files: &dyn Files, path: &Path) -> Result<File, DataError> {
        let bytes = Input::open(files, path)?.bytes()?;
        let size = bytes.len() as u64;
        let file = hdf5::File::from_bytes(bytes).map_err(|e| match e {
            Error::Format(FormatError::SignatureNotFound) => {
                DataError::not_a(path, "an HDF5 file", "it does not have the format's signature")
            }
            e => refused(path, &e, ""),
        })?;
        Ok(File { path: path.to_path_buf(), size, file })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is at `path`.
    pub fn entry(&self, path: &str) -> Entry {
        if self.file.dataset(path).is_ok() {
            Entry::Dataset
        } else if self.file.group(path).is_ok() {
            Entry::Group
        } else {
            Entry::Nothing
        }
    }

    /// The names in a group, groups with a `/` at the end, in order of their text.
    ///
    /// # Errors
    /// E0602, E0604.
    pub fn members(&self, path: &str) -> Result<Vec<String>, DataError> {
        let group = self.file.group(path).map_err(|e| self.missing(path, &e))?;
        self.names(&group).map_err(|e| self.damaged(path, &e))
    }

    /// The element type and shape of a dataset.
    ///
    /// # Errors
    /// E0602, E0604, E0605.
    pub fn header(&self, path: &str) -> Result<(Elem, Vec<usize>), DataError> {
        let dataset = self.dataset(path)?;
        let dtype = dataset.dtype().map_err(|e| self.damaged(path, &e))?;
        let elem = match dtype {
            DType::I8 => Elem::I8,
            DType::I16 => Elem::I16,
            DType::I32 => Elem::I32,
            DType::U8 => Elem::U8,
            DType::U16 => Elem::U16,
            DType::U32 => Elem::U32,
            DType::I64 | DType::U64 => Elem::I64,
            DType::F32 => Elem::F32,
            DType::F64 => Elem::F64,
            DType::Enum(names) if names == ["FALSE", "TRUE"] => Elem::Bool,
            other => {
                let what = format!("`{}` has elements of type {other}", path.escape_debug());
                return Err(DataError::elements(&self.path, what));
            }
        };
        Ok((elem, self.shape(&dataset, path)?))
    }

    /// The element type and all values of a dataset.
    ///
    /// # Errors
    /// As [`header`](File::header).
    pub fn read(&self, path: &str) -> Result<(Elem, Tensor), DataError> {
        let (elem, shape) = self.header(path)?;
        let dataset = self.dataset(path)?;
        let damaged = |e: Error| self.damaged(path, &e);
        let elements: u64 = shape.iter().map(|&n| n as u64).product();
        let bytes = elements.saturating_mul(dataset.element_size().map_err(damaged)?);
        input::held(&self.path, self.size, elements, bytes)?;
        let values = match elem {
            Elem::F32 | Elem::F64 => Values::Float(dataset.read_f64().map_err(damaged)?),
            Elem::Bool => {
                // HDF5 has no booleans: h5py writes an enumeration of integers.
                let bytes = dataset.element_size().map_err(damaged)?.clamp(1, 8) as usize;
                let raw = dataset.read_raw().map_err(damaged)?;
                Values::Bool(raw.chunks(bytes).map(|b| b.iter().any(|&b| b != 0)).collect())
            }
            _ if dataset.dtype().map_err(damaged)? == DType::U64 => {
                let values = dataset.read_u64().map_err(damaged)?;
                let signed = values
                    .into_iter()
                    .map(i64::try_from)
                    .collect::<Result<_, _>>()
                    .map_err(|_| DataError::elements(&self.path, "a value exceeds 2^63 - 1"))?;
                Values::Int(signed)
            }
            _ => Values::Int(dataset.read_i64().map_err(damaged)?),
        };
        let tensor = Tensor { shape, values };
        let announced: usize = tensor.shape.iter().product();
        if tensor.len() != announced {
            let what = format!("`{path}` has {} values, not {announced}", tensor.len());
            return Err(DataError::damaged(&self.path, what));
        }
        Ok((elem, tensor))
    }

    /// A string, of fixed or variable length, alone or in an array of one.
    ///
    /// # Errors
    /// E0602, E0604, E0605.
    pub fn text(&self, path: &str) -> Result<String, DataError> {
        let dataset = self.dataset(path)?;
        let damaged = |e: Error| self.damaged(path, &e);
        if self.shape(&dataset, path)?.iter().product::<usize>() != 1 {
            return Err(self.not_text(path));
        }
        let strings = match dataset.dtype().map_err(damaged)? {
            DType::VariableLengthString => {
                let options =
                    VlenStringReadOptions::new().with_max_elements(1).with_max_payload_bytes(TEXT);
                dataset.read_vlen_strings(options).map_err(damaged)?
            }
            DType::String if dataset.element_size().map_err(damaged)? <= TEXT as u64 => {
                dataset.read_string().map_err(damaged)?
            }
            _ => return Err(self.not_text(path)),
        };
        match strings.into_iter().next() {
            Some(text) => Ok(text.trim_end_matches(['\0', ' ']).to_string()),
            None => Err(self.not_text(path)),
        }
    }

    /// A text that describes a group, if it has one of that name.
    ///
    /// # Errors
    /// E0602, E0604.
    pub fn attribute(&self, path: &str, name: &str) -> Result<Option<String>, DataError> {
        let group = self.file.group(path).map_err(|e| self.missing(path, &e))?;
        let mut attributes = group.attrs().map_err(|e| self.damaged(path, &e))?;
        Ok(match attributes.remove(name) {
            Some(AttrValue::VarLenString(text) | AttrValue::String(text)) => Some(text),
            _ => None,
        })
    }

    fn not_text(&self, path: &str) -> DataError {
        DataError::new(
            Code::E0605,
            format!("`{path}` in `{}` is not a single string", self.path.display()),
            "write it as one string of at most 4096 bytes",
        )
    }

    fn dataset(&self, path: &str) -> Result<Dataset, DataError> {
        self.file.dataset(path).map_err(|e| self.missing(path, &e))
    }

    /// The shape of a dataset, which the file must be able to hold.
    fn shape(&self, dataset: &Dataset, path: &str) -> Result<Vec<usize>, DataError> {
        let damaged = |e: Error| self.damaged(path, &e);
        let shape = dataset.shape().map_err(damaged)?;
        let element = dataset.element_size().map_err(damaged)?;
        let stored = match dataset.layout().map_err(damaged)? {
            // A chunk is inflated whole, even where the dataset needs less of it.
            Layout::Chunked { chunk_shape, .. } => vec![shape.clone(), chunk_shape],
            _ => vec![shape.clone()],
        };
        let ratio = if dataset.filters().is_empty() { 1 } else { FILTER_RATIO };
        let most = self.size.saturating_mul(ratio).max(ALWAYS);
        for extent in stored {
            let bytes = extent.iter().try_fold(element, |product, &n| product.checked_mul(n));
            if bytes.is_none_or(|bytes| bytes > most) {
                let what = format!("`{path}` has the shape {shape:?}, more than the file can hold");
                return Err(DataError::damaged(&self.path, what));
            }
        }
        // No dimension is larger than `most`, unless another is 0.
        shape
            .into_iter()
            .map(|n| usize::try_from(n).map_err(|_| DataError::damaged(&self.path, "its sizes")))
            .collect()
    }

    fn names(&self, group: &Group) -> Result<Vec<String>, Error> {
        let mut names = group.datasets()?;
        names.extend(group.groups()?.into_iter().map(|name| name + "/"));
        names.sort();
        Ok(names)
    }

    fn damaged(&self, path: &str, error: &Error) -> DataError {
        refused(&self.path, error, &format!("`{}`: ", path.escape_debug()))
    }

    /// Why `path` cannot be opened: nothing there, or not of the kind asked for, or damaged.
    fn missing(&self, path: &str, error: &Error) -> DataError {
        let file = self.path.display();
        let shown = path.escape_debug();
        match error {
            Error::NotADataset(_) if self.file.group(path).is_ok() => DataError::new(
                Code::E0604,
                format!("`{shown}` in `{file}` is a group, not a dataset"),
                format!("name one of the datasets in it: {}", self.listed(path, "")),
            ),
            Error::NotADataset(_)
            | Error::NotAGroup(_)
            | Error::Format(FormatError::PathNotFound(_)) => {
                let (group, name) = self.deepest(path);
                DataError::new(
                    Code::E0604,
                    format!("`{file}` has no `{shown}`"),
                    format!("`{}` has {}", group.escape_debug(), self.listed(&group, &name)),
                )
            }
            e => self.damaged(path, e),
        }
    }

    /// The deepest group on the way to `path` that exists, and the name that it lacks.
    fn deepest(&self, path: &str) -> (String, String) {
        let mut group = "/".to_string();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let inner = format!("{}/{name}", group.trim_end_matches('/'));
            if self.file.group(&inner).is_err() {
                return (group, name.to_string());
            }
            group = inner;
        }
        (group, String::new())
    }

    fn listed(&self, group: &str, wanted: &str) -> String {
        // Not `members`: its error would list the names again.
        match self.file.group(group).and_then(|group| self.names(&group)) {
            Ok(names) if names.is_empty() => "nothing in it".to_string(),
            Ok(names) => names::nearest_first(wanted, &names),
            Err(e) => format!("nothing readable in it ({e})"),
        }
    }
}

/// Why the reader refuses a file: what it does not know, or damage. `at` is the part, if one is
/// meant.
fn refused(path: &Path, error: &Error, at: &str) -> DataError {
    let Error::Format(error) = error else {
        return DataError::damaged(path, format!("{at}{error}"));
    };
    use FormatError::*;
    let version = match *error {
        UnsupportedVersion(v) => Some(("superblock", v)),
        InvalidObjectHeaderVersion(v) => Some(("object header", v)),
        InvalidLayoutVersion(v) => Some(("layout", v)),
        InvalidDatatypeVersion { version, .. } => Some(("datatype", version)),
        InvalidDataspaceVersion(v) => Some(("dataspace", v)),
        InvalidFilterPipelineVersion(v) => Some(("filter pipeline", v)),
        UnsupportedFillValueVersion(v) => Some(("fill value", v)),
        InvalidLinkVersion(v) => Some(("link", v)),
        InvalidLinkInfoVersion(v) => Some(("link info", v)),
        InvalidAttributeVersion(v) => Some(("attribute", v)),
        InvalidAttributeInfoVersion(v) => Some(("attribute info", v)),
        InvalidBTreeV2Version(v) => Some(("B-tree", v)),
        InvalidFractalHeapVersion(v) => Some(("heap", v)),
        _ => None,
    };
    match (version, error) {
        (Some((what, v)), _) if VERSIONS.contains(&v) => DataError::unread(
            path,
            format!("{at}{what} version {v}"),
            "write the file in the form that all readers know, as \
             `h5py.File(name, \"w\", libver=\"earliest\")` does",
        ),
        (
            None,
            UnsupportedMessage(_)
            | UnsupportedFilter(_)
            | UnsupportedVirtualLayout
            | UnsupportedExternalStorage
            | UnsupportedFilteredHeapObject
            | UnsupportedSohmReference
            | UnsupportedZfp(_),
        ) => DataError::unread(
            path,
            format!("{at}{error}"),
            "write the dataset again within the file, plain or compressed with gzip",
        ),
        _ => DataError::damaged(path, format!("{at}{error}")),
    }
}

/// Values of a dataset to be written.
#[derive(Clone, Debug)]
pub enum Column<'a> {
    /// As signed bytes.
    I8(Vec<i8>),
    /// As bytes.
    U8(Cow<'a, [u8]>),
    /// As integers of 16 bits.
    I16(Vec<i16>),
    /// As unsigned integers of 32 bits.
    U32(&'a [u32]),
    /// As unsigned integers of 64 bits.
    U64(&'a [u64]),
    /// As integers of 64 bits.
    I64(Cow<'a, [i64]>),
    /// As floats of 32 bits.
    F32(Cow<'a, [f32]>),
    /// As floats of 64 bits.
    F64(&'a [f64]),
    /// One boolean, as h5py writes it: an enumeration of bytes.
    Bool(bool),
    /// One text of variable length.
    Text(&'a str),
    /// One text in ASCII, filled up with zeros to so many bytes.
    Padded(&'a str, u32),
}

/// A dataset to be written: its name, shape (C order) and values.
pub type Written<'a> = (&'static str, Vec<u64>, Column<'a>);

/// A group to be written.
pub struct WrittenGroup<'a> {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub datasets: Vec<Written<'a>>,
    /// The groups in it.
    pub groups: Vec<WrittenGroup<'a>>,
    /// Texts that describe it, by name.
    pub attributes: Vec<(&'static str, String)>,
}

/// A file to be written: groups of groups of datasets. Nothing in it depends on when or where
/// it is written.
#[derive(Default)]
pub struct Writer<'a> {
    groups: BTreeMap<&'static str, Vec<WrittenGroup<'a>>>,
}

impl<'a> Writer<'a> {
    /// Adds a group to the group `outer` of the file's root.
    pub fn add(&mut self, outer: &'static str, group: WrittenGroup<'a>) {
        self.groups.entry(outer).or_default().push(group);
    }

    /// The file's bytes; `path` is for messages.
    ///
    /// # Errors
    /// E0607: names that HDF5 does not allow, shapes that the values do not have.
    pub fn finish(self, path: &Path) -> Result<Vec<u8>, DataError> {
        let mut file = FileBuilder::new();
        let refused = |e: &dyn std::fmt::Display| {
            let message = format!("cannot write `{}`: {e}", path.display());
            DataError::new(Code::E0607, message, "give processes names without `/`")
        };
        for (outer, groups) in self.groups {
            let mut above = file.create_group(outer);
            for group in groups {
                let own = above.create_group(&group.name);
                above.add_group(group.built(own).map_err(|e| refused(&e))?);
            }
            file.add_group(above.finish());
        }
        file.finish().map_err(|e| refused(&e))
    }
}

impl WrittenGroup<'_> {
    fn built(self, mut own: GroupBuilder) -> Result<FinishedGroup, FormatError> {
        for (name, value) in self.attributes {
            own.set_attr(name, AttrValue::VarLenString(value));
        }
        for (name, shape, column) in self.datasets {
            let dataset = own.create_dataset(name);
            match column {
                Column::I8(values) => dataset.with_i8_data(&values),
                Column::U8(values) => dataset.with_u8_data(&values),
                Column::I16(values) => dataset.with_i16_data(&values),
                Column::U32(values) => dataset.with_u32_data(values),
                Column::U64(values) => dataset.with_u64_data(values),
                Column::I64(values) => dataset.with_i64_data(&values),
                Column::F32(values) => dataset.with_f32_data(&values),
                Column::F64(values) => dataset.with_f64_data(values),
                Column::Bool(value) => {
                    let names = EnumTypeBuilder::with_base(make_i8_type());
                    let names = names.value("FALSE", 0).value("TRUE", 1).build()?;
                    dataset.with_enum_u8_data(names, &[u8::from(value)])
                }
                Column::Text(text) => dataset.with_vlen_strings(&[text]),
                Column::Padded(text, bytes) => dataset.with_ascii_strings_sized(&[text], bytes)?,
            }
            .with_shape(&shape);
        }
        for group in self.groups {
            let inner = own.create_group(&group.name);
            own.add_group(group.built(inner)?);
        }
        Ok(own.finish())
    }
}
