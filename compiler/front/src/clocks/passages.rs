//! How messages pass through the processes of a network, as far as they were followed.
//!
//! What is the same for several processes, or for several waves, is followed once: where body,
//! resets, what enters and the arguments that matter are the same, and where only the arguments
//! differ, but answer alike what was asked of them.

use super::follow::constants::{Asked, Constants};
use super::follow::{Entry, Followed};
use snn_ir::network::{BodyId, ClockId, TensorId, When};
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::rc::Rc;

/// All but constants that decides how messages pass through a process: its body, what enters, its
/// resets, and the variables that are reset at steps that are not known yet.
pub type Passage = (BodyId, Entry, Vec<(u32, ClockId, When)>, BTreeSet<u32>);

/// What came of following a process: none where that was not understood, and whether its neurons
/// count as one.
pub type Passed = (Option<Rc<Followed>>, bool);

/// What was followed.
#[derive(Default)]
pub struct Passages(BTreeMap<Passage, Passing>);

/// What came of one passage, by the constants.
struct Passing {
    /// By what matters of the arguments.
    same: BTreeMap<Vec<TensorId>, Passed>,
    /// By what the constants answer.
    alike: Asked<Passed>,
}

impl Passages {
    /// What came of the same arguments.
    pub fn same(&self, passage: &Passage, args: &[TensorId]) -> Option<&Passed> {
        self.0.get(passage)?.same.get(args)
    }

    /// What came of arguments that give the same answers as these, which are kept with them.
    pub fn alike(
        &mut self,
        passage: &Passage,
        args: &[TensorId],
        constants: &mut Constants<'_>,
    ) -> Option<Passed> {
        let known = self.0.get_mut(passage)?;
        let passed = known.alike.find(constants)?.clone();
        known.same.insert(args.to_vec(), passed.clone());
        Some(passed)
    }

    /// Adds what came of following a process, and of asking its constants.
    pub fn add(
        &mut self,
        passage: Passage,
        args: Vec<TensorId>,
        constants: &mut Constants<'_>,
        passed: Passed,
    ) {
        let alike = Asked::once(constants, passed.clone());
        match self.0.entry(passage) {
            btree_map::Entry::Vacant(place) => {
                place.insert(Passing { same: BTreeMap::from([(args, passed)]), alike });
            }
            btree_map::Entry::Occupied(mut place) => {
                let known = place.get_mut();
                known.same.insert(args, passed);
                known.alike.add(alike);
            }
        }
    }
}
