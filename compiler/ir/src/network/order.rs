//! An order of the statements of a phase in which each comes after what it needs.

use crate::circles::components;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What must come before what among the statements `0..n` of a phase.
pub struct Order {
    after: Vec<Vec<usize>>,
    waiting: Vec<usize>,
}

impl Order {
    /// Nothing is said yet of `n` statements.
    pub fn new(n: usize) -> Order {
        Order { after: vec![Vec::new(); n], waiting: vec![0; n] }
    }

    /// `first` must come before `second`.
    pub fn before(&mut self, first: usize, second: usize) {
        if first != second {
            self.after[first].push(second);
            self.waiting[second] += 1;
        }
    }

    /// The order in which of all that can come next the one with the smallest number does.
    ///
    /// # Errors
    /// The statements of a circle, ascending.
    pub fn sorted(mut self) -> Result<Vec<usize>, Vec<usize>> {
        let n = self.waiting.len();
        let ready = (0..n).filter(|i| self.waiting[*i] == 0);
        let mut ready: BinaryHeap<Reverse<usize>> = ready.map(Reverse).collect();
        let mut sorted = Vec::with_capacity(n);
        while let Some(Reverse(next)) = ready.pop() {
            for &later in &self.after[next] {
                self.waiting[later] -= 1;
                if self.waiting[later] == 0 {
                    ready.push(Reverse(later));
                }
            }
            sorted.push(next);
        }
        if sorted.len() == n {
            return Ok(sorted);
        }
        let edges = (0..n).flat_map(|a| self.after[a].iter().map(move |b| (a, *b)));
        let circles = components(n, edges).into_iter().filter(|c| c.len() > 1);
        Err(circles.min().unwrap_or_default())
    }
}

/// The order that one variable imposes on statements that are visited as they are written.
#[derive(Clone, Default)]
pub struct Accesses {
    stored: Option<usize>,
    read: Vec<usize>,
}

impl Accesses {
    /// The statement reads the variable.
    pub fn read(&mut self, stmt: usize, order: &mut Order) {
        if let Some(stored) = self.stored {
            order.before(stored, stmt);
        }
        self.read.push(stmt);
    }

    /// The statement stores to the variable.
    pub fn store(&mut self, stmt: usize, order: &mut Order) {
        for read in self.read.drain(..) {
            order.before(read, stmt);
        }
        if let Some(stored) = self.stored.replace(stmt) {
            order.before(stored, stmt);
        }
    }
}
