//! When ports are used.

use super::{InstanceId, Network, Phase};
use crate::clock::Clock;

impl Network {
    /// The phase and the steps in which a port sends or receives; none where it never does.
    pub fn port_use(&self, (instance, port): (InstanceId, u32)) -> Option<(Phase, Clock)> {
        let uses = self.body(instance).uses(port);
        uses.map(|(phase, stmt)| (phase, self.clock(stmt.clock).clone()))
            // The clock check refuses ports whose uses have no common clock.
            .reduce(|(phase, known), (_, clock)| (phase, known.or(&clock).unwrap_or(known)))
    }
}
