//! Diagnostics and results as JSON for machines. The only file that knows `serde_json`.

use crate::execute::Engine;
use crate::origin::Origin;
use crate::report::evaluate::{Metric, Verdict};
use serde_json::{Value, json};
use snn_data::compare::{self, Comparison, How};
use snn_ir::diagnostics::{Diagnostic, Edit, Fix, Help, Label, Loc, Position, Severity, SourceMap};
use snn_ir::hash::sha256;
use snn_ir::step::StepIr;
use snn_runtime::train::Epoch;
#[cfg(feature = "compiled")]
use snn_rust::build::{Contents, LIMIT};

/// What `snnc check --json` prints: one object on one line,
/// `{diagnostics: […], errors, warnings}`.
///
/// A diagnostic is `{code, severity, message, labels: [{file, start: {line, column}, end: {…},
/// text}], notes, helps, fixes: [{help, safe, edits: [{file, start, end, replacement}]}]}`. Lines
/// and columns count from 1, columns in characters; `end` is the position after the last
/// character. The first label is the primary one. A fix is a help that is a change of text;
/// `snnc check --fix` makes the safe ones.
pub fn checked(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    line(&common(diagnostics, sources))
}

/// What `snnc check --fix --json` prints: that of a check of what is there now, and `{fixed: […],
/// not_fixed: […]}`.
pub fn fixed(diagnostics: &[Diagnostic], sources: &SourceMap, fixes: &Fixes) -> String {
    let mut object = common(diagnostics, sources);
    if let Value::Object(fields) = &mut object {
        fields.insert("fixed".into(), json!(fixes.made));
        fields.insert("not_fixed".into(), json!(fixes.left));
    }
    line(&object)
}

/// What `--fix` did, in words.
#[derive(Default)]
pub struct Fixes {
    /// What was changed.
    pub made: Vec<String>,
    /// What was not, and why.
    pub left: Vec<String>,
}

/// What `snnc run --json` prints: that of a check, and for a run that was executed
/// `{run, network, steps, seconds, threads, engine, reports: [{report, name, value}],
/// expectations: [{expectation, holds, left, right}], files: […], origin: {…}}`; see [`origin`].
pub fn ran(diagnostics: &[Diagnostic], sources: &SourceMap, ran: Option<&Ran<'_>>) -> String {
    let mut object = common(diagnostics, sources);
    if let (Some(ran), Value::Object(fields)) = (ran, &mut object) {
        let executed = json!({
            "run": ran.ir.run,
            "network": ran.ir.network,
            "steps": ran.ir.steps,
            "seconds": ran.seconds,
            "threads": ran.threads,
            "engine": format!("{:?}", ran.engine).to_lowercase(),
            "reports": ran.metrics.iter().map(metric).collect::<Vec<_>>(),
            "expectations": ran.verdicts.iter().map(verdict).collect::<Vec<_>>(),
            "files": ran.files,
            "origin": origin_value(ran.origin),
        });
        if let Value::Object(executed) = executed {
            fields.extend(executed);
        }
        // A metric is also found under its own name, the first of several alike.
        for metric in ran.metrics {
            fields.entry(metric.name.as_str()).or_insert(json!(metric.value));
        }
    }
    line(&object)
}

/// What `snnc train --json` prints: that of a check, and for a training that came to its end
/// `{train, seconds, files: […], best, epochs: [{epoch, loss, accuracy, held_out_loss,
/// held_out_accuracy, at_a_limit}]}`: `best` is the number of the best epoch; what is not measured
/// is null.
pub fn trained(
    diagnostics: &[Diagnostic],
    sources: &SourceMap,
    trained: Option<&Trained<'_>>,
) -> String {
    let mut object = common(diagnostics, sources);
    if let (Some(trained), Value::Object(fields)) = (trained, &mut object) {
        let epoch = |of: &Epoch| {
            json!({
                "epoch": of.number,
                "loss": of.loss,
                "accuracy": of.accuracy,
                "held_out_loss": of.held_out_loss,
                "held_out_accuracy": of.held_out_accuracy,
                "at_a_limit": of.limited,
            })
        };
        let best = trained.history.iter().rev().find(|of| of.best).map(|of| of.number);
        let made = json!({
            "train": trained.name,
            "seconds": trained.seconds,
            "files": trained.files,
            "best": best,
            "epochs": trained.history.iter().map(epoch).collect::<Vec<_>>(),
        });
        if let Value::Object(made) = made {
            fields.extend(made);
        }
    }
    line(&object)
}

