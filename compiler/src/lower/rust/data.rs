//! The constants of a network: fields of `Data`, and the files they are loaded from.

use super::names::Names;
use super::printer::{Code, Field, Function, Item};
use super::typed::{Level, float, stored};
use crate::data::DataError;
use crate::diagnostics::Diagnostic;
use crate::ir::{Elem, Kernel, KernelKind, Kind, StepIr, Synapse, Tensor, TensorId, TensorValues};
use crate::tensor::{Tensor as Constant, Values};
use snn_runtime::kernels::Geometry;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tensors of up to so many known elements are written into the source.
const INLINE: usize = 16;

/// A file of the `data` folder.
#[derive(Clone, Debug)]
pub struct DataFile {
    /// Its name: `weights.npy`.
    pub name: String,
    /// How its elements are stored.
    pub elem: Elem,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its elements.
    pub contents: Contents,
}

/// The elements of a [`DataFile`].
#[derive(Clone, Debug)]
pub enum Contents {
    /// Known values, of which each integer is shifted right by the number.
    Known(Arc<Constant>, u8),
    /// A data file's values, as they are.
    File(Arc<crate::data::Dataset>),
}

/// The constants that turned out to be needed, with the names of their fields.
#[derive(Debug)]
pub struct Tables {
    names: Names,
    tables: BTreeMap<TensorId, String>,
    inline: BTreeMap<TensorId, String>,
    kernels: Vec<KernelField>,
}

/// A field of `Data` that holds the weights of a synapse.
#[derive(Clone, Debug)]
pub struct KernelField {
    /// Its name.
    pub field: String,
    /// Whether it holds packed columns, which know their accumulators.
    pub packed: bool,
    tensor: TensorId,
    conv: Option<Geometry>,
    kind: KernelKind,
    weight: Elem,
    shift: u8,
    narrow: bool,
    reason: String,
}

impl Tables {
    /// None yet.
    pub fn new() -> Tables {
        Tables {
            names: Names::reserving(&["dir"]),
            tables: BTreeMap::new(),
            inline: BTreeMap::new(),
            kernels: Vec::new(),
        }
    }

    /// What to call a tensor: a field of `data`, or a constant of the file.
    pub fn table(&mut self, ir: &StepIr, id: TensorId) -> String {
        if let Some(name) = self.inline.get(&id) {
            return name.clone();
        }
        if let Some(name) = self.tables.get(&id) {
            return format!("data.{name}");
        }
        let Some(tensor) = ir.tensors.get(id.0 as usize) else { return "missing".into() };
        let name = self.names.unique(&tensor.name);
        let len: usize = tensor.shape.iter().product();
        if len <= INLINE && matches!(tensor.values, TensorValues::Known(_)) {
            let name = name.to_ascii_uppercase();
            self.inline.insert(id, name.clone());
            return name;
        }
        self.tables.insert(id, name.clone());
        format!("data.{name}")
    }

    /// The weights of a synapse.
    pub fn kernel(&mut self, ir: &StepIr, of: &Synapse, binary: bool) -> KernelField {
        let Kernel { kind, weight, shift, accumulator, ref reason } = of.kernel;
        let packed = binary && kind == KernelKind::Columns && weight == Elem::I8;
        let narrow = packed && accumulator == Elem::I16;
        let wanted = (of.weights, of.conv, kind, weight, shift, packed, narrow);
        let same = |k: &&KernelField| {
            (k.tensor, k.conv, k.kind, k.weight, k.shift, k.packed, k.narrow) == wanted
        };
        if let Some(known) = self.kernels.iter().find(same) {
            return known.clone();
        }
        let name = ir.tensors.get(of.weights.0 as usize).map(|t| t.name.as_str());
        let form = if of.conv.is_some() { "kernel" } else { "columns" };
        let field = self.names.unique(&format!("{}_{form}", name.unwrap_or_default()));
        let (tensor, conv, reason) = (of.weights, of.conv, reason.clone());
        let kernel =
            KernelField { field, packed, tensor, conv, kind, weight, shift, narrow, reason };
        self.kernels.push(kernel.clone());
        kernel
    }

