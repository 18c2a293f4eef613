//! What the oracle finds for the first network of the README, as JSON: `{TEXT, RECORDINGS}`.
#![allow(clippy::print_stdout)]

use serde_json::{Map, json};
use snnc::{Engine, Memory, Options, Settings, Values, check_text};
use std::path::Path;

fn main() -> Result<(), String> {
    let read_me = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let read_me = std::fs::read_to_string(read_me).map_err(|e| e.to_string())?;
    let text = read_me.split("```snn\n").nth(1).and_then(|rest| rest.split("```").next());
    let text = text.ok_or("the README has no network")?;
    let files = Memory::new();
    let checked = check_text(&files, Path::new("noise.snn"), text, &Options::default());
    let run = checked.runs.first().ok_or_else(|| checked.rendered())?;
    let settings = Settings { engine: Some(Engine::Oracle), ..Settings::default() };
    let executed = run.execute(&files, &settings).map_err(|d| d.message)?;
    let mut recordings = Map::new();
    for (record, spec) in executed.plan.records.iter().enumerate() {
        let array = executed.array(record).map_err(|d| d.message)?;
        let Values::Bool(spikes) = array.values else { return Err("no spikes".into()) };
        let spikes: Vec<u8> = spikes.into_iter().map(u8::from).collect();
        recordings.insert(spec.key.clone(), json!({ "shape": array.shape, "values": spikes }));
    }
    println!("{}", json!({ "text": text, "recordings": recordings }));
    Ok(())
}
