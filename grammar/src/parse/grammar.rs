//! Where pest is known: the generated parser, its rules and pairs, and precedence.

use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};
use pest::pratt_parser::{Assoc, Op, PrattParser};
use std::num::NonZeroUsize;
use std::sync::OnceLock;

#[derive(pest_derive::Parser)]
#[grammar = "snn.pest"]
struct SnnParser;

/// A rule of the grammar with the text that it matched and the pairs inside.
pub(crate) type Pair<'t> = pest::iterators::Pair<'t, Rule>;
/// Several pairs in a row.
pub(crate) type Pairs<'t> = pest::iterators::Pairs<'t, Rule>;

/// Steps of the parser after which it gives up; the longest allowed text takes a tenth.
const CALL_LIMIT: Option<NonZeroUsize> = NonZeroUsize::new(2_000_000_000);

/// Why a text does not match a rule.
pub(crate) struct Failure {
    /// The furthest place that was reached, in bytes.
    pub at: usize,
    /// What could have stood there.
    pub expected: Vec<Rule>,
    /// Whether the parser gave up rather than found a place.
    pub gave_up: bool,
}

/// Matches a whole text with one of the `…_only` rules and gives the pair that it is for.
pub(crate) fn parse(rule: Rule, text: &str) -> Result<Pair<'_>, Failure> {
    pest::set_call_limit(CALL_LIMIT);
    let failure = match SnnParser::parse(rule, text) {
        Ok(mut pairs) => match pairs.next() {
            Some(pair) => return Ok(pair),
            None => Failure { at: 0, expected: Vec::new(), gave_up: false },
        },
        Err(error) => {
            let at = match error.location {
                InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
            };
            match error.variant {
                ErrorVariant::ParsingError { positives, .. } => {
                    Failure { at, expected: positives, gave_up: false }
                }
                ErrorVariant::CustomError { .. } => {
                    Failure { at, expected: Vec::new(), gave_up: true }
                }
            }
        }
    };
    Err(failure)
}

/// Folds the flat list of an `expr` by precedence, loosest first as [`BinaryOp`] lists
/// them. The word `not` binds as `!` does.
///
/// [`BinaryOp`]: crate::ast::BinaryOp
pub(crate) fn fold<'t, T>(
    pairs: Pairs<'t>,
    operand: impl FnMut(Pair<'t>) -> T,
    prefix: impl FnMut(Pair<'t>, T) -> T,
    infix: impl FnMut(T, Pair<'t>, T) -> T,
) -> T {
    static PRECEDENCE: OnceLock<PrattParser<Rule>> = OnceLock::new();
    let left = |rule| Op::infix(rule, Assoc::Left);
    PRECEDENCE
        .get_or_init(|| {
            PrattParser::new()
                .op(left(Rule::op_or))
                .op(left(Rule::op_and))
                .op(left(Rule::op_cmp))
                .op(left(Rule::op_bitor))
                .op(left(Rule::op_bitxor))
                .op(left(Rule::op_bitand))
                .op(left(Rule::op_shift))
                .op(left(Rule::op_add))
                .op(left(Rule::op_mul))
                .op(Op::prefix(Rule::op_neg) | Op::prefix(Rule::op_bang) | Op::prefix(Rule::op_not))
                .op(Op::infix(Rule::op_pow, Assoc::Right))
        })
        .map_primary(operand)
        .map_prefix(prefix)
        .map_infix(infix)
        .parse(pairs)
}
