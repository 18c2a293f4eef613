//! Compiling generated crates, and keeping what was compiled.
//!
//! Everything lies in one folder ([`folder`]) and can be deleted at any time, as `snnc cache
//! --clean` does:
//!
//! | path | what |
//! |---|---|
//! | `runtime-HASH/` | the runtime's sources |
//! | `target-HASH/` | what Cargo compiled of it, for all networks |
//! | `crates/NAME_HASH/` | a generated crate |
//! | `bin/NAME_HASH` | its program |
//! | `data/HASH/` | its constants |
//! | `used/…` | when something was used last |
//! | `work/` | what is not finished |
//!
//! A program's name holds a hash of all that decides what it does, so one that is there is the
//! right one, and is used without calling Cargo. Files and folders appear under their names by
//! renaming: two compilers at work at once do not disturb each other. What becomes too much is
//! taken out when nobody else is at work ([`Cache`]).

mod cache;
mod cargo;
mod keep;
pub mod runtime;

pub use cache::{digest, folder};
pub use keep::{Cache, Contents, LIMIT, clean, contents};

use super::data::unreadable;
use super::{GeneratedCrate, write};
use snn_data::Files;
use snn_ir::diagnostics::{Code, Diagnostic};
use std::path::{Path, PathBuf};

/// The program that runs a generated crate: compiled now, or kept from an earlier time.
///
/// `progress` is told the name of each package when its compilation begins; it is not called
/// where nothing has to be compiled.
///
/// # Errors
/// E0907 without a Rust toolchain, E0902 where it rejects the generated code, E0903 where the
/// cache cannot be written, E0908 where the runtime's dependencies cannot be fetched.
pub fn compile(
    generated: &GeneratedCrate,
    cache: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, Diagnostic> {
    // Cargo is started elsewhere.
    let cache = &std::path::absolute(cache).unwrap_or_else(|_| cache.to_path_buf());
    let runtime = runtime_digest();
    let package = package_name(generated, &runtime);
    let program = program_name(&package);
    let kept = cache.join("bin").join(&program);
    [&package, &runtime].into_iter().for_each(|name| keep::used(cache, name));
    if kept.is_file() {
        return Ok(kept);
    }
    cache::folder_once(cache, &format!("runtime-{runtime}"), |dir| {
        runtime::files().try_for_each(|(path, contents)| write::text(dir, path, contents))
    })?;
    let dir = cache::folder_once(cache, &format!("crates/{package}"), |dir| {
        let runtime_path = format!("../../runtime-{runtime}");
        write::text(dir, "Cargo.toml", &generated.manifest(&package, &runtime_path))?;
        write::text(dir, "Cargo.lock", runtime::LOCK)?;
        generated.files.iter().try_for_each(|(path, text)| write::text(dir, path, text))
    })?;
    let target = cache.join(format!("target-{runtime}"));
    let built = cargo::build(&dir, &target, &program, progress)?;
    cache::file_once(cache, &built, &kept)?;
    Ok(kept)
}

/// Whether the program of a generated crate is there from an earlier time.
pub fn is_kept(generated: &GeneratedCrate, cache: &Path) -> bool {
    let package = package_name(generated, &runtime_digest());
    cache.join("bin").join(program_name(&package)).is_file()
}

fn program_name(package: &str) -> String {
    format!("{package}{}", std::env::consts::EXE_SUFFIX)
}

/// The folder with the constants of a generated crate: written now, or kept from an earlier
/// time.
///
/// # Errors
/// E0903 where the cache cannot be written; the codes of data files that cannot be read.
pub fn data(
    generated: &GeneratedCrate,
    files: &dyn Files,
    cache: &Path,
) -> Result<PathBuf, Diagnostic> {
    let digest = || cache::data_digest(&generated.data, files).map_err(unreadable);
    let name = digest()?;
    keep::used(cache, &name);
    cache::folder_once(cache, &format!("data/{name}"), |dir| {
        write::data(generated, files, dir)?;
        // What was written must be what it is named after.
        if digest()? == name {
            return Ok(());
        }
        let message = "a data file changed while it was being compiled";
        Err(Diagnostic::without_place(Code::E0602, message)
            .help("compile again when nothing writes to the file any more"))
    })
}

fn runtime_digest() -> String {
    let files = runtime::files().flat_map(|(path, text)| [path.as_bytes(), text.as_bytes()]);
    digest(files.chain([runtime::LOCK.as_bytes()]))
}

/// A name that no other network, runtime or processor shares. It is also the name of the
/// program in the shared target folder, where different ones must not meet.
///
/// Comments have no part in it: they say what was proven of values that the program reads as data,
/// and it is the same program for others of which as much could be proven.
fn package_name(generated: &GeneratedCrate, runtime: &str) -> String {
    let manifest = generated.manifest(&generated.name, runtime);
    let machine = machine();
    let texts = [manifest.as_bytes(), machine.as_bytes()];
    let code = generated.files.iter().filter(|(path, _)| !path.ends_with(".md"));
    let code: Vec<_> = code.map(|(path, text)| (path, without_comments(text))).collect();
    let files = code.iter().flat_map(|(path, text)| [path.as_bytes(), text.as_bytes()]);
    format!("{}_{}", generated.name, digest(texts.into_iter().chain(files)))
}

/// Generated code without the lines that are comments. No text of it goes over several lines.
fn without_comments(text: &str) -> String {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| [line, "\n"]).collect()
}

/// What `target-cpu=native` depends on, as far as programs can tell: a cache may be shared by
/// machines with different processors.
fn machine() -> String {
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
    let mut features = vec![std::env::consts::ARCH, std::env::consts::OS];
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! detected {
            ($($feature:tt)*) => {$(
                if std::arch::is_x86_feature_detected!($feature) {
                    features.push($feature);
                }
            )*};
        }
        detected!("sse3" "ssse3" "sse4.1" "sse4.2" "sse4a" "popcnt" "avx" "avx2" "fma" "f16c" "bmi1"
            "bmi2" "lzcnt" "movbe" "adx" "aes" "pclmulqdq" "sha" "rdrand" "rdseed" "tbm" "gfni"
            "vaes" "vpclmulqdq" "avx512f" "avx512cd" "avx512dq" "avx512bw" "avx512vl" "avx512ifma"
            "avx512vbmi" "avx512vbmi2" "avx512vnni" "avx512bitalg" "avx512vpopcntdq" "avx512bf16"
            "avx512fp16");
    }
    features.join(" ")
}
