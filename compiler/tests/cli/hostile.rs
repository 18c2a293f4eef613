//! Files, folders and settings that others have made: what is done with them, and what is not.

use super::programs::{Folder, json};
use super::*;
use snn_runtime::network::ElementType;
use snn_runtime::npy::Header;
use std::fs;
use std::path::{Path, PathBuf};

/// Reads a table while it runs, and says what came of it.
const TABLE: &str = "\
data table = npy(\"table.npy\")
network N {
    source = Source(data: table)
    cells = LIF[2](vth: 1_000)
    source -> Dense(weights: 2 * eye(2), num_message_bits: 8) -> cells
}
run sim of N { models fixed_pt; steps 4; report sum(cells.u); record cells.u }
";

/// A `.npy` file of these bytes, two in a row.
fn npy(values: [u8; 4]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Header::new(ElementType::U8, &[2, 2]).write(&mut bytes).unwrap();
    bytes.extend(values);
    bytes
}

/// A cache that the tests of this folder share: a minute the first time.
fn shared_cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

fn with_cache(folder: &Folder, cache: &Path, arguments: &[&str]) -> Output {
    let mut command = command(arguments);
    command.current_dir(folder.path("")).env("SNNC_CACHE", cache).output().unwrap()
}

/// What is neither a file nor a folder: a pipe to which nobody writes, and a device without end.
#[cfg(unix)]
fn no_files(folder: &Folder) -> Vec<String> {
    let made = Command::new("mkfifo").arg(folder.path("pipe")).status();
    assert!(made.is_ok_and(|status| status.success()));
    std::os::unix::fs::symlink("/dev/zero", folder.path("link")).unwrap();
    ["pipe", "link", "/dev/zero"].map(String::from).to_vec()
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_by_every_reader() {
    let folder = Folder::with("empty", "");
    let source = |data: &str| {
        format!("data d = {data}\nnetwork N {{ s = Source(data: d) }}\nrun r of N {{ steps 1 }}\n")
    };
    // Some readers want a certain ending: a link has any.
    let linked = |file: &str, ending: &str| {
        let name = file.trim_start_matches('/').replace('/', "-");
        let link = folder.path(&format!("{name}.{ending}"));
        let _ = std::os::unix::fs::symlink(folder.path(file), link);
        name
    };
    for file in no_files(&folder) {
        let programs = [
            source(&format!("idx(\"{file}\")")),
            source(&format!("npy(\"{file}\")")),
            source(&format!("npz(\"{file}\").a")),
            source(&format!("csv(\"{file}\")")),
            source(&format!("hdf5(\"{file}\", \"/a\")")),
            format!("use \"{file}\" as other\nconst a = 1\n"),
            format!("network N {{ net = netx(\"{file}\") }}\nrun r of N {{ steps 1 }}\n"),
            format!(
                "network N {{ cells = LIF[3](vth: 20) }}\nrun chip of N {{ models fixed_pt; \
                 target loihi2(profile: \"{}.yaml\"); steps 3 }}\n",
                linked(&file, "yaml")
            ),
        ];
        for program in programs {
            fs::write(folder.path("p.snn"), &program).unwrap();
            let output = folder.snnc(&["check", "p.snn"]);
            assert_eq!(output.status.code(), Some(1), "{program}");
            says(&stderr(&output), &["error[E", "not a regular file"]);
        }
        let network = format!("{}.net", linked(&file, "net"));
        for arguments in [
            &["check", &file][..],
            &["import", &network],
            &["run", &file],
            &["build", &file],
            &["graph", &file],
            &["fmt", &file],
            &["verify", &file],
            &["compare", &file, &file],
        ] {
            let output = folder.snnc(arguments);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stdout(&output));
            says(&stderr(&output), &["error[E", "not a regular file"]);
        }
    }
}