    /// `Data`, its loader, the constants in the source, and the files to write.
    pub fn items(&self, ir: &StepIr) -> Result<(Vec<Item>, Vec<DataFile>), Diagnostic> {
        let mut fields = Vec::new();
        let mut loads = Vec::new();
        let mut files = Vec::new();
        for (id, name) in &self.tables {
            let Some(tensor) = ir.tensors.get(id.0 as usize) else { continue };
            let ty = format!("snn_runtime::table::Table<{}>", stored(tensor.elem));
            let doc = format!("Constant `{}`, shape {:?}.", tensor.name, tensor.shape);
            fields.push(Field { name: name.clone(), ty, doc });
            loads.push(Code::line(format!("{name}: {}?,", open(name, tensor.elem, &tensor.shape))));
            files.push(table_file(name, tensor));
        }
        for kernel in &self.kernels {
            let Some(tensor) = ir.tensors.get(kernel.tensor.0 as usize) else { continue };
            let (field, load, written) = kernel.describe(tensor)?;
            fields.push(field);
            loads.push(load);
            files.extend(written);
        }
        let unused = if loads.is_empty() { "_" } else { "dir" };
        let load = Function {
            name: "load".into(),
            doc: "Opens the files in folder `dir` and checks their shapes.\n\n\
                  # Errors\nWhere a file is missing, cannot be read, or is not what it should be."
                .into(),
            public: true,
            arguments: vec![(unused.into(), "&std::path::Path".into())],
            returns: Some("std::io::Result<Data>".into()),
            body: vec![Code::closed("let data = Data", loads, ";"), Code::line("Ok(data)")],
            ..Function::default()
        };
        let doc = "The constants of the network: weights, parameters, data. Networks share them.";
        let mut items = vec![
            Item::Struct("Data".into(), doc.into(), fields),
            Item::Impl("Data".into(), None, vec![load]),
        ];
        for (id, name) in &self.inline {
            items.extend(ir.tensors.get(id.0 as usize).map(|tensor| inline(name, tensor)));
        }
        Ok((items, files))
    }
}

impl KernelField {
    /// Its field, how it is loaded, and the files it is loaded from.
    fn describe(&self, tensor: &Tensor) -> Result<(Field, Code, Vec<DataFile>), Diagnostic> {
        let (name, element) = (&self.field, stored(self.weight));
        let shape = &tensor.shape;
        let (rows, columns) = matrix(shape);
        let shift = self.shift;
        let doc = format!(
            "Weights `{}`, shape [{rows}, {columns}], by column; {}.",
            tensor.name, self.reason
        );
        let values = match &tensor.values {
            TensorValues::Known(values) => values.clone(),
            TensorValues::File(dataset) => Arc::new(dataset.read().map_err(unreadable)?),
        };
        if let Some(geometry) = &self.conv {
            return Ok(self.describe_conv(tensor, geometry, values));
        }
        if self.kind == KernelKind::SparseColumns {
            let lists = lists(&values, rows, columns, shift);
            let entries = lists.targets.len();
            let open_list = |list: &str, elem, len| open(&format!("{name}_{list}"), elem, &[len]);
            let load = Code::closed(
                format!("{name}:"),
                vec![
                    Code::line(format!(
                        "let starts = {}?;",
                        open_list("starts", Elem::U32, columns + 1)
                    )),
                    Code::line(format!(
                        "let targets = {}?;",
                        open_list("targets", Elem::U32, entries)
                    )),
                    Code::line(format!(
                        "let weights = {}?;",
                        open_list("weights", self.weight, entries)
                    )),
                    Code::line(format!(
                        "snn_runtime::kernels::SparseColumns::new(&starts, &targets, &weights, \
                         {rows}, {shift}).map_err(std::io::Error::other)?"
                    )),
                ],
                ",",
            );
            let file = |list: &str, elem, contents: Constant| DataFile {
                name: format!("{name}_{list}.npy"),
                elem,
                shape: contents.shape.clone(),
                contents: Contents::Known(Arc::new(contents), 0),
            };
            let ty = format!("snn_runtime::kernels::SparseColumns<{element}>");
            let files = vec![
                file("starts", Elem::U32, Constant::int(vec![columns + 1], lists.starts)),
                file("targets", Elem::U32, Constant::int(vec![entries], lists.targets)),
                file("weights", self.weight, lists.weights),
            ];
            return Ok((Field { name: name.clone(), ty, doc }, load, files));
        }
        let (ty, arguments) = match self.packed {
            true => ("PackedColumns".to_string(), format!(", {}", self.narrow)),
            false => (format!("Columns<{element}>"), String::new()),
        };
        let constructor = if self.packed { "PackedColumns" } else { "Columns" };
        let open = open(name, self.weight, &[rows, columns]);
        let load = Code::line(format!(
            "{name}: snn_runtime::kernels::{constructor}::new(&{open}?, {rows}, {columns}, \
             {shift}{arguments}),"
        ));
        let file = DataFile {
            name: format!("{name}.npy"),
            elem: self.weight,
            shape: vec![rows, columns],
            contents: Contents::Known(values, shift),
        };
        let ty = format!("snn_runtime::kernels::{ty}");
        Ok((Field { name: name.clone(), ty, doc }, load, vec![file]))
    }
}

