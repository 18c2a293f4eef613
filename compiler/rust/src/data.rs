//! The constants of a network and what it is given: fields of `Data`, and the files they are
//! loaded from.

use super::names::Names;
use super::printer::{Code, Field, Function, Item};
use super::typed::{Level, float, stored};
use snn_data::Files;
use snn_ir::data::DataError;
use snn_ir::diagnostics::Diagnostic;
use snn_ir::step::{
    Buffer, BufferId, Elem, Kernel, KernelKind, Kind, Source, StepIr, Synapse, Tensor, TensorId,
    TensorValues,
};
use snn_ir::tensor::ops::join;
use snn_ir::tensor::{Sparse, Tensor as Constant, Values, Weights};
use snn_runtime::kernels::Geometry;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tensors of up to so many known elements that are not given are written into the source.
const INLINE: usize = 16;

/// The files of numbers that are given, by how they are stored.
const NUMBERS: [(Elem, &str); 4] = [
    (Elem::I32, "numbers_i32"),
    (Elem::I64, "numbers_i64"),
    (Elem::F32, "numbers_f32"),
    (Elem::F64, "numbers_f64"),
];

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
    /// A list of the entries of a matrix that are not 0, row by row.
    Entries(Arc<Sparse>, List),
    /// A data file's values, as they are.
    File(Arc<snn_ir::data::Dataset>),
}

