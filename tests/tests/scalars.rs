//! The table of scalar operations against a second one, which was written from the spec by
//! somebody who had not seen the first: `files/scalars.txt`.

use snn_ir::scalar::{Kind, Op, Scalar};

fn scalar(kind: &str, text: &str) -> Option<Scalar> {
    let bits = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    Some(match kind {
        "bool" => Scalar::Bool(text.parse().ok()?),
        "int" => Scalar::Int(text.parse().ok()?),
        "f32" => match text.strip_prefix("f32:")? {
            "nan" => Scalar::F32(f32::NAN),
            text => Scalar::F32(f32::from_bits(u32::try_from(bits(text)?).ok()?)),
        },
        "f64" => match text.strip_prefix("f64:")? {
            "nan" => Scalar::F64(f64::NAN),
            text => Scalar::F64(f64::from_bits(bits(text)?)),
        },
        _ => return None,
    })
}

/// The kind of a value as it is written.
fn kind(text: &str) -> &'static str {
    match text {
        "true" | "false" => Kind::Bool.name(),
        _ if text.starts_with("f32:") => Kind::F32.name(),
        _ if text.starts_with("f64:") => Kind::F64.name(),
        _ => Kind::Int.name(),
    }
}

/// Whether a float is a number or one of its two neighbours.
fn beside(a: Scalar, b: Scalar) -> bool {
    match (a, b) {
        (Scalar::F64(a), Scalar::F64(b)) => a == b || a == b.next_up() || a == b.next_down(),
        (Scalar::F32(a), Scalar::F32(b)) => a == b || a == b.next_up() || a == b.next_down(),
        _ => false,
    }
}

/// Whether both are no number: which of the many bit patterns a NaN has is not said anywhere.
fn both_nan(a: Scalar, b: Scalar) -> bool {
    match (a, b) {
        (Scalar::F64(a), Scalar::F64(b)) => a.is_nan() && b.is_nan(),
        (Scalar::F32(a), Scalar::F32(b)) => a.is_nan() && b.is_nan(),
        _ => false,
    }
}

/// What a line says that is not so.
fn refuted(line: &str) -> Result<(), String> {
    let unreadable = || format!("`{line}` cannot be read");
    let (left, right) = line.split_once(" = ").ok_or_else(unreadable)?;
    let mut words = left.split(' ');
    let name = words.next().ok_or_else(unreadable)?;
    let kinds = words.next().ok_or_else(unreadable)?.split(',');
    let operands: Option<Vec<Scalar>> = kinds.zip(words).map(|(k, a)| scalar(k, a)).collect();
    let operands = operands.ok_or_else(unreadable)?;
    let (expected, about) = match right.strip_suffix(" ~1") {
        Some(expected) => (expected, true),
        None => (right, false),
    };
    let expected = scalar(kind(expected), expected).ok_or_else(unreadable)?;
    let op = Op::parse(name).ok_or_else(|| format!("there is no `{name}`"))?;
    let value = op.eval(&operands).ok_or_else(|| format!("{left} is not defined"))?;
    let same =
        value.same(expected) || both_nan(value, expected) || about && beside(value, expected);
    if same { Ok(()) } else { Err(format!("{line}, not {value:?}")) }
}

#[test]
fn every_operation_has_the_value_of_the_second_table() {
    let lines = include_str!("../files/scalars.txt").lines();
    let cases: Vec<&str> = lines.filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    assert!(cases.len() > 1900, "the table is not whole");
    let wrong: Vec<String> = cases.iter().filter_map(|line| refuted(line).err()).collect();
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    // Every operation has at least one case. Conversions to a width stand for their kind.
    let tried = |name: &str| cases.iter().any(|line| line.split(' ').next() == Some(name));
    for op in Op::PLAIN {
        assert!(tried(&op.name()), "`{}` is not tried", op.name());
    }
}

#[test]
fn a_wrong_line_is_noticed() {
    for line in ["add int,int 1 2 = 4", "neg f64 f64:0x0000000000000000 = f64:0x0000000000000000"] {
        assert!(refuted(line).is_err(), "{line}");
    }
}
