//! Data that is missing, damaged or of another kind: a coded error that names the file.

use snn_data::npz_members;
use snn_front::import::{NetxOptions, import};
use snn_ir::data::{DataError, DataSource};
use snn_ir::diagnostics::Code;
use std::path::{Path, PathBuf};
use std::process::Command;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("files").join(name)
}

thread_local! {
    /// Where copies go; removed with the test's thread.
    static COPIES: tempfile::TempDir = tempfile::tempdir().unwrap();
}

/// Opens, reads and copies, as `snnc check`, constant evaluation and `snnc build` do.
fn read(source: DataSource) -> Result<(), DataError> {
    let dataset = snn_data::open(&snn_data::Disk, source)?;
    let values = snn_data::read(&snn_data::Disk, &dataset);
    if let Ok(tensor) = &values {
        assert_eq!(tensor.shape, dataset.shape);
        assert_eq!(tensor.shape.iter().product::<usize>(), tensor.len());
    }
    COPIES.with(|folder| {
        let copy = folder.path().join("copy.npy");
        let copied = snn_data::write_npy(&snn_data::Disk, &dataset, &copy);
        assert_eq!(copied.map_err(|e| e.code), values.clone().map(drop).map_err(|e| e.code));
        if values.is_ok() {
            std::fs::remove_file(copy).unwrap();
        } else {
            let left = std::fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(left, 0, "no half file stays");
        }
    });
    values.map(drop)
}

