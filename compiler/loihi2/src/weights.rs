//! The file beside the manifest: weights, delays, biases and rates, as the chip stores them.
//!
//! HDF5, one group for each projection under `/projections`:
//!
//! | dataset | shape | elements |
//! |---|---|---|
//! | `weights` | dense `[outputs, inputs]`, convolution `[C_out, kernel W, kernel H, C_in / groups]`, sparse `[synapses]` | mantissas: int8, half of the even weight, where the sign mode is mixed; uint8 magnitudes otherwise |
//! | `delays` | as `weights` | uint8, steps; absent where all are 0 |
//! | `starts` | `[outputs + 1]`, sparse only | uint64, the row of output `i` is `starts[i]..starts[i + 1]` |
//! | `sources` | `[synapses]`, sparse only | uint32, input of each synapse |
//! | `gather` | `[inputs]` | uint32, the sending population's neuron that is each input; absent where they are the same |
//! | `scatter` | `[outputs]` | uint32, the receiving layer's neuron that is each output; likewise |
//!
//! `/populations/NAME` has `bias` where there are biases (int16 mantissas, `[neurons]`, or `[1]` where
//! all are the same) and `rates` where neurons have their own (float64, spikes per step,
//! `[neurons]`). The attributes `exp`, `bits`, `sign_mode`, `max_delay` and `graded` repeat the
//! manifest.

use super::network::{ChipNetwork, Projection, Rate, Rates, SignMode, Sparse, Synapses};
use snn_data::Disk;
use snn_data::h5::{Column, Entry, File, Writer, Written, WrittenGroup};
use snn_ir::data::DataError;
use snn_ir::diagnostics::Code;
use snn_ir::hash;
use snn_ir::step::Elem;
use snn_ir::tensor::Values;
use std::path::Path;
use std::sync::Arc;

/// The names of a manifest's projections and populations.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Of populations, by position.
    pub populations: Vec<String>,
    /// Of projections, by position.
    pub projections: Vec<String>,
}

impl Names {
    /// A network's names; those that stand twice get a number.
    pub fn of(network: &ChipNetwork) -> Names {
        Names {
            populations: distinct(network.populations.iter().map(|p| p.name.as_str())),
            projections: distinct(network.projections.iter().map(|p| p.name.as_str())),
        }
    }
}

/// The names, with `#2`, `#3`, … after those that stood before.
pub fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    let mut next = |name: &str| {
        let numbered = (2u64..).map(|n| format!("{name}#{n}"));
        let free = std::iter::once(name.to_string()).chain(numbered).find(|n| !seen.contains(n));
        seen.extend(free.clone());
        free.unwrap_or_default()
    };
    names.map(&mut next).collect()
}

/// Whether everything that follows from a network needs its weights file: sparse synapses,
/// rates of single neurons.
pub fn needed(network: &ChipNetwork, rates: &Rates) -> bool {
    network.projections.iter().any(|p| matches!(p.synapses, Synapses::Sparse(_)))
        || rates.of.iter().any(|rate| matches!(rate, Rate::Each(_)))
}

/// Writes the weights file and returns its SHA-256.
///
/// # Errors
/// E0605: a weight that its format cannot hold. E0607: the file cannot be written.
pub fn write(path: &Path, network: &ChipNetwork, rates: &Rates) -> Result<String, DataError> {
    let bytes = bytes(path, network, rates)?;
    std::fs::write(path, &bytes).map_err(|e| {
        DataError::new(
            Code::E0607,
            format!("cannot write `{}`: {e}", path.display()),
            "check that the folder exists, may be written to and has room",
        )
    })?;
    Ok(hash::sha256(&bytes))
}

fn bytes(path: &Path, network: &ChipNetwork, rates: &Rates) -> Result<Vec<u8>, DataError> {
    let names = Names::of(network);
    let mut file = Writer::default();
    for (projection, name) in network.projections.iter().zip(&names.projections) {
        let attributes = attributes(projection).into();
        let mut datasets = synapses(projection)?;
        for (key, list) in [("gather", &projection.gather), ("scatter", &projection.scatter)] {
            if let Some(list) = list {
                datasets.push((key, vec![list.len() as u64], Column::U32(list)));
            }
        }
        file.add(
            "projections",
            WrittenGroup { name: name.clone(), datasets, groups: vec![], attributes },
        );
    }
    for ((population, name), rate) in
        network.populations.iter().zip(&names.populations).zip(&rates.of)
    {
        let mut datasets = Vec::new();
        let bias = population.layer.as_ref().map_or(&[][..], |l| &l.bias_mant);
        if !bias.is_empty() {
            let mantissa = |b: &i64| {
                i16::try_from(*b).map_err(|_| unfit(&population.name, *b, "a bias of 16 bits"))
            };
            let column = bias.iter().map(mantissa).collect::<Result<_, _>>()?;
            datasets.push(("bias", vec![bias.len() as u64], Column::I16(column)));
        }
        if let Rate::Each(each) = rate {
            datasets.push(("rates", vec![each.len() as u64], Column::F64(each)));
        }
        if !datasets.is_empty() {
            let group =
                WrittenGroup { name: name.clone(), datasets, groups: vec![], attributes: vec![] };
            file.add("populations", group);
        }
    }
    file.finish(path)
}

