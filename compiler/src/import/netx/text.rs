//! The text that describes the layers.

use super::super::Imported;
use super::layers::{self, DelayForm, LONGEST_DELAY, Layer};
use super::options::NetxOptions;
use super::values::Param;
use crate::data::DataError;
use crate::data::h5::File;
use crate::diagnostics::Code;
use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

/// Lines longer than this are broken.
const WIDTH: usize = 96;

/// Names that the text itself uses.
const TAKEN: [&str; 6] = ["LIF", "LIFReset", "Dense", "Sparse", "DelayDense", "DelaySparse"];

/// Writes layers (at least one) as a `.snn` text.
///
/// # Errors
/// E0601 where the file's path cannot be written as text.
pub(super) fn write(
    h5: &File,
    options: &NetxOptions,
    layers: &[Layer],
) -> Result<Imported, DataError> {
    let file = h5.path();
    let path = relative(file, &options.folder)?;
    let network = network_name(file);
    let mut out = Text { h5, path: quoted(&path), items: String::new(), networks: String::new() };
    for (k, layer) in layers.iter().enumerate() {
        out.layer(k, layer, options);
    }
    let text = out.finish(&path, &network, layers);
    // The text follows the grammar, so that formatting cannot fail.
    let text = snn_grammar::format(&text).unwrap_or(text);
    Ok(Imported { text, network })
}

/// The text so far. Writing to a String cannot fail, so results of `write!` are dropped.
struct Text<'a> {
    /// The file, for the types of its datasets.
    h5: &'a File,
    /// The file, as a string literal.
    path: String,
    /// `data` items.
    items: String,
    /// The networks of the layers.
    networks: String,
}

