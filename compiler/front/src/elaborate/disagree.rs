//! Connections whose ends have different shapes: which argument is to blame, and what to write.

use super::connect::{Edge, Sent};
use super::tree::{Node, Tree};
use crate::types::{Cx, Val};
use snn_grammar::ast::{Dim, Expr, ExprKind};
use snn_ir::diagnostics::{Code, Diagnostic, Edit, Fix, Loc};
use snn_ir::tensor::ops::broadcast;
use std::collections::BTreeMap;

/// What told the value of a shape parameter.
#[derive(Clone)]
pub struct Origin {
    /// Where: an argument, a connection, or the sizes given with the process.
    pub loc: Loc,
    /// The param, by position, where it is an argument.
    pub param: Option<usize>,
}

/// A connection whose ends have shapes that are known, and differ.
pub struct Disagreement {
    /// The edge.
    pub edge: usize,
    /// The shape that is sent.
    pub sent: Vec<usize>,
    /// The shape that is taken.
    pub taken: Vec<usize>,
}

impl Node {
    /// What told the first shape parameter of a declared shape of which that is known.
    pub fn origin<'d>(&self, dims: &'d [Dim]) -> Option<(&'d str, &Origin)> {
        let mut names = dims.iter().filter_map(|dim| match dim {
            Dim::Spread(name) => Some(name.name.as_str()),
            Dim::Size(Expr { kind: ExprKind::Name(name), .. }) => Some(name.as_str()),
            Dim::Size(_) => None,
        });
        names.find_map(|name| Some((name, self.origins.get(name)?)))
    }

    /// The param, by position, whose argument told (a part of) the shape of a port.
    fn param_behind(&self, port: usize) -> Option<usize> {
        self.origin(&self.ports[port].ty.shape)?.1.param
    }
}

/// One error for each argument that makes connections disagree, and one for each connection
/// that disagrees without one.
pub fn report(cx: &mut Cx<'_>, tree: &Tree, found: &[Disagreement]) {
    // The ends of each, the receiver first, whose shapes follow from an argument.
    let ends: Vec<Vec<(usize, usize)>> = found
        .iter()
        .map(|d| {
            let edge = &tree.edges[d.edge];
            let ports = [Some(edge.to), sender(&edge.from)];
            let blamed = ports.into_iter().flatten();
            blamed.filter_map(|(n, p)| Some((n, tree.nodes[n].param_behind(p)?))).collect()
        })
        .collect();
    let mut open: Vec<usize> = (0..found.len()).collect();
    while let Some(first) = open.first().copied() {
        // The argument behind most of what is left says most.
        let mut counts: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        open.iter().flat_map(|i| &ends[*i]).for_each(|end| *counts.entry(*end).or_default() += 1);
        let most = counts.values().max().copied().unwrap_or(0);
        let end = open.iter().flat_map(|i| &ends[*i]).find(|end| counts[*end] == most).copied();
        match end {
            Some(end) => {
                // What is sent to it shows the shape that its argument should have.
                let of = || open.iter().copied().filter(|i| ends[*i].contains(&end));
                let shown = of().find(|i| tree.edges[found[*i].edge].to.0 == end.0);
                let shown = shown.or(of().next()).unwrap_or(first);
                cx.sink.push(argument(tree, &found[shown], end));
                open.retain(|i| !ends[*i].contains(&end));
            }
            None => {
                cx.sink.push(connection(tree, &found[first]));
                open.remove(0);
            }
        }
    }
}

/// The port that a source is (a view of).
fn sender(source: &Sent) -> Option<(usize, usize)> {
    match source {
        Sent::Port(node, port) => Some((*node, *port)),
        Sent::Method { of, .. } | Sent::Index { of, .. } => sender(of),
        Sent::Concat { .. } => None,
    }
}

/// The ends of a connection in words, each with its shape.
struct Sides {
    sends: String,
    takes: String,
}

fn sides(tree: &Tree, edge: &Edge, d: &Disagreement) -> Sides {
    let taker = &tree.nodes[edge.to.0];
    Sides {
        sends: format!("{} sends {:?}", edge.from.described(tree).0, d.sent),
        takes: format!("`{}.{}` takes {:?}", taker.shown(), taker.ports[edge.to.1].name, d.taken),
    }
}

