//! Programs on which engines differed once, as the random programs found them.

use snn_tests::programs::compare::disagreement;
use snn_tests::programs::engine::{Checked, Executor, Oracle, check_text};

fn agree(text: &str) {
    match check_text(text) {
        Checked::Accepted(compiled) => {
            let wrong = disagreement(
                &compiled,
                &[&Oracle::Network, &Oracle::Flat, &Executor(1), &Executor(3)],
            );
            assert_eq!(wrong, None, "{text}");
        }
        Checked::Rejected(_, why) => panic!("{why}\n{text}"),
        Checked::Panicked(why) => panic!("{why}\n{text}"),
    }
}

/// The value is not used, and was not computed.
#[test]
fn an_index_out_of_range_ends_the_run_whoever_uses_the_element() {
    agree(
        "process P {
            var table: int[3] = 0
            out o: int
            phase spk {
                o = -1
                if o < 3 {
                    let y = table[o]
                }
            }
        }
        network Main { p = P() }
        run all of Main { steps 1 }",
    );
}

/// Nothing is sent to `x`, so that all its elements are the same zero.
#[test]
fn an_index_along_a_stretched_axis_is_checked() {
    agree(
        "process P {
            var k: int = 0
            var one: int[1, 3] = 5
            in x: int[6]
            out o: int[6]
            out first: int[3]
            phase spk {
                k = x[0] - 2
                o = x[k]
                first = one[k + 2]
            }
        }
        network Main { p = P() }
        run all of Main { steps 1 }",
    );
    agree(
        "process P {
            var k: int = 0
            var one: int[1, 3] = 5
            out o: int[3]
            phase spk {
                o = reshape(one, [1, 1, 3])[k, 0]
                k = 2 * k + 1
            }
        }
        network Main { p = P() }
        run all of Main { steps 3 }",
    );
}

/// The conversion was left to the kernel, which has no sums of integers for weights of floats.
#[test]
fn weights_are_converted_to_integers_before_they_are_summed() {
    agree(
        "process P {
            in x: i32[3]
            out o: int[2]
            var k: int[3] = 1
            phase spk {
                k += arange(3) + x
                o = int(random(7, [2, 3]) * 9 - 4) @ k
            }
        }
        network Main { p = P() }
        run all of Main { steps 5; record p.o }",
    );
}
