//! Where cores are: chip, router, slot.

use super::profile::Figures;

/// The place of a neurocore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    /// The chip, row by row over the board.
    pub chip: u32,
    /// Column and row of the router on the chip.
    pub router: [u32; 2],
    /// Which of the router's cores.
    pub slot: u32,
}

impl Site {
    /// The core's number on the board: chips one after another, in each the routers column by
    /// column (as SANA-FE counts tiles), at each the slots.
    pub fn id(&self, f: &Figures) -> u64 {
        let tile = u64::from(self.router[0]) * f.routers_y + u64::from(self.router[1]);
        u64::from(self.chip) * f.cores_on_die() + tile * f.cores_per_router + u64::from(self.slot)
    }

    /// Whether a board with so many columns and rows of chips has it.
    pub fn is_on(&self, chips: [u32; 2], f: &Figures) -> bool {
        u64::from(self.chip) < u64::from(chips[0]) * u64::from(chips[1])
            && u64::from(self.router[0]) < f.routers_x
            && u64::from(self.router[1]) < f.routers_y
            && u64::from(self.slot) < f.cores_per_router
    }

    /// The core's number on its chip; programs may use those below `usable_cores`.
    pub fn on_chip(&self, f: &Figures) -> u64 {
        Site { chip: 0, ..*self }.id(f)
    }

    /// The core of a number.
    pub fn of_id(id: u64, f: &Figures) -> Site {
        let on_chip = f.cores_on_die();
        let (tile, slot) = (id % on_chip / f.cores_per_router, id % f.cores_per_router);
        Site {
            chip: (id / on_chip) as u32,
            router: [(tile / f.routers_y) as u32, (tile % f.routers_y) as u32],
            slot: slot as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{DEFAULT, Profile};

    #[test]
    fn numbers_and_places_say_the_same() {
        let f = Profile::load(DEFAULT, std::path::Path::new("")).expect("built in").figures;
        assert_eq!(Site { chip: 0, router: [0, 0], slot: 3 }.id(&f), 3);
        assert_eq!(Site { chip: 1, router: [7, 3], slot: 3 }.id(&f), 255);
        assert!((0..512).all(|id| Site::of_id(id, &f).id(&f) == id));
    }
}
