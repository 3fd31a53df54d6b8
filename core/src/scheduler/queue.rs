//! The scheduling queue: pods that can be tried, pods that wait after a failure, and pods that no node takes.
//!
//! Simplified: back-off ends exactly when it ends, not with the next second's sweep, and a pod has been unschedulable
//! for long enough after exactly five minutes, not with the next half minute's. All pods have the same priority.

use crate::client::earlier;
use crate::engine::{LocalTime, Span};
use crate::object::{Key, Revision};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// The first wait of a pod that found no node; each is twice the one before. Flag: podInitialBackoffSeconds. Sourced:
/// kubernetes pkg/scheduler/apis/config/v1/defaults.go#PodInitialBackoffSeconds.
pub const INITIAL_BACKOFF: Span = Span::from_secs(1);
/// And the longest. Flag: podMaxBackoffSeconds. Sourced: kubernetes
/// pkg/scheduler/apis/config/v1/defaults.go#PodMaxBackoffSeconds.
pub const MAX_BACKOFF: Span = Span::from_secs(10);
/// After so long an unschedulable pod is tried again, whatever has changed. Sourced: kubernetes
/// pkg/scheduler/backend/queue/scheduling_queue.go#DefaultPodMaxInUnschedulablePodsDuration.
pub const MAX_UNSCHEDULABLE: Span = Span::from_secs(300);

/// Why nodes refused a pod, as a set: which events may help it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Reasons(u8);

impl Reasons {
    /// TaintToleration and NodeUnschedulable: a node is not ready, or cordoned. Code: a bit.
    pub const TAINT: Self = Self(1);
    /// NodeResourcesFit: a node is full. Code: a bit.
    pub const FULL: Self = Self(2);
    /// NodeAffinity: it is not the node, or the node is not there. Code: a bit.
    pub const AFFINITY: Self = Self(4);
    /// VolumeBinding: its claim is not bound. Code: a bit.
    pub const CLAIM: Self = Self(8);
    /// Every reason: a new node. Code: bits.
    pub const ANY: Self = Self(15);

    /// Both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Whether they have one in common.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
    /// Whether there is none: an error, not a refusal.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Where a pod waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// activeQ: it is tried as soon as it is the first. By when it came.
    Active(LocalTime),
    /// backoffQ: it is tried after this moment.
    BackOff(LocalTime),
    /// unschedulablePods, since then: something must change.
    Unschedulable(LocalTime),
    /// It is being scheduled, or bound.
    Taken,
}

/// A pod without a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Queued {
    /// Its uid.
    pub uid: Revision,
    /// How often it was tried.
    pub attempts: u32,
    /// Where it waits.
    pub place: Place,
    /// Why it was refused the last time.
    pub reasons: Reasons,
    /// When its back-off ends or ended.
    backed_off: LocalTime,
}

/// The queue. It holds each pod without a node once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Queue {
    pods: BTreeMap<Key, Queued>,
    active: BTreeSet<(LocalTime, Key)>,
    /// podBackoffQ: refused, and then helped.
    back_off: BTreeSet<(LocalTime, Key)>,
    /// podErrorBackoffQ.
    errors: BTreeSet<(LocalTime, Key)>,
    unschedulable: BTreeSet<(LocalTime, Key)>,
}

