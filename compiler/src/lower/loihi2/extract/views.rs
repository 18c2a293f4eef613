//! Which element of which sender each element of a message is.

use crate::elaborate::Connection;
use crate::ir::Kind;
use crate::tensor::{Tensor, Values, ops};
use crate::types::{Leaf, Node, TExpr, TypedGraph};

/// An element of a sent message: position of the sender among the connection's senders, and
/// of the element in its port's message.
pub type Element = (u32, u32);

/// For every element of a connection's message the element that it is; none where the message
/// is computed from several, which no axon does.
pub fn elements(graph: &TypedGraph, connection: &Connection) -> Option<Vec<Element>> {
    let tensor = view(graph, connection, &connection.message)?;
    let Values::Int(values) = &tensor.values else { return None };
    Some(values.iter().map(|v| ((v >> 32) as u32, (v & 0xffff_ffff) as u32)).collect())
}

fn view(graph: &TypedGraph, connection: &Connection, e: &TExpr) -> Option<Tensor> {
    let go = |x: &TExpr| view(graph, connection, x);
    Some(match &e.node {
        Node::Read(Leaf::Remote(process, port)) => {
            let sender = connection.senders.iter().position(|s| s == &(*process, *port))? as i64;
            let shape = graph.processes.get(*process)?.ports.get(*port)?.shape.clone();
            let n = shape.iter().product::<usize>() as i64;
            Tensor::int(shape, (0..n).map(|i| sender << 32 | i).collect())
        }
        // Elements change their type on the way, not their place.
        Node::Convert(a) if e.kind != Kind::Bool => go(a)?,
        Node::Transpose(axes, a) => go(a)?.transpose(axes),
        Node::Slice(ranges, a) => go(a)?.slice(ranges),
        Node::Reshape(a) => go(a)?.reshape(e.shape.clone()),
        Node::Index { index, of } => {
            let (of, i) = (go(of)?, usize::try_from(index.as_int()?).ok()?);
            let mut ranges: Vec<(usize, usize)> = of.shape.iter().map(|n| (0, *n)).collect();
            if i >= *of.shape.first()? {
                return None;
            }
            *ranges.first_mut()? = (i, i + 1);
            of.slice(&ranges).reshape(e.shape.clone())
        }
        Node::Concat(axis, parts) => {
            let parts: Option<Vec<Tensor>> = parts.iter().map(go).collect();
            ops::join(&parts?, *axis)?
        }
        _ => return None,
    })
}