/// A file can have any size without taking room on the disk.
#[test]
fn what_is_held_in_memory_has_a_bound() {
    let folder = Folder::with("empty", "");
    let large = |name: &str, start: &[u8]| {
        fs::write(folder.path(name), start).unwrap();
        fs::File::options().write(true).open(folder.path(name)).unwrap().set_len(1 << 40).unwrap();
    };
    large("large.h5", b"\x89HDF\r\n\x1a\n");
    large("large.net", b"\x89HDF\r\n\x1a\n");
    large("large.csv", b"1,2\n3,4\n");
    large("manifest.yaml", b"snnc: 1\n");
    large("large.snn", b"const a = 1\n");
    let text = "{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627648,), }";
    let header = format!("{text:<117}\n");
    large("large.npy", &[b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes()].concat());
    let used = |data: &str| {
        format!(
            "data d = {data}\nnetwork N {{ cells = LIF[4](vth: 1 + sum(d)) }}\n\
             run r of N {{ models fixed_pt; steps 1 }}\n"
        )
    };
    for data in ["hdf5(\"large.h5\", \"/a\")", "csv(\"large.csv\")", "npy(\"large.npy\")"] {
        fs::write(folder.path("p.snn"), used(data)).unwrap();
        let output = folder.snnc(&["check", "p.snn"]);
        assert_eq!(output.status.code(), Some(1), "{data}");
        says(&stderr(&output), &["error[E0"]);
    }
    for arguments in [["verify", "manifest.yaml"], ["import", "large.net"], ["check", "large.snn"]]
    {
        let output = folder.snnc(&arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        says(&stderr(&output), &["error[E"]);
    }
}

/// Two files of one path, length and time are two files.
#[test]
fn a_compiled_run_reads_what_the_file_has_now() {
    let folder = Folder::with("table.snn", TABLE);
    let written = |values| {
        fs::write(folder.path("table.npy"), npy(values)).unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        let file = fs::File::options().append(true).open(folder.path("table.npy")).unwrap();
        file.set_modified(time).unwrap();
        let ran = |engine| {
            let arguments = ["run", "table.snn", "--quiet", "--engine", engine];
            let output = with_cache(&folder, &shared_cache(), &arguments);
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            stdout(&output)
        };
        let compiled = ran("compiled");
        assert_eq!(compiled, ran("executor"));
        compiled
    };
    assert_ne!(written([1, 2, 3, 4]), written([1, 2, 3, 5]));
}

/// Settings beside the cache and in the environment change nothing of what is compiled.
#[test]
fn settings_of_others_do_not_reach_the_compiler() {
    let folder = Folder::with("table.snn", TABLE);
    fs::write(folder.path("table.npy"), npy([1, 2, 3, 4])).unwrap();
    let wrong = "[build]\nrustc = \"/no/such/rustc\"\nrustc-wrapper = \"/no/such/wrapper\"\n\
                 target = \"no-such-target\"\nrustflags = [\"--no-such-flag\"]\n";
    let cache = folder.path("cache");
    fs::create_dir_all(cache.join("crates/.cargo")).unwrap();
    fs::create_dir(folder.path(".cargo")).unwrap();
    for place in [folder.path(".cargo"), cache.join("crates/.cargo")] {
        fs::write(place.join("config.toml"), wrong).unwrap();
    }
    for place in [folder.path(""), cache.clone()] {
        let toolchain = "[toolchain]\nchannel = \"1.0.0-no-such\"\n";
        fs::write(place.join("rust-toolchain.toml"), toolchain).unwrap();
    }
    // A toolchain that this test runs by would count for the one that it starts.
    let mut run = command(&["run", "table.snn", "--quiet", "--engine", "compiled"]);
    run.current_dir(folder.path("")).env("SNNC_CACHE", &cache).env_remove("RUSTUP_TOOLCHAIN");
    for flags in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"] {
        run.env(flags, "--no-such-flag");
    }
    run.env("RUSTC_WRAPPER", "/no/such/wrapper").env("CARGO_BUILD_TARGET", "no-such-target");
    let output = run.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    // What Cargo has made can be taken out like all else, and what is not of snnc stays.
    let cleaned = with_cache(&folder, &cache, &["cache", "--clean"]);
    assert_eq!(cleaned.status.code(), Some(0), "{}", stderr(&cleaned));
    assert_eq!(json(&with_cache(&folder, &cache, &["cache", "--json"]))["all"], 0);
    assert!(cache.join("crates/.cargo/config.toml").exists());
}

#[test]
fn the_cache_is_shown_and_cleaned_of_what_is_its_own() {
    let folder = Folder::with("table.snn", TABLE);
    let cache = folder.path("cache");
    let data = cache.join("data").join("0123456789abcdef0123456789abcdef");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("a.npy"), [0; 1000]).unwrap();
    fs::create_dir_all(cache.join("work")).unwrap();
    fs::write(cache.join("work/results.1-0.tmp"), "of a process that was killed").unwrap();
    fs::create_dir_all(cache.join("bin")).unwrap();
    for foreign in ["bin/ls", "data.txt", "work/notes"] {
        fs::write(cache.join(foreign), "not of snnc").unwrap();
    }
    let shown = with_cache(&folder, &cache, &["cache"]);
    says(&stdout(&shown), &[&cache.display().to_string(), "1000 B", "at most"]);
    let object = json(&with_cache(&folder, &cache, &["cache", "--json"]));
    assert_eq!((object["all"].as_u64(), object["removed"].as_bool()), (Some(1000), Some(false)));
    let cleaned = with_cache(&folder, &cache, &["cache", "--clean"]);
    assert_eq!(cleaned.status.code(), Some(0), "{}", stderr(&cleaned));
    says(&stdout(&cleaned), &["removed 1000 B"]);
    assert!(!data.exists() && !cache.join("work/results.1-0.tmp").exists());
    for foreign in ["bin/ls", "data.txt", "work/notes"] {
        assert!(cache.join(foreign).exists(), "{foreign}");
    }
    let object = json(&with_cache(&folder, &cache, &["cache", "--json"]));
    assert_eq!(object["all"], 0);
    // There is none, and none is made.
    let nowhere = folder.path("nowhere");
    let object = json(&with_cache(&folder, &nowhere, &["cache", "--clean", "--json"]));
    assert_eq!((object["all"].as_u64(), nowhere.exists()), (Some(0), false));
}

