//! The units that may be added to a core next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Units by what they share with the core.
#[derive(Clone)]
pub(super) struct Frontier {
    near: Vec<Near>,
    touched: Vec<u32>,
    /// Those that are raised, kept for its memory.
    open: Vec<(u32, f32)>,
    /// Those whose gain has grown since they were put into the heap.
    changed: Vec<u32>,
    heap: BinaryHeap<(u32, Reverse<u32>)>,
    /// Units that share no more than this are left out as long as the heap has enough.
    floor: u32,
}

/// What is known of a unit, together, as units are met in no order.
#[derive(Clone, Copy, Default)]
struct Near {
    /// What it shares with the core.
    gain: f32,
    /// Whether the gain has grown since the unit was put into the heap.
    changed: bool,
    /// Whether all of it is on cores.
    placed: bool,
}

impl Near {
    /// The gain as bits, which are ordered like the numbers, as these are not negative.
    fn bits(self) -> u32 {
        self.gain.to_bits()
    }
}

/// Units in the heap beyond which the worse half is left out: they come back when their gain
/// grows. A small heap is in the nearest cache.
const WAITING: usize = 2048;

impl Frontier {
    pub fn new(units: usize) -> Frontier {
        let (near, heap) = (vec![Near::default(); units], BinaryHeap::new());
        Frontier { near, touched: vec![], open: vec![], changed: vec![], heap, floor: 0 }
    }

    /// Raises what units share with the core.
    pub fn raise(&mut self, units: &[(u32, f32)]) {
        // All are read first, as they are far apart in memory, and so are asked for at once.
        let open = |(unit, _): &&(u32, f32)| !self.near[*unit as usize].placed;
        self.open.clear();
        self.open.extend(units.iter().filter(open));
        for (unit, by) in self.open.drain(..) {
            let near = &mut self.near[unit as usize];
            if near.gain == 0.0 {
                self.touched.push(unit);
            }
            near.gain += by.max(f32::MIN_POSITIVE);
            if !std::mem::replace(&mut near.changed, true) {
                self.changed.push(unit);
            }
        }
    }

    /// Says whether all of a unit is on cores, so that it is none to add.
    pub fn place(&mut self, unit: u32, placed: bool) {
        self.near[unit as usize].placed = placed;
    }

    /// Puts those whose gain has grown into the heap.
    pub fn settle(&mut self) {
        for unit in self.changed.drain(..) {
            let near = &mut self.near[unit as usize];
            near.changed = false;
            if near.bits() > self.floor || self.heap.len() < WAITING / 4 {
                self.heap.push((near.bits(), Reverse(unit)));
            }
        }
        if self.heap.len() > WAITING {
            let mut all = std::mem::take(&mut self.heap).into_vec();
            let half = all.len() / 2;
            let (_, middle, _) = all.select_nth_unstable_by(half, |a, b| b.cmp(a));
            self.floor = middle.0;
            all.truncate(half);
            self.heap = all.into();
        }
    }

    /// The best of all, by gains that may have grown since they were put in.
    pub fn best(&mut self) -> Option<u32> {
        while let Some((bits, Reverse(unit))) = self.heap.pop() {
            if self.near[unit as usize].bits() == bits {
                return Some(unit);
            }
        }
        None
    }

    pub fn clear(&mut self) {
        self.touched.drain(..).for_each(|unit| self.near[unit as usize].gain = 0.0);
        self.heap.clear();
        self.floor = 0;
    }
}
