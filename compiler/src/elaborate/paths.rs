//! Dotted paths and globs: what a reset, a record or a model choice names.

use snn_grammar::ast::Pattern;

/// What one match of a pattern names: a whole instance, or one of its variables or ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Everything of the instance.
    Instance(usize),
    /// The variable or port of that name.
    Member(usize, String),
}

/// Whether a glob (`lif*`) matches a name.
pub fn glob(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(tail) = name.strip_prefix(head) else { return false };
    (0..=tail.len()).any(|i| tail.is_char_boundary(i) && glob(rest, &tail[i..]))
}

/// Whether a pattern matches a dotted path from start to end.
pub fn matches_whole(pattern: &Pattern, path: &str) -> bool {
    let parts: Vec<&str> = path.split('.').collect();
    parts.len() == pattern.parts.len() && matches_prefix(pattern, &parts)
}

/// Whether a pattern is just this name.
pub fn is_name(pattern: &Pattern, name: &str) -> bool {
    matches!(pattern.parts.as_slice(), [part] if part.globs == [name])
}

/// Whether the pattern's parts match the first parts of a path.
fn matches_prefix(pattern: &Pattern, path: &[&str]) -> bool {
    pattern.parts.len() <= path.len()
        && pattern
            .parts
            .iter()
            .zip(path)
            .all(|(part, name)| part.globs.iter().any(|g| glob(g, name)))
}

/// What a pattern names among instances, given by their paths relative to where the pattern
/// stands (none where an instance is elsewhere) with the names of their members.
pub fn targets<'a>(
    pattern: &Pattern,
    instances: impl Iterator<Item = (usize, Option<&'a str>, Vec<&'a str>)>,
) -> Vec<Target> {
    let mut found = Vec::new();
    for (id, path, members) in instances {
        let Some(path) = path else { continue };
        let parts: Vec<&str> = path.split('.').collect();
        if matches_prefix(pattern, &parts) {
            found.push(Target::Instance(id));
            continue;
        }
        let Some(last) = pattern.parts.last() else { continue };
        let head = Pattern {
            parts: pattern.parts[..pattern.parts.len() - 1].to_vec(),
            span: pattern.span,
        };
        if head.parts.len() == parts.len() && matches_prefix(&head, &parts) {
            let matching = members.into_iter().filter(|m| last.globs.iter().any(|g| glob(g, m)));
            found.extend(matching.map(|m| Target::Member(id, m.into())));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn globs() {
        assert!(glob("lif*", "lif1"));
        assert!(glob("*", ""));
        assert!(glob("a*b*c", "aXbYbc"));
        assert!(!glob("lif*", "dense"));
        assert!(!glob("lif", "lif1"));
    }
}
