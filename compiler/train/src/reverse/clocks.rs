//! When the two halves do what the network does in one step.

use crate::queues::Place;
use snn_ir::clock::Clock;
use snn_ir::network::{ClockId, Flat, Network};
use std::collections::{BTreeSet, HashMap};

/// The clocks of both halves.
pub(super) struct Clocks {
    /// By clock of the network, the steps of the first half.
    pub forth: HashMap<ClockId, ClockId>,
    /// The same without the last one: what happens after it changes no loss.
    pub between: HashMap<ClockId, ClockId>,
    /// Those of the second half in which its steps are gone back through; and without the last.
    pub back: HashMap<ClockId, ClockId>,
    pub back_between: HashMap<ClockId, ClockId>,
    /// By position of a statement that meets a message, when it does, on the way back.
    pub met: HashMap<Place, ClockId>,
    /// All steps of the halves.
    pub first: ClockId,
    pub second: ClockId,
    /// The first step of the second half, and the last.
    pub turn: ClockId,
    pub last: ClockId,
}

impl Clocks {
    /// Those of a network in the flat form that executes so many steps, added to those of
    /// another.
    pub(super) fn new(
        network: &mut Network,
        flat: &Flat,
        met: HashMap<Place, BTreeSet<u64>>,
        steps: u64,
    ) -> Clocks {
        let mut of = |holds: &dyn Fn(u64) -> bool| {
            network.clock_id(&Clock::from_fn(2 * steps, 1, |t| t <= 2 * steps && holds(t)))
        };
        let past = |t: u64| 2 * steps + 1 - t;
        let mut clocks = Clocks {
            forth: HashMap::new(),
            between: HashMap::new(),
            back: HashMap::new(),
            back_between: HashMap::new(),
            met: HashMap::new(),
            first: of(&|t| t <= steps),
            second: of(&|t| t > steps),
            turn: of(&|t| t == steps + 1),
            last: of(&|t| t == 2 * steps),
        };
        for (clock, id) in flat.0.clocks.iter().zip((0..).map(ClockId)) {
            clocks.forth.insert(id, of(&|t| t <= steps && clock.holds(t)));
            clocks.between.insert(id, of(&|t| t < steps && clock.holds(t)));
            clocks.back.insert(id, of(&|t| t > steps && clock.holds(past(t))));
            clocks.back_between.insert(id, of(&|t| t > steps + 1 && clock.holds(past(t))));
        }
        for (place, at) in met {
            clocks.met.insert(place, of(&|t| t > steps && at.contains(&past(t))));
        }
        clocks
    }
}