/// What describes a projection's group.
fn attributes(projection: &Projection) -> [(&'static str, String); 5] {
    let format = &projection.format;
    [
        ("exp", format.exp.to_string()),
        ("bits", format.bits.to_string()),
        ("sign_mode", format.sign.name().to_string()),
        ("max_delay", format.max_delay.to_string()),
        ("graded", projection.graded.to_string()),
    ]
}

fn unfit(name: &str, value: i64, format: &str) -> DataError {
    DataError::new(
        Code::E0605,
        format!("`{name}` has {value}, which is not {format}"),
        "scale and round it to the format before it goes to the chip",
    )
}

fn synapses(projection: &Projection) -> Result<Vec<Written<'_>>, DataError> {
    let mut datasets: Vec<Written> = Vec::new();
    let (weights, delays) = match &projection.synapses {
        Synapses::Dense(dense) => (&dense.weights, &dense.delays[..]),
        Synapses::Sparse(s) => {
            datasets.push(("starts", vec![s.starts.len() as u64], Column::U64(&s.starts)));
            datasets.push(("sources", vec![s.sources.len() as u64], Column::U32(&s.sources)));
            (&s.weights, &s.delays[..])
        }
        Synapses::Conv(conv) => (&conv.weights, &[][..]),
    };
    let shape = shape(&projection.synapses);
    let size = shape.iter().product::<u64>();
    if weights.len() as u64 == size {
        datasets.push(("weights", shape.clone(), mantissas(projection, weights)?));
    }
    if delays.len() as u64 == size && size > 0 {
        datasets.push(("delays", shape, Column::U8(delays.into())));
    }
    Ok(datasets)
}

/// The shape of the weights in the file.
fn shape(synapses: &Synapses) -> Vec<u64> {
    match synapses {
        Synapses::Dense(d) => vec![d.outputs.into(), d.inputs.into()],
        Synapses::Sparse(s) => vec![s.sources.len() as u64],
        Synapses::Conv(c) => {
            let inputs = c.input[2] / c.groups.max(1);
            [c.output[2], c.kernel[0], c.kernel[1], inputs].map(u64::from).to_vec()
        }
    }
}

/// Weights as the chip stores them.
fn mantissas<'a>(projection: &Projection, weights: &[i16]) -> Result<Column<'a>, DataError> {
    let sign = projection.format.sign;
    let stored = |w: &i16| {
        let byte = match sign {
            SignMode::Mixed if w % 2 == 0 => i8::try_from(w / 2).ok().map(|half| half as u8),
            SignMode::Mixed => None,
            SignMode::Excitatory => u8::try_from(*w).ok(),
            SignMode::Inhibitory => u8::try_from(-i32::from(*w)).ok(),
        };
        let range = match sign {
            SignMode::Mixed => "an even weight from -256 to 254",
            SignMode::Excitatory => "a weight from 0 to 255",
            SignMode::Inhibitory => "a weight from -255 to 0",
        };
        byte.ok_or_else(|| unfit(&projection.name, (*w).into(), range))
    };
    let bytes: Vec<u8> = weights.iter().map(stored).collect::<Result<_, _>>()?;
    Ok(match sign {
        SignMode::Mixed => Column::I8(bytes.into_iter().map(|b| b as i8).collect()),
        _ => Column::U8(bytes.into()),
    })
}

/// The weights file is not that of the manifest.
fn other(what: String) -> DataError {
    let help = "put the file beside the manifest that was written with it";
    DataError::new(Code::E0605, format!("the weights file is another: {what}"), help)
}

/// An open weights file.
pub(crate) struct Weights {
    file: File,
}

impl Weights {
    /// Opens a weights file.
    ///
    /// # Errors
    /// E0601, E0602, E0603.
    pub(crate) fn open(path: &Path) -> Result<Weights, DataError> {
        Ok(Weights { file: File::open(&Disk, path)? })
    }

