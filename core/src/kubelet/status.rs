//! The kubelet's status manager: it tells the API of pods, one request at a time, at once and again every ten seconds.

use super::pod::Report;
use crate::engine::{LocalTime, Span};
use crate::object::{Key, Revision};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// A pod's status that could not be told is told again in batches so often. Sourced: kubernetes
/// pkg/kubelet/status/status_manager.go#syncPeriod.
pub const SYNC_PERIOD: Span = Span::from_secs(10);

/// Which request of a pod is under way. Each pod takes one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// GET: is it still there, and is it the same pod?
    Get,
    /// PATCH of its status.
    Patch,
    /// DELETE with grace period 0: it has ended.
    Delete,
}

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flight {
    /// Which pod.
    pub key: Key,
    /// Its uid.
    pub uid: Revision,
    /// What is asked.
    pub step: Step,
    /// What is told.
    pub report: Report,
}

/// The queue. It holds each pod of the node at most once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct StatusQueue {
    queue: VecDeque<Key>,
    late: Vec<Key>,
    batch: Option<LocalTime>,
    flight: Option<Flight>,
}

impl StatusQueue {
    /// What is under way.
    pub const fn flight(&self) -> Option<&Flight> {
        self.flight.as_ref()
    }
    /// How many pods wait to be told of.
    pub fn len(&self) -> u32 {
        (self.queue.len() + self.late.len()) as u32
    }
    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// When it wants [`StatusQueue::on_timer`].
    pub const fn next_timer(&self) -> Option<LocalTime> {
        self.batch
    }
    /// There is something to tell of a pod.
    pub fn add(&mut self, key: Key) {
        self.late.retain(|late| *late != key);
        if !self.queue.contains(&key) {
            self.queue.push_back(key);
        }
    }
    /// There is something to tell of a pod with the next batch.
    pub fn add_late(&mut self, now: LocalTime, key: Key) {
        if !self.queue.contains(&key) && !self.late.contains(&key) {
            self.late.push(key);
            self.batch.get_or_insert(now + SYNC_PERIOD);
        }
    }
    /// A timer went off, perhaps too early.
    pub fn on_timer(&mut self, now: LocalTime) {
        if self.batch.is_some_and(|batch| batch <= now) {
            self.batch = None;
            self.queue.extend(self.late.drain(..));
        }
    }
    /// The next pod to tell of, if nothing is under way.
    pub fn take(&mut self) -> Option<Key> {
        if self.flight.is_some() { None } else { self.queue.pop_front() }
    }
    /// A request is under way.
    pub const fn fly(&mut self, flight: Flight) {
        self.flight = Some(flight);
    }
    /// It is not any more.
    pub const fn land(&mut self) -> Option<Flight> {
        self.flight.take()
    }
}