/// A training that came to its end.
pub struct Trained<'a> {
    /// The name of its block.
    pub name: &'a str,
    /// What its epochs have brought.
    pub history: &'a [Epoch],
    /// How long it took.
    pub seconds: f64,
    /// The files that were written.
    pub files: &'a [String],
}

/// What `snnc compare --json` prints:
/// `{equal, keys, first: {key, row, element, a, b}, differing: [{key, …}], elements}`.
///
/// `first` is null where no element differs, `row` for an array without axes. Of a differing key
/// stand `only`, the file that has it; or `dtypes` and `shapes` of both; or how many `elements`
/// differ. What JSON has no number for (NaN, infinities) is a text.
pub fn compared(comparison: &Comparison, files: [&str; 2]) -> String {
    let differing = comparison.differing.iter().map(|d| match &d.how {
        How::OnlyFirst => json!({ "key": d.key, "only": files[0] }),
        How::OnlySecond => json!({ "key": d.key, "only": files[1] }),
        How::Form(a, b) => json!({
            "key": d.key,
            "dtypes": [a.dtype.code(), b.dtype.code()],
            "shapes": [a.shape, b.shape],
        }),
        How::Elements(n) => json!({ "key": d.key, "elements": n }),
    });
    let first = comparison.first.as_ref().map(|first| {
        json!({
            "key": first.key,
            "row": first.at.row,
            "element": first.at.element,
            "a": exact(first.at.a),
            "b": exact(first.at.b),
        })
    });
    line(&json!({
        "equal": comparison.equal(),
        "keys": comparison.keys,
        "first": first,
        "differing": differing.collect::<Vec<_>>(),
        "elements": comparison.elements(),
    }))
}

/// A number where JSON has it, and otherwise its text.
fn exact(value: compare::Value) -> Value {
    use compare::Value as Exact;
    let number = match value {
        Exact::Bool(x) => return json!(x),
        Exact::Int(x) => i64::try_from(x).map(Into::into).or(u64::try_from(x).map(Into::into)).ok(),
        // As it is shown: the shortest decimal, not the nearest of double precision.
        Exact::F32(x) => x.to_string().parse().ok().and_then(serde_json::Number::from_f64),
        Exact::F64(x) => serde_json::Number::from_f64(x),
    };
    number.map_or_else(|| json!(value.to_string()), Value::Number)
}

/// A run that was executed.
pub struct Ran<'a> {
    /// Which.
    pub ir: &'a StepIr,
    /// Wall-clock time of the steps alone.
    pub seconds: f64,
    /// Threads that were used.
    pub threads: usize,
    /// Its reports that are numbers.
    pub metrics: &'a [Metric],
    /// Its expectations.
    pub verdicts: &'a [Verdict],
    /// What was written.
    pub files: &'a [String],
    /// What executed it.
    pub engine: Engine,
    /// Where it comes from.
    pub origin: &'a Origin,
}

/// Where a result comes from, as the comment of its archive: `{version, run, sources: {NAME:
/// SHA256}, data: {PATH: SHA256}, seeds: [N], set: {NAME: VALUE}, arrays: {NAME: SHA256}}`. Of more
/// than fits a comment, `sources`, `data` and `seeds` are each one digest of all.
pub fn origin(origin: &Origin) -> String {
    let text = origin_value(origin).to_string();
    if text.len() <= COMMENT {
        return text;
    }
    let mut value = origin_value(origin);
    for part in ["sources", "data", "seeds"] {
        value[part] = json!(sha256(value[part].to_string().as_bytes()));
    }
    value.to_string()
}

