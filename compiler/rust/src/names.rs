//! Identifiers of the generated code, from the names of the source.

use std::collections::BTreeSet;

/// Names in use, so that a new one can avoid them.
#[derive(Clone, Debug, Default)]
pub struct Names {
    used: BTreeSet<String>,
}

impl Names {
    /// With names that are taken from the start.
    pub fn reserving(reserved: &[&str]) -> Names {
        Names { used: reserved.iter().map(|name| name.to_string()).collect() }
    }

    /// The identifier for `wanted`, followed by a number if it is in use.
    pub fn unique(&mut self, wanted: &str) -> String {
        let base = snake(wanted);
        let mut name = base.clone();
        let mut number = 2;
        while !self.used.insert(name.clone()) {
            name = format!("{base}_{number}");
            number += 1;
        }
        name
    }
}

/// A lower-case identifier: `net.lif1.u` becomes `net_lif1_u`.
pub fn snake(text: &str) -> String {
    let mut out = String::new();
    let mut after_lower = false;
    for c in text.chars() {
        if c.is_ascii_uppercase() && after_lower {
            out.push('_');
        }
        after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        let c = if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        if c != '_' || !out.ends_with('_') {
            out.push(c);
        }
    }
    let out = out.trim_matches('_');
    match out.chars().next() {
        None => "x".into(),
        Some(c) if c.is_ascii_digit() => format!("x{out}"),
        Some(_) if KEYWORDS.contains(&out) => format!("{out}_"),
        Some(_) => out.into(),
    }
}

/// The name of a type: `mnist_on_loihi` becomes `MnistOnLoihi`.
pub fn camel(text: &str) -> String {
    let mut out = String::new();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        let mut chars = word.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(chars.as_str());
    }
    let starts_well = out.starts_with(|c: char| c.is_ascii_alphabetic());
    if starts_well && !TYPES.contains(&out.as_str()) { out } else { format!("Network{out}") }
}

/// Types that the generated file means by these names.
const TYPES: &[&str] = &["Data", "Box", "Result", "Option", "Some", "None", "Ok", "Err", "Self"];

/// Words that are not identifiers, in any edition.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_identifiers() {
        assert_eq!(snake("net.lif1.u"), "net_lif1_u");
        assert_eq!(snake("Net.V__Th."), "net_v_th");
        assert_eq!(snake("MnistOnLoihi2.w0X"), "mnist_on_loihi2_w0_x");
        assert_eq!(snake("2nd"), "x2nd");
        assert_eq!(snake("type"), "type_");
        assert_eq!(snake("…"), "x");
        assert_eq!(camel("mnist_on_loihi"), "MnistOnLoihi");
        assert_eq!(camel("MnistOnLoihi"), "MnistOnLoihi");
        assert_eq!(camel("data"), "NetworkData");
        assert_eq!(camel("_1"), "Network1");
    }

    #[test]
    fn equal_names_are_told_apart() {
        let mut names = Names::reserving(&["t"]);
        let given: Vec<String> = ["t", "u", "u", "u_2"].iter().map(|n| names.unique(n)).collect();
        assert_eq!(given, ["t_2", "u", "u_2", "u_2_2"]);
    }
}
