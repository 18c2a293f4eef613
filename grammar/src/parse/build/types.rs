//! Types, shapes, parameters.

use super::{Builder, Built, Kids};
use crate::ast::{Dim, ElemType, Overflow, Param, ShapeParam, Type, ValueRange};
use crate::error::SyntaxError;
use crate::parse::grammar::{Pair, Rule};

impl Builder<'_> {
    /// The type that may come next.
    pub(super) fn opt_type(&mut self, kids: &mut Kids) -> Built<Option<Type>> {
        kids.opt(Rule::type_).map(|pair| self.ty(pair)).transpose()
    }

    pub(super) fn ty(&mut self, pair: Pair) -> Built<Type> {
        let span = self.span(&pair);
        let mut kids = self.kids(pair);
        let elem = kids.need(Rule::type_name)?;
        let elem = elem_type(elem.as_str()).unwrap_or_else(|| {
            self.errors.push(unknown_type(self.span(&elem), elem.as_str()));
            ElemType::Int
        });
        let before = kids.opt(Rule::overflow);
        let shape = match kids.opt(Rule::shape) {
            Some(shape) => self.kids(shape).map(|dim| self.dim(dim)).collect::<Built<_>>()?,
            None => Vec::new(),
        };
        let after = kids.opt(Rule::overflow);
        if let (Some(first), Some(second)) = (&before, &after) {
            self.errors.push(
                SyntaxError::new(self.span(second), "the overflow policy is given twice")
                    .related(self.span(first), "here already"),
            );
        }
        let overflow = before.or(after).map(|policy| match policy.as_str() {
            "wrap" => Overflow::Wrap,
            _ => Overflow::Sat,
        });
        Ok(Type { elem, overflow, shape, span })
    }

    fn dim(&mut self, pair: Pair) -> Built<Dim> {
        let mut kids = self.kids(pair);
        if kids.opt(Rule::star).is_some() {
            return Ok(Dim::Spread(self.need_ident(&mut kids)?));
        }
        Ok(Dim::Size(self.need_expr(&mut kids)?))
    }

    /// The `[m, *s]` that may come next.
    pub(super) fn shape_params(&mut self, kids: &mut Kids) -> Built<Vec<ShapeParam>> {
        let Some(pair) = kids.opt(Rule::shape_params) else { return Ok(Vec::new()) };
        self.kids(pair)
            .map(|param| {
                let mut kids = self.kids(param);
                let spread = kids.opt(Rule::star).is_some();
                Ok(ShapeParam { spread, name: self.need_ident(&mut kids)? })
            })
            .collect()
    }

    /// The `(a: int = 1, …)` that may come next.
    pub(super) fn params(&mut self, kids: &mut Kids) -> Built<Vec<Param>> {
        let Some(pair) = kids.opt(Rule::params) else { return Ok(Vec::new()) };
        self.kids(pair).map(|param| self.param(param)).collect()
    }

    fn param(&mut self, pair: Pair) -> Built<Param> {
        let span = self.span(&pair);
        let mut kids = self.kids(pair);
        Ok(Param {
            name: self.need_ident(&mut kids)?,
            ty: self.opt_type(&mut kids)?,
            default: self.opt_expr_in(&mut kids, Rule::default)?,
            range: kids.opt(Rule::value_range).map(|range| self.value_range(range)).transpose()?,
            span,
        })
    }

    pub(super) fn value_range(&mut self, pair: Pair) -> Built<ValueRange> {
        let mut kids = self.kids(pair);
        let lo = self.need_expr(&mut kids)?;
        let inclusive = kids.opt(Rule::range_inclusive).is_some();
        kids.opt(Rule::range);
        Ok(ValueRange { lo, hi: self.need_expr(&mut kids)?, inclusive })
    }
}

/// The element type of that name.
fn elem_type(name: &str) -> Option<ElemType> {
    match name {
        "spike" => return Some(ElemType::Spike),
        "bool" => return Some(ElemType::Bool),
        "int" => return Some(ElemType::Int),
        "f32" => return Some(ElemType::F32),
        "f64" => return Some(ElemType::F64),
        _ => {}
    }
    let (sign, digits) = name.split_at_checked(1)?;
    let bits: u8 = digits.parse().ok().filter(|b: &u8| b.to_string() == digits)?;
    match sign {
        "i" if matches!(bits, 1..=32 | 64) => Some(ElemType::Signed(bits)),
        "u" if matches!(bits, 1..=32) => Some(ElemType::Unsigned(bits)),
        _ => None,
    }
}

fn unknown_type(span: crate::ast::Span, name: &str) -> SyntaxError {
    let help = match name {
        "float" | "double" | "real" => "write `f32` or `f64`".to_owned(),
        "uint" | "integer" | "long" => "write `int`, or a width such as `u8` or `i32`".to_owned(),
        "boolean" => "write `bool`".to_owned(),
        "u64" => "integers are computed in 64 bits with a sign: write `i64` or `int` (or `u32`)"
            .to_owned(),
        "spikes" | "binary" => "write `spike`".to_owned(),
        _ => "the types are `spike`, `bool`, `int`, `i1` to `i32`, `i64`, `u1` to `u32`, `f32` \
              and `f64`"
            .to_owned(),
    };
    SyntaxError::new(span, format!("there is no type `{name}`")).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_1_to_32_and_signed_64() {
        assert_eq!(elem_type("i24"), Some(ElemType::Signed(24)));
        assert_eq!(elem_type("i64"), Some(ElemType::Signed(64)));
        for name in ["u64", "i0", "i33", "u65", "i024", "i+8", "x8", "i", "", "ü8"] {
            assert_eq!(elem_type(name), None, "{name}");
        }
    }
}
