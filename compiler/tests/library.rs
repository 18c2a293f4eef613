//! The library as a program uses it.

#![allow(clippy::unwrap_used)]

use snn_data::{Bytes, Files, Opened};
use snn_runtime::network::ElementType;
use snn_runtime::npy::Header;
use snnc::origin::Origin;
use snnc::sweep::{Axis, sweep};
use snnc::{
    Checked, Code, Disk, Engine, Memory, Options, Progress, Runs, Session, Settings, Tensor,
    Values, check, check_text,
};
use std::io::{self, Read, Seek, SeekFrom};
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Two neurons that are driven by a table in a file, and one that steps through it.
const NET: &str = "\
use \"parts.snn\": threshold
data drive = npy(\"drive.npy\")
const gain = 3
network Net {
    source = Source(data: drive)
    cells = LIF[2](vth: threshold, du: 2048, dv: 1024)
    source -> Dense(weights: gain * eye(2), num_message_bits: 8) -> cells
}
run sim of Net { models fixed_pt; steps 8; record cells.v; record cells.s_out; report sum(cells.v) }
";

/// A `.npy` file of bytes, two in a row.
fn npy(rows: &[[u8; 2]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Header::new(ElementType::U8, &[rows.len(), 2]).write(&mut bytes).unwrap();
    bytes.extend(rows.as_flattened());
    bytes
}

const ROWS: [[u8; 2]; 8] = [[9, 1], [0, 200], [7, 7], [90, 0], [1, 1], [0, 0], [5, 250], [3, 3]];

fn files() -> Memory {
    let mut files = Memory::new();
    files.insert("net.snn", NET.as_bytes());
    files.insert("parts.snn", *b"const threshold = 400\n");
    files.insert("drive.npy", npy(&ROWS));
    files
}

fn checked(options: &Options) -> Checked {
    let checked = check(&files(), Path::new("net.snn"), options);
    assert!(!checked.has_errors(), "{}", checked.rendered());
    checked
}

fn set(name: &str, value: &str) -> Options {
    Options { set: vec![(name.into(), value.into())], ..Options::default() }
}

/// What a run records of the cells: membranes and spikes.
fn recorded(options: &Options) -> [Tensor; 2] {
    let checked = checked(options);
    let settings = Settings { engine: Some(Engine::Executor), ..Settings::default() };
    let executed = checked.runs[0].execute(&files(), &settings).unwrap();
    [0, 1].map(|record| executed.array(record).unwrap())
}

#[test]
fn files_in_memory_give_what_files_on_the_disk_give() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("net.snn", NET.as_bytes().to_vec()),
        ("parts.snn", b"const threshold = 400\n".to_vec()),
        ("drive.npy", npy(&ROWS)),
    ] {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let on_disk = check(&Disk, &folder.path().join("net.snn"), &Options::default());
    assert!(!on_disk.has_errors(), "{}", on_disk.rendered());
    for engine in [Engine::Executor, Engine::Oracle] {
        let settings = Settings { engine: Some(engine), ..Settings::default() };
        let executed = on_disk.runs[0].execute(&Disk, &settings).unwrap();
        assert_eq!(executed.engine, engine);
        let arrays = [0, 1].map(|record| executed.array(record).unwrap());
        assert_eq!(arrays, recorded(&Options::default()));
        assert_eq!(arrays[0].shape, [8, 2]);
    }
}

#[test]
fn a_text_is_compiled_as_if_it_were_a_file_there() {
    let text = NET.replace("steps 8", "steps 3");
    let checked = check_text(&files(), Path::new("net.snn"), &text, &Options::default());
    assert!(!checked.has_errors(), "{}", checked.rendered());
    assert_eq!(checked.runs[0].ir.steps, 3);
    let wrong = check_text(&files(), Path::new("net.snn"), "network {", &Options::default());
    assert!(wrong.has_errors() && wrong.rendered().contains("error[E0101]"));
}

#[test]
fn arrays_stand_for_constants_and_data() {
    let drive = Values::Int(ROWS.as_flattened().iter().map(|b| i64::from(*b / 2)).collect());
    let arrays = vec![
        ("drive".to_string(), Tensor { shape: vec![8, 2], values: drive }),
        ("gain".to_string(), Tensor::int(vec![], vec![5])),
    ];
    let with_arrays = recorded(&Options { arrays, ..Options::default() });
    // The same as text.
    let rows = ROWS.map(|row| format!("[{}, {}]", row[0] / 2, row[1] / 2)).join(", ");
    let text = NET.replace("npy(\"drive.npy\")", &format!("[{rows}]"));
    let checked = check_text(&files(), Path::new("net.snn"), &text, &set("gain", "5"));
    assert!(!checked.has_errors(), "{}", checked.rendered());
    let executed = checked.runs[0].execute(&files(), &Settings::default()).unwrap();
    assert_eq!(with_arrays, [0, 1].map(|record| executed.array(record).unwrap()));
    let unknown = vec![("gian".to_string(), Tensor::int(vec![], vec![5]))];
    let options = Options { arrays: unknown, ..Options::default() };
    let refused = check(&files(), Path::new("net.snn"), &options);
    assert_eq!(refused.diagnostics[0].code, Code::E0408);
    assert!(refused.rendered().contains("`gain`"), "{}", refused.rendered());
}

#[test]
fn who_is_told_can_stop_a_run() {
    let text = "process P { var n: i32 = 0; phase spk { n = (n + 1) % 7 } }\n\
        network N { p = P() }\nrun r of N { steps 1_000_000_000; report max(p.n) }\n";
    let checked = check_text(&files(), Path::new("long.snn"), text, &Options::default());
    assert!(!checked.has_errors(), "{}", checked.rendered());
    for engine in [Engine::Executor, Engine::Oracle] {
        let told = AtomicU64::new(0);
        let progress = |progress: Progress<'_>| {
            if let Progress::Steps { done, of } = progress {
                assert!(done >= told.swap(done, Ordering::Relaxed) && done <= of);
                if done > 100 {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        };
        let settings =
            Settings { engine: Some(engine), progress: Some(&progress), ..Settings::default() };
        let error = checked.runs[0].execute(&files(), &settings).unwrap_err();
        assert_eq!(error.code, Code::E0911);
        assert!(told.load(Ordering::Relaxed) > 100);
    }
}

#[test]
fn a_session_goes_through_the_states_of_a_run() {
    let checked = checked(&Options { open: true, ..Options::default() });
    let mut session = Session::new(&checked.runs[0], &files()).unwrap();
    let [membranes, _] = recorded(&Options::default());
    let Values::Int(membranes) = membranes.values else { panic!("integers") };
    let path = "cells.v";
    assert!(session.names().any(|name| name == path));
    let mut middle = None;
    for t in 0..8 {
        session.step(1).unwrap();
        let now = Tensor::int(vec![2], membranes[2 * t..2 * t + 2].to_vec());
        assert_eq!(session.get(path).unwrap(), now, "after step {}", t + 1);
        if t == 3 {
            middle = Some(session.save());
        }
    }
    // Back in the middle, written to, and from the beginning.
    session.restore(&middle.unwrap());
    assert_eq!(session.t(), 4);
    session.step(4).unwrap();
    let last = Tensor::int(vec![2], membranes[14..].to_vec());
    assert_eq!(session.get(path).unwrap(), last);
    session.reset();
    session.set(path, &Tensor::int(vec![2], vec![3, -100])).unwrap();
    session.step(1).unwrap();
    assert_ne!(session.get(path).unwrap(), Tensor::int(vec![2], membranes[..2].to_vec()));
    // What cannot be written.
    let missing = session.set("cels.v", &last).unwrap_err();
    assert_eq!(missing.code, Code::E0406);
    assert!(format!("{missing:?}").contains("cells.v"), "{missing:?}");
    let shape = session.set(path, &Tensor::int(vec![3], vec![0; 3])).unwrap_err();
    assert_eq!(shape.code, Code::E0201);
    let kind = session.set(path, &Tensor::float(vec![2], vec![0.5; 2])).unwrap_err();
    assert_eq!(kind.code, Code::E0203);
    let closed = checked_closed();
    assert_eq!(Session::new(&closed.runs[0], &files()).err().unwrap().code, Code::E0909);
}

fn checked_closed() -> Checked {
    checked(&Options { runs: Runs::First, ..Options::default() })
}

#[test]
fn a_grid_has_the_results_of_its_points_one_after_another() {
    let axis = |name: &str, values: &[&str]| Axis {
        name: name.into(),
        values: values.iter().map(ToString::to_string).collect(),
    };
    let axes = [axis("gain", &["1", "2", "7"])];
    let swept = |threads| {
        let settings = Settings { threads: NonZero::new(threads), ..Settings::default() };
        sweep(&files(), Path::new("net.snn"), &Options::default(), &axes, &settings).unwrap()
    };
    let (one, three) = (swept(1), swept(3));
    assert_eq!((&one.points, &one.recordings), (&three.points, &three.recordings));
    let (key, membranes) = &one.recordings[0];
    assert_eq!((key.as_str(), &membranes.shape[..]), ("cells.v", &[3, 8, 2][..]));
    let single: Vec<Tensor> = ["1", "2", "7"].map(|v| recorded(&set("gain", v))[0].clone()).into();
    assert_eq!(Tensor::stacked(single).as_ref(), Some(membranes));
    assert_eq!(one.metrics.len(), 3);
    // A point that is wrong is an error of the grid.
    let wrong = [axis("gian", &["1"])];
    let settings = Settings::default();
    let refused =
        sweep(&files(), Path::new("net.snn"), &Options::default(), &wrong, &settings).unwrap_err();
    assert_eq!(refused[0].code, Code::E0408);
}

#[test]
fn a_result_says_where_it_comes_from() {
    let options = set("gain", "5");
    let of = |files: &Memory| {
        let checked = check(files, Path::new("net.snn"), &options);
        Origin::of(&checked, &checked.runs[0], files, &options).unwrap()
    };
    let origin = of(&files());
    let names = |pairs: &[(String, String)]| pairs.iter().map(|p| p.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&origin.sources), ["net.snn", "parts.snn"]);
    assert_eq!(names(&origin.data), ["drive.npy"]);
    assert_eq!(origin.set, [("gain".to_string(), "5".to_string())]);
    assert_eq!(origin.seeds, Vec::<u64>::new());
    assert_eq!(of(&files()), origin);
    let mut changed = files();
    changed.insert("drive.npy", npy(&[[1, 1]; 8]));
    assert_ne!(of(&changed).data, origin.data);
    assert_eq!(of(&changed).sources, origin.sources);
}

#[test]
fn a_result_names_its_seeds() {
    let text = "
const drawn = 7
process Noise {
    out s_out: f64[2]
    phase spk { s_out = random(9, [2]) }
}
network Net {
    source = Source(data: bernoulli(0.5, shape: [4, 2], seed: drawn))
    noise = Noise()
    cells = LIF[2](vth: 1.0)
    source -> Dense(weights: normal(0.0, 1.0, shape: [2, 2], seed: 3)) -> cells
}
run sim of Net { models floating_pt; steps 4; record cells.s_out; record noise.s_out }
";
    let files = Memory::new();
    let options = Options::default();
    let checked = check_text(&files, Path::new("net.snn"), text, &options);
    assert!(!checked.has_errors(), "{}", checked.rendered());
    let origin = Origin::of(&checked, &checked.runs[0], &files, &options).unwrap();
    assert_eq!(origin.seeds, [3, 7, 9]);
}

/// Reads a table from its end; it has more elements than are held.
const BACKWARDS: &str = "
data table = npy(\"table.npy\")
process Reader {
    out s_out: i32[4]
    var at: i32 = 4_200_000
    phase spk { at = at - 1; s_out = 3 * table[at] }
}
network Net { reader = Reader() }
run sim of Net { models fixed_pt; steps 40; record reader.s_out }
";

/// A table of 4 200 000 rows of four bytes.
fn table() -> Vec<u8> {
    let mut bytes = Vec::new();
    Header::new(ElementType::U8, &[4_200_000, 4]).write(&mut bytes).unwrap();
    bytes.extend((0..16_800_000u64).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8));
    bytes
}

#[test]
fn a_table_that_stays_in_its_file_gives_the_same_numbers() {
    let mut files = Memory::new();
    files.insert("table.npy", table());
    let checked = check_text(&files, Path::new("net.snn"), BACKWARDS, &Options::default());
    assert!(!checked.has_errors(), "{}", checked.rendered());
    let recorded = |engine| {
        let settings = Settings { engine: Some(engine), ..Settings::default() };
        checked.runs[0].execute(&files, &settings).unwrap().array(0).unwrap()
    };
    let by_executor = recorded(Engine::Executor);
    assert_eq!(by_executor.shape, [40, 4]);
    assert_eq!(by_executor, recorded(Engine::Oracle));
}

/// Files that can no longer be read beyond some byte.
struct Broken(Memory, u64);

impl Files for Broken {
    fn open(&self, path: &Path) -> io::Result<Opened> {
        let Opened { bytes, size } = self.0.open(path)?;
        Ok(Opened { bytes: Box::new(Part(bytes, self.1)), size })
    }

    fn real(&self, path: &Path) -> PathBuf {
        self.0.real(path)
    }
}

struct Part(Box<dyn Bytes>, u64);

impl Read for Part {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self.0.stream_position()? > self.1 {
            true => Err(io::Error::other("the disk is gone")),
            false => self.0.read(to),
        }
    }
}

impl Seek for Part {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_table_that_cannot_be_read_any_more_ends_the_run() {
    let mut files = Memory::new();
    files.insert("table.npy", table());
    let files = Broken(files, 1 << 20);
    let checked = check_text(&files, Path::new("net.snn"), BACKWARDS, &Options::default());
    assert!(!checked.has_errors(), "{}", checked.rendered());
    let settings = Settings { engine: Some(Engine::Executor), ..Settings::default() };
    let error = checked.runs[0].execute(&files, &settings).unwrap_err();
    assert_eq!(error.code, Code::E0601);
    assert_eq!(error.message, "at step 1, `table` cannot be read: the disk is gone");
}