/// The code, and what message and help must say.
fn refuses(source: DataSource, code: Code, says: &[&str]) {
    let path = source.path().display().to_string();
    let error = read(source.clone()).expect_err(&format!("{source:?}"));
    let text = format!("{}\n{}", error.message, error.help.clone().unwrap_or_default());
    assert_eq!(error.code, code, "{text}");
    assert!(error.message.contains(&path) && error.help.is_some(), "{text}");
    for part in says {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

/// A file of these bytes, and the folder that keeps it.
fn made(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("made");
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn every_reader(path: &Path) -> [DataSource; 5] {
    let path = path.to_path_buf();
    [
        DataSource::Idx(path.clone()),
        DataSource::Npy(path.clone()),
        DataSource::Npz(path.clone(), "a".into()),
        DataSource::Csv(path.clone()),
        DataSource::Hdf5(path, "/a".into()),
    ]
}

#[test]
fn files_that_cannot_be_read() {
    for source in every_reader(&file("missing")) {
        refuses(source, Code::E0601, &["there is no such file", "folder of the .snn file"]);
    }
    for source in every_reader(&file("")) {
        refuses(source, Code::E0601, &["it is a folder"]);
    }
    let pipes = tempfile::tempdir().unwrap();
    let pipe = pipes.path().join("pipe");
    // Nobody writes to it: to open it would wait for ever.
    if Command::new("mkfifo").arg(&pipe).status().is_ok_and(|s| s.success()) {
        for source in every_reader(&pipe) {
            refuses(source, Code::E0601, &["not a regular file"]);
        }
    }
    let devices = Path::new("/dev/zero");
    if devices.exists() {
        for source in every_reader(devices) {
            refuses(source, Code::E0601, &["not a regular file"]);
        }
    }
}

#[test]
fn empty_files() {
    let (_dir, path) = made(b"");
    for source in every_reader(&path) {
        let error = read(source).unwrap_err();
        assert!(matches!(error.code, Code::E0602 | Code::E0603 | Code::E0606), "{error:?}");
    }
}

#[test]
fn files_of_another_format() {
    let table = file("table.csv");
    refuses(DataSource::Idx(table.clone()), Code::E0603, &["not an IDX file"]);
    refuses(DataSource::Npy(table.clone()), Code::E0603, &["not a NumPy array"]);
    refuses(DataSource::Npz(table.clone(), "a".into()), Code::E0603, &["not a NumPy archive"]);
    refuses(DataSource::Hdf5(table, "/a".into()), Code::E0603, &["not an HDF5 file", "csv"]);
    let (_dir, path) = made(&[0, 0, 0x0a, 1, 0, 0, 0, 0]);
    refuses(DataSource::Idx(path), Code::E0603, &["no element type 0x0a"]);
}

#[test]
fn files_that_are_not_whole() {
    let truncated = DataSource::Idx(file("truncated-idx3-ubyte"));
    refuses(truncated, Code::E0602, &["promises 32 bytes", "only 8"]);

    let mut longer = std::fs::read(file("small-idx1-ubyte")).unwrap();
    longer.extend([1, 2]);
    let (_dir, path) = made(&longer);
    refuses(DataSource::Idx(path), Code::E0602, &["2 bytes follow"]);

    let packed = std::fs::read(file("images-idx3-ubyte.gz")).unwrap();
    let (_dir, path) = made(&packed[..packed.len() - 9]);
    refuses(DataSource::Idx(path), Code::E0602, &["ends too early"]);
    let mut wrong_sum = packed.clone();
    wrong_sum[packed.len() - 8] ^= 1;
    let (_dir, path) = made(&wrong_sum);
    refuses(DataSource::Idx(path), Code::E0602, &["damaged"]);

    let archive = std::fs::read(file("packed.npz")).unwrap();
    let (_dir, path) = made(&archive[..archive.len() / 2]);
    refuses(DataSource::Npz(path, "w0".into()), Code::E0602, &["damaged"]);

    let h5 = std::fs::read(file("kinds.h5")).unwrap();
    let (_dir, path) = made(&h5[..h5.len() / 2]);
    refuses(DataSource::Hdf5(path, "chunked".into()), Code::E0602, &["damaged"]);
}

#[test]
fn sizes_that_no_file_has() {
    let mut idx = vec![0, 0, 0x0e, 4];
    idx.extend([0xff; 16]);
    let (_dir, path) = made(&idx);
    refuses(DataSource::Idx(path), Code::E0602, &["damaged"]);

    let mut npy = b"\x93NUMPY\x01\x00\x4e\x00".to_vec();
    npy.extend(
        format!(
            "{:<77}\n",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 10), }"
        )
        .bytes(),
    );
    let (_dir, path) = made(&npy);
    refuses(DataSource::Npy(path), Code::E0602, &["7999999999920 bytes"]);
}

/// A file that is kept elsewhere is named as what it is, by every reader.
#[test]
fn pointers_of_git_lfs() {
    let (_dir, path) = made(
        b"version https://git-lfs.github.com/spec/v1\n\
          oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n\
          size 12345\n",
    );
    for source in every_reader(&path) {
        refuses(source, Code::E0603, &["is a Git LFS pointer", "git lfs pull"]);
    }
    let net = path.with_extension("net");
    std::fs::copy(&path, &net).unwrap();
    let errors = import(&snn_data::Disk, &net, &NetxOptions::default()).unwrap_err();
    assert!(errors[0].message.contains("is a Git LFS pointer"), "{errors:?}");
}

#[test]
fn what_a_reader_does_not_know_is_not_called_damage() {
    let newer = DataSource::Hdf5(file("newer.h5"), "weights".into());
    refuses(newer, Code::E0608, &["`weights`: layout version 5", "libver=\"earliest\""]);
    let mut superblock = std::fs::read(file("kinds.h5")).unwrap();
    superblock[8] = 4;
    let (_dir, path) = made(&superblock);
    refuses(DataSource::Hdf5(path, "bool".into()), Code::E0608, &["superblock version 4"]);
    superblock[8] = 200;
    let (_dir, path) = made(&superblock);
    refuses(DataSource::Hdf5(path, "bool".into()), Code::E0602, &["damaged"]);
    let (_dir, path) = made(b"\x93NUMPY\x09\x00\x00\x00");
    refuses(DataSource::Npy(path), Code::E0608, &[".npy version 9.0", "numpy.save"]);

    // The method of compression of the first member, in its own header and in the directory.
    let mut archive = std::fs::read(file("packed.npz")).unwrap();
    let directory = archive.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    (archive[8], archive[directory + 10]) = (14, 14);
    let (_dir, path) = made(&archive);
    let first = DataSource::Npz(path, "w0".into());
    refuses(first, Code::E0608, &["`w0`", "savez_compressed"]);
}

/// A file of some hundred kilobytes that inflates to more than the memory should hold.
#[test]
fn what_inflates_without_measure_is_refused_before_it_is_held() {
    // Members of a gzip file follow one another.
    let mebibyte = std::fs::read(file("mebibyte.gz")).unwrap();
    let of = |head: &[u8]| made(&[head, &mebibyte.repeat(300)].concat());
    let text = "decompress the file";
    let (dir, path) = of(&std::fs::read(file("head-idx1-ubyte.gz")).unwrap());
    let dataset = snn_data::open(&snn_data::Disk, DataSource::Idx(path)).unwrap();
    // Compiled runs copy it to the disk.
    let copy = dir.path().join("copy.npy");
    for error in [
        snn_data::read(&snn_data::Disk, &dataset).unwrap_err(),
        snn_data::write_npy(&snn_data::Disk, &dataset, &copy).unwrap_err(),
    ] {
        assert_eq!(error.code, Code::E0602);
        assert!(error.message.contains("inflates to 314572800 elements"), "{error}");
        assert!(error.help.unwrap().contains(text));
    }
    assert!(!copy.exists());
    let (_dir, path) = of(b"");
    refuses(DataSource::Csv(path.clone()), Code::E0602, &["a line of more than 64 MiB"]);
    refuses(DataSource::Hdf5(path, "a".into()), Code::E0602, &["more than 256 MiB", text]);
}

#[test]
fn names_that_a_file_does_not_have() {
    let h5 = |path: &str| DataSource::Hdf5(file("kinds.h5"), path.into());
    refuses(h5("/deep/er/valeus"), Code::E0604, &["`/deep/er` has `values`"]);
    refuses(h5("/scalr"), Code::E0604, &["`/` has `scalar`, "]);
    refuses(h5("/deep/er"), Code::E0604, &["is a group", "`values`"]);
    refuses(h5("/scalar/inner"), Code::E0604, &["has no `/scalar/inner`"]);
    refuses(h5("/"), Code::E0604, &["is a group"]);
    let rootless = DataSource::Hdf5(file("root-is-no-group.h5"), "/a".into());
    refuses(rootless, Code::E0604, &["has no `/a`", "nothing readable"]);
    let member = DataSource::Npz(file("packed.npz"), "w1".into());
    refuses(member, Code::E0604, &["no array `w1`", "it has `w0`, "]);
}

#[test]
fn values_that_programs_do_not_compute_with() {
    let h5 = |path: &str| DataSource::Hdf5(file("kinds.h5"), path.into());
    for name in ["half", "text", "complex"] {
        refuses(h5(name), Code::E0605, &[name, "32 or 64 bits"]);
    }
    refuses(h5("u64_large"), Code::E0605, &["2^63 - 1"]);
    refuses(DataSource::Npy(file("half.npy")), Code::E0605, &["<f2"]);
    refuses(DataSource::Npy(file("large.npy")), Code::E0605, &["2^63 - 1"]);
    let member = |name: &str| DataSource::Npz(file("kinds.npz"), name.into());
    refuses(member("half"), Code::E0605, &["`half`", "<f2"]);
    refuses(member("large"), Code::E0605, &["`large`", "2^63 - 1"]);
}

#[test]
fn tables_that_are_not_of_numbers() {
    let table = |text: &str, says: &[&str]| {
        let (_dir, path) = made(text.as_bytes());
        refuses(DataSource::Csv(path), Code::E0606, says);
    };
    refuses(DataSource::Csv(file("names.csv")), Code::E0606, &["cell 2 in line 2", "`five`"]);
    table("a,b\n1,2\n3\n", &["line 3", "1 cell", "have 2"]);
    table("1,2\n3,\n", &["cell 2 in line 2", "is empty", "no missing values"]);
    table("0\n1;2\n", &["cell 1 in line 2", "commas"]);
    table("1,x\n3,4\n", &["cell 2 in line 1", "`x`"]);
    table("a,b\n", &["no rows"]);
    table("1\n\u{1b}[31mred\n", &["line 2", "\\u{1b}[31mred"]);
}

#[test]
fn a_copy_that_cannot_be_written() {
    let dataset =
        snn_data::open(&snn_data::Disk, DataSource::Idx(file("small-idx1-ubyte"))).unwrap();
    let error = snn_data::write_npy(&snn_data::Disk, &dataset, &file("no-such-folder/copy.npy"))
        .unwrap_err();
    assert_eq!(error.code, Code::E0607);
    assert!(error.message.contains("no-such-folder"));
}

#[test]
fn a_file_that_changes_after_it_was_checked() {
    let (_dir, path) = made(b"1,2\n");
    let dataset = snn_data::open(&snn_data::Disk, DataSource::Csv(path.clone())).unwrap();
    std::fs::write(&path, "1,2\n3,4\n").unwrap();
    assert_eq!(snn_data::read(&snn_data::Disk, &dataset).unwrap_err().code, Code::E0602);
}

/// A sequence of numbers that is the same in every run (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    /// Cuts `whole`, flips bits in it, or overwrites bytes with extreme values.
    fn damage(&mut self, whole: &[u8]) -> Vec<u8> {
        let mut bytes = whole.to_vec();
        match self.below(4) {
            0 => bytes.truncate(self.below(whole.len())),
            1 => {
                let (at, len) = (self.below(whole.len()), 1 + self.below(8));
                let value = [0x00, 0x7f, 0xff][self.below(3)];
                bytes.iter_mut().skip(at).take(len).for_each(|b| *b = value);
            }
            _ => {
                for _ in 0..=self.below(3) {
                    let at = self.below(whole.len());
                    bytes[at] ^= 1 << self.below(8);
                }
            }
        }
        bytes
    }
}

