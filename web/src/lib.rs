//! `snnc` for WebAssembly: a request goes in as JSON, an answer comes out as JSON.
//!
//! # Request
//! `{"files": {PATH: TEXT, …}, "file": PATH, "run": NAME, "set": {NAME: VALUE, …}}`: `file` is
//! the program, the others are what it uses. `run` (the first run of the program), `set` and
//! `check` are optional; with `"check": true` nothing is executed.
//!
//! # Answer
//! `{"diagnostics": [{"code", "severity", "message", "labels": [{"file", "start", "end", "text"}],
//! "notes", "helps"}], "text": …, "results": null or {"run", "steps", "recordings": {KEY:
//! {"shape": […], "values": […]}}, "reports": [{"name", "value"}]}}`. Positions are bytes of the
//! text; `text` is what the command would print. Booleans are 0 and 1; what JSON has no number
//! for is null.

mod memory;

use serde_json::{Map, Value, json};
use snnc::report::evaluate::metrics;
use snnc::{
    CheckedRun, Diagnostic, Engine, Executed, Files, Memory, Options, Runs, Settings, Values, check,
};
use std::path::Path;

/// Answers a request.
pub fn answer(request: &str) -> String {
    let request: Value = match serde_json::from_str(request) {
        Ok(request) => request,
        Err(error) => return refusal(&format!("the request is not JSON: {error}")),
    };
    let (Some(texts), Some(file)) = (request["files"].as_object(), request["file"].as_str()) else {
        return refusal("the request has no `files` or no `file`");
    };
    let mut files = Memory::new();
    for (path, text) in texts {
        files.insert(path, text.as_str().unwrap_or_default().as_bytes());
    }
    let runs = match (request["check"].as_bool(), request["run"].as_str()) {
        (Some(true), _) => Runs::All,
        (_, Some(name)) => Runs::Named(name.into()),
        (_, None) => Runs::First,
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let set = request["set"].as_object().into_iter().flatten();
    let set = set.map(|(name, value)| (name.clone(), text(value))).collect();
    let executed = request["check"].as_bool() != Some(true);
    let checked = check(&files, Path::new(file), &Options { runs, set, ..Options::default() });
    let mut diagnostics = checked.diagnostics.clone();
    let mut said = checked.rendered();
    let mut results = Value::Null;
    if let Some(run) = checked.runs.first().filter(|_| executed && !checked.has_errors()) {
        match execute(run, &files) {
            Ok(value) => results = value,
            Err(diagnostic) => {
                said += &format!("error[{}]: {}\n", diagnostic.code.name(), diagnostic.message);
                diagnostics.push(diagnostic);
            }
        }
    }
    let name = |file: u32| checked.sources.files.get(file as usize).map(|f| f.name.clone());
    let diagnostics: Vec<Value> = diagnostics.iter().map(|d| diagnostic(d, &name)).collect();
    json!({ "diagnostics": diagnostics, "text": said, "results": results }).to_string()
}

fn refusal(why: &str) -> String {
    json!({ "refused": why }).to_string()
}

fn diagnostic(d: &Diagnostic, name: &dyn Fn(u32) -> Option<String>) -> Value {
    let labels = d.labels.iter().map(|label| {
        json!({
            "file": name(label.loc.file),
            "start": label.loc.span.start,
            "end": label.loc.span.end,
            "text": label.text,
        })
    });
    json!({
        "code": d.code.name(),
        "severity": format!("{:?}", d.severity).to_lowercase(),
        "message": d.message,
        "labels": labels.collect::<Vec<_>>(),
        "notes": d.notes,
        "helps": d.helps.iter().map(|help| help.text.clone()).collect::<Vec<_>>(),
    })
}

fn execute(run: &CheckedRun, files: &dyn Files) -> Result<Value, Diagnostic> {
    let settings = Settings { engine: Some(Engine::Executor), ..Settings::default() };
    let executed = run.execute(files, &settings)?;
    let metrics = metrics(&run.network, files, &executed.plan.records, &executed.recordings);
    let reports: Vec<Value> =
        metrics.iter().map(|m| json!({ "name": m.name, "value": m.value })).collect();
    Ok(json!({
        "run": run.name,
        "steps": run.ir.steps,
        "recordings": recordings(&executed)?,
        "reports": reports,
    }))
}

fn recordings(executed: &Executed) -> Result<Map<String, Value>, Diagnostic> {
    let mut all = Map::new();
    for (record, spec) in executed.plan.records.iter().enumerate() {
        let array = executed.array(record)?;
        let values: Vec<Value> = match array.values {
            Values::Bool(values) => values.into_iter().map(|b| json!(u8::from(b))).collect(),
            Values::Int(values) => values.into_iter().map(|n| json!(n)).collect(),
            Values::Float(values) => values.into_iter().map(|x| json!(x)).collect(),
        };
        all.insert(spec.key.clone(), json!({ "shape": array.shape, "values": values }));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: &str = "const threshold = 10\n\
        network Pair { cell = LIF[2](vth: threshold, bias_mant: 100) }\n\
        run r of Pair { models fixed_pt; steps 20; record cell.s_out }\n";

    fn asked(request: Value) -> Value {
        serde_json::from_str(&answer(&request.to_string())).unwrap()
    }

    #[test]
    fn a_run_gives_its_recordings() {
        let of =
            |set: Value| asked(json!({ "files": { "a.snn": PAIR }, "file": "a.snn", "set": set }));
        let answer = of(json!({}));
        let spikes = &answer["results"]["recordings"]["cell.s_out"];
        assert_eq!(spikes["shape"], json!([20, 2]));
        assert!(spikes["values"].as_array().unwrap().contains(&json!(1)), "{answer}");
        assert_ne!(of(json!({ "threshold": 500 }))["results"], answer["results"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let text = PAIR.replace("LIF[2]", "LFI[2]");
        let answer = asked(json!({ "files": { "a.snn": text }, "file": "a.snn", "check": true }));
        assert_eq!(answer["results"], Value::Null);
        let first = &answer["diagnostics"][0];
        assert_eq!(
            (&first["code"], &first["labels"][0]["file"]),
            (&json!("E0401"), &json!("a.snn"))
        );
        assert!(answer["text"].as_str().unwrap().contains("LIF"), "{answer}");
        assert!(asked(json!({ "file": 3 }))["refused"].is_string());
    }
}
