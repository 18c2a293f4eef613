//! Makes a program that shows something wrong small.
//!
//! Every edit has a number, from coarse to fine. They are tried in order, and one that keeps
//! the kind of what is wrong stays.

use super::compare::{Verdict, judge_all};
use super::engine::Engine;
use super::tree::{Expr, Kind, Line, Network, Piece, Process, Program, Stmt};

/// The smallest program found, after at most `attempts` executions, that is wrong in the same
/// kind.
pub fn shrink(program: &Program, kind: &str, engines: &[&dyn Engine], attempts: usize) -> Program {
    let batch = engines.iter().map(|e| e.batch()).max().unwrap_or(1);
    let mut best = program.clone();
    let mut left = attempts;
    loop {
        let before = best.clone();
        let mut next = 0;
        while left > 0 {
            let candidates: Vec<(usize, Program)> = (next..)
                .map_while(|n| Some((n, edited(&best, n)?)))
                .take(batch.min(left))
                .collect();
            let Some((last, _)) = candidates.last() else { break };
            let last = *last;
            left -= candidates.len();
            let changed: Vec<&(usize, Program)> =
                candidates.iter().filter(|(_, p)| *p != best).collect();
            let programs: Vec<&Program> = changed.iter().map(|(_, p)| p).collect();
            let verdicts = judge_all(&programs, engines);
            let same = |v: &Verdict| matches!(v, Verdict::Wrong(wrong) if wrong.kind == kind);
            match verdicts.iter().position(same) {
                Some(found) => {
                    let (n, program) = changed[found].clone();
                    (best, next) = (program, n);
                }
                None => next = last + 1,
            }
        }
        if left == 0 || best == before {
            return best;
        }
    }
}

/// The program after edit `n`; nothing where there are not that many.
fn edited(program: &Program, n: usize) -> Option<Program> {
    let mut program = program.clone();
    let mut editor = Editor { left: n, done: false };
    editor.program(&mut program);
    editor.done.then_some(program)
}

struct Editor {
    left: usize,
    done: bool,
}

/// Whether a text names something.
fn names(text: &str, name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(word);
        let after = text[at + name.len()..].chars().next().is_some_and(word);
        !before && !after
    })
}

impl Editor {
    /// Whether this is the edit to make.
    fn hit(&mut self) -> bool {
        if self.done {
            return false;
        }
        self.done = self.left == 0;
        self.left = self.left.wrapping_sub(1);
        self.done
    }

    /// Removes one of a list.
    fn remove<T>(&mut self, list: &mut Vec<T>) {
        for i in 0..list.len() {
            if self.hit() {
                list.remove(i);
                return;
            }
        }
    }

    fn program(&mut self, p: &mut Program) {
        // All recordings but one, all but a half.
        for i in 0..p.requests.len() {
            if p.requests.len() > 1 && self.hit() {
                p.requests = vec![p.requests[i].clone()];
                return;
            }
        }
        self.parts(p);
        for network in &mut p.networks {
            self.remove(&mut network.resets);
            self.remove(&mut network.links);
        }
        self.remove(&mut p.requests);
        self.unused(p);
        for steps in [p.steps / 2, p.steps * 3 / 4, p.steps.saturating_sub(1)] {
            if steps > 0 && steps < p.steps && self.hit() {
                p.steps = steps;
                return;
            }
        }
        p.processes.iter_mut().for_each(|process| self.process(process));
        self.remove(&mut p.items);
        p.items.iter_mut().for_each(|item| self.line(item));
        self.remove(&mut p.models);
        if !p.arguments.is_empty() && self.hit() {
            p.arguments = String::new();
        }
        for network in &mut p.networks {
            self.remove(&mut network.ports);
            self.arguments(network);
        }
    }

    /// Removes a part with all that names it.
    fn parts(&mut self, p: &mut Program) {
        for n in 0..p.networks.len() {
            for i in 0..p.networks[n].parts.len() {
                if !self.hit() {
                    continue;
                }
                let (name, _) = p.networks[n].parts.remove(i);
                let network = &mut p.networks[n];
                network.links.retain(|l| !names(l, &name));
                network.resets.retain(|l| !names(l, &name));
                p.requests.retain(|r| !names(r, &name));
                p.models.retain(|m| !names(m, &name));
                for other in &mut p.networks {
                    other.resets.retain(|l| !names(l, &name));
                }
                return;
            }
        }
    }

