//! `snnc build` for Loihi 2: a placement in a folder.

use super::{Status, args, output};
use snn_data::Disk;
use snn_ir::diagnostics::{Code, Diagnostic};
use snn_loihi2::activity::{Activity, counted_origin};
use snn_loihi2::estimate::Estimate;
use snn_loihi2::plan::{Plan, PlanOrigin};
use snn_loihi2::{ChipRun, manifest, picture, sanafe, table};
use snn_runtime::Column;
use snn_runtime::record::Recording;
use snnc::driver::{self, Checked, CheckedRun, Lowered, Options, Runs};
use snnc::execute::{self, Engine, Progress, Settings};
use snnc::json;
use std::borrow::Cow;
use std::mem::ManuallyDrop;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Cores that are listed on a screen; the file has all.
const SHOWN: usize = 24;

/// Writes the placement of a run to a folder.
///
/// # Errors
/// E0807 to E0809 where it does not fit, E0811 where rates cannot be learnt, E0815, E0901.
pub fn place(
    arguments: &args::Program,
    lowering: &args::Lowering,
    (checked, run, chip): (&Checked, &CheckedRun, &ChipRun),
    to: Option<PathBuf>,
) -> Result<Status, Diagnostic> {
    let (plan, watched) = match planned(arguments, lowering, (checked, run, chip)) {
        Ok(planned) => planned,
        Err(refused) => return output::refused(checked, &refused, lowering.json),
    };
    // The program ends with it: giving millions of lists back one by one would only take time.
    let plan = ManuallyDrop::new(plan);
    let folder = to.unwrap_or_else(|| Path::new("build").join(&run.name));
    output::claim(&folder)?;
    let estimate = Estimate::of(&plan);
    let mut files = Vec::new();
    let mut keep = |name: &str, text: &str| -> Result<(), Diagnostic> {
        let path = folder.join(name);
        files.push(path.display().to_string());
        output::write(&path, text.as_bytes())
    };
    let manifest = folder.join("manifest.yaml");
    manifest::write(&plan, &manifest, "weights.h5").map_err(Diagnostic::from)?;
    keep("placement.txt", &table::table(&plan, &estimate, usize::MAX))?;
    keep("placement.svg", &picture::svg(&plan))?;
    let mut replayed = None;
    if lowering.emit.is_some() {
        let activity = watched.unwrap_or_else(|| chip.assumed_activity());
        let made = sanafe::emit(
            &plan.network,
            &plan.assignment,
            &plan.sites,
            &activity,
            &plan.target.profile,
        )?;
        keep("sana-fe-architecture.yaml", &made.architecture)?;
        keep("sana-fe-network.yaml", &made.network)?;
        replayed = Some((made.steps, made.messages, made.hops));
    }
    files.splice(
        0..0,
        ["manifest.yaml", "weights.h5"].map(|f| folder.join(f).display().to_string()),
    );
    if lowering.json {
        let placed = json::Placed {
            run: &run.name,
            network: &plan.network.name,
            neurons: plan.mapped.cores.iter().map(|c| c.usage.neurons).sum(),
            cores: plan.sites.len(),
            chips: plan.traffic.chips.len(),
            messages: plan.traffic.messages,
            hops: plan.traffic.all_hops(),
            interchip: plan.traffic.interchip,
            hottest_link: plan.traffic.links.first().map_or(0.0, |(_, load)| *load),
            energy_nj: estimate.energy_nj_per_step.total,
            time_us: estimate.time_us_per_step,
            bottleneck: table::bottleneck(&estimate),
            replayed,
            files: &files,
        };
        output::print(&json::placed(&checked.diagnostics, &checked.sources, &placed))?;
        return Ok(Status::Fine);
    }
    output::print(&table::table(&plan, &estimate, SHOWN))?;
    if let Some((steps, messages, hops)) = replayed {
        output::print(&format!(
            "  SANA-FE must count {messages} messages and {hops} hops in {steps} steps\n"
        ))?;
    }
    if !lowering.quiet {
        files.iter().for_each(|file| output::say(&format!("wrote {file}")));
    }
    Ok(Status::Fine)
}

