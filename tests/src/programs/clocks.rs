//! When ports are used, and which sender can serve which receiver.

use crate::random_ir::Choices;

/// The phases, in order.
pub const PHASES: [&str; 4] = ["spk", "pre_mgmt", "lrn", "post_mgmt"];

/// Steps of a port: those after `prefix` whose remainder is one of some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps {
    /// No step up to this one.
    pub prefix: u64,
    /// The divisor.
    pub period: u64,
    /// The remainders.
    pub rests: Vec<u64>,
}

impl Steps {
    /// Every step.
    pub fn always() -> Steps {
        Steps { prefix: 0, period: 1, rests: vec![0] }
    }

    /// Whether it holds at step `t`.
    pub fn holds(&self, t: u64) -> bool {
        t > self.prefix && self.rests.contains(&(t % self.period))
    }

    /// As a guard; nothing where it is every step.
    pub fn guard(&self, choices: &mut Choices) -> Option<String> {
        let mut parts = Vec::new();
        if self.period > 1 {
            let n = self.period;
            let one = |r: &u64| format!("t % {n} == {r}");
            let all: Vec<String> = self.rests.iter().map(one).collect();
            parts.push(match (all.len(), choices.below(3)) {
                (1, 1) => {
                    let r = self.rests[0];
                    format!("(t + {}) % {n} == {}", n - r % n, 0)
                }
                (1, 2) => format!("not (t % {n} != {})", self.rests[0]),
                (1, _) => all[0].clone(),
                _ => format!("({})", all.join(" or ")),
            });
        }
        if self.prefix > 0 {
            parts.push(format!("t > {}", self.prefix));
        }
        (!parts.is_empty()).then(|| parts.join(" and "))
    }
}

/// A use of a port: its phase and steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Number of the phase.
    pub phase: usize,
    /// Its steps.
    pub steps: Steps,
}

/// What a receiver finds when a sender sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fits {
    /// Messages come too late, or not as often as they are received.
    No,
    /// Each message is received in its own step.
    Direct,
    /// Messages wait.
    Queued,
}

/// Whether every message is sent before it is received, and equally often.
pub fn fits(send: &Use, receive: &Use) -> Fits {
    let (a, b) = (&send.steps, &receive.steps);
    if a.rests.len() as u64 * b.period != b.rests.len() as u64 * a.period {
        return Fits::No;
    }
    let before = send.phase <= receive.phase;
    let (mut sent, mut received, mut direct) = (0u64, 0u64, true);
    for t in 1..=a.prefix.max(b.prefix) + 2 * a.period * b.period {
        sent += u64::from(a.holds(t) && before);
        if b.holds(t) {
            received += 1;
            if received > sent {
                return Fits::No;
            }
            direct &= received == sent && a.holds(t);
        }
        sent += u64::from(a.holds(t) && !before);
    }
    if direct { Fits::Direct } else { Fits::Queued }
}
