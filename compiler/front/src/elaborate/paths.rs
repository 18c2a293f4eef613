//! Dotted paths and globs: what a reset, a record or a model choice names.

use snn_grammar::ast::{Pattern, PatternPart};
use std::collections::BTreeMap;

/// What one match of a pattern names: a whole instance, or one of its variables or ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
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
    parts.len() == pattern.parts.len() && matches_prefix(&pattern.parts, &parts)
}

/// The path that a pattern without globs and sets is.
pub fn plain(pattern: &Pattern) -> Option<String> {
    Some(pattern.parts.iter().map(exact).collect::<Option<Vec<&str>>>()?.join("."))
}

/// The name that a part of a pattern is, if it is one.
fn exact(part: &PatternPart) -> Option<&str> {
    match part.globs.as_slice() {
        [name] if !name.contains('*') => Some(name),
        _ => None,
    }
}

/// Whether a pattern is just this name.
pub fn is_name(pattern: &Pattern, name: &str) -> bool {
    matches!(pattern.parts.as_slice(), [part] if part.globs == [name])
}

/// Whether a pattern may name (something in) the part of this path, or that among others.
pub fn may_be_within(pattern: &Pattern, path: &str) -> bool {
    let parts: Vec<&str> = path.split('.').collect();
    let most = parts.len().min(pattern.parts.len());
    matches_prefix(&pattern.parts[..most], &parts)
}

/// Whether a pattern's parts match the first parts of a path.
fn matches_prefix(pattern: &[PatternPart], path: &[&str]) -> bool {
    let matches = |(part, name): (&PatternPart, &&str)| part.globs.iter().any(|g| glob(g, name));
    pattern.len() <= path.len() && pattern.iter().zip(path).all(matches)
}

/// Instances by path, so that a pattern is compared only with those that it can name.
pub struct Places(BTreeMap<String, usize>);

impl Places {
    /// The instances of these paths, numbered in order.
    pub fn new<'p>(paths: impl Iterator<Item = &'p str>) -> Places {
        Places(paths.enumerate().map(|(i, path)| (path.to_string(), i)).collect())
    }

    /// The instance of a path.
    pub fn at(&self, path: &str) -> Option<usize> {
        self.0.get(path).copied()
    }

    /// The paths of all instances within the network of a path, and of their members, from there
    /// on: what a pattern there can name.
    pub fn paths<'m>(&self, within: &str, members: impl Fn(usize) -> Vec<&'m str>) -> Vec<String> {
        let everything = Pattern { parts: Vec::new(), span: Default::default() };
        let mut paths = Vec::new();
        for (id, path) in self.candidates(within, &everything) {
            paths.extend(members(id).into_iter().map(|member| format!("{path}.{member}")));
            paths.push(path.to_string());
        }
        paths
    }

    /// What a pattern that stands in the network of path `within` (empty for the run's own)
    /// names, in the order of instances; `members` gives the names of an instance's members.
    pub fn targets<'m>(
        &self,
        within: &str,
        pattern: &Pattern,
        members: impl Fn(usize) -> Vec<&'m str>,
    ) -> Vec<Named> {
        let mut found = Vec::new();
        for (id, path) in self.candidates(within, pattern) {
            let parts: Vec<&str> = path.split('.').collect();
            if matches_prefix(&pattern.parts, &parts) {
                found.push(Named::Instance(id));
                continue;
            }
            let Some((last, head)) = pattern.parts.split_last() else { continue };
            if head.len() == parts.len() && matches_prefix(head, &parts) {
                let members = members(id).into_iter();
                let matching = members.filter(|m| last.globs.iter().any(|g| glob(g, m)));
                found.extend(matching.map(|m| Named::Member(id, m.into())));
            }
        }
        found.sort_by_key(|target| match target {
            Named::Instance(id) | Named::Member(id, _) => *id,
        });
        found
    }

    /// The instances whose paths begin as the pattern does up to its first glob, and the one
    /// that it may name a member of; with their paths from `within` on.
    fn candidates<'s>(&'s self, within: &str, pattern: &Pattern) -> Vec<(usize, &'s str)> {
        let mut known: Vec<String> = Vec::new();
        known.extend(Some(within.to_string()).filter(|w| !w.is_empty()));
        let outside = known.len();
        known.extend(pattern.parts.iter().map_while(exact).map(String::from));
        let all_known = known.len() - outside == pattern.parts.len();
        let path = known.join(".");
        let mut found: Vec<(&String, usize)> = Vec::new();
        if path.is_empty() {
            found.extend(self.0.iter().map(|(path, id)| (path, *id)));
        } else {
            // `/` follows `.`, so that these are all paths that go on after it.
            let below = format!("{path}.")..format!("{path}/");
            found.extend(self.0.get_key_value(&path).map(|(path, id)| (path, *id)));
            found.extend(self.0.range(below).map(|(path, id)| (path, *id)));
        }
        if all_known && known.len() > 1 {
            known.pop();
            let owner = self.0.get_key_value(&known.join("."));
            found.extend(owner.map(|(path, id)| (path, *id)));
        }
        let relative = |path: &'s str| match within {
            "" => Some(path),
            _ => path.strip_prefix(within)?.strip_prefix('.'),
        };
        found.into_iter().filter_map(|(path, id)| Some((id, relative(path)?))).collect()
    }
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