/// Damages `name` in `times` ways; each gives values or a coded error that names the file.
fn survives(name: &str, times: usize, read: impl Fn(&Path) -> Result<(), Vec<DataError>>) {
    let whole = std::fs::read(file(name)).unwrap();
    let mut random = Random(name.bytes().map(u64::from).sum());
    let (_dir, path) = made(&whole);
    read(&path).unwrap_or_else(|e| panic!("{name} undamaged: {e:?}"));
    let mut refused = 0;
    for _ in 0..times {
        std::fs::write(&path, random.damage(&whole)).unwrap();
        let Err(errors) = read(&path) else { continue };
        refused += 1;
        for error in errors {
            assert!(error.code.name().starts_with("E06"), "{error:?}");
            assert!(error.message.contains(&path.display().to_string()), "{error:?}");
        }
    }
    assert!(refused > times / 10, "{name}: only {refused} of {times} damages were noticed");
}

#[test]
fn no_damage_makes_a_stream_reader_fail_otherwise_than_with_an_error() {
    let one = |source: DataSource| read(source).map_err(|e| vec![e]);
    survives("small-idx1-ubyte", 1000, |p| one(DataSource::Idx(p.into())));
    survives("images-idx3-ubyte.gz", 1000, |p| one(DataSource::Idx(p.into())));
    survives("fortran.npy", 1000, |p| one(DataSource::Npy(p.into())));
    survives("big.npy", 1000, |p| one(DataSource::Npy(p.into())));
    survives("table.csv", 500, |p| one(DataSource::Csv(p.into())));
    survives("table.csv.gz", 1000, |p| one(DataSource::Csv(p.into())));
    survives("packed.npz", 2000, |p| {
        npz_members(&snn_data::Disk, p).map_err(|e| vec![e])?;
        one(DataSource::Npz(p.into(), "w0".into()))
    });
}