/// What a file says of the entries of a sparse matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Where rows begin, and the number of all.
    Starts,
    /// Their columns.
    Sources,
    /// Their values, integers shifted right by the number.
    Weights(u8),
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
    /// Targets and sources.
    shape: [usize; 2],
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
            names: Names::reserving(&[
                "dir",
                NUMBERS[0].1,
                NUMBERS[1].1,
                NUMBERS[2].1,
                NUMBERS[3].1,
            ]),
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
        if len <= INLINE
            && tensor.given.is_none()
            && matches!(tensor.values, TensorValues::Known(_))
        {
            let name = name.to_ascii_uppercase();
            self.inline.insert(id, name.clone());
            return name;
        }
        self.tables.insert(id, name.clone());
        format!("data.{name}")
    }

    /// The weights of a synapse, which are a tensor.
    pub fn kernel(&mut self, ir: &StepIr, of: &Synapse, binary: bool) -> KernelField {
        let Kernel { kind, weight, shift, accumulator, ref reason } = of.kernel;
        let packed = binary && kind == KernelKind::Columns && weight == Elem::I8;
        let narrow = packed && accumulator == Elem::I16;
        let len = |id: BufferId| ir.buffers.get(id.0 as usize).map_or(0, Buffer::len);
        let shape = [len(of.dst), len(of.src)];
        let tensor = match of.weights {
            Source::Tensor(id) => id,
            Source::Buffer(_) => TensorId(u32::MAX),
        };
        let wanted = (tensor, shape, of.conv, kind, weight, shift, packed, narrow);
        let same = |k: &&KernelField| {
            (k.tensor, k.shape, k.conv, k.kind, k.weight, k.shift, k.packed, k.narrow) == wanted
        };
        if let Some(known) = self.kernels.iter().find(same) {
            return known.clone();
        }
        let name = ir.tensors.get(tensor.0 as usize).map(|t| t.name.as_str());
        let form = if of.conv.is_some() { "kernel" } else { "columns" };
        let field = self.names.unique(&format!("{}_{form}", name.unwrap_or_default()));
        let (conv, reason) = (of.conv, reason.clone());
        let kernel =
            KernelField { field, packed, tensor, shape, conv, kind, weight, shift, narrow, reason };
        self.kernels.push(kernel.clone());
        kernel
    }

    /// `Data`, its loader, the constants in the source, and the files to write.
    pub fn items(
        &self,
        ir: &StepIr,
        files: &dyn Files,
    ) -> Result<(Vec<Item>, Vec<DataFile>), Diagnostic> {
        let mut fields = Vec::new();
        let mut loads = Vec::new();
        let mut contents = Vec::new();
        let mut opened = Vec::new();
        for (elem, file) in NUMBERS {
            let all = self.numbers(ir, elem);
            if all.is_empty() {
                continue;
            }
            let shape = vec![all.len()];
            opened.push(Code::line(format!("let {file} = {}?;", open(file, elem, &shape))));
            for (at, (name, tensor)) in all.iter().enumerate() {
                let (ty, doc) = (stored(elem).into(), format!("Number `{}`.", tensor.name));
                fields.push(Field { name: (*name).into(), ty, doc });
                loads.push(Code::line(format!("{name}: {file}[{at}],")));
            }
            let values = all.iter().filter_map(|(_, tensor)| match &tensor.values {
                TensorValues::Known(known) => Some(known.reshape(vec![1])),
                TensorValues::Sparse(_) | TensorValues::File(_) => None,
            });
            if let Some(values) = join(&values.collect::<Vec<_>>(), 0) {
                let (name, values) = (format!("{file}.npy"), Contents::Known(Arc::new(values), 0));
                contents.push(DataFile { name, elem, shape, contents: values });
            }
        }
        for (id, name) in &self.tables {
            let Some(tensor) = ir.tensors.get(id.0 as usize) else { continue };
            if tensor.is_number() {
                continue;
            }
            let ty = format!("snn_runtime::table::Table<{}>", stored(tensor.elem));
            let doc = format!("Constant `{}`, shape {:?}.", tensor.name, tensor.shape);
            fields.push(Field { name: name.clone(), ty, doc });
            loads.push(Code::line(format!("{name}: {}?,", open(name, tensor.elem, &tensor.shape))));
            contents.push(table_file(name, tensor));
        }
        for kernel in &self.kernels {
            let Some(tensor) = ir.tensors.get(kernel.tensor.0 as usize) else { continue };
            let (field, load, written) = kernel.describe(files, tensor)?;
            fields.push(field);
            loads.push(load);
            contents.extend(written);
        }
        let used = !loads.is_empty();
        opened.extend([Code::closed("let data = Data", loads, ";"), Code::line("Ok(data)")]);
        let unused = if used { "dir" } else { "_" };
        let load = Function {
            name: "load".into(),
            doc: "Opens the files in folder `dir` and checks their shapes.\n\n\
                  # Errors\nWhere a file is missing, cannot be read, or is not what it should be."
                .into(),
            public: true,
            arguments: vec![(unused.into(), "&std::path::Path".into())],
            returns: Some("std::io::Result<Data>".into()),
            body: opened,
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
        Ok((items, contents))
    }

    /// The numbers that are stored so, with their fields.
    fn numbers<'a>(&'a self, ir: &'a StepIr, elem: Elem) -> Vec<(&'a str, &'a Tensor)> {
        let all = self.tables.iter().filter_map(|(id, name)| {
            let tensor = ir.tensors.get(id.0 as usize)?;
            (tensor.is_number() && tensor.elem == elem).then_some((name.as_str(), tensor))
        });
        all.collect()
    }
}

