//! What the pages and the messages say is what happens.

use super::programs::Folder;
use super::*;

fn checked(program: &str) -> Output {
    Folder::with("p.snn", program).snnc(&["check", "p.snn"])
}

fn refused(program: &str, expected: &[&str]) {
    let output = checked(program);
    assert_eq!(output.status.code(), Some(1), "{program}");
    says(&stderr(&output), expected);
}

/// What a run prints.
fn ran(program: &str) -> String {
    let output = Folder::with("p.snn", program).snnc(&["run", "p.snn", "--interpret", "--quiet"]);
    assert_eq!(output.status.code(), Some(0), "{program}{}", stderr(&output));
    stdout(&output)
}

#[test]
fn the_model_declared_first_is_taken_where_the_run_names_no_tag() {
    let program = |models: &str| {
        format!(
            "process P {{ out s: i32 }}
model one of P {{ phase spk {{ s = 1 }} }}
model two of P {{ phase spk {{ s = 2 }} }}
network N {{ p = P() }}
run r of N {{ {models}steps 3; report max(p.s) }}
"
        )
    };
    assert_eq!(ran(&program("")), "max(p.s) = 1\n");
    assert_eq!(ran(&program("models two; ")), "max(p.s) = 2\n");
    refused(&program("models three; "), &["error[E0407]: `P` has no model `three`"]);
}

#[test]
fn a_reset_is_at_the_beginning_of_a_step_or_at_the_end_of_a_phase() {
    let program = |phase: &str| {
        format!(
            "process Count {{ out s: i32; var n: i32 = 0
    phase spk {{ n += 1; s = n }} }}
network N {{ c = Count(); reset c.n every 2{phase} }}
run r of N {{ steps 4; report max(c.n); report max(c.s) }}
"
        )
    };
    let reported = |n, s| format!("max(c.n) = {n}\nmax(c.s) = {s}\n");
    for (phase, n, s) in
        [("", 1, 1), (" in spk", 1, 1), (" in post_mgmt", 0, 2), (" in host", 2, 2)]
    {
        assert_eq!(ran(&program(phase)), reported(n, s), "{phase}");
    }
}

#[test]
fn a_stagger_is_not_negative() {
    let program = |stagger: i32| {
        format!(
            "network N {{
    source = Source(data: eye(4))
    cells = LIF[2](vth: 10)
    source -> Dense(weights: 2 * ones([2, 4])) -> cells
    reset cells every 8 stagger {stagger}
}}
run r of N {{ models fixed_pt; steps 3 }}
"
        )
    };
    assert_eq!(checked(&program(1)).status.code(), Some(0));
    refused(&program(-1), &["error[E0204]", "p.snn:5:33", "this is -1", "`offset`"]);
}

#[test]
fn integers_are_not_rounded_where_they_are_compared_and_shown() {
    let program = |range: &str, value: &str| {
        format!(
            "process P(k: {range}) {{ out s: i64; phase spk {{ s = k }} }}
network N {{ a = P(k: {value}) }}
run r of N {{ steps 3 }}
"
        )
    };
    let (fits, beyond) = ("9_007_199_254_740_992", "9_007_199_254_740_993");
    let range = format!("int in 0..={fits}");
    assert_eq!(checked(&program(&range, fits)).status.code(), Some(0));
    refused(&program(&range, beyond), &["error[E0701]: `k` = 9007199254740993 is out of range"]);
    let open = format!("int in 0..{fits}");
    refused(&program(&open, fits), &["error[E0701]", "`k` = 9007199254740992 is out of range"]);
    refused(&program("i32", beyond), &["error[E0701]: `k` = 9007199254740993 does not fit i32"]);
    refused(&program("int in 0..=3", "4"), &["`k` = 4 is out of range", "allowed: 0..=3"]);
    refused(&program("int in 0..=3", "-1"), &["`k` = -1 is out of range"]);
}

#[test]
fn a_power_is_a_float() {
    let program = |value: &str| {
        format!(
            "process P {{ out s: i32; var v: i32 = 3
    phase spk {{ v = {value}; s = v }} }}
network N {{ a = P() }}
run r of N {{ steps 1; report max(a.s) }}
"
        )
    };
    refused(&program("v ** 2"), &["error[E0203]: `v` is i32", "this is f64", "int(v ** 2)"]);
    assert_eq!(ran(&program("int(v ** 2)")), "max(a.s) = 9\n");
}

#[test]
fn weights_whose_delay_has_no_slot_are_in_none() {
    let program = "\
process P {
    out s: i32[2, 2, 2]
    const spread = by_delay([[1, 2], [4, 8]], [[0, 1], [2, -1]], 2)
    phase spk { s = spread }
}
network N { a = P() }
run r of N { steps 1; report sum(a.s) }
";
    assert_eq!(ran(program), "sum(a.s) = 3\n");
}
