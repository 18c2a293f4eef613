//! The functions about convolutions: what they are given, checked.

use super::builtins::Args;
use super::expr::TExpr;
use super::scope::{Cx, Eval, Stop, describe};
use snn_core::kernels::Geometry;
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use snn_ir::tensor::{Tensor, Values};

/// Strides, paddings, dilations and groups are at most this, so that sizes cannot overflow.
const MOST: i64 = 65_535;

/// Outputs are of at most so many elements, so that no program can ask for more memory than
/// there is.
const LARGEST: usize = 1 << 31;

/// `conv2d(weights, x, …)`.
pub fn conv2d(cx: &mut Cx<'_>, a: &mut Args<'_>, loc: Loc) -> Eval<TExpr> {
    let (weights, input) = (a.expr(cx, 0)?, a.expr(cx, 1)?);
    let weights = cx.folded(weights, a.loc(0))?;
    cx.not_single(&weights)?;
    let input_at = format!("this is {}", describe(&input));
    let geometry = geometry(cx, a, &weights.shape, (&input.shape, &input_at), loc)?;
    TExpr::conv(weights, input, geometry).map_err(|m| cx.mismatch(m, loc, None))
}

/// `conv2d_shape(weights, shape, …)`: the shape of what `conv2d` gives. It does not need the
/// weights themselves.
pub fn shape(cx: &mut Cx<'_>, a: &mut Args<'_>, loc: Loc) -> Eval<TExpr> {
    let weights = cx.as_expr(a.value(0), a.loc(0))?;
    cx.not_single(&weights)?;
    let input = a.shape(cx, 1)?;
    let output = geometry(cx, a, &weights.shape, (&input, ""), loc)?.output();
    let sizes = output.iter().map(|n| *n as i64).collect();
    Ok(TExpr::constant(Tensor::int(vec![3], sizes)))
}