impl Queue {
    /// How many pods wait in activeQ, backoffQ and unschedulablePods: scheduler_pending_pods.
    pub fn pending(&self) -> (u32, u32, u32) {
        (self.active.len() as u32, (self.back_off.len() + self.errors.len()) as u32, self.unschedulable.len() as u32)
    }
    /// A pod in it.
    pub fn get(&self, key: Key) -> Option<&Queued> {
        self.pods.get(&key)
    }
    /// When it wants [`Queue::on_timer`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        let first = |set: &BTreeSet<(LocalTime, Key)>| set.first().map(|(at, _)| *at);
        let backed_off = earlier(first(&self.back_off), first(&self.errors));
        earlier(backed_off, self.unschedulable.first().map(|(since, _)| *since + MAX_UNSCHEDULABLE))
    }
    /// Whether a pod can be tried now.
    pub fn has_next(&self) -> bool {
        !self.active.is_empty() || !self.back_off.is_empty()
    }

    fn set(&mut self, key: Key, place: Place) {
        let Some(pod) = self.pods.get_mut(&key) else { return };
        let old = core::mem::replace(&mut pod.place, place);
        let refused = !pod.reasons.is_empty();
        self.leave(key, old);
        match place {
            Place::Active(at) => self.active.insert((at, key)),
            Place::BackOff(at) if !refused => self.errors.insert((at, key)),
            Place::BackOff(at) => self.back_off.insert((at, key)),
            Place::Unschedulable(at) => self.unschedulable.insert((at, key)),
            Place::Taken => true,
        };
    }
    fn leave(&mut self, key: Key, place: Place) {
        match place {
            Place::Active(at) => self.active.remove(&(at, key)),
            Place::BackOff(at) => self.back_off.remove(&(at, key)) || self.errors.remove(&(at, key)),
            Place::Unschedulable(at) => self.unschedulable.remove(&(at, key)),
            Place::Taken => true,
        };
    }
    /// There is a pod without a node. A pod that is here already stays where it is.
    pub fn add(&mut self, now: LocalTime, key: Key, uid: Revision) {
        if self.pods.get(&key).is_some_and(|pod| pod.uid == uid) {
            return;
        }
        self.remove(key);
        let reasons = Reasons::default();
        self.pods.insert(key, Queued { uid, attempts: 0, place: Place::Taken, reasons, backed_off: now });
        self.set(key, Place::Active(now));
    }
    /// A pod is gone, or has a node.
    pub fn remove(&mut self, key: Key) {
        if let Some(pod) = self.pods.remove(&key) {
            self.leave(key, pod.place);
        }
    }
    /// Takes the next pod to try. kubernetes pkg/scheduler/backend/queue/active_queue.go with SchedulerPopFromBackoffQ:
    /// when there is nothing else to do, a pod that was refused is tried before its back-off ends.
    pub fn pop(&mut self) -> Option<Key> {
        let (_, key) = self.active.first().or_else(|| self.back_off.first()).copied()?;
        self.set(key, Place::Taken);
        self.pods.get_mut(&key).expect("the queues hold only pods that are here").attempts += 1;
        Some(key)
    }
    /// Nodes refused the pod that was taken, for these reasons; none: it met an error.
    pub fn put_back(&mut self, now: LocalTime, key: Key, reasons: Reasons) {
        let Some(pod) = self.pods.get_mut(&key) else { return };
        let mut wait = INITIAL_BACKOFF;
        for _ in 1..pod.attempts {
            wait = wait.scale(2, 1).min(MAX_BACKOFF);
        }
        (pod.reasons, pod.backed_off) = (reasons, now + wait);
        let place = if reasons.is_empty() { Place::BackOff(pod.backed_off) } else { Place::Unschedulable(now) };
        self.set(key, place);
    }
    /// Something happened that may help pods refused for these reasons.
    pub fn on_event(&mut self, now: LocalTime, helps: Reasons) {
        let helped = |(_, key): &&(LocalTime, Key)| self.pods.get(key).is_some_and(|pod| pod.reasons.meets(helps));
        let keys: Vec<Key> = self.unschedulable.iter().filter(helped).map(|(_, key)| *key).collect();
        for key in keys {
            self.wake(now, key);
        }
    }
    fn wake(&mut self, now: LocalTime, key: Key) {
        let Some(pod) = self.pods.get(&key) else { return };
        let backed_off = pod.backed_off;
        self.set(key, if backed_off > now { Place::BackOff(backed_off) } else { Place::Active(now) });
    }
    /// A timer went off, perhaps too early.
    pub fn on_timer(&mut self, now: LocalTime) {
        let due = |set: &BTreeSet<(LocalTime, Key)>, wait| set.first().filter(|(at, _)| *at + wait <= now).copied();
        while let Some((_, key)) = due(&self.back_off, Span::ZERO).or_else(|| due(&self.errors, Span::ZERO)) {
            self.set(key, Place::Active(now));
        }
        while let Some((_, key)) = due(&self.unschedulable, MAX_UNSCHEDULABLE) {
            self.wake(now, key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::bench::at;

    const A: Key = Key::pod(0, 1, 1);
    const B: Key = Key::pod(0, 1, 2);

    #[test]
    fn pods_come_in_order_and_wait_longer_after_each_error() {
        let mut queue = Queue::default();
        queue.add(at(2), A, 5);
        queue.add(at(1), B, 6);
        queue.add(at(3), A, 5);
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(B), Some(A), None));
        let mut now = at(10);
        for wait in [1000, 2000, 4000, 8000, 10_000, 10_000] {
            queue.put_back(now, A, Reasons::default());
            assert_eq!(queue.next_timer(), Some(now + Span::from_ms(wait)));
            assert_eq!(queue.pop(), None, "an error waits its back-off out");
            now = now + Span::from_ms(wait);
            queue.on_timer(now);
            assert_eq!(queue.pop(), Some(A));
        }
    }

    #[test]
    fn a_refused_pod_waits_for_what_helps_it_or_five_minutes() {
        let mut queue = Queue::default();
        queue.add(at(0), A, 5);
        queue.pop();
        queue.put_back(at(0), A, Reasons::FULL);
        queue.on_event(at(100), Reasons::TAINT);
        assert_eq!(queue.pending(), (0, 0, 1));
        queue.on_event(at(200), Reasons::FULL.and(Reasons::TAINT));
        assert_eq!(queue.pending(), (0, 1, 0), "its second is not over");
        assert_eq!(queue.pop(), Some(A), "but there is nothing else to do");
        queue.put_back(at(300), A, Reasons::FULL);
        assert_eq!(queue.next_timer(), Some(at(300_300)));
        queue.on_timer(at(300_299));
        assert_eq!(queue.pending(), (0, 0, 1));
        queue.on_timer(at(300_300));
        assert_eq!(queue.pending(), (1, 0, 0));
    }

    #[test]
    fn another_pod_of_that_name_starts_over() {
        let mut queue = Queue::default();
        queue.add(at(0), A, 5);
        queue.pop();
        queue.put_back(at(2), A, Reasons::TAINT);
        queue.add(at(3), A, 9);
        assert_eq!(queue.get(A).map(|pod| (pod.uid, pod.attempts)), Some((9, 0)));
        assert_eq!(queue.pending(), (1, 0, 0));
        queue.remove(A);
        assert_eq!(queue.pending(), (0, 0, 0));
    }
}
