//! Which element of which sender each element of a message is.

use snn_ir::network::evaluate::{Once, apply};
use snn_ir::network::{Link, Network, Op, Value};
use snn_ir::scalar::{self, Kind};
use snn_ir::tensor::{Constant, Tensor, Values};
use std::sync::Arc;

/// An element of a sent message: position of the sender among the link's senders, and of the
/// element in its port's message.
pub type Element = (u32, u32);

/// For every element of a link's message the element that it is; none where the message is
/// computed from several, which no axon does.
pub fn elements(network: &Network, link: &Link) -> Option<Vec<Element>> {
    let mut views = Views {
        network,
        link,
        once: Once::new(network, &link.values, Vec::new()),
        found: Vec::new(),
    };
    for value in &link.values {
        let view = views.of(value);
        views.found.push(view);
    }
    let message = views.found.get(link.result.at())?.as_ref()?.dense()?;
    let Values::Int(values) = &message.values else { return None };
    Some(values.iter().map(|v| ((v >> 32) as u32, (v & 0xffff_ffff) as u32)).collect())
}

/// The values of a link, of numbers that stand for elements.
struct Views<'n> {
    network: &'n Network,
    link: &'n Link,
    once: Once<'n>,
    /// By value; none where it is no view.
    found: Vec<Option<Constant>>,
}

impl Views<'_> {
    fn of(&mut self, value: &Value) -> Option<Constant> {
        let arg = |n: usize| self.found.get(value.args.get(n)?.at())?.as_ref();
        let form = (Kind::Int, value.shape.as_slice());
        match &value.op {
            Op::Input(sender) => {
                let (instance, port) = self.link.senders.get(*sender as usize)?.from;
                let shape = self.network.body(instance).ports.get(port as usize)?.shape.clone();
                let n = shape.iter().product::<usize>() as i64;
                let sender = i64::from(*sender);
                let elements = (0..n).map(|i| sender << 32 | i).collect();
                Some(Constant::Dense(Arc::new(Tensor::int(shape, elements))))
            }
            // Elements change their type on the way, not their place.
            Op::Scalar(scalar::Op::Convert(kind)) if *kind != Kind::Bool => arg(0).cloned(),
            Op::Broadcast => arg(0).filter(|of| of.shape() == value.shape).cloned(),
            Op::Transpose(_) | Op::Slice(_) | Op::Reshape | Op::Flip(_) | Op::Concat(_) => {
                let args: Option<Vec<&Constant>> = (0..value.args.len()).map(arg).collect();
                apply(&value.op, form, &args?)
            }
            Op::Index => {
                let index = self.once.get(*value.args.get(1)?)?;
                apply(&value.op, form, &[arg(0)?, &index])
            }
            _ => None,
        }
    }
}
