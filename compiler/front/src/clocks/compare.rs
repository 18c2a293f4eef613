//! When messages are sent, and when they are received.

use super::check::{PortUse, Way};
use snn_ir::clock::Clock;
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use std::cmp::Ordering;

/// Sends and receives that are followed, at most.
const MOST_EVENTS: u64 = 1 << 20;

/// A disagreement of two clocks.
pub struct Conflict {
    code: Code,
    /// The step at which a receiver would wait, and the step (if any) of the message.
    waits: Option<(u64, u64, Option<u64>)>,
}

impl Conflict {
    /// What is wrong with the connection at `loc` into the port `name`.
    pub fn diagnostic(
        &self,
        name: &str,
        loc: Loc,
        send: &PortUse,
        receive: &PortUse,
    ) -> Diagnostic {
        let label = format!("sent in {}\nreceived in {}", describe(send), describe(receive));
        if self.code == Code::E0302 {
            let message = format!(
                "when `{name}` is sent and received does not repeat within {MOST_EVENTS} messages"
            );
            let d = Diagnostic::new(self.code, message, loc, label)
                .label(send.loc, "sent here")
                .label(receive.loc, "received here");
            return d.help("send and receive at steps with a short common period");
        }
        let same_rate = send.clock.compare_rates(&receive.clock) == Ordering::Equal;
        let message = match (self.code, self.waits) {
            (Code::E0311, _) => format!("`{name}` is sent more often than it is received"),
            (_, Some((_, _, Some(_)))) if same_rate => {
                format!("`{name}` is received before it is sent")
            }
            _ => format!("`{name}` is received more often than it is sent"),
        };
        let d = Diagnostic::new(self.code, message, loc, label)
            .label(send.loc, "sent here")
            .label(receive.loc, "received here");
        let d = match self.waits {
            Some((n, at, Some(sent))) => d.note(format!(
                "the {} receive, at t = {at}, would wait for a message sent at t = {sent}{}",
                ordinal(n),
                if sent == at { " in a later phase" } else { "" },
            )),
            Some((n, at, None)) => d.note(format!(
                "the {} receive, at t = {at}, would wait for a message that is never sent",
                ordinal(n)
            )),
            None if self.code == Code::E0312 => d.note("some receive would wait for ever"),
            None => d.note("the queue between them would grow without end"),
        };
        d.help(self.remedy(send, receive))
    }

    /// What to write instead.
    fn remedy(&self, send: &PortUse, receive: &PortUse) -> String {
        let when = |clock: &Clock, later: u64| match clock.as_every() {
            _ if clock.is_always() => "at every step".to_string(),
            Some((every, residue)) => {
                format!("when `t % {every} == {}`", (residue + later) % every)
            }
            None => "with the same guard".to_string(),
        };
        if self.code == Code::E0311 {
            let (send, receive) = (when(&receive.clock, 0), when(&send.clock, 0));
            return format!("send {send}, or receive {receive}");
        }
        // The latest of the receiver's own steps that fits, once for each message. The later it
        // is, the more has been sent: where the last does not fit, none does.
        if let Some((every, _)) = send.clock.as_every().filter(|_| !receive.clock.is_always()) {
            let fits = |t: &u64| {
                let clock = Clock::every(every, *t as i64);
                compare(send, &PortUse { clock, ..receive.clone() }).is_ok()
            };
            if let Some(t) = receive.clock.last(every).filter(fits) {
                return format!("receive {}", when(&Clock::every(every, t as i64), 0));
            }
        }
        // A message sent in a later phase can be received in the next step at the earliest.
        let later = u64::from(send.phase > receive.phase);
        match (send.clock.is_always(), later) {
            (true, 1) => format!("receive in `{}` or a later phase", send.phase.name()),
            _ => format!("receive {}", when(&send.clock, later)),
        }
    }
}

/// How a connection is made whose ends are used at these steps.
///
/// Steps are not counted one by one, only sends and receives. If there are more of one than of
/// the other in the long run, a few of them are followed, to tell which message is missing.
///
/// # Errors
/// Where a receiver would wait, a queue would grow without end, or neither can be told.
pub fn compare(send: &PortUse, receive: &PortUse) -> Result<Way, Conflict> {
    if send.clock == receive.clock {
        // One message a step at the same steps: only the order of phases matters.
        if send.phase <= receive.phase {
            return Ok(Way::Direct { instant: send.phase == receive.phase });
        }
        let first = receive.clock.next(1).unwrap_or(1);
        let waits = Some((1, first, Some(first)));
        return Err(Conflict { code: Code::E0312, waits });
    }
    let rates = send.clock.compare_rates(&receive.clock);
    let prefix = send.clock.prefix().max(receive.clock.prefix());
    // What more is received than sent runs out at some time; else two periods say all.
    let last = snn_ir::clock::lcm(send.clock.period(), receive.clock.period())
        .filter(|_| rates != Ordering::Less)
        .and_then(|period| period.checked_mul(2)?.checked_add(prefix))
        .unwrap_or(u64::MAX);
    let (mut sent, mut received, mut slots) = (0u64, 0u64, 0u64);
    let (mut direct, mut instant) = (true, false);
    let mut sends = send.clock.steps().peekable();
    let mut receives = receive.clock.steps().peekable();
    let mut complete = false;
    for _ in 0..MOST_EVENTS {
        let next = match (sends.peek(), receives.peek()) {
            (Some(a), Some(b)) => Some(*a.min(b)),
            (a, b) => a.or(b).copied(),
        };
        let Some(t) = next.filter(|t| *t <= last) else {
            complete = true;
            break;
        };
        let sends_now = sends.next_if_eq(&t).is_some();
        let receives_now = receives.next_if_eq(&t).is_some();
        if sends_now && send.phase <= receive.phase {
            sent += 1;
            slots = slots.max(sent - received);
        }
        if receives_now {
            received += 1;
            if received > sent {
                let nth = send.clock.steps().nth(received as usize - 1);
                let waits = Some((received, t, nth));
                return Err(Conflict { code: Code::E0312, waits });
            }
            direct &= received == sent;
            instant |= sends_now && received == sent && send.phase == receive.phase;
        }
        if sends_now && send.phase > receive.phase {
            sent += 1;
            slots = slots.max(sent - received);
        }
    }
    match rates {
        Ordering::Greater => return Err(Conflict { code: Code::E0311, waits: None }),
        Ordering::Less => return Err(Conflict { code: Code::E0312, waits: None }),
        Ordering::Equal if !complete => return Err(Conflict { code: Code::E0302, waits: None }),
        Ordering::Equal => {}
    }
    Ok(match direct {
        true => Way::Direct { instant },
        false => Way::Queue { slots: slots as usize, instant },
    })
}

/// `post_mgmt when t % 32 == 1   (t = 1, 33, 65, …)`.
fn describe(port: &PortUse) -> String {
    if port.clock.is_always() {
        return format!("{} at every step", port.phase.name());
    }
    let steps: Vec<String> = port.clock.steps().take(4).map(|t| t.to_string()).collect();
    let listed = match steps.len() {
        4 => format!("{}, …", steps[..3].join(", ")),
        _ => steps.join(", "),
    };
    let guard = match port.clock.as_every() {
        Some((every, residue)) => format!(" when t % {every} == {residue}"),
        None => String::new(),
    };
    format!("{}{guard}   (t = {listed})", port.phase.name())
}

fn ordinal(n: u64) -> String {
    let words = ["first", "second", "third", "fourth", "fifth"];
    words.get(n as usize - 1).map_or_else(|| format!("{n}th"), |w| (*w).into())
}