    /// Removes all that no network uses.
    fn unused(&mut self, p: &mut Program) {
        let used = |name: &str, networks: &[Network]| {
            networks.iter().any(|n| n.parts.iter().any(|(_, text)| names(text, name)))
        };
        if p.processes.iter().any(|x| !used(&x.name, &p.networks)) && self.hit() {
            let networks = p.networks.clone();
            p.processes.retain(|x| used(&x.name, &networks));
        }
        let main = p.networks.len().saturating_sub(1);
        let idle = |n: &Network| {
            let text = |m: &Network| m.parts.iter().any(|(_, text)| names(text, &n.name));
            !p.networks.iter().any(text)
        };
        let keep: Vec<bool> =
            p.networks.iter().enumerate().map(|(i, n)| i == main || !idle(n)).collect();
        if keep.contains(&false) && self.hit() {
            let mut keep = keep.into_iter();
            p.networks.retain(|_| keep.next().unwrap_or(true));
        }
    }

    fn arguments(&mut self, network: &mut Network) {
        for (_, text) in &mut network.parts {
            let Some((head, args)) = text.split_once('(') else { continue };
            let args = args.trim_end_matches(')');
            // Only lists without brackets can be taken apart at commas.
            if args.contains(['(', '[']) || args.is_empty() {
                continue;
            }
            let all: Vec<&str> = args.split(", ").collect();
            for i in 0..all.len() {
                if self.hit() {
                    let mut rest = all.clone();
                    rest.remove(i);
                    *text = format!("{head}({})", rest.join(", "));
                    return;
                }
            }
        }
    }

    fn process(&mut self, p: &mut Process) {
        self.remove(&mut p.phases);
        p.phases.iter_mut().for_each(|phase| self.block(&mut phase.body));
        self.remove(&mut p.members);
        for phase in &mut p.phases {
            if phase.guard.is_some() && self.hit() {
                phase.guard = None;
            }
        }
        if p.elsewhere && self.hit() {
            p.elsewhere = false;
        }
        p.members.iter_mut().for_each(|line| self.line(line));
    }

    fn line(&mut self, line: &mut Line) {
        line.value.iter_mut().for_each(|value| self.expr(value));
    }

    fn block(&mut self, stmts: &mut Vec<Stmt>) {
        self.remove(stmts);
        for i in 0..stmts.len() {
            let inner = match &mut stmts[i] {
                Stmt::If { then, els, .. } => [std::mem::take(then), std::mem::take(els)],
                _ => continue,
            };
            // What a condition guards, without the condition.
            for side in &inner {
                if !side.is_empty() && self.hit() {
                    stmts.splice(i..=i, side.clone());
                    return;
                }
            }
            let [mut first, mut second] = inner;
            self.block(&mut first);
            self.block(&mut second);
            if let Stmt::If { then, els, cond } = &mut stmts[i] {
                (*then, *els) = (first, second);
                self.expr(cond);
            }
        }
        for stmt in stmts {
            match stmt {
                Stmt::Assign { target, op, value, mask } => {
                    if mask.is_some() && self.hit() {
                        *mask = None;
                    }
                    if *op != "=" && self.hit() {
                        *op = "=";
                    }
                    self.expr(value);
                    mask.iter_mut().for_each(|mask| self.expr(mask));
                    for piece in &mut target.pieces {
                        if let Piece::Part(part) = piece {
                            self.expr(part);
                        }
                    }
                }
                Stmt::Let { ty, value, .. } => {
                    if ty.is_some() && self.hit() {
                        *ty = None;
                    }
                    self.expr(value);
                }
                Stmt::If { .. } => {}
            }
        }
    }

    /// An operand in place of the whole, a number, or the same inside.
    fn expr(&mut self, e: &mut Expr) {
        if self.done {
            return;
        }
        let operands: Vec<Expr> = e
            .pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Part(part) if part.kind == e.kind => Some(part.clone()),
                _ => None,
            })
            .collect();
        for operand in operands {
            if self.hit() {
                *e = operand;
                return;
            }
        }
        let text = e.to_string();
        let numbers: &[&str] = match e.kind {
            Kind::Bool => &["false", "true"],
            Kind::Int => &["0", "1"],
            Kind::F32 => &["f32(0.0)", "f32(1.0)"],
            Kind::F64 => &["0.0", "1.0"],
        };
        // A number is the end: nothing is simpler.
        if !numbers.contains(&text.as_str()) {
            for number in numbers {
                if self.hit() {
                    *e = Expr { kind: e.kind, shape: Vec::new(), pieces: vec![(*number).into()] };
                    return;
                }
            }
        }
        for piece in &mut e.pieces {
            if let Piece::Part(part) = piece {
                self.expr(part);
            }
        }
    }
}