/// An argument of the wrong shape.
fn argument(tree: &Tree, d: &Disagreement, (node, param): (usize, usize)) -> Diagnostic {
    let edge = &tree.edges[d.edge];
    let state = &tree.nodes[node].params[param];
    let Sides { sends, takes } = sides(tree, edge, d);
    let receives = edge.to.0 == node;
    let (own, needed, other, follows) = match receives {
        true => (&d.taken, &d.sent, sender(&edge.from), &takes),
        false => (&d.sent, &d.taken, Some(edge.to), &sends),
    };
    let loc = Loc { file: state.file, span: state.value.span };
    let shape = match &state.known {
        Some(Val::Expr(e)) => e.shape.clone(),
        _ => own.clone(),
    };
    let message = format!("the shape of `{}` does not fit: {sends}, but {takes}", state.name);
    let what = match shape == *own {
        true => format!("has shape {shape:?}"),
        false => format!("has shape {shape:?}, so that {follows}"),
    };
    let mut diagnostic = Diagnostic::new(Code::E0201, message, loc, what).sides(&d.sent, &d.taken);
    diagnostic = diagnostic.label(edge.loc, if receives { sends } else { takes });
    let behind = other.and_then(|(n, p)| tree.nodes[n].origin(&tree.nodes[n].ports[p].ty.shape));
    if let Some((_, origin)) = behind.filter(|(_, origin)| origin.loc != edge.loc) {
        diagnostic = diagnostic.label(origin.loc, format!("{needed:?} follows from this"));
    }
    let joint = broadcast(&shape, needed).filter(|joint| joint == needed && shape == *own);
    match joint {
        Some(_) => {
            let text = format!("one value for all along the other axes: `zeros({needed:?}) + …`");
            let spread = format!("zeros({needed:?}) + ");
            diagnostic.fix(text, Fix::proposed(operand(&state.value, loc, &spread, "")))
        }
        None if shape == *own => {
            reshaped(diagnostic, &|view| operand(&state.value, loc, "", view), (own, needed))
        }
        // What is sent may only lie differently.
        None => {
            let view = |view: &str| vec![Edit::after(edge.sent, view)];
            reshaped(diagnostic, &view, (&d.sent, &d.taken))
        }
    }
}

const SAME: &str = "give both the same shape, or take a part: `a[0..64] -> b`";

/// A connection that no argument explains.
fn connection(tree: &Tree, d: &Disagreement) -> Diagnostic {
    let edge = &tree.edges[d.edge];
    let taker = &tree.nodes[edge.to.0];
    let port = &taker.ports[edge.to.1];
    let Sides { takes, .. } = sides(tree, edge, d);
    let message =
        format!("the shapes of this connection disagree: {:?} does not fit {:?}", d.sent, d.taken);
    let (text, from) = edge.from.described(tree);
    let what = format!("{text} has shape {:?}", d.sent);
    let mut diagnostic =
        Diagnostic::new(Code::E0201, message, edge.loc, what).label(port.loc, takes);
    diagnostic = diagnostic.sides(&d.sent, &d.taken);
    if let Some(from) = from {
        diagnostic = diagnostic.label(from, "sent from here");
    }
    let ends = [sender(&edge.from), Some(edge.to)].into_iter().flatten();
    for (n, p) in ends {
        let node = &tree.nodes[n];
        if let Some((name, origin)) = node.origin(&node.ports[p].ty.shape)
            && origin.loc != edge.loc
        {
            diagnostic = diagnostic.label(origin.loc, format!("`{name}` follows from this"));
        }
    }
    reshaped(diagnostic, &|view| vec![Edit::after(edge.sent, view)], (&d.sent, &d.taken))
}

/// Proposes to reshape from the one shape to the other, where the elements are as many.
fn reshaped(
    diagnostic: Diagnostic,
    edits: &dyn Fn(&str) -> Vec<Edit>,
    (from, to): (&[usize], &[usize]),
) -> Diagnostic {
    if from.iter().product::<usize>() != to.iter().product::<usize>() {
        return diagnostic.help(SAME);
    }
    let view = format!(".reshape({to:?})");
    let text = format!("both have as many elements: `{view}` fits");
    diagnostic.fix(text, Fix::proposed(edits(&view)))
}

/// Puts texts around an expression that becomes an operand by them.
fn operand(e: &Expr, loc: Loc, before: &str, after: &str) -> Vec<Edit> {
    match e.kind {
        ExprKind::Unary(..) | ExprKind::Binary(..) => {
            Edit::around(loc, &format!("{before}("), &format!("){after}"))
        }
        _ if after.is_empty() => vec![Edit::before(loc, before)],
        _ => vec![Edit::after(loc, after)],
    }
}
