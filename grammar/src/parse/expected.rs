//! What people call the rules that an error message names.

use super::grammar::Rule;

/// What could have stood at a place, in words and without repetition: the marks that are
/// needed rather than all that would have been allowed.
pub(super) fn wordings(expected: &[Rule]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut add = |word: String| {
        if !words.contains(&word) {
            words.push(word);
        }
    };
    let operand = after_operand(expected);
    // `a[0] = 1` is allowed where `a = 1` is, but seldom meant.
    let target = expected.contains(&Rule::assign_op);
    // A type is complete without a policy and a shape, a value without a sign.
    let typed = expected.contains(&Rule::overflow) && may_end(expected);
    let value = expected.contains(&Rule::postfix_expr);
    let needed = move |r: &Rule| match r {
        Rule::open_bracket => !(operand || target || typed),
        Rule::overflow => !typed,
        Rule::op_neg | Rule::op_bang | Rule::op_not => !value,
        _ => !(operand && goes_on(*r)),
    };
    let rules = || expected.iter().copied().filter(needed);
    rules().filter(|r| !ends(*r)).for_each(|r| add(wording(r)));
    if rules().any(ends) {
        if operand && expected.contains(&Rule::op_add) {
            add("an operator".to_owned());
        }
        add("the end of the line".to_owned());
    }
    if expected == [Rule::close_brace] {
        words = vec![wording(Rule::close_brace)];
    }
    words
}

/// Whether the place is after an operand, where operators, calls and the like may follow.
pub(super) fn after_operand(expected: &[Rule]) -> bool {
    [Rule::dot, Rule::open_paren, Rule::open_bracket].iter().all(|r| expected.contains(r))
}

/// Whether a statement may end here.
pub(super) fn may_end(expected: &[Rule]) -> bool {
    expected.iter().any(|r| matches!(r, Rule::EOI | Rule::end))
}

fn ends(rule: Rule) -> bool {
    matches!(rule, Rule::EOI | Rule::end | Rule::close_brace)
}

/// What may follow any operand, and so says nothing.
fn goes_on(rule: Rule) -> bool {
    use Rule::*;
    matches!(
        rule,
        op_or
            | op_and
            | op_cmp
            | op_bitor
            | op_bitxor
            | op_bitand
            | op_shift
            | op_add
            | op_mul
            | op_pow
            | dot
            | open_paren
            | open_bracket
            | args
            | index
            | field
    )
}

/// What a rule is called in a message.
fn wording(rule: Rule) -> String {
    if let Some(words) = words(rule) {
        return words.to_owned();
    }
    // `kw_every` is the keyword `every`; what is left are rules that others stand for.
    let debug = format!("{rule:?}");
    match debug.strip_prefix("kw_") {
        Some(keyword) => format!("`{keyword}`"),
        None if debug.starts_with("op_") => "an operator".to_owned(),
        None => format!("a {}", debug.replace('_', " ")),
    }
}

fn words(rule: Rule) -> Option<&'static str> {
    use Rule::*;
    Some(match rule {
        ident | name | path | pattern | pattern_part | glob => "a name",
        expr | postfix_expr | subscript | dim | arg => "a value",
        type_ | type_name => "a type",
        string => "a string in double quotes",
        number | int | float | hex => "a number",
        param | shape_param => "a parameter",
        direction => "`in` or `out`",
        storage => "`var` or `buffer`",
        overflow => "`wrap` or `sat`",
        assign | assign_op => "`=`",
        arrow => "`->`",
        colon => "`:`",
        comma => "`,`",
        dot => "`.`",
        star => "`*`",
        range => "`..`",
        range_inclusive => "`..=`",
        open_brace | block | process_body | network_body | run_body | train_body | pattern_set => {
            "`{`"
        }
        close_brace => "`}`",
        open_bracket | shape | shape_params | index | list => "`[`",
        close_bracket => "`]`",
        open_paren | params | args | group => "`(`",
        close_paren => "`)`",
        _ => return None,
    })
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn one_of(words: &[String]) -> String {
    match words {
        [] => "something else".to_owned(),
        [one] => one.clone(),
        [many @ .., last] => format!("{} or {last}", many.join(", ")),
    }
}