#[test]
fn no_damage_makes_the_hdf5_reader_fail_otherwise_than_with_an_error() {
    let names = ["bool", "u64", "text", "empty", "deep/er/values", "chunked", "unwritten"];
    survives("kinds.h5", 2000, |p| {
        let of = |name: &&str| read(DataSource::Hdf5(p.into(), (*name).into())).err();
        // `text` holds no numbers in the undamaged file either.
        let errors: Vec<_> = names.iter().filter(|n| **n != "text").filter_map(of).collect();
        let _ = of(&"text");
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    });
}

#[test]
fn no_damage_makes_the_import_fail_otherwise_than_with_an_error() {
    for (name, times) in [("small.net", 1500), ("forms.net", 500)] {
        let whole = std::fs::read(file(name)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made.net");
        let options = NetxOptions { folder: dir.path().into(), ..NetxOptions::default() };
        let mut random = Random(1);
        for _ in 0..times {
            std::fs::write(&path, random.damage(&whole)).unwrap();
            match import(&snn_data::Disk, &path, &options) {
                Ok(imported) => assert!(imported.text.contains("network Made {")),
                Err(errors) => {
                    assert!(!errors.is_empty());
                    for error in errors {
                        assert!(error.code.name().starts_with("E06"), "{error:?}");
                        assert!(error.message.contains("made.net"), "{error:?}");
                    }
                }
            }
        }
    }
}

/// The failing examples of the pages on data and import fail as they say.
#[test]
fn explained_errors_happen() {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(file("")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let program = dir.path().join("program.snn");
    for &code in Code::ALL.iter().filter(|c| c.name().starts_with("E06")) {
        let Some((_, rest)) = code.explanation().split_once("```snn,fails\n") else { continue };
        let example = rest.split("```").next().unwrap();
        std::fs::write(&program, example).unwrap();
        let checked =
            snnc::driver::check(&snn_data::Disk, &program, &snnc::driver::Options::default());
        let codes: Vec<Code> = checked.diagnostics.iter().map(|d| d.code).collect();
        assert!(codes.contains(&code), "{}: {:#?}", code.name(), checked.diagnostics);
    }
}
