//! What an element of an array carries of the messages that are followed.

use crate::clocks::grid::Join;
use crate::clocks::times::Stretch;

/// A set of kinds in which an element depends on messages.
pub type Bits = u32;

/// On what arrives now.
pub const FRESH: Bits = 1;
/// On what is remembered.
pub const HELD: Bits = 2;

/// On what was stored in the step before, by an element of this circle of variables.
pub fn late(circle: usize) -> Bits {
    4 << (circle % 29)
}

/// The messages that an element depends on. Their times are those of their sending, less the
/// step in which they entered: what leaves in step `t` has these times and `t`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Carried {
    pub bits: Bits,
    fresh: Stretch,
    late: Stretch,
    held: Stretch,
}

impl Carried {
    /// What arrives now.
    pub fn fresh(times: Stretch) -> Carried {
        match times.is_none() {
            true => Carried::NONE,
            false => Carried { bits: FRESH, fresh: times, ..Carried::NONE },
        }
    }

    /// Whether it depends on no message.
    pub fn is_none(&self) -> bool {
        self.bits == 0
    }

    /// The times of what is not only remembered.
    pub fn moving(&self) -> Stretch {
        self.fresh.or(self.late)
    }

    /// The times of everything.
    pub fn all(&self) -> Stretch {
        self.moving().or(self.held)
    }

    /// As it is stored where nothing is kept for good: what was late arrives.
    pub fn arrived(self) -> Carried {
        if self.bits & !FRESH == 0 {
            return self;
        }
        let held = Carried { bits: self.bits & HELD, held: self.held, ..Carried::NONE };
        held.or(Carried::fresh(self.moving()))
    }

    /// As it is stored in an element that keeps it for good, and depends on what `own` says:
    /// that is remembered.
    pub fn kept(self, own: Bits) -> Carried {
        let fresh = Carried::fresh(self.fresh);
        let from_others = self.bits & !(FRESH | HELD | own) != 0;
        let late = if from_others { Carried::fresh(self.late) } else { Carried::NONE };
        let held = match self.bits & (HELD | own) {
            0 => Carried::NONE,
            some if some & own != 0 => Carried::held(self.held.or(self.late)),
            _ => Carried::held(self.held),
        };
        fresh.or(late).or(held)
    }

    /// As it is in the next step where it is kept for good: late for others where it is new.
    pub fn faded(self, own: Bits, stored: bool) -> Carried {
        if self.is_none() {
            return self;
        }
        let held = Carried::held(self.all());
        match stored && self.bits & FRESH != 0 {
            true => held.or(Carried { bits: own, late: self.fresh, ..Carried::NONE }),
            false => held,
        }
    }

    /// With what `own` says, remembered where it was late.
    pub fn stayed(self, own: Bits) -> Carried {
        match self.bits & own {
            0 => self,
            _ => {
                let rest = Carried { bits: self.bits & !own, ..self };
                let late = if rest.bits & !(FRESH | HELD) == 0 { Stretch::NONE } else { self.late };
                Carried { late, ..rest }.or(Carried::held(self.late))
            }
        }
    }

    /// With other bits.
    pub fn with(self, bits: Bits) -> Carried {
        Carried { bits, ..self }
    }

    fn held(times: Stretch) -> Carried {
        Carried { bits: HELD, held: times, ..Carried::NONE }
    }
}

impl Join for Carried {
    const NONE: Carried =
        Carried { bits: 0, fresh: Stretch::NONE, late: Stretch::NONE, held: Stretch::NONE };

    fn or(self, other: Carried) -> Carried {
        Carried {
            bits: self.bits | other.bits,
            fresh: self.fresh.or(other.fresh),
            late: self.late.or(other.late),
            held: self.held.or(other.held),
        }
    }
}

/// Whether it holds for any element.
impl Join for bool {
    const NONE: bool = false;

    fn or(self, other: bool) -> bool {
        self || other
    }
}
