//! The slopes that spikes are given.
//!
//! A spike is a step: its derivative is 0, and nothing would be learned. It is given the slope of a
//! smooth step instead, a bell around the threshold. See E. Neftci, H. Mostafa and F. Zenke,
//! *Surrogate gradient learning in spiking neural networks*, 2019.

use snn_ir::network::adjoint::{Builder, Built, Comparison};
use snn_ir::network::{Stage, ValueId};
use snn_ir::scalar::{Kind, Op};
use snn_ir::training::{Slope, SlopeForm};

/// A slope.
///
/// Membranes are measured by their threshold: that of a chip is tens of thousands, that of a float
/// network 1. The slope by the difference `d` of a comparison's operands is
/// `scale · form(d / (width · θ)) / θ`, where `θ` is the size of that operand which is known before
/// the first step (1 where it is 0, and where both or none are known).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surrogate {
    /// Its form and width.
    pub slope: Slope,
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
        let width = b.number(kind, self.slope.width)?;
        let width = b.scalar(Op::Mul, &[threshold, width])?;
        let x = b.scalar(Op::Div, &[of.difference, width])?;
        let x = b.scalar(Op::Abs, &[x])?;
        let bell = at(self.slope.form, b, x, kind)?;
        let scale = b.number(kind, self.scale)?;
        let steep = b.scalar(Op::Div, &[scale, threshold])?;
        b.scalar(Op::Mul, &[bell, steep]).map(Some)
    }
}

/// The value of a form at `x`, how far the threshold is in widths.
fn at(form: SlopeForm, b: &mut Builder<'_>, x: ValueId, kind: Kind) -> Built {
    let (zero, one) = (b.number(kind, 0.0)?, b.number(kind, 1.0)?);
    match form {
        SlopeForm::Exponential => {
            let negative = b.scalar(Op::Neg, &[x])?;
            b.scalar(Op::Exp, &[negative])
        }
        SlopeForm::FastSigmoid => {
            let more = b.scalar(Op::Add, &[one, x])?;
            let square = b.scalar(Op::Mul, &[more, more])?;
            b.scalar(Op::Div, &[one, square])
        }
        SlopeForm::Triangle => {
            let less = b.scalar(Op::Sub, &[one, x])?;
            b.scalar(Op::Max, &[less, zero])
        }
        SlopeForm::Box => {
            let near = b.scalar(Op::Lt, &[x, one])?;
            b.scalar(Op::Select, &[near, one, zero])
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