impl KernelField {
    /// The same for the kernel of a convolution.
    fn describe_conv(
        &self,
        tensor: &Tensor,
        geometry: &Geometry,
        values: Arc<Constant>,
    ) -> (Field, Code, Vec<DataFile>) {
        let (name, element, shift) = (&self.field, stored(self.weight), self.shift);
        let shape = geometry.weights().to_vec();
        let row = geometry.outputs / geometry.groups;
        let doc = format!("Weights `{}`, shape {shape:?}; {}.", tensor.name, self.reason);
        let open = open(name, self.weight, &shape);
        // What Debug prints of the sizes is also how Rust writes them.
        let load = Code::line(format!(
            "{name}: snn_runtime::kernels::Conv::new(&{open}?, \
             snn_runtime::kernels::{geometry:?}, {shift}),"
        ));
        let ty = format!("snn_runtime::kernels::Conv<{element}, {row}>");
        let contents = Contents::Known(values, shift);
        let file = DataFile { name: format!("{name}.npy"), elem: self.weight, shape, contents };
        (Field { name: name.clone(), ty, doc }, load, vec![file])
    }
}

/// Non-zero weights by column.
struct Lists {
    starts: Vec<i64>,
    targets: Vec<i64>,
    weights: Constant,
}

fn lists(values: &Constant, rows: usize, columns: usize, shift: u8) -> Lists {
    let (mut starts, mut targets, mut positions) = (vec![0], Vec::new(), Vec::new());
    let is_zero = |at: usize| match &values.values {
        Values::Int(v) => v.get(at).is_none_or(|v| *v == 0),
        Values::Float(v) => v.get(at).is_none_or(|v| *v == 0.0),
        Values::Bool(v) => v.get(at).is_none_or(|v| !v),
    };
    for column in 0..columns {
        for row in 0..rows {
            let at = row * columns + column;
            if !is_zero(at) {
                targets.push(row as i64);
                positions.push(at);
            }
        }
        starts.push(targets.len() as i64);
    }
    let shape = vec![targets.len()];
    let weights = match &values.values {
        Values::Int(v) => Constant::int(
            shape,
            positions.iter().filter_map(|p| v.get(*p)).map(|v| v >> shift).collect(),
        ),
        Values::Float(v) => {
            Constant::float(shape, positions.iter().filter_map(|p| v.get(*p)).copied().collect())
        }
        Values::Bool(v) => {
            Constant::bool(shape, positions.iter().filter_map(|p| v.get(*p)).copied().collect())
        }
    };
    Lists { starts, targets, weights }
}

/// `[m, n]`, whatever else a shape may be.
pub fn matrix(shape: &[usize]) -> (usize, usize) {
    match shape {
        [] => (1, 1),
        [n] => (1, *n),
        [m, rest @ ..] => (*m, rest.iter().product()),
    }
}

fn open(file: &str, elem: Elem, shape: &[usize]) -> String {
    let element = stored(elem);
    format!("snn_runtime::table::Table::<{element}>::open(&dir.join(\"{file}.npy\"), &{shape:?})")
}

fn table_file(name: &str, tensor: &Tensor) -> DataFile {
    DataFile {
        name: format!("{name}.npy"),
        elem: tensor.elem,
        shape: tensor.shape.clone(),
        contents: match &tensor.values {
            TensorValues::Known(values) => Contents::Known(values.clone(), 0),
            TensorValues::File(dataset) => Contents::File(dataset.clone()),
        },
    }
}

/// A short tensor as a constant of the source.
fn inline(name: &str, tensor: &Tensor) -> Item {
    let TensorValues::Known(values) = &tensor.values else { return Item::Raw(String::new()) };
    let texts: Vec<String> = match &values.values {
        Values::Int(values) => values.iter().map(i64::to_string).collect(),
        Values::Bool(values) => values.iter().map(|v| u8::from(*v).to_string()).collect(),
        Values::Float(values) => {
            let kind = if tensor.elem == Elem::F32 { Kind::F32 } else { Kind::F64 };
            values.iter().map(|v| float(*v, kind).at(Level::Open)).collect()
        }
    };
    let ty = format!("[{}; {}]", stored(tensor.elem), texts.len());
    Item::Raw(format!(
        "/// Constant `{}`, shape {:?}.\nconst {name}: {ty} = [{}];",
        tensor.name,
        tensor.shape,
        texts.join(", ")
    ))
}

/// A data file that cannot be read, as a message.
pub fn unreadable(error: DataError) -> Diagnostic {
    let diagnostic = Diagnostic::without_place(error.code, error.message);
    match error.help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}
