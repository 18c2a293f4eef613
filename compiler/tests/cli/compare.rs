//! `snnc compare`.

use super::programs::{Folder, json};
use super::*;
use snn_runtime::network::ElementType;
use snn_runtime::npy::Header;
use snn_runtime::npz::{self, Member, Values};

/// A folder with `a.npz` and `b.npz`.
fn folder(a: &[Member], b: &[Member]) -> Folder {
    let folder = Folder::with("empty", "");
    npz::write(&folder.path("a.npz"), a, "").unwrap();
    npz::write(&folder.path("b.npz"), b, "").unwrap();
    folder
}

fn ints<'a>(name: &'a str, shape: &[usize], bytes: &'a [u8]) -> Member<'a> {
    Member { name, header: Header::new(ElementType::I8, shape), bytes: Values::Held(bytes) }
}

fn compared(folder: &Folder) -> (Option<i32>, String) {
    let output = folder.snnc(&["compare", "a.npz", "b.npz"]);
    assert_eq!(stderr(&output), "");
    (output.status.code(), stdout(&output))
}

#[test]
fn equal_recordings_are_the_same() {
    let of = [ints("net.v", &[2, 2], &[1, 2, 3, 4])];
    let folder = folder(&of, &of);
    let said = "a.npz and b.npz are the same: 1 key\n".to_owned();
    assert_eq!(compared(&folder), (Some(0), said));
    let shown = json(&folder.snnc(&["compare", "a.npz", "b.npz", "--json"]));
    assert_eq!(shown["equal"], true);
    assert!(shown["first"].is_null());
}

#[test]
fn the_first_difference_is_the_earliest_row_of_all_keys() {
    let a =
        [ints("late", &[3, 2], &[0; 6]), ints("y", &[2, 1, 2], &[0; 4]), ints("z", &[2], &[0; 2])];
    let b = [
        ints("late", &[3, 2], &[0, 0, 0, 0, 1, 2]),
        ints("y", &[2, 1, 2], &[0, 0, 9, 255]),
        ints("z", &[2], &[0, 7]),
    ];
    let folder = folder(&a, &b);
    let said = "a.npz and b.npz differ\n\
                first: row 1 of y, element [0, 0]: 0 and 9\n  \
                late: 2 elements differ\n  \
                y: 2 elements differ\n  \
                z: 1 element differs\n\
                3 of 3 keys differ, in 5 elements\n";
    assert_eq!(compared(&folder), (Some(1), said.to_owned()));
    let shown = json(&folder.snnc(&["compare", "a.npz", "b.npz", "--json"]));
    assert_eq!(shown["first"]["key"], "y");
    assert_eq!(shown["first"]["row"], 1);
    assert_eq!(shown["first"]["element"], serde_json::json!([0, 0]));
    assert_eq!((&shown["first"]["a"], &shown["first"]["b"]), (&0.into(), &9.into()));
    assert_eq!((&shown["keys"], &shown["elements"]), (&3.into(), &5.into()));
    assert_eq!(shown["differing"][2], serde_json::json!({ "key": "z", "elements": 1 }));
}

#[test]
fn keys_types_and_shapes_that_do_not_match_are_named() {
    let short = Member {
        name: "w",
        header: Header::new(ElementType::I16, &[1]),
        bytes: Values::Held(&[1, 0]),
    };
    let folder = folder(
        &[ints("mine", &[], &[1]), ints("v", &[1, 2], &[1, 2]), ints("w", &[1], &[1])],
        &[short, ints("v", &[2, 1], &[1, 2]), ints("yours", &[], &[1])],
    );
    let said = "a.npz and b.npz differ\n  \
                mine: only in a.npz\n  \
                v: i1[1, 2] and i1[2, 1]\n  \
                w: i1[1] and i2[1]\n  \
                yours: only in b.npz\n\
                4 of 4 keys differ\n";
    assert_eq!(compared(&folder), (Some(1), said.to_owned()));
    let shown = json(&folder.snnc(&["compare", "a.npz", "b.npz", "--json"]));
    let expected = serde_json::json!([
        { "key": "mine", "only": "a.npz" },
        { "key": "v", "dtypes": ["i1", "i1"], "shapes": [[1, 2], [2, 1]] },
        { "key": "w", "dtypes": ["i1", "i2"], "shapes": [[1], [1]] },
        { "key": "yours", "only": "b.npz" },
    ]);
    assert_eq!(shown["differing"], expected);
}

