//! The runtime's sources, carried by the compiler.

/// `Cargo.lock` of the workspace: generated crates resolve to the same versions, so that a
/// machine that built the compiler has downloaded them.
pub const LOCK: &str = include_str!(concat!(env!("OUT_DIR"), "/runtime_lock.toml"));

/// `Cargo.toml` of the runtime, inheriting from no workspace.
const MANIFEST: &str = include_str!(concat!(env!("OUT_DIR"), "/runtime_manifest.toml"));

/// That of its core.
const CORE: &str = include_str!(concat!(env!("OUT_DIR"), "/core_manifest.toml"));

const SOURCES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/runtime_sources.rs"));

/// Paths (with `/`) and texts of the runtime's files.
pub fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
    [("Cargo.toml", MANIFEST), ("core/Cargo.toml", CORE)].into_iter().chain(SOURCES.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_is_carried_is_what_is_in_the_repository() {
        let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtime");
        for (path, text) in SOURCES {
            assert_eq!(std::fs::read_to_string(runtime.join(path)).unwrap(), *text, "{path}");
        }
        let mut folders = vec![runtime.join("src"), runtime.join("core/src")];
        let mut count = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { count += 1 }
            }
        }
        assert_eq!(SOURCES.len(), count);
    }

    #[test]
    fn the_manifest_stands_alone() {
        assert!(MANIFEST.starts_with("[package]\nname = \"snn-runtime\"\n"), "{MANIFEST}");
        assert!(CORE.starts_with("[package]\nname = \"snn-core\"\n"), "{CORE}");
        for manifest in [MANIFEST, CORE] {
            assert!(!manifest.contains("workspace"), "{manifest}");
        }
        assert!(MANIFEST.contains("snn-core = { path = \"core\""), "{MANIFEST}");
        for dependency in ["indicatif = ", "memmap2 = ", "zip = "] {
            assert!(MANIFEST.contains(dependency), "{MANIFEST}");
        }
    }
}
