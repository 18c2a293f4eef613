//! Recordings grow on the disk, and those of a run that does not come to its end are kept.

use super::programs::Folder;
use super::*;
use snn_runtime::npy::{Header, Values, read_values};
use std::fs::{self, File};
use std::path::Path;

/// Looks up a table of 1000 rows with what it is sent: a fault at step 1001, of which nobody knows
/// before, as what is sent is data.
const WALK: &str = "\
data table = arange(1000)
process Walk {
    in a: i32
    var x: i64 = 0
    phase spk { x = table[a] }
}
network N {
    source = Source(data: arange(1005))
    walk = Walk()
    source -> walk.a
}
run sim of N { models fixed_pt; steps 1005; record walk.x; report max(walk.x) }
";

/// Counts to a thousand, again and again, for longer than anybody waits.
const COUNTS: &str = "\
process Counter {
    var n: i32[2] = 0
    phase spk { n = (n + 1) % 1000 }
}
network N { counter = Counter() }
run sim of N { models fixed_pt; steps 2_000_000_000; record counter.n }
";

fn read(path: &Path) -> (Vec<usize>, Vec<i64>) {
    let mut from = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let header = Header::read(&mut from).unwrap();
    match read_values(&header, &mut from).unwrap() {
        Values::Int(values) => (header.shape, values),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_recorded_before_a_fault_is_kept() {
    for engine in ["executor", "compiled"] {
        let folder = Folder::with("walk.snn", WALK);
        let ran = folder.snnc(&["run", "walk.snn", "--engine", engine, "-o", "walk.npz"]);
        assert_eq!(ran.status.code(), Some(1), "{}", stderr(&ran));
        says(&stderr(&ran), &["error[E0904]: at step 1001", "`walk.npz.recording`"]);
        assert!(!folder.path("walk.npz").exists());
        let (shape, values) = read(&folder.path("walk.npz.recording/walk.x.npy"));
        assert_eq!((shape, values), (vec![1000], (0..1000).collect()), "{engine}");
        // They are not written over.
        let again = folder.snnc(&["run", "walk.snn", "--engine", engine, "-o", "walk.npz"]);
        says(&stderr(&again), &["error[E0901]", "`walk.npz.recording`", "move or delete it"]);
        fs::remove_dir_all(folder.path("walk.npz.recording")).unwrap();
        let shorter = WALK.replace("steps 1005", "steps 1000");
        fs::write(folder.path("walk.snn"), shorter).unwrap();
        let ran = folder.snnc(&["run", "walk.snn", "--engine", engine, "-o", "walk.npz"]);
        assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
        assert!(!folder.path("walk.npz.recording").exists(), "it has become the archive");
    }
}

#[cfg(unix)]
#[test]
fn a_run_that_is_interrupted_keeps_what_it_has_recorded() {
    for engine in ["executor", "compiled"] {
        let folder = Folder::with("counts.snn", COUNTS);
        let mut command = command(&["run", "counts.snn", "--engine", engine, "-o", "c.npz"]);
        command.current_dir(folder.path("")).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let growing = folder.path("c.npz.recording/counter.n.npy");
        while fs::metadata(&growing).map_or(0, |m| m.len()) < 1 << 17 {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it recorded anything");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{}", stderr(&ended));
        says(&stderr(&ended), &["error[E0911]", "`c.npz.recording`"]);
        let (shape, values) = read(&growing);
        assert!(shape[0] > 1000 && shape[1] == 2, "{engine}: {shape:?}");
        let counted = |n: usize| (n as i64 / 2 + 1) % 1000;
        assert!(values.iter().enumerate().all(|(n, value)| *value == counted(n)), "{engine}");
        assert!(!folder.path("c.npz").exists());
    }
}

#[test]
fn recordings_larger_than_what_is_held_are_the_same_on_every_engine() {
    let text = COUNTS.replace("2_000_000_000", "50_000");
    let folder = Folder::with("counts.snn", text);
    for engine in ["oracle", "executor", "compiled"] {
        let file = format!("{engine}.npz");
        let ran = folder.snnc(&["run", "counts.snn", "--engine", engine, "-o", &file]);
        assert_eq!(ran.status.code(), Some(0), "{engine}: {}", stderr(&ran));
    }
    let bytes = |engine: &str| fs::read(folder.path(&format!("{engine}.npz"))).unwrap();
    assert!(bytes("oracle") == bytes("executor") && bytes("oracle") == bytes("compiled"));
    let left = fs::read_dir(folder.path("")).unwrap();
    assert_eq!(left.count(), 4, "the program and three archives");
}