    /// The paths of what no projection and no population of these names has in the file.
    ///
    /// # Errors
    /// E0602.
    pub(crate) fn strangers(
        &self,
        projections: &[&str],
        populations: &[&str],
    ) -> Result<Vec<String>, DataError> {
        let of_synapses = ["delays", "gather", "scatter", "sources", "starts", "weights"];
        let groups = [
            ("projections", projections, &of_synapses[..]),
            ("populations", populations, &["bias", "rates"]),
        ];
        let mut strangers: Vec<String> = self.file.members("")?;
        strangers.retain(|name| groups.iter().all(|(group, ..)| format!("{group}/") != *name));
        for (outer, names, datasets) in groups {
            if self.file.entry(outer) != Entry::Group {
                continue;
            }
            for group in self.file.members(outer)? {
                let path = format!("{outer}/{group}");
                match group.strip_suffix('/').filter(|name| names.contains(name)) {
                    None => strangers.push(path),
                    Some(_) => {
                        let mut found = self.file.members(path.trim_end_matches('/'))?;
                        found.retain(|dataset| !datasets.contains(&dataset.as_str()));
                        strangers.extend(found.iter().map(|dataset| format!("{path}{dataset}")));
                    }
                }
            }
        }
        Ok(strangers)
    }

    /// Which synapses a sparse projection has, without their weights.
    ///
    /// # Errors
    /// E0602, E0604, E0605: also rows that are not whole, not ascending, or name other inputs.
    pub(crate) fn sparse(
        &self,
        name: &str,
        outputs: u32,
        inputs: u32,
    ) -> Result<Sparse, DataError> {
        // The elements of `starts` are unsigned, which the reader of files does not tell apart.
        let starts: Vec<u64> = self.row(&format!("projections/{name}/starts"), Elem::I64)?;
        let sources: Vec<u32> = self.row(&format!("projections/{name}/sources"), Elem::U32)?;
        let whole = starts.len() as u64 == u64::from(outputs) + 1
            && starts.first() == Some(&0)
            && starts.last() == Some(&(sources.len() as u64))
            && starts.is_sorted();
        let ascending = |row: &[u64]| {
            let row = &sources[row[0] as usize..row[1] as usize];
            row.is_sorted_by(|a, b| a < b) && row.last().is_none_or(|last| *last < inputs)
        };
        if !whole || !starts.windows(2).all(ascending) {
            let what =
                format!("the rows of `{name}` are not those of a [{outputs}, {inputs}] matrix");
            return Err(DataError::damaged(self.file.path(), what));
        }
        Ok(Sparse {
            outputs,
            inputs,
            starts: Arc::new(starts),
            sources: Arc::new(sources),
            weights: Arc::default(),
            delays: Arc::default(),
        })
    }

    /// The rates of a population's neurons.
    ///
    /// # Errors
    /// E0602, E0604, E0605: also rates of another number of neurons, or that are no rates.
    pub(crate) fn rates(&self, name: &str, neurons: u32) -> Result<Vec<f64>, DataError> {
        let path = format!("populations/{name}/rates");
        let (elem, rates) = self.file.read(&path)?;
        match rates.values {
            Values::Float(each)
                if elem == Elem::F64
                    && rates.shape == [neurons as usize]
                    && each.iter().all(|r| r.is_finite() && *r >= 0.0) =>
            {
                Ok(each)
            }
            _ => Err(DataError::elements(
                self.file.path(),
                format!("`{path}` is not a rate of at least 0 for each of {neurons} neurons"),
            )),
        }
    }

    /// The bias mantissas of a population's neurons, one where all have the same; none where
    /// there are none.
    ///
    /// # Errors
    /// E0602, E0604, E0605.
    pub(crate) fn bias(&self, name: &str, neurons: u32) -> Result<Vec<i64>, DataError> {
        let path = format!("populations/{name}/bias");
        if self.file.entry(&path) == Entry::Nothing {
            return Ok(Vec::new());
        }
        let bias: Vec<i64> = self.row(&path, Elem::I16)?;
        match bias.len() == 1 || bias.len() == neurons as usize {
            true => Ok(bias),
            false => {
                let what = format!("`{path}` has {} values for {neurons} neurons", bias.len());
                Err(DataError::damaged(self.file.path(), what))
            }
        }
    }

    /// `gather` or `scatter` of a projection, if it is there.
    ///
    /// # Errors
    /// E0602, E0604, E0605.
    pub(crate) fn list(&self, name: &str, list: &str) -> Result<Option<Vec<u32>>, DataError> {
        let path = format!("projections/{name}/{list}");
        match self.file.entry(&path) {
            Entry::Nothing => Ok(None),
            _ => self.row(&path, Elem::U32).map(Some),
        }
    }