/// The most bytes of a comment of a zip archive, and some room.
const COMMENT: usize = 60_000;

fn origin_value(origin: &Origin) -> Value {
    let object = |pairs: &[(String, String)]| {
        Value::Object(pairs.iter().map(|(name, value)| (name.clone(), json!(value))).collect())
    };
    json!({
        "version": origin.version,
        "run": origin.run,
        "sources": object(&origin.sources),
        "data": object(&origin.data),
        "seeds": origin.seeds,
        "set": object(&origin.set),
        "arrays": object(&origin.arrays),
    })
}

/// What `snnc build --json` prints for a generated crate: that of a check, and `{run, network,
/// files: [FOLDER]}`.
pub fn built(diagnostics: &[Diagnostic], sources: &SourceMap, ir: &StepIr, folder: &str) -> String {
    let mut object = common(diagnostics, sources);
    if let Value::Object(fields) = &mut object {
        fields.insert("run".into(), json!(ir.run));
        fields.insert("network".into(), json!(ir.network));
        fields.insert("files".into(), json!([folder]));
    }
    line(&object)
}

/// What `snnc cache --json` prints: `{folder, programs, data, runtime, all, limit, removed}`, in
/// bytes; `removed` says whether they are no longer there.
#[cfg(feature = "compiled")]
pub fn cache(folder: &str, contents: &Contents, removed: bool) -> String {
    line(&json!({
        "folder": folder,
        "programs": contents.programs,
        "data": contents.data,
        "runtime": contents.runtime,
        "all": contents.all(),
        "limit": LIMIT,
        "removed": removed,
    }))
}

/// What `snnc build --json` prints for a placement: that of a check, and `{run, network, neurons,
/// cores, chips, messages_per_step, hops_per_step, interchip_per_step, hottest_link_per_step,
/// energy_nj_per_step, time_us_per_step, bottleneck, sana_fe: {steps, messages, hops} or null,
/// files: […]}`.
pub fn placed(diagnostics: &[Diagnostic], sources: &SourceMap, placed: &Placed<'_>) -> String {
    let mut object = common(diagnostics, sources);
    let replayed = placed.replayed.map(
        |(steps, messages, hops)| json!({ "steps": steps, "messages": messages, "hops": hops }),
    );
    let made = json!({
        "run": placed.run,
        "network": placed.network,
        "neurons": placed.neurons,
        "cores": placed.cores,
        "chips": placed.chips,
        "messages_per_step": placed.messages,
        "hops_per_step": placed.hops,
        "interchip_per_step": placed.interchip,
        "hottest_link_per_step": placed.hottest_link,
        "energy_nj_per_step": placed.energy_nj,
        "time_us_per_step": placed.time_us,
        "bottleneck": placed.bottleneck,
        "sana_fe": replayed,
        "files": placed.files,
    });
    if let (Value::Object(fields), Value::Object(made)) = (&mut object, made) {
        fields.extend(made);
    }
    line(&object)
}

/// A placement that was made.
pub struct Placed<'a> {
    /// The run.
    pub run: &'a str,
    /// The network.
    pub network: &'a str,
    /// Neurons on cores.
    pub neurons: u64,
    /// Cores in use.
    pub cores: usize,
    /// Chips in use.
    pub chips: usize,
    /// Messages per step.
    pub messages: f64,
    /// Hops per step.
    pub hops: f64,
    /// Messages per step between chips.
    pub interchip: f64,
    /// Messages per step of the hottest link.
    pub hottest_link: f64,
    /// Estimated energy of a step.
    pub energy_nj: f64,
    /// Estimated time of a step.
    pub time_us: f64,
    /// What takes longest.
    pub bottleneck: String,
    /// Steps, messages and hops that a simulator must count.
    pub replayed: Option<(u64, u64, u64)>,
    /// What was written.
    pub files: &'a [String],
}

