//! YAML, as profiles and manifests are written. The only file that knows `serde_yaml`.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A document has at most this many entries: each takes some hundred bytes while it is read.
const MOST_ENTRIES: usize = 1 << 24;

/// Brackets are open at most this deep: the time to read them grows with the square.
const DEEPEST: usize = 1000;

/// Aliases of a document come to at most this many bytes.
const MOST_REPEATED: usize = 1 << 28;

/// Messages of the reader are at most this long: some repeat what they do not like.
const LONGEST: usize = 300;

/// Reads a document.
///
/// # Errors
/// What is wrong and at which line, for a message; also more than can be held.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    bounded(text)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_yaml::from_str(text).map_err(|e| {
        let message = e.to_string();
        match message.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &message[..end]),
            None => message,
        }
    })
}

/// Refuses documents that would take very much memory or time. It looks at characters, not at
/// what they mean, so that its counts are upper bounds.
fn bounded(text: &str) -> Result<(), String> {
    let (mut entries, mut open, mut deepest) = (0usize, 0usize, 0usize);
    let (mut anchors, mut aliases) = (0usize, 0usize);
    let mut before = b' ';
    for (i, byte) in text.bytes().enumerate() {
        let begins = b" \n,:[{-".contains(&before);
        let named = text.as_bytes().get(i + 1).is_some_and(|b| !b" \n=&*".contains(b));
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            b'&' if begins && named => anchors += 1,
            b'*' if begins && named => aliases += 1,
            _ => {}
        }
        // Every entry begins or ends with one of these.
        entries += usize::from(b",:[{-\n".contains(&byte));
        deepest = deepest.max(open);
        before = byte;
    }
    if entries > MOST_ENTRIES {
        return Err(format!("it has {entries} entries, more than {MOST_ENTRIES}"));
    }
    if deepest > DEEPEST {
        return Err(format!("its brackets are {deepest} deep, more than {DEEPEST}"));
    }
    if anchors > 0 && aliases.saturating_mul(text.len()) > MOST_REPEATED {
        return Err(format!("its {aliases} aliases repeat more than can be held"));
    }
    Ok(())
}

/// Writes a document: the same bytes for the same value. Lists and maps that fit a line are
/// written on one.
///
/// # Errors
/// A value that YAML cannot hold, for a message.
pub fn write<T: Serialize>(value: &T) -> Result<String, String> {
    let mut out = String::new();
    match tree(value)? {
        Tree::Map(entries) if !entries.is_empty() => map(&mut out, &entries, 0),
        other => {
            flow(&mut out, &other, usize::MAX);
            out.push('\n');
        }
    }
    Ok(out)
}

/// A document, whatever its types.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// Keys and values, in order.
    Map(Vec<(String, Tree)>),
}

/// A value as a tree.
///
/// # Errors
/// A value that YAML cannot hold, for a message.
pub fn tree<T: Serialize>(value: &T) -> Result<Tree, String> {
    serde_yaml::to_value(value).map(of_value).map_err(|e| e.to_string())
}

/// The tree of a text, which may be JSON. Types of one's own stand before what has them.
///
/// # Errors
/// As [`read`], and keys that stand twice.
pub fn parse(text: &str) -> Result<Tree, String> {
    read(text).map(of_value)
}

fn of_value(value: serde_yaml::Value) -> Tree {
    use serde_yaml::Value;
    match value {
        Value::Null => Tree::Null,
        Value::Bool(b) => Tree::Bool(b),
        Value::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(n), _) => Tree::Int(n.into()),
            (_, Some(n)) => Tree::Int(n.into()),
            _ => Tree::Float(n.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Tree::Text(text),
        Value::Sequence(items) => Tree::List(items.into_iter().map(of_value).collect()),
        Value::Mapping(entries) => {
            let key = |key| match of_value(key) {
                Tree::Text(text) => text,
                other => other.to_string(),
            };
            Tree::Map(entries.into_iter().map(|(k, v)| (key(k), of_value(v))).collect())
        }
        Value::Tagged(tagged) => Tree::Text(format!("{} {}", tagged.tag, of_value(tagged.value))),
    }
}

impl std::fmt::Display for Tree {
    /// On one line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut line = String::new();
        flow(&mut line, self, usize::MAX);
        f.write_str(&line)
    }
}

