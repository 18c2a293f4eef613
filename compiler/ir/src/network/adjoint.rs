//! Adjoints: how a change of a result goes back to what it is computed from.
//!
//! The adjoint (or gradient) of a value is, for each of its elements, the derivative of some
//! number by that element. It is a float of the value's shape: of kind `F32` where the value is,
//! else `F64`, also for integers and booleans. It is made of the operations of the network IR;
//! the table at the top of [`crate::network`] says of which.
//!
//! [`gradients`] is one step of reverse accumulation, [`backward`] all of them: A. Griewank and
//! A. Walther, *Evaluating Derivatives*, 2nd edition, 2008, chapter 3. The adjoints of products
//! are those of M. Giles, *Collected matrix derivative results for forward and reverse mode
//! algorithmic differentiation*, 2008, section 2.2.

mod arrays;
mod builder;
mod conv;
mod scalars;

pub use builder::{Builder, Built, adjoint_kind};

use super::{Mark, Op, Value, ValueId, infer};
use crate::scalar;

/// A comparison that makes a spike, whose derivative the caller chooses.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// The comparison.
    pub id: ValueId,
    /// Which: `Gt`, `Ge`, `Lt` or `Le`.
    pub op: scalar::Op,
    /// Why it is taken for one.
    pub mark: Mark,
    /// The first operand minus the second, a float of the comparison's shape.
    pub difference: ValueId,
}

/// Gives the slope of the step from 0 to 1 at a difference: a float of the comparison's shape or
/// a scalar, not negative as a rule. The step of `Lt` and `Le` falls; the sign is not the
/// caller's. See E. Neftci, H. Mostafa and F. Zenke, *Surrogate gradient learning in spiking
/// neural networks*, 2019.
pub type Slope<'s> =
    &'s mut dyn FnMut(&mut Builder<'_>, Comparison) -> Result<Option<ValueId>, String>;

/// The slope that a comparison has: none.
///
/// # Errors
/// Never.
pub fn hard(_: &mut Builder<'_>, _: Comparison) -> Result<Option<ValueId>, String> {
    Ok(None)
}

/// The gradients of the arguments of a value, given that of the value (a float of its shape, or
/// a scalar that is each of its elements): argument and gradient, for every argument that is
/// `needed` and has one. An argument that stands twice occurs twice.
///
/// # Errors
/// Where the value is not there or its form is not that of its operation, where the gradient has
/// another shape, and where `slope` fails.
pub fn gradients(
    b: &mut Builder<'_>,
    id: ValueId,
    gradient: ValueId,
    needed: &dyn Fn(ValueId) -> bool,
    slope: Slope<'_>,
) -> Result<Vec<(ValueId, ValueId)>, String> {
    let of = b.value(id)?.clone();
    let args: Result<Vec<&Value>, String> = of.args.iter().map(|a| b.value(*a)).collect();
    infer::check(&of, &args?).map_err(|why| format!("%{}: {why}", id.0))?;
    let g = fit(b, gradient, &of)?;
    b.place = of.place;
    let wanted: Vec<usize> = (0..of.args.len()).filter(|at| needed(of.args[*at])).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::with_capacity(wanted.len());
    match &of.op {
        Op::Const(_) | Op::Param(_) | Op::Time | Op::Var(_) | Op::Input(_) | Op::Random { .. } => {}
        // Whether a message is there: of a spike it is the spike.
        Op::Scalar(scalar::Op::Ne) if b.is_zero(of.args[1])? => {
            if wanted.contains(&0) {
                found.push((0, g));
            }
        }
        Op::Scalar(op) if op.is_comparison() => {
            if let Some(first) = scalars::difference(b, (*op, id, &of), g, slope)? {
                for at in wanted {
                    let negated = at == 1;
                    let g = if negated { b.scalar(scalar::Op::Neg, &[first])? } else { first };
                    found.push((at, g));
                }
            }
        }
        Op::Scalar(op) => {
            for at in wanted {
                if let Some(g) = scalars::operand(b, (*op, id, &of), g, at)? {
                    found.push((at, g));
                }
            }
        }
        Op::Concat(axis) => {
            let mut lo = 0;
            for (at, arg) in of.args.iter().enumerate() {
                let hi = lo + b.value(*arg)?.shape.get(*axis).copied().unwrap_or(0);
                if needed(*arg) {
                    found.push((at, b.slice(g, *axis, (lo, hi))?));
                }
                lo = hi;
            }
        }
        _ => {
            for at in wanted {
                if let Some(g) = arrays::argument(b, &of, g, at)? {
                    found.push((at, g));
                }
            }
        }
    }
    let mut fitted = Vec::with_capacity(found.len());
    for (at, g) in found {
        let arg = b.value(of.args[at])?.clone();
        fitted.push((of.args[at], reduced(b, g, &arg)?));
    }
    Ok(fitted)
}