#[cfg(unix)]
#[test]
fn a_cache_that_others_may_fill_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::with("table.snn", TABLE);
    fs::write(folder.path("table.npy"), npy([1, 2, 3, 4])).unwrap();
    let run = ["run", "table.snn", "--engine", "compiled"];
    let cache = folder.path("cache");
    fs::create_dir(&cache).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
    let output = with_cache(&folder, &cache, &run);
    assert_eq!(output.status.code(), Some(1));
    says(&stderr(&output), &["error[E0903]", "can be written by everybody", "SNNC_CACHE"]);
    // One that snnc makes is its user's alone.
    let made = folder.path("made");
    let without_cargo = || {
        let mut command = command(&run);
        for name in ["PATH", "HOME", "CARGO_HOME"] {
            command.env(name, folder.path("nowhere"));
        }
        command.current_dir(folder.path("")).env("SNNC_CACHE", &made).output().unwrap()
    };
    says(&stderr(&without_cargo()), &["error[E0907]"]);
    assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o700);
    // What a process that was killed has left there is gone with the next run.
    fs::create_dir(made.join("work/crate.1-0.tmp")).unwrap();
    fs::write(made.join("work/results.1-1.tmp"), "half").unwrap();
    says(&stderr(&without_cargo()), &["error[E0907]"]);
    assert_eq!(fs::read_dir(made.join("work")).unwrap().count(), 0);
}

#[test]
fn a_build_replaces_only_what_a_build_has_written() {
    let folder = Folder::with("table.snn", TABLE);
    fs::write(folder.path("table.npy"), npy([1, 2, 3, 4])).unwrap();
    let build = |to: &str| folder.snnc(&["build", "table.snn", "-o", to]);
    fs::create_dir(folder.path("empty-folder")).unwrap();
    for to in ["new", "empty-folder", "new"] {
        assert_eq!(build(to).status.code(), Some(0), "{}", stderr(&build(to)));
    }
    fs::create_dir_all(folder.path("foreign/src")).unwrap();
    fs::write(folder.path("foreign/Cargo.toml"), "mine").unwrap();
    let chip = "network N { a = LIF[2](vth: 1) }\n\
                run chip of N { models fixed_pt; target loihi2; steps 2 }\n";
    fs::write(folder.path("chip.snn"), chip).unwrap();
    for program in ["table.snn", "chip.snn"] {
        let output = folder.snnc(&["build", program, "-o", "foreign"]);
        assert_eq!(output.status.code(), Some(1));
        says(&stderr(&output), &["error[E0901]", "no `snnc build` has written", "-o"]);
    }
    assert_eq!(fs::read_to_string(folder.path("foreign/Cargo.toml")).unwrap(), "mine");
    assert_eq!(fs::read_dir(folder.path("foreign")).unwrap().count(), 2);
}

#[cfg(unix)]
#[test]
fn a_build_writes_through_no_link() {
    let folder = Folder::with("table.snn", TABLE);
    fs::write(folder.path("table.npy"), npy([1, 2, 3, 4])).unwrap();
    let build = |to: &str| folder.snnc(&["build", "table.snn", "-o", to]);
    assert_eq!(build("made").status.code(), Some(0));
    fs::write(folder.path("foreign"), "mine").unwrap();
    fs::remove_file(folder.path("made/src/lib.rs")).unwrap();
    std::os::unix::fs::symlink(folder.path("foreign"), folder.path("made/src/lib.rs")).unwrap();
    let output = build("made");
    assert_eq!(output.status.code(), Some(1));
    says(&stderr(&output), &["error[E0901]", "is a link"]);
    assert_eq!(fs::read_to_string(folder.path("foreign")).unwrap(), "mine");
    // A link to a folder of others is that folder.
    fs::create_dir(folder.path("theirs")).unwrap();
    fs::write(folder.path("theirs/Cargo.toml"), "mine").unwrap();
    std::os::unix::fs::symlink(folder.path("theirs"), folder.path("link")).unwrap();
    says(&stderr(&build("link")), &["error[E0901]"]);
    assert_eq!(fs::read_to_string(folder.path("theirs/Cargo.toml")).unwrap(), "mine");
}