impl Text<'_> {
    /// Declares a dataset of a layer and gives the expression for its integers.
    fn data(&mut self, k: usize, entry: usize, key: &str) -> String {
        let name = format!("layer{k}_{}", identifier(key));
        let group = layers::group(entry);
        let path = format!("{group}/{key}");
        let _ = write!(self.items, "data {name} = hdf5({}, \"{path}\")", self.path);
        if let Ok((elem, shape)) = self.h5.header(&path) {
            let _ = write!(self.items, "  // {}{shape:?}", format!("{elem:?}").to_lowercase());
        }
        self.items.push('\n');
        format!("int({name})")
    }

    /// A parameter as an expression: the number itself, or the dataset.
    fn param(&mut self, k: usize, entry: usize, param: &Param) -> String {
        match param {
            Param::Same(n) => n.to_string(),
            Param::Each(key) => self.data(k, entry, key),
        }
    }

    fn layer(&mut self, k: usize, layer: &Layer, options: &NetxOptions) {
        let notes = notes(layer);
        let synapse = self.synapse(k, layer, options);
        let neuron = self.neuron(k, layer, options);
        let out = &mut self.networks;
        let _ = writeln!(
            out,
            "\n/// Layer {} of the file: {} to {}.",
            layer.entry, layer.inputs, layer.outputs
        );
        let _ = writeln!(out, "network Layer{k} {{");
        let _ = writeln!(out, "    in s_in: i32[{}]", layer.inputs);
        let _ = writeln!(out, "    out s_out: spike[{}]\n", layer.outputs);
        for note in notes {
            let _ = writeln!(out, "    // {note}");
        }
        let _ = writeln!(out, "    synapse = {synapse}");
        let _ = writeln!(out, "    neuron = {neuron}\n");
        let _ = writeln!(out, "    s_in -> synapse -> neuron -> s_out\n}}");
    }

    fn synapse(&mut self, k: usize, layer: &Layer, options: &NetxOptions) -> String {
        let Layer { inputs, outputs, .. } = *layer;
        let plan = &layer.weight.plan;
        let mut weights = self.data(k, layer.entry, "weight");
        if layer.weight.flat {
            weights = format!("reshape({weights}, [{outputs}, {inputs}])");
        }
        if plan.clip {
            weights = format!("clip({weights}, -256, 254)");
        }
        match plan.shift {
            0 => {}
            left @ 1.. => weights = format!("{weights} << {left}"),
            right => weights = format!("{weights} >> {}", -right),
        }
        let mut args = vec![format!("weights: {weights}")];
        let process = match (&layer.delay, options.sparse_fc_layer) {
            (None, false) => "Dense",
            (None, true) => "Sparse",
            (Some(_), false) => "DelayDense",
            (Some(_), true) => "DelaySparse",
        };
        if let Some(delay) = &layer.delay {
            let mut stored = || {
                let delays = self.data(k, layer.entry, "delay");
                if delay.clamp { format!("min({delays}, {LONGEST_DELAY})") } else { delays }
            };
            let delays = match delay.form {
                DelayForm::Same(delay) => format!("full([{outputs}, {inputs}], {delay})"),
                DelayForm::All => stored(),
                DelayForm::Outputs => {
                    format!("reshape({}, [{outputs}, 1]) + zeros([{outputs}, {inputs}])", stored())
                }
                DelayForm::Inputs => {
                    format!("reshape({}, [1, {inputs}]) + zeros([{outputs}, {inputs}])", stored())
                }
            };
            args.push(format!("delays: {delays}"));
            args.push(format!("max_delay: {LONGEST_DELAY}"));
        }
        args.push(format!("num_weight_bits: {}", plan.num_weight_bits));
        args.push(format!("weight_exp: {}", plan.weight_exp));
        args.push(format!("num_message_bits: {}", layer.message_bits));
        call("synapse", process, &args)
    }

    fn neuron(&mut self, k: usize, layer: &Layer, options: &NetxOptions) -> String {
        let neuron = &layer.neuron;
        let du = match &neuron.i_decay {
            // The process adds 1 to it.
            Param::Same(decay) => (decay - 1).to_string(),
            each => format!("{} - 1", self.param(k, layer.entry, each)),
        };
        let mut args = vec![
            format!("vth: {}", self.param(k, layer.entry, &neuron.threshold)),
            format!("du: {du}"),
            format!("dv: {}", self.param(k, layer.entry, &neuron.v_decay)),
        ];
        if let Some(bias) = &layer.bias {
            args.push("bias_exp: 6".to_string());
            args.push(format!("bias_mant: {}", self.param(k, layer.entry, bias)));
        }
        let Some(interval) = options.reset_interval else {
            return call("neuron", "LIF", &args);
        };
        let offset = options.reset_offset.unwrap_or(0) + 1 + k as i64;
        args.push(format!("reset_interval: {interval}"));
        args.push(format!("reset_offset: {offset}"));
        call("neuron", "LIFReset", &args)
    }

    fn finish(self, path: &str, network: &str, layers: &[Layer]) -> String {
        let inputs = layers.first().map_or(0, |l| l.inputs);
        let outputs = layers.last().map_or(0, |l| l.outputs);
        let count = match layers.len() {
            1 => "one layer".to_string(),
            n => format!("{n} layers"),
        };
        let mut out = String::new();
        let _ = writeln!(
            out,
            "//! Imported from {path}: {count}, {inputs} inputs, {outputs} outputs.\n"
        );
        out += &self.items;
        out += &self.networks;
        let _ = writeln!(out, "\nnetwork {network} {{");
        let _ = writeln!(out, "    in s_in: i32[{inputs}]");
        let _ = writeln!(out, "    out s_out: spike[{outputs}]\n");
        let mut chain = "    s_in".to_string();
        let mut column = chain.len();
        for k in 0..layers.len() {
            let _ = writeln!(out, "    layer{k} = Layer{k}()");
            hop(&mut chain, &mut column, &format!("layer{k}"));
        }
        hop(&mut chain, &mut column, "s_out");
        let _ = writeln!(out, "\n{chain}\n}}");
        out
    }
}

/// Appends a hop to a chain of connections, on a new line where this one is full.
fn hop(chain: &mut String, column: &mut usize, to: &str) {
    if *column + 4 + to.len() > WIDTH {
        *chain += "\n       ";
        *column = 7;
    }
    let _ = write!(chain, " -> {to}");
    *column += 4 + to.len();
}

