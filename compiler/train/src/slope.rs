//! The slopes that spikes are given.
//!
//! A spike is a step: its derivative is 0, and nothing would be learned. It is given the slope of a
//! smooth step instead, a bell around the threshold. See E. Neftci, H. Mostafa and F. Zenke,
//! *Surrogate gradient learning in spiking neural networks*, 2019.

use snn_ir::network::adjoint::{Builder, Built, Comparison};
use snn_ir::network::{Stage, ValueId};
use snn_ir::scalar::{Kind, Op};

/// The form of a bell, by how far `x` from the threshold is, in widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bell {
    /// `exp(-|x|)`: S. B. Shrestha and G. Orchard, *SLAYER*, 2018.
    Exponential,
    /// `1 / (1 + |x|)²`: F. Zenke and S. Ganguli, *SuperSpike*, 2018.
    FastSigmoid,
    /// `max(0, 1 - |x|)`: S. K. Esser et al., *Convolutional networks for fast, energy-efficient
    /// neuromorphic computing*, 2016.
    Triangle,
    /// 1 where `|x| < 1`, else 0.
    Box,
}

/// A slope.
///
/// Membranes are measured by their threshold: that of a chip is tens of thousands, that of a float
/// network 1. The slope by the difference `d` of a comparison's operands is
/// `scale · bell(d / (width · θ)) / θ`, where `θ` is the size of that operand which is known before
/// the first step (1 where it is 0, and where both or none are known).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surrogate {
    /// Its form.
    pub bell: Bell,
    /// How wide it is, in thresholds; more than 0.
    pub width: f64,
    /// How steep it is at the threshold.
    pub scale: f64,
}

impl Surrogate {
    /// The slope of a comparison, in the kind of its difference.
    ///
    /// # Errors
    /// Where there are too many values.
    pub fn slope(&self, b: &mut Builder<'_>, of: Comparison) -> Result<Option<ValueId>, String> {
        let kind = b.value(of.difference)?.kind;
        let threshold = threshold(b, of, kind)?;
        let width = b.number(kind, self.width)?;
        let width = b.scalar(Op::Mul, &[threshold, width])?;
        let x = b.scalar(Op::Div, &[of.difference, width])?;
        let x = b.scalar(Op::Abs, &[x])?;
        let bell = self.bell.at(b, x, kind)?;
        let scale = b.number(kind, self.scale)?;
        let steep = b.scalar(Op::Div, &[scale, threshold])?;
        b.scalar(Op::Mul, &[bell, steep]).map(Some)
    }
}

impl Bell {
    /// Its value at `x`, which is not negative.
    fn at(self, b: &mut Builder<'_>, x: ValueId, kind: Kind) -> Built {
        let (zero, one) = (b.number(kind, 0.0)?, b.number(kind, 1.0)?);
        match self {
            Bell::Exponential => {
                let negative = b.scalar(Op::Neg, &[x])?;
                b.scalar(Op::Exp, &[negative])
            }
            Bell::FastSigmoid => {
                let more = b.scalar(Op::Add, &[one, x])?;
                let square = b.scalar(Op::Mul, &[more, more])?;
                b.scalar(Op::Div, &[one, square])
            }
            Bell::Triangle => {
                let less = b.scalar(Op::Sub, &[one, x])?;
                b.scalar(Op::Max, &[less, zero])
            }
            Bell::Box => {
                let near = b.scalar(Op::Lt, &[x, one])?;
                b.scalar(Op::Select, &[near, one, zero])
            }
        }
    }
}

/// By what the difference of a comparison is measured: a number of a kind.
fn threshold(b: &mut Builder<'_>, of: Comparison, kind: Kind) -> Built {
    let args = b.value(of.id)?.args.clone();
    let one = b.number(kind, 1.0)?;
    let mut known = Vec::new();
    for arg in args {
        if b.value(arg)?.stage == Stage::Once {
            known.push(arg);
        }
    }
    let [threshold] = known[..] else { return Ok(one) };
    let threshold = b.convert(threshold, kind)?;
    let size = b.scalar(Op::Abs, &[threshold])?;
    let zero = b.number(kind, 0.0)?;
    let none = b.scalar(Op::Eq, &[size, zero])?;
    b.scalar(Op::Select, &[none, one, size])
}
