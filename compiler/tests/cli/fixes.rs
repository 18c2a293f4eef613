//! `snnc check --fix`: what it changes, what it leaves, and what it says.

use super::programs::{Folder, json};
use super::*;

const SLIPS: &str = "const n = 9
network N {
    cells = LiF[n / 2](vht: 10)
    cells.s_ot -> Dense(weights: eye(4)) -> cells
}
run r of N {
    models fixed_pt
    steps 4
    record cells.s_oout
}
";

/// Runs `snnc check --fix` on a file of the folder; gives its status and what it says.
fn fix(folder: &Folder, file: &str) -> (Option<i32>, String) {
    let output = folder.snnc(&["check", "--fix", file]);
    (output.status.code(), stderr(&output))
}

#[test]
fn what_is_surely_meant_is_changed_and_said() {
    let folder = Folder::with("slips.snn", SLIPS);
    let (status, said) = fix(&folder, "slips.snn");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("slips.snn:3:13: `LiF` is now `LIF`"), "{said}");
    // Each round mends what the one before has uncovered.
    for _ in 0..3 {
        fix(&folder, "slips.snn");
    }
    let (status, said) = fix(&folder, "slips.snn");
    assert_eq!((status, said.as_str()), (Some(0), ""));
    let mended = SLIPS
        .replace("LiF", "LIF")
        .replace("n / 2", "div(n, 2)")
        .replace("vht", "vth")
        .replace("s_ot", "s_out")
        .replace("s_oout", "s_out");
    assert_eq!(std::fs::read_to_string(folder.path("slips.snn")).unwrap(), mended);
}

#[test]
fn machines_are_told_too() {
    let folder = Folder::with("slip.snn", "network N { cells = LiF[4](vth: 10) }\n");
    let proposed = json(&folder.snnc(&["check", "--json", "slip.snn"]));
    let edit = &proposed["diagnostics"][0]["fixes"][0];
    assert_eq!((&edit["safe"], &edit["edits"][0]["replacement"]), (&true.into(), &"LIF".into()));
    let fixed = json(&folder.snnc(&["check", "--fix", "--json", "slip.snn"]));
    assert_eq!(fixed["fixed"][0], "slip.snn:1:21: `LiF` is now `LIF`");
    assert_eq!(fixed["errors"], 0);
}

#[test]
fn what_someone_must_choose_is_left() {
    let text = "network N { cells = LIF[4](vth: 10.5) }\nrun r of N { models fixed_pt; steps 4 }\n";
    let folder = Folder::with("choice.snn", text);
    let (status, said) = fix(&folder, "choice.snn");
    assert_eq!(status, Some(1));
    assert!(said.contains("help: `int(x)` truncates toward zero"), "{said}");
    assert_eq!(std::fs::read_to_string(folder.path("choice.snn")).unwrap(), text);
}

#[test]
fn other_files_and_read_only_ones_are_left_with_words() {
    let folder = Folder::with(
        "main.snn",
        "use \"cells.snn\"\nnetwork N { c = cells.C() }\nrun r of N { steps 4 }\n",
    );
    let cell = "process C { out y: i32; phase spk { y = clipp(t, 0, 9) } }\n";
    std::fs::write(folder.path("cells.snn"), cell).unwrap();
    let (status, said) = fix(&folder, "main.snn");
    assert_eq!(status, Some(1));
    let why = "cells.snn:1:41: not changed: it stands in another file";
    assert!(said.contains(why), "{said}");
    assert_eq!(std::fs::read_to_string(folder.path("cells.snn")).unwrap(), cell);

    let path = folder.path("locked.snn");
    let slip = "network N { cells = LiF[4](vth: 10) }\n";
    std::fs::write(&path, slip).unwrap();
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).unwrap();
    let (status, said) = fix(&folder, "locked.snn");
    assert_eq!(status, Some(1));
    assert!(said.contains("locked.snn:1:21: not changed: the file is read-only"), "{said}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), slip);
}