fn planned(
    arguments: &args::Program,
    lowering: &args::Lowering,
    (checked, run, chip): (&Checked, &CheckedRun, &ChipRun),
) -> Result<(Plan, Option<Activity>), Vec<Diagnostic>> {
    let watched = match &lowering.profile_with {
        Some(name) => Some(watch(arguments, lowering, name, chip)?),
        None => None,
    };
    let text = checked.sources.files.first();
    let source = PlanOrigin {
        file: text.map(|f| file_name(&f.name)).unwrap_or_default(),
        sha256: text.map(|f| snn_loihi2::digest(f.text.as_bytes())).unwrap_or_default(),
        compiler: format!("snnc {}", env!("CARGO_PKG_VERSION")),
        seed: 0,
        run: run.name.clone(),
        steps: run.ir.steps,
    };
    let plan = snn_loihi2::plan(chip, watched.as_ref(), source)?;
    Ok((plan, watched))
}

/// A file's name without its folder: the manifest must not depend on where it was made.
fn file_name(path: &str) -> String {
    Path::new(path).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Executes a run of the same network and counts its spikes.
fn watch(
    arguments: &args::Program,
    lowering: &args::Lowering,
    name: &str,
    chip: &ChipRun,
) -> Result<Activity, Vec<Diagnostic>> {
    let names: Vec<String> = chip.network.populations.iter().map(|p| p.name.clone()).collect();
    let options = Options {
        runs: Runs::Named(name.to_owned()),
        set: arguments.options.set.clone(),
        target: Some("rust".to_owned()),
        watch: Some(names),
        ..Options::default()
    };
    let watched = driver::check(&Disk, &arguments.file, &options);
    let Some(run) = watched.runs.first().filter(|_| !watched.has_errors()) else {
        return Err(watched.diagnostics);
    };
    if let Some(population) = chip
        .network
        .populations
        .iter()
        .zip(&run.ir.records)
        .find(|(p, r)| run.ir.buffers[r.buffer.0 as usize].len() != p.neurons as usize)
    {
        let message = format!("`{}` has another size in run `{name}`", population.0.name);
        return Err(vec![
            Diagnostic::without_place(Code::E0811, message)
                .help("take the rates from a run of the same network"),
        ]);
    }
    if run.ir.steps == 0 {
        let message = format!("run `{name}` has no steps in which spikes could be counted");
        return Err(vec![
            Diagnostic::without_place(Code::E0811, message)
                .help("take the rates from a run that has `steps`"),
        ]);
    }
    let shown = output::Progress::new(lowering.quiet || lowering.json);
    let progress = |progress: Progress<'_>| {
        shown.show(&run.name, progress);
        ControlFlow::Continue(())
    };
    let engine = lowering.interpret.then_some(Engine::Executor);
    let settings = Settings { engine, progress: Some(&progress), ..Settings::default() };
    let executed = execute::execute(&run.network, Arc::new(run.ir.clone()), &Disk, &settings);
    let executed = executed.map_err(|d| vec![d])?;
    drop(shown);
    let records = &run.network.run.records;
    let sent = records.iter().map(|r| r.when.map(|clock| run.network.clock(clock).clone()));
    let column = |recording: &Recording| {
        let bytes = recording.bytes().map(Cow::into_owned).unwrap_or_default();
        Column { bytes, rows: recording.rows }
    };
    // They are held in memory: nothing is read.
    let columns: Vec<Column> = executed.recordings.iter().map(column).collect();
    let messages: Option<Vec<_>> = columns
        .iter()
        .zip(sent)
        .zip(&chip.network.populations)
        .map(|((column, clock), population)| Some((column, clock?, population.neurons as usize)))
        .collect();
    let steps = run.ir.steps;
    Ok(Activity::recorded(&messages.unwrap_or_default(), steps, counted_origin(steps, name)))
}

/// Whether a run is for the chip.
pub fn chip(run: &CheckedRun) -> Option<&ChipRun> {
    match &run.target {
        Lowered::Loihi2(chip) => Some(chip),
        Lowered::Rust => None,
    }
}