#[test]
fn bits_decide_about_nan_and_zero() {
    let values = |values: [f64; 3]| values.map(f64::to_le_bytes).concat();
    let other_nan = f64::from_bits(f64::NAN.to_bits() | 1);
    let header = || Header::new(ElementType::F64, &[3]);
    let (x, y) = (values([f64::NAN, f64::NAN, 0.0]), values([f64::NAN, other_nan, -0.0]));
    let folder = folder(
        &[Member { name: "x", header: header(), bytes: Values::Held(&x) }],
        &[Member { name: "x", header: header(), bytes: Values::Held(&y) }],
    );
    let said = "a.npz and b.npz differ\n\
                first: row 1 of x: NaN (bits 0x7ff8000000000000) and NaN (bits 0x7ff8000000000001)\n  \
                x: 2 elements differ\n\
                1 of 1 key differs, in 2 elements\n";
    assert_eq!(compared(&folder), (Some(1), said.to_owned()));
}

#[test]
fn compression_order_of_bytes_and_of_axes_do_not_count() {
    let files = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/files");
    let packed = files.join("packed.npz");
    let packed = packed.to_string_lossy();
    let same = snnc(&["compare", &packed, &packed]);
    assert_eq!(same.status.code(), Some(0), "{}", stdout(&same));

    // 1, 2, 3 over 4, 5, 6, once as NumPy stores it and once turned round in both ways.
    let header = |turned| Header {
        big_endian: turned,
        fortran: turned,
        ..Header::new(ElementType::I16, &[2, 3])
    };
    let bytes = |values: [i16; 6]| values.map(i16::to_le_bytes).concat();
    let (straight, turned) = (bytes([1, 2, 3, 4, 5, 6]), [1, 4, 2, 5, 3, 6].map(i16::to_be_bytes));
    let turned = turned.concat();
    let folder = folder(
        &[Member { name: "x", header: header(false), bytes: Values::Held(&straight) }],
        &[Member { name: "x", header: header(true), bytes: Values::Held(&turned) }],
    );
    assert_eq!(compared(&folder).0, Some(0));
}

#[test]
fn differences_beyond_the_first_buffer_are_found() {
    let a = vec![0; 300_000];
    let mut b = a.clone();
    b[299_999] = 1;
    b[150_000] = 1;
    let folder = folder(&[ints("x", &[3, 100_000], &a)], &[ints("x", &[3, 100_000], &b)]);
    let (status, said) = compared(&folder);
    assert_eq!(status, Some(1));
    assert!(said.contains("first: row 1 of x, element [50000]: 0 and 1\n"), "{said}");
    assert!(said.contains("x: 2 elements differ\n"), "{said}");
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_of_data() {
    let of = [ints("net.v", &[2, 2], &[1, 2, 3, 4])];
    let folder = folder(&of, &of);
    std::fs::write(folder.path("text.npz"), "no archive").unwrap();
    let mut damaged = std::fs::read(folder.path("a.npz")).unwrap();
    let at = damaged.windows(4).position(|w| w == [1, 2, 3, 4]).unwrap();
    damaged[at] ^= 1;
    std::fs::write(folder.path("damaged.npz"), damaged).unwrap();
    for (file, code) in
        [("missing.npz", "E0601"), ("text.npz", "E0603"), ("damaged.npz", "E0602"), (".", "E0601")]
    {
        let output = folder.snnc(&["compare", "a.npz", file]);
        assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()), "{file}");
        let said = stderr(&output);
        assert!(said.contains(&format!("error[{code}]")) && said.contains(file), "{said}");
        let output = folder.snnc(&["compare", file, "a.npz", "--json"]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(json(&output)["diagnostics"][0]["code"], code);
    }
    assert_eq!(folder.snnc(&["compare", "a.npz"]).status.code(), Some(2));
}