impl KernelField {
    /// Its field, how it is loaded, and the files it is loaded from.
    fn describe(
        &self,
        files: &dyn Files,
        tensor: &Tensor,
    ) -> Result<(Field, Code, Vec<DataFile>), Diagnostic> {
        let (name, element) = (&self.field, stored(self.weight));
        let [rows, columns] = self.shape;
        let shift = self.shift;
        let doc = format!(
            "Weights `{}`, shape [{rows}, {columns}], by column; {}.",
            tensor.name, self.reason
        );
        if let Some(geometry) = &self.conv {
            let contents = self.contents(files, tensor, &geometry.weights())?;
            return Ok(self.describe_conv(tensor, geometry, contents));
        }
        if self.kind == KernelKind::SparseColumns {
            let sparse = match &tensor.values {
                TensorValues::Sparse(sparse) => Arc::clone(sparse),
                _ => {
                    let dense = all_of(files, tensor)?.reshape(vec![rows, columns]);
                    Arc::new(Sparse::of(&dense).ok_or_else(|| too_large(tensor))?)
                }
            };
            let entries = sparse.nonzero();
            let path = |list: &str| format!("{name}_{list}");
            // How many there are is for the data to say.
            let all = format!("&[starts[{rows}] as usize]");
            let load = Code::closed(
                format!("{name}:"),
                vec![
                    Code::line(format!(
                        "let starts = {}?;",
                        open(&path("starts"), Elem::U32, &[rows + 1])
                    )),
                    Code::line(format!(
                        "let sources = {}?;",
                        open_as(&path("sources"), Elem::U32, &all)
                    )),
                    Code::line(format!(
                        "let weights = {}?;",
                        open_as(&path("weights"), self.weight, &all)
                    )),
                    Code::line(format!(
                        "snn_runtime::kernels::SparseColumns::new(&starts, &sources, &weights, \
                         {columns}, {shift}).map_err(std::io::Error::other)?"
                    )),
                ],
                ",",
            );
            let file = |text: &str, elem, len, list| DataFile {
                name: format!("{name}_{text}.npy"),
                elem,
                shape: vec![len],
                contents: Contents::Entries(Arc::clone(&sparse), list),
            };
            let ty = format!("snn_runtime::kernels::SparseColumns<{element}>");
            let lists = vec![
                file("starts", Elem::U32, rows + 1, List::Starts),
                file("sources", Elem::U32, entries, List::Sources),
                file("weights", self.weight, entries, List::Weights(shift)),
            ];
            return Ok((Field { name: name.clone(), ty, doc }, load, lists));
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
            contents: self.contents(files, tensor, &[rows, columns])?,
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
        contents: Contents,
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
        let file = DataFile { name: format!("{name}.npy"), elem: self.weight, shape, contents };
        (Field { name: name.clone(), ty, doc }, load, vec![file])
    }

    /// The weights as an array of `shape`; those of a data file as they are there, if they can be.
    fn contents(
        &self,
        files: &dyn Files,
        tensor: &Tensor,
        shape: &[usize],
    ) -> Result<Contents, Diagnostic> {
        if let TensorValues::File(dataset) = &tensor.values
            && (dataset.elem, dataset.shape.as_slice(), self.shift) == (self.weight, shape, 0)
        {
            return Ok(Contents::File(dataset.clone()));
        }
        Ok(Contents::Known(all_of(files, tensor)?, self.shift))
    }
}

/// All elements of weights.
fn all_of(files: &dyn Files, tensor: &Tensor) -> Result<Arc<Constant>, Diagnostic> {
    match &tensor.values {
        TensorValues::Known(values) => Ok(values.clone()),
        TensorValues::Sparse(sparse) => {
            sparse.dense().map(Arc::new).ok_or_else(|| too_large(tensor))
        }
        TensorValues::File(dataset) => {
            snn_data::read(files, dataset).map(Arc::new).map_err(unreadable)
        }
    }
}

/// Weights that have no form in generated code; kernels are chosen so that there is none.
fn too_large(tensor: &Tensor) -> Diagnostic {
    let message = format!("`{}`, of shape {:?}, is too large", tensor.name, tensor.shape);
    Diagnostic::without_place(snn_ir::diagnostics::Code::E0213, message)
}

fn open(file: &str, elem: Elem, shape: &[usize]) -> String {
    open_as(file, elem, &format!("&{shape:?}"))
}

/// The same with a shape as an expression.
fn open_as(file: &str, elem: Elem, shape: &str) -> String {
    let element = stored(elem);
    format!("snn_runtime::table::Table::<{element}>::open(&dir.join(\"{file}.npy\"), {shape})")
}

fn table_file(name: &str, tensor: &Tensor) -> DataFile {
    DataFile {
        name: format!("{name}.npy"),
        elem: tensor.elem,
        shape: tensor.shape.clone(),
        contents: match &tensor.values {
            TensorValues::Known(values) => Contents::Known(values.clone(), 0),
            TensorValues::Sparse(sparse) => Contents::Entries(sparse.clone(), List::Weights(0)),
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