/// A call, with one argument a line where it is long.
fn call(part: &str, process: &str, args: &[String]) -> String {
    let line = format!("{process}({})", args.join(", "));
    if part.len() + 7 + line.len() <= WIDTH {
        return line;
    }
    let args: String = args.iter().map(|arg| format!("        {arg},\n")).collect();
    format!("{process}(\n{args}    )")
}

/// What a reader should know about how a layer was taken over.
fn notes(layer: &Layer) -> Vec<String> {
    let mut notes = Vec::new();
    let mut cut = |n: usize, what: &str| match n {
        0 => {}
        1 => notes.push(format!("Warning: 1 {what} is not an integer; its fraction is cut off.")),
        n => notes.push(format!("Warning: {n} {what}s are not integers; fractions are cut off.")),
    };
    cut(layer.weight.cut, "weight");
    cut(layer.delay.as_ref().map_or(0, |d| d.cut), "delay");
    let plan = &layer.weight.plan;
    if plan.clip {
        notes.push("Warning: weights are clipped to -256 ..= 254.".to_string());
    }
    if plan.shift < 0 {
        notes.push(
            "The low bits of the weights are dropped; the exponent restores their".to_string(),
        );
        notes.push("scale. (The original loader loads zeros here.)".to_string());
    }
    if plan.zero {
        notes.push("All weights are zero. (The original loader refuses such a layer.)".to_string());
    }
    if let Some(changed) = &plan.changed {
        notes.push(match changed.count {
            1 => format!("Warning: weight {} acts as {}.", changed.from, changed.to),
            n => format!(
                "Warning: {n} weights act as others than in the file, the first, {}, as {}.",
                changed.from, changed.to
            ),
        });
    }
    if layer.delay.as_ref().is_some_and(|d| d.clamp) {
        notes.push(format!("Warning: delays above {LONGEST_DELAY} steps are cut to it."));
    }
    if layer.neuron.default {
        notes.push(
            "The file has no neuron here: no decay of the current, and a threshold".to_string(),
        );
        notes.push("that the membrane never reaches.".to_string());
    }
    notes
}

/// `trained_mnist.net` gives `TrainedMnist`: letters and digits, beginning with a letter.
fn network_name(file: &Path) -> String {
    let stem = file.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    let mut name = String::new();
    let mut capital = true;
    for c in stem.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(if capital { c.to_ascii_uppercase() } else { c });
        }
        capital = !c.is_ascii_alphanumeric();
    }
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.insert_str(0, "Net");
    }
    let layer = name.strip_prefix("Layer").is_some_and(|n| n.chars().all(|c| c.is_ascii_digit()));
    if layer || TAKEN.contains(&name.as_str()) {
        name += "Network";
    }
    name
}

/// `neuron/iDecay` gives `i_decay`.
fn identifier(key: &str) -> String {
    let last = key.rsplit('/').next().unwrap_or(key);
    let mut name = String::new();
    for c in last.chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

/// The way from a folder to a file, with `/` between names.
fn relative(file: &Path, folder: &Path) -> Result<String, DataError> {
    let absolute = |path: &Path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        std::path::absolute(path).map(|p| normal(&p)).map_err(|e| {
            DataError::new(
                Code::E0601,
                format!("cannot find the way to `{}`: {e}", file.display()),
                "run snnc in a folder that exists",
            )
        })
    };
    let (file_parts, folder_parts) = (absolute(file)?, absolute(folder)?);
    let mut to = file_parts.components().peekable();
    let mut from = folder_parts.components().peekable();
    while to.peek().is_some() && to.peek() == from.peek() {
        to.next();
        from.next();
    }
    let rest: PathBuf = from.map(|_| Component::ParentDir).chain(to).collect();
    let names: Option<Vec<&str>> = rest.components().map(|c| c.as_os_str().to_str()).collect();
    match names {
        Some(names) if !names.iter().any(|n| n.contains(char::is_control)) => Ok(names.join("/")),
        _ => Err(DataError::new(
            Code::E0601,
            format!("the name of `{}` cannot be written in a .snn file", file.display()),
            "rename the file: names are UTF-8 text without control characters",
        )),
    }
}

/// A path without `.` and `..`, as far as names tell.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