fn metric(m: &Metric) -> Value {
    json!({ "report": m.text, "name": m.name, "value": m.value })
}

fn verdict(v: &Verdict) -> Value {
    let (left, right) = v.sides.unzip();
    json!({ "expectation": v.text, "holds": v.holds, "left": left, "right": right })
}

fn line(object: &Value) -> String {
    format!("{object}\n")
}

fn common(diagnostics: &[Diagnostic], sources: &SourceMap) -> Value {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    json!({
        "diagnostics": to_json(diagnostics, sources),
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
    })
}

fn to_json(diagnostics: &[Diagnostic], sources: &SourceMap) -> Value {
    diagnostics.iter().map(|d| diagnostic(d, sources)).collect()
}

fn diagnostic(d: &Diagnostic, sources: &SourceMap) -> Value {
    let severity = match d.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    json!({
        "code": d.code.name(),
        "severity": severity,
        "message": d.message,
        "labels": d.labels.iter().filter_map(|l| label(l, sources)).collect::<Vec<_>>(),
        "notes": d.notes,
        "helps": d.helps.iter().map(|help| &help.text).collect::<Vec<_>>(),
        "fixes": d.helps.iter().filter_map(|help| fix(help, sources)).collect::<Vec<_>>(),
    })
}

fn label(label: &Label, sources: &SourceMap) -> Option<Value> {
    placed_text(label.loc, "text", &label.text, sources)
}

fn fix(help: &Help, sources: &SourceMap) -> Option<Value> {
    let Fix { edits, safe } = help.fix.as_ref()?;
    let edit = |Edit { loc, text }: &Edit| placed_text(*loc, "replacement", text, sources);
    let edits = edits.iter().filter_map(edit).collect::<Vec<_>>();
    Some(json!({ "help": help.text, "safe": safe, "edits": edits }))
}

/// A place with a text, under this name.
fn placed_text(loc: Loc, name: &str, text: &str, sources: &SourceMap) -> Option<Value> {
    let file = sources.files.get(loc.file as usize)?;
    let range = file.range(loc.span);
    Some(json!({
        "file": file.name,
        "start": position(file.position(range.start)),
        "end": position(file.position(range.end)),
        name: text,
    }))
}

fn position(p: Position) -> Value {
    json!({ "line": p.line, "column": p.column })
}

#[cfg(test)]
mod tests {
    use super::*;
    use snn_grammar::ast::Span;
    use snn_ir::diagnostics::{Code, SourceFile};

    #[test]
    fn places_are_lines_and_columns_of_characters() {
        let file = SourceFile {
            name: "a.snn".into(),
            folder: "".into(),
            text: "one\nzwölf λ\n".into(),
            imported_by: None,
        };
        let start = file.text.find('λ').unwrap() as u32;
        let loc = Loc { file: 0, span: Span { start, end: start + 2 } };
        let d = Diagnostic::new(Code::E0101, "m", loc, "l")
            .fix("h", Fix::safe(vec![Edit::after(loc, "!")]))
            .label(Loc { file: 9, span: Span::default() }, "of a file that is not there: left out");
        let shown = to_json(&[d], &SourceMap { files: vec![file] });
        assert_eq!(
            shown,
            json!([{
                "code": "E0101",
                "severity": "error",
                "message": "m",
                "labels": [{
                    "file": "a.snn",
                    "start": { "line": 2, "column": 7 },
                    "end": { "line": 2, "column": 8 },
                    "text": "l",
                }],
                "notes": [],
                "helps": ["h"],
                "fixes": [{
                    "help": "h",
                    "safe": true,
                    "edits": [{
                        "file": "a.snn",
                        "start": { "line": 2, "column": 8 },
                        "end": { "line": 2, "column": 8 },
                        "replacement": "!",
                    }],
                }],
            }])
        );
    }
}