#[cfg(test)]
impl Serialize for Tree {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        match self {
            Tree::Null => s.serialize_unit(),
            Tree::Bool(b) => s.serialize_bool(*b),
            Tree::Int(n) => match i64::try_from(*n) {
                Ok(n) => s.serialize_i64(n),
                Err(_) => s.serialize_u64(*n as u64),
            },
            Tree::Float(x) => s.serialize_f64(*x),
            Tree::Text(t) => s.serialize_str(t),
            Tree::List(items) => s.collect_seq(items),
            Tree::Map(entries) => {
                let mut map = s.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

/// Lines are at most this long where they can be.
const WIDTH: usize = 100;

fn map(out: &mut String, entries: &[(String, Tree)], indent: usize) {
    for (i, (key, value)) in entries.iter().enumerate() {
        // The first key of a map in a list stands beside its dash.
        if i > 0 || out.is_empty() || out.ends_with('\n') {
            out.extend(std::iter::repeat_n(' ', indent));
        }
        text(out, key);
        out.push(':');
        entry(out, value, indent);
    }
}

/// What follows a key or a dash, to the end of its lines.
fn entry(out: &mut String, value: &Tree, indent: usize) {
    let line = out.len() - out.rfind('\n').map_or(0, |end| end + 1);
    let before = out.len();
    out.push(' ');
    if flow(out, value, before + WIDTH.saturating_sub(line)) {
        out.push('\n');
        return;
    }
    out.truncate(before);
    match value {
        Tree::Map(entries) => {
            match out.ends_with('-') {
                true => out.push(' '),
                false => out.push('\n'),
            }
            map(out, entries, indent + 2);
        }
        Tree::List(items) => {
            out.push('\n');
            for item in items {
                out.extend(std::iter::repeat_n(' ', indent + 2));
                out.push('-');
                entry(out, item, indent + 2);
            }
        }
        scalar => {
            out.push(' ');
            flow(out, scalar, usize::MAX);
            out.push('\n');
        }
    }
}

/// Writes on one line, unless the text would become longer than `end`; whether it did.
fn flow(out: &mut String, value: &Tree, end: usize) -> bool {
    match value {
        Tree::Null => out.push_str("null"),
        Tree::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Tree::Int(n) => out.push_str(&n.to_string()),
        Tree::Float(x) => float(out, *x),
        // Some are long, and would be written once for every level that tries.
        Tree::Text(t) if out.len().saturating_add(t.len()) > end => return false,
        Tree::Text(t) => text(out, t),
        Tree::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                if !flow(out, item, end) {
                    return false;
                }
            }
            out.push(']');
        }
        Tree::Map(entries) => {
            out.push('{');
            for (i, (key, value)) in entries.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                text(out, key);
                out.push_str(": ");
                if !flow(out, value, end) {
                    return false;
                }
            }
            out.push('}');
        }
    }
    out.len() <= end
}

/// The shortest digits that are read back as the same number, with a point and the exponent's
/// sign, which YAML 1.1 asks for.
fn float(out: &mut String, x: f64) {
    if !x.is_finite() {
        out.push_str(match (x.is_nan(), x > 0.0) {
            (true, _) => ".nan",
            (_, true) => ".inf",
            _ => "-.inf",
        });
        return;
    }
    let digits = format!("{x:?}");
    match digits.split_once('e') {
        None => out.push_str(&digits),
        Some((mantissa, exponent)) => {
            let point = if mantissa.contains('.') { "" } else { ".0" };
            let sign = if exponent.starts_with('-') { "" } else { "+" };
            out.push_str(&format!("{mantissa}{point}e{sign}{exponent}"));
        }
    }
}

/// Words that YAML 1.1 or 1.2 reads as something else than text.
const RESERVED: [&str; 8] = ["true", "false", "null", "yes", "no", "on", "off", "y"];

/// A text, in quotes unless it cannot be taken for anything else.
fn text(out: &mut String, t: &str) {
    let plain = t.starts_with(|c: char| c.is_ascii_alphabetic())
        && t.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c))
        && t != "n"
        && t != "N"
        && !RESERVED.iter().any(|word| t.eq_ignore_ascii_case(word));
    if plain {
        out.push_str(t);
        return;
    }
    out.push('"');
    for c in t.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Tree {
        let long = "x".repeat(60);
        let words =
            ["a b", "43..85", "true", "N", "1e5", "", "é\"\\\n\u{7}\u{85}", "- a: #b", "a/b-c"];
        Tree::Map(vec![
            ("none".into(), Tree::Null),
            ("yes".into(), Tree::Bool(true)),
            ("numbers".into(), Tree::List(vec![Tree::Int(-3), Tree::Int(u64::MAX.into())])),
            ("words".into(), Tree::List(words.map(|w| Tree::Text(w.into())).into())),
            ("empty".into(), Tree::List(vec![])),
            (
                "rows".into(),
                Tree::List(vec![
                    Tree::Map(vec![
                        ("a".into(), Tree::Text(long.clone())),
                        ("b".into(), Tree::Text(long.clone())),
                    ]),
                    Tree::List(vec![Tree::Text(long.clone()), Tree::Text(long)]),
                    Tree::Map(vec![]),
                ]),
            ),
        ])
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = write(&sample()).expect("writes");
        assert_eq!(parse(&text), Ok(sample()), "{text}");
        assert!(text.contains("numbers: [-3, 18446744073709551615]\n"), "{text}");
        assert!(text.lines().all(|l| l.len() <= WIDTH), "{text}");
    }

    #[test]
    fn numbers_keep_their_value_and_their_kind() {
        for x in [0.1, 1.0, 1e-7, 1.5e300, -2.5e-9, 1e16, f64::MIN_POSITIVE, -0.0] {
            let text = write(&Tree::List(vec![Tree::Float(x)])).expect("writes");
            let back: Vec<f64> = read(&text).expect(&text);
            assert_eq!(back[0].to_bits(), x.to_bits(), "{text}");
            assert!(text.contains('.'), "YAML 1.1 reads `{text}` as text");
        }
    }

    #[test]
    fn more_than_can_be_held_is_refused() {
        let text = format!("[{}]", "a,".repeat(MOST_ENTRIES));
        let error = read::<Vec<String>>(&text).expect_err("too many");
        assert!(error.contains("16777217 entries"), "{error}");
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let error = parse(&deep).expect_err("too deep");
        assert!(error.contains("100000 deep"), "{error}");
        let repeated = format!("[&a {}{}]", "x".repeat(1_000_000), ", *a".repeat(1000));
        let error = parse(&repeated).expect_err("too much");
        assert!(error.contains("1000 aliases"), "{error}");
        let error = read::<u8>(&"x".repeat(1_000_000)).expect_err("no number");
        assert!(error.len() < 2 * LONGEST, "{error}");
    }
}
