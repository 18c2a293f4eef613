//! The same program with a process of its own for each part, so that no part shares anything.

use super::tree::{Network, Process, Program};

/// The program with copies of processes and networks that are used more than once; nothing where
/// there are none.
pub fn apart(program: &Program) -> Option<Program> {
    let mut copy = program.clone();
    let mut used: Vec<String> = Vec::new();
    let mut changed = false;
    let main = copy.networks.len().checked_sub(1)?;
    // Networks first: what stands in a copy is then another part.
    let mut copies: Vec<Network> = Vec::new();
    for at in 0..copy.networks[main].parts.len() {
        let text = copy.networks[main].parts[at].1.clone();
        let name = head(&text).to_string();
        let Some(of) = copy.networks.iter().find(|n| n.name == name) else { continue };
        if !used.contains(&name) {
            used.push(name);
            continue;
        }
        let own = format!("{name}Copy{at}");
        copies.push(Network { name: own.clone(), ..of.clone() });
        copy.networks[main].parts[at].1 = text.replacen(&name, &own, 1);
        changed = true;
    }
    copy.networks.splice(main..main, copies);
    let mut number = 0;
    let processes = program.processes.clone();
    for network in &mut copy.networks {
        for (_, text) in &mut network.parts {
            let name = head(text).to_string();
            let plain = name.strip_prefix("lib.").unwrap_or(&name);
            let own: Vec<&Process> = processes.iter().filter(|p| p.name == plain).collect();
            if own.is_empty() {
                continue;
            }
            if !used.contains(&name) {
                used.push(name);
                continue;
            }
            number += 1;
            let new = format!("{plain}Copy{number}");
            copy.processes.extend(own.into_iter().map(|p| Process {
                head: p.head.replacen(plain, &new, 1),
                name: new.clone(),
                ..p.clone()
            }));
            *text = text.replacen(plain, &new, 1);
            changed = true;
        }
    }
    changed.then_some(copy)
}

/// What a part is, without its shape and arguments.
fn head(text: &str) -> &str {
    text.split(['[', '(']).next().unwrap_or(text)
}
