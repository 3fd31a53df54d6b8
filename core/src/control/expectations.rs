//! What a controller has asked for and not yet seen: kubernetes pkg/controller/controller_utils.go#ControllerExpectations.

use crate::engine::{LocalTime, Span};
use crate::object::Key;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// After so long a controller looks again, whatever it expects. Sourced: kubernetes
/// pkg/controller/controller_utils.go#ExpectationsTimeout.
const TIMEOUT: Span = Span::from_secs(5 * 60);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Expected {
    creations: u32,
    deletions: BTreeSet<Key>,
    since: LocalTime,
}

/// Pods that owners expect to see created or deleted: one entry per owner.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Expectations(BTreeMap<Key, Expected>);

impl Expectations {
    /// Whether nothing is expected any more, or for too long.
    pub fn satisfied(&self, owner: Key, now: LocalTime) -> bool {
        self.0
            .get(&owner)
            .is_none_or(|it| (it.creations == 0 && it.deletions.is_empty()) || now.since(it.since) > TIMEOUT)
    }
    /// From now on it expects so many creations and these deletions.
    pub fn expect(&mut self, owner: Key, creations: u32, deletions: Vec<Key>, now: LocalTime) {
        self.0.insert(owner, Expected { creations, deletions: deletions.into_iter().collect(), since: now });
    }
    /// A pod of the owner appeared, or one will not.
    pub fn created(&mut self, owner: Key) {
        if let Some(it) = self.0.get_mut(&owner) {
            it.creations = it.creations.saturating_sub(1);
        }
    }
    /// A pod of the owner is being deleted or gone, or will not be.
    pub fn deleted(&mut self, owner: Key, pod: Key) {
        if let Some(it) = self.0.get_mut(&owner) {
            it.deletions.remove(&pod);
        }
    }
    /// The owner is gone.
    pub fn forget(&mut self, owner: Key) {
        self.0.remove(&owner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_met_one_by_one_or_lapse() {
        let (mut expectations, owner) = (Expectations::default(), Key::replica_set(0, 1));
        let at = |s: u64| LocalTime::ZERO + Span::from_secs(s);
        let pods = [Key::pod(0, 1, 5), Key::pod(0, 1, 6)];
        assert!(expectations.satisfied(owner, at(0)));
        expectations.expect(owner, 0, pods.to_vec(), at(0));
        expectations.deleted(owner, pods[0]);
        expectations.deleted(owner, pods[0]);
        assert!(!expectations.satisfied(owner, at(300)), "the same pod twice is one");
        assert!(expectations.satisfied(owner, at(301)));
        expectations.expect(owner, 1, Vec::new(), at(301));
        assert!(!expectations.satisfied(owner, at(302)));
        expectations.created(owner);
        assert!(expectations.satisfied(owner, at(302)));
    }
}