/// The gradients of `leaves`, given those of some values (`seeds`): reverse accumulation over
/// all that lies between them, each value once. `None` for a leaf on which no seed depends.
///
/// A leaf is any value; what it depends on is walked through where another leaf is there.
/// Nothing is appended for values that depend on no leaf. The cost is linear in the values that
/// come before the last seed.
///
/// # Errors
/// As [`gradients`].
pub fn backward(
    b: &mut Builder<'_>,
    seeds: &[(ValueId, ValueId)],
    leaves: &[ValueId],
    slope: Slope<'_>,
) -> Result<Vec<Option<ValueId>>, String> {
    let count = seeds.iter().map(|(id, _)| id.at() + 1).max().unwrap_or(0);
    let mut depends = vec![false; count.min(b.values().len())];
    for leaf in leaves {
        if let Some(at) = depends.get_mut(leaf.at()) {
            *at = true;
        }
    }
    for at in 0..depends.len() {
        let known = |a: &ValueId| a.at() < at && depends[a.at()];
        depends[at] = depends[at] || b.values()[at].args.iter().any(known);
    }
    let mut sums: Vec<Option<ValueId>> = vec![None; depends.len()];
    let add = |b: &mut Builder<'_>, sums: &mut Vec<Option<ValueId>>, id: ValueId, g| {
        let sum = sums.get_mut(id.at()).ok_or("an argument comes later")?;
        *sum = Some(match *sum {
            Some(known) => b.scalar(scalar::Op::Add, &[known, g])?,
            None => g,
        });
        Ok::<(), String>(())
    };
    for (id, gradient) in seeds {
        let of = b.value(*id)?.clone();
        let gradient = fit(b, *gradient, &of)?;
        add(b, &mut sums, *id, gradient)?;
    }
    // Arguments have smaller numbers, so that a sum is complete when its value is reached.
    for at in (0..depends.len()).rev() {
        let needed = |a: ValueId| a.at() < at && depends[a.at()];
        if let (true, Some(g)) = (depends[at], sums[at]) {
            for (arg, g) in gradients(b, ValueId(at as u32), g, &needed, slope)? {
                add(b, &mut sums, arg, g)?;
            }
        }
    }
    Ok(leaves.iter().map(|leaf| sums.get(leaf.at()).copied().flatten()).collect())
}

/// A gradient of the kind and shape that the adjoint of a value has.
fn fit(b: &mut Builder<'_>, gradient: ValueId, of: &Value) -> Built {
    if !b.value(gradient)?.kind.is_float() {
        return Err("a gradient is no float".into());
    }
    let gradient = b.convert(gradient, adjoint_kind(of.kind))?;
    if b.value(gradient)?.shape.is_empty() {
        return b.broadcast(gradient, &of.shape);
    }
    match b.value(gradient)?.shape == of.shape {
        true => Ok(gradient),
        false => Err("a gradient has another shape".into()),
    }
}

/// A gradient as that of an argument. One for each element of the result is summed where the
/// argument is a scalar.
fn reduced(b: &mut Builder<'_>, gradient: ValueId, of: &Value) -> Built {
    let axes = b.value(gradient)?.shape.len();
    let gradient = match of.shape.is_empty() {
        true => b.sum(gradient, &(0..axes).collect::<Vec<usize>>())?,
        false => gradient,
    };
    fit(b, gradient, of)
}