    /// Checks a projection's weights, and its delays if it has any: their shape, whether the
    /// projection's format has their values, and whether the attributes say so.
    ///
    /// # Errors
    /// E0602, E0604, E0605.
    pub(crate) fn check(&self, projection: &Projection) -> Result<(), DataError> {
        let format = &projection.format;
        let (name, bits) = (&projection.name, u32::from(format.bits));
        let group = format!("projections/{name}");
        for (key, follows) in attributes(projection) {
            let stands = self.file.attribute(&group, key)?;
            if stands.as_ref() != Some(&follows) {
                let stands = stands.unwrap_or("nothing".into());
                let what = format!("`{group}` says `{key}` is {stands}, the manifest {follows}");
                return Err(other(what));
            }
        }
        let path = format!("{group}/weights");
        let (elem, all) = match format.sign {
            SignMode::Mixed => (Elem::I8, -128..=127),
            _ => (Elem::U8, 0..=255),
        };
        let weights = self.shaped(&path, projection, elem)?;
        // Fewer bits are the lowest ones, or the highest ones and no others.
        let unit = 1 << 8u32.saturating_sub(bits);
        let (low, high) = (all.start() / unit, (all.end() + 1) / unit - 1);
        let mut kinds = [true; 2];
        for weight in &weights {
            kinds[0] &= (low..=high).contains(weight);
            kinds[1] &= weight % unit == 0;
            if kinds == [false; 2] || !all.contains(weight) {
                let mode = format.sign.name();
                let what = format!("`{path}` has {weight}, not stored in {bits} bits, `{mode}`");
                return Err(DataError::elements(self.file.path(), what));
            }
        }
        let path = format!("{group}/delays");
        let most = i64::from(format.max_delay);
        if self.file.entry(&path) == Entry::Nothing && (most == 0 || weights.is_empty()) {
            return Ok(());
        }
        match self.shaped(&path, projection, Elem::U8)?.iter().find(|d| !(0..=most).contains(*d)) {
            None => Ok(()),
            Some(delay) => {
                let what = format!("`{path}` has {delay}, but no delay is longer than {most}");
                Err(DataError::elements(self.file.path(), what))
            }
        }
    }

    /// The integers of a dataset with one for each weight of a projection.
    fn shaped(
        &self,
        path: &str,
        projection: &Projection,
        elem: Elem,
    ) -> Result<Vec<i64>, DataError> {
        let found: Vec<u64> = self.file.header(path)?.1.into_iter().map(|n| n as u64).collect();
        let shape = shape(&projection.synapses);
        if found != shape {
            let what = format!("`{path}` has the shape {found:?}, not {shape:?}");
            return Err(DataError::damaged(self.file.path(), what));
        }
        self.integers(path, elem)
    }

    /// The integers of a dataset with one axis.
    fn row<T: TryFrom<i64>>(&self, path: &str, elem: Elem) -> Result<Vec<T>, DataError> {
        let shape = self.file.header(path)?.1;
        match shape.len() {
            1 => self.integers(path, elem),
            _ => Err(other(format!("`{path}` has the shape {shape:?}, not one axis"))),
        }
    }

    fn integers<T: TryFrom<i64>>(&self, path: &str, elem: Elem) -> Result<Vec<T>, DataError> {
        let found = self.file.header(path)?.0;
        if found != elem {
            let [found, elem] = [found, elem].map(|e| format!("{e:?}").to_lowercase());
            return Err(other(format!("`{path}` has elements of {found}, not {elem}")));
        }
        let wrong = || {
            let what = format!("`{path}` has values of another range");
            DataError::elements(self.file.path(), what)
        };
        match self.file.read(path)?.1.values {
            Values::Int(values) => {
                values.into_iter().map(|n| T::try_from(n).map_err(|_| wrong())).collect()
            }
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_element_types_and_axes_are_refused() {
        let mut file = Writer::default();
        let numbers = [0, 1];
        for (name, shape, column) in [
            ("wide", vec![2], Column::U64(&[0, 1])),
            ("deep", vec![1, 2], Column::U32(&numbers)),
            ("fine", vec![2], Column::U32(&numbers)),
        ] {
            let datasets = vec![("gather", shape, column)];
            let group =
                WrittenGroup { name: name.into(), datasets, groups: vec![], attributes: vec![] };
            file.add("projections", group);
        }
        let datasets = vec![
            ("bias", vec![2], Column::U8(vec![1, 2].into())),
            ("rates", vec![1, 2], Column::F64(&[0.5, 0.5])),
        ];
        let group =
            WrittenGroup { name: "cells".into(), datasets, groups: vec![], attributes: vec![] };
        file.add("populations", group);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("w.h5");
        std::fs::write(&path, file.finish(&path).expect("writes")).expect("writes");
        let weights = Weights::open(&path).expect("opens");
        assert_eq!(weights.list("fine", "gather"), Ok(Some(vec![0, 1])));
        let wide = weights.list("wide", "gather").expect_err("64 bits").message;
        assert!(wide.contains("elements of i64, not u32"), "{wide}");
        let deep = weights.list("deep", "gather").expect_err("two axes").message;
        assert!(deep.contains("[1, 2], not one axis"), "{deep}");
        assert!(weights.bias("cells", 2).is_err());
        assert!(weights.rates("cells", 2).is_err());
    }
}