/// `flip(x, axes)`.
pub fn flip(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Eval<TExpr> {
    let (x, given) = (a.expr(cx, 0)?, a.constant(cx, 1)?);
    let rank = x.shape.len() as i64;
    let axes = match given.as_const().map(|c| &c.values) {
        Some(Values::Int(axes)) => axes
            .iter()
            .map(|n| usize::try_from(if *n < 0 { n + rank } else { *n }).ok())
            .map(|n| n.filter(|n| *n < x.shape.len()))
            .collect::<Option<Vec<_>>>(),
        _ => None,
    };
    match axes {
        Some(axes) => Ok(x.flip(axes)),
        None => {
            let message = format!("the axes must be within 0..{rank}");
            let what = format!("this is {}", describe(&given));
            Err(cx.fail(Diagnostic::new(Code::E0202, message, a.loc(1), what)))
        }
    }
}

/// The sizes of the convolution that the arguments describe, for weights and an input of these
/// shapes; arguments 2 to 5 are stride, padding, dilation and groups.
fn geometry(
    cx: &mut Cx<'_>,
    a: &mut Args<'_>,
    weights: &[usize],
    (input, input_text): (&[usize], &str),
    loc: Loc,
) -> Eval<Geometry> {
    let disagree = |cx: &mut Cx<'_>, a: &Args<'_>, message: String, help: &str| -> Stop {
        let d = Diagnostic::new(Code::E0202, message, loc, "")
            .label(a.loc(0), format!("the weights have shape {weights:?}"))
            .label(a.loc(1), format!("the input has shape {input:?}"));
        cx.fail(d.help(help))
    };
    let [outputs, kernel_width, kernel_height, channels] = *weights else {
        let message = "the weights of a convolution have four axes";
        let what = format!("this has shape {weights:?}");
        let d = Diagnostic::new(Code::E0202, message, a.loc(0), what).sides(weights, &[1; 4]);
        return Err(cx.fail(d.help(
            "they are [output channels, width, height, input channels of a group]; `reshape` \
             and `transpose` change a shape",
        )));
    };
    let [width, height, inputs] = *input else {
        let message = "the input of a convolution has three axes";
        let d = Diagnostic::new(Code::E0202, message, a.loc(1), input_text).sides(input, &[1; 3]);
        return Err(cx.fail(d.help("they are [width, height, channels]; `reshape` makes them")));
    };
    let stride = pair(cx, a, 2, "stride", 1)?;
    let padding = pair(cx, a, 3, "padding", 0)?;
    let dilation = pair(cx, a, 4, "dilation", 1)?;
    let groups = if a.has(5) { a.int(cx, 5)? } else { 1 };
    let groups = bounded(cx, a, 5, "groups", groups, 1)?;
    if weights.contains(&0) || input.contains(&0) {
        let message = "a convolution of nothing has no size".to_string();
        return Err(disagree(cx, a, message, "give every axis a size of at least 1"));
    }
    if outputs % groups != 0 || inputs % groups != 0 {
        let message = format!(
            "{inputs} input and {outputs} output channels cannot be split into {groups} groups"
        );
        let help = "`groups` must divide the last axis of the input and the first of the weights";
        return Err(disagree(cx, a, message, help));
    }
    if inputs / groups != channels {
        let message = format!(
            "the weights are for {channels} input channels{}, the input has {}",
            if groups > 1 { " a group" } else { "" },
            inputs / groups
        );
        let help = "the last axis of the weights is the input's last axis divided by `groups`";
        return Err(disagree(cx, a, message, help));
    }
    let geometry = Geometry {
        input: [width, height, inputs],
        outputs,
        kernel: [kernel_width, kernel_height],
        stride,
        padding,
        dilation,
        groups,
    };
    let output = geometry.output();
    if let Some(axis) = output.iter().position(|n| *n == 0) {
        let spread = dilation[axis] * (geometry.kernel[axis] - 1) + 1;
        let message = format!(
            "the kernel does not fit into the input: it is {spread} {}, the input with its \
             padding {}",
            if axis == 0 { "wide" } else { "high" },
            input[axis] + 2 * padding[axis]
        );
        return Err(disagree(cx, a, message, "take a smaller kernel, or more `padding`"));
    }
    let elements = output.iter().try_fold(1usize, |n, size| n.checked_mul(*size));
    if elements.is_none_or(|n| n > LARGEST) {
        let message = format!("an array of shape {output:?} is too large");
        return Err(cx.fail(Diagnostic::new(Code::E0209, message, loc, "")));
    }
    Ok(geometry)
}

/// An argument that is one number for both axes, or a number for each.
fn pair(cx: &mut Cx<'_>, a: &mut Args<'_>, i: usize, name: &str, least: i64) -> Eval<[usize; 2]> {
    if !a.has(i) {
        return Ok([usize::from(least == 1); 2]);
    }
    let e = a.constant(cx, i)?;
    let values = match e.as_const().map(|c| &c.values) {
        Some(Values::Int(v)) if e.shape.len() <= 1 => v.as_slice(),
        _ => &[],
    };
    let [x, y] = match *values {
        [both] => [both, both],
        [x, y] => [x, y],
        _ => {
            let message = format!("`{name}` is a whole number, or a pair such as `[2, 1]`");
            let what = format!("this is {}", describe(&e));
            return Err(cx.fail(Diagnostic::new(Code::E0204, message, a.loc(i), what)));
        }
    };
    Ok([bounded(cx, a, i, name, x, least)?, bounded(cx, a, i, name, y, least)?])
}

fn bounded(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    i: usize,
    name: &str,
    value: i64,
    least: i64,
) -> Eval<usize> {
    match usize::try_from(value) {
        Ok(n) if (least..=MOST).contains(&value) => Ok(n),
        _ => {
            let message = format!("`{name}` = {value} is out of range");
            let what = format!("allowed: {least}..={MOST}");
            Err(cx.fail(Diagnostic::new(Code::E0701, message, a.loc(i), what)))
        }
    }
}
