//! The text that describes the layers.

use super::super::Imported;
use super::conv::Conv;
use super::layers::{self, DelayForm, Dense, LONGEST_DELAY, Layer, Synapse};
use super::options::NetxOptions;
use super::values::Param;
use super::weights::Changed;
use snn_data::h5::File;
use snn_ir::data::DataError;
use snn_ir::diagnostics::Code;
use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

/// Lines longer than this are broken.
const WIDTH: usize = 96;

/// Names that the text itself uses.
const TAKEN: [&str; 7] =
    ["LIF", "LIFReset", "Dense", "Sparse", "DelayDense", "DelaySparse", "Conv"];

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
    let losses = layers.iter().flat_map(Layer::losses).cloned().collect();
    Ok(Imported { text, network, losses })
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

    /// A parameter of a layer's neurons as an expression: the number itself, or the dataset,
    /// which may have a value a channel.
    fn param(&mut self, k: usize, layer: &Layer, param: &Param) -> String {
        match param {
            Param::Same(n) => n.to_string(),
            Param::Each(key) if layer.output.len() > 1 => {
                format!("{} + zeros({:?})", self.data(k, layer.entry, key), layer.output)
            }
            Param::Each(key) => self.data(k, layer.entry, key),
        }
    }

    fn layer(&mut self, k: usize, layer: &Layer, options: &NetxOptions) {
        let notes = notes(layer);
        let synapse = match &layer.synapse {
            Synapse::Dense(dense) => self.dense(k, layer, dense, options),
            Synapse::Conv(conv) => self.conv(k, layer, conv),
        };
        let neuron = self.neuron(k, layer, options);
        let out = &mut self.networks;
        let _ = writeln!(
            out,
            "\n/// Layer {} of the file: {} to {}.",
            layer.entry,
            sizes(&layer.input),
            sizes(&layer.output)
        );
        let _ = writeln!(out, "network Layer{k} {{");
        let _ = writeln!(out, "    in s_in: i32{:?}", layer.input);
        let _ = writeln!(out, "    out s_out: spike{:?}\n", layer.output);
        for note in notes {
            let _ = writeln!(out, "    // {note}");
        }
        if let Some(reason) = accepted(layer) {
            let _ = writeln!(out, "    allow {} \"{reason}\"", Code::W0701.name());
        }
        let _ = writeln!(out, "    synapse = {synapse}");
        let _ = writeln!(out, "    neuron = {neuron}\n");
        let _ = writeln!(out, "    s_in -> synapse -> neuron -> s_out\n}}");
    }

    fn conv(&mut self, k: usize, layer: &Layer, conv: &Conv) -> String {
        let g = &conv.geometry;
        let mut weight = self.data(k, layer.entry, "weight");
        let [outputs, width, height, channels] = g.weights();
        if conv.time_axis {
            weight = format!("reshape({weight}, [{outputs}, {channels}, {height}, {width}])");
        }
        // The file does not mirror the kernel, and has the axes the other way round.
        let mut args = vec![format!("weight: flip(transpose({weight}, [0, 3, 2, 1]), [1, 2])")];
        let pairs =
            [("stride", g.stride, 1), ("padding", g.padding, 0), ("dilation", g.dilation, 1)];
        for (name, pair, default) in pairs {
            match pair {
                [x, y] if x != y => args.push(format!("{name}: {pair:?}")),
                [both, _] if both != default => args.push(format!("{name}: {both}")),
                _ => {}
            }
        }
        if g.groups > 1 {
            args.push(format!("groups: {}", g.groups));
        }
        args.push(format!("num_message_bits: {}", layer.message_bits));
        call("synapse", "Conv", &args)
    }

    fn dense(&mut self, k: usize, layer: &Layer, dense: &Dense, options: &NetxOptions) -> String {
        let Dense { weight, delay } = dense;
        let (inputs, outputs) = (sizes(&layer.input), sizes(&layer.output));
        let quantisation = &weight.quantisation;
        let mut weights = self.data(k, layer.entry, "weight");
        if weight.flat {
            weights = format!("reshape({weights}, [{outputs}, {inputs}])");
        }
        if quantisation.clip {
            weights = format!("clip({weights}, -256, 254)");
        }
        match quantisation.shift {
            0 => {}
            left @ 1.. => weights = format!("{weights} << {left}"),
            right => weights = format!("{weights} >> {}", -right),
        }
        let mut args = vec![format!("weights: {weights}")];
        let process = match (delay, options.sparse_fc_layer) {
            (None, false) => "Dense",
            (None, true) => "Sparse",
            (Some(_), false) => "DelayDense",
            (Some(_), true) => "DelaySparse",
        };
        if let Some(delay) = delay {
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
        args.push(format!("num_weight_bits: {}", quantisation.num_weight_bits));
        args.push(format!("weight_exp: {}", quantisation.weight_exp));
        args.push(format!("num_message_bits: {}", layer.message_bits));
        call("synapse", process, &args)
    }

    fn neuron(&mut self, k: usize, layer: &Layer, options: &NetxOptions) -> String {
        let neuron = &layer.neuron;
        let du = match &neuron.i_decay {
            // The process adds 1 to it.
            Param::Same(decay) => (decay - 1).to_string(),
            each => format!("{} - 1", self.param(k, layer, each)),
        };
        let mut args = vec![
            format!("vth: {}", self.param(k, layer, &neuron.threshold)),
            format!("du: {du}"),
            format!("dv: {}", self.param(k, layer, &neuron.v_decay)),
        ];
        if let Some(bias) = &layer.bias {
            args.push("bias_exp: 6".to_string());
            args.push(format!("bias_mant: {}", self.param(k, layer, bias)));
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
        let input = layers.first().map(|l| l.input.as_slice()).unwrap_or_default();
        let output = layers.last().map(|l| l.output.as_slice()).unwrap_or_default();
        let count = match layers.len() {
            1 => "one layer".to_string(),
            n => format!("{n} layers"),
        };
        let mut out = String::new();
        let _ = writeln!(
            out,
            "//! Imported from {path}: {count}, {} inputs, {} outputs.\n",
            sizes(input),
            sizes(output)
        );
        out += &self.items;
        out += &self.networks;
        let _ = writeln!(out, "\nnetwork {network} {{");
        let _ = writeln!(out, "    in s_in: i32{input:?}");
        let _ = writeln!(out, "    out s_out: spike{output:?}\n");
        let mut chain = "    s_in".to_string();
        let mut column = chain.len();
        for (k, layer) in layers.iter().enumerate() {
            let _ = writeln!(out, "    layer{k} = Layer{k}()");
            let flattened = k.checked_sub(1).and_then(|k| layers.get(k));
            if flattened.is_some_and(|before| before.output.len() > layer.input.len()) {
                // Neurons are counted as the file counts them: channel, row, column.
                let view = format!("    layer{}.s_out.transpose([2, 1, 0]).flatten()", k - 1);
                column = view.len();
                let _ = write!(chain, "\n{view}");
            }
            hop(&mut chain, &mut column, &format!("layer{k}"));
        }
        hop(&mut chain, &mut column, "s_out");
        let _ = writeln!(out, "\n{chain}\n}}");
        out
    }
}

/// A shape for people: `200×66×3`.
fn sizes(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    sizes.join("×")
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
    let (weights, delays) = match &layer.synapse {
        Synapse::Dense(d) => (d.weight.cut, d.delay.as_ref().map_or(0, |d| d.cut)),
        Synapse::Conv(c) => (c.cut, 0),
    };
    cut(weights, "weight");
    cut(delays, "delay");
    match &layer.synapse {
        Synapse::Dense(dense) => dense_notes(dense, &mut notes),
        Synapse::Conv(conv) if conv.delays => notes.push(
            "Warning: delays of a convolution have no effect, as in the original loader.".into(),
        ),
        Synapse::Conv(_) => {}
    }
    if layer.neuron.default {
        notes.push(
            "The file has no neuron here: no decay of the current, and the highest".to_string(),
        );
        notes.push("threshold of the chip, which only a membrane that saturates exceeds.".into());
    }
    notes
}

fn dense_notes(dense: &Dense, notes: &mut Vec<String>) {
    let quantisation = &dense.weight.quantisation;
    if quantisation.clip {
        notes.push("Warning: weights are clipped to -256 ..= 254.".to_string());
    }
    if quantisation.shift < 0 {
        notes.push(
            "The low bits of the weights are dropped; the exponent restores their".to_string(),
        );
        notes.push("scale. (The original loader loads zeros here.)".to_string());
    }
    if quantisation.zero {
        notes.push("All weights are zero. (The original loader refuses such a layer.)".to_string());
    }
    if let Some(changed) = quantisation.changed.as_ref().filter(|_| !quantisation.conditioned) {
        notes.push(format!("Warning: {}.", acting(changed)));
    }
    if dense.delay.as_ref().is_some_and(|d| d.clamp) {
        notes.push(format!("Warning: delays above {LONGEST_DELAY} steps are cut to it."));
    }
}

/// Why a synapse may store other weights than are written, where it does: who imports the file
/// is told what becomes of its weights.
fn accepted(layer: &Layer) -> Option<String> {
    let Synapse::Dense(Dense { weight, .. }) = &layer.synapse else { return None };
    weight.quantisation.changed.as_ref().filter(|_| weight.quantisation.conditioned).map(acting)
}

fn acting(changed: &Changed) -> String {
    let Changed { count, from, to } = changed;
    match count {
        1 => format!("weight {from} acts as {to}"),
        n => format!("{n} weights act as others than in the file, the first, {from}, as {to}"),
    }
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
