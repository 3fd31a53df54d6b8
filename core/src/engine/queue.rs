//! Pending events, in the order of (time, id).
//!
//! The standard library's binary heap: `cargo xtask bench queue` compares it with a 4-ary heap and an ordered map, over
//! events of several sizes. It was the fastest natively and under Node; the size of an event hardly matters up to 40 bytes.
//! A key of two words beat one packed `u128` where it counts: in wasm 128-bit integers are emulated.

use super::time::Time;
use alloc::collections::BinaryHeap;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

/// The name of an event or of a row of the trace: dense, unique, and smaller when older.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventId(u64);

impl EventId {
    /// Nobody: the cause of what came from outside. Code: an id.
    pub const ROOT: Self = Self(0);

    /// The id with this number.
    pub const fn new(n: u64) -> Self {
        Self(n)
    }
    /// The id as a number.
    pub const fn get(self) -> u64 {
        self.0
    }
}
impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A pending event. The greatest of a binary heap is the one with the least key.
#[derive(Clone, Copy, Debug)]
struct Entry<E> {
    at: Time,
    id: EventId,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.id) == (other.at, other.id)
    }
}
impl<E> Eq for Entry<E> {}
impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.id).cmp(&(self.at, self.id))
    }
}

/// Pending events, earliest first; of those at one instant the oldest first.
#[derive(Clone, Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Entry<E>>,
    next: u64,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), next: 1 }
    }
}

impl<E: PartialEq> PartialEq for Queue<E> {
    /// Equal queues hold the same events in the same places: they came about by the same calls.
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&Entry<E>, &Entry<E>)| (a.at, a.id) == (b.at, b.id) && a.event == b.event;
        let (mine, theirs) = (self.heap.as_slice(), other.heap.as_slice());
        self.next == other.next && mine.len() == theirs.len() && mine.iter().zip(theirs).all(same)
    }
}
impl<E: Eq> Eq for Queue<E> {}
impl<E: Hash> Hash for Queue<E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.next.hash(state);
        for entry in self.heap.as_slice() {
            (entry.at, entry.id).hash(state);
            entry.event.hash(state);
        }
    }
}

impl<E: Copy> Queue<E> {
    /// A fresh id, for a row that is not an event of its own.
    pub fn fresh(&mut self) -> EventId {
        let id = EventId(self.next);
        self.next += 1;
        id
    }
    /// Puts an event at `at`; its id says which of several at one instant comes first.
    pub fn push(&mut self, at: Time, event: E) -> EventId {
        let id = self.fresh();
        self.heap.push(Entry { at, id, event });
        id
    }
    /// When the next event is due.
    pub fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|entry| entry.at)
    }
    /// Takes the next event.
    pub fn pop(&mut self) -> Option<(Time, EventId, E)> {
        let Entry { at, id, event } = self.heap.pop()?;
        Some((at, id, event))
    }
    /// What is pending and when it is due, in no order.
    pub fn pending(&self) -> impl Iterator<Item = (Time, &E)> {
        self.heap.iter().map(|entry| (entry.at, &entry.event))
    }
    /// How many events are pending.
    pub fn len(&self) -> usize {
        self.heap.len()
    }
    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Purpose, Rng};
    use alloc::collections::BTreeMap;

    #[test]
    fn it_agrees_with_an_ordered_map() {
        let mut rng = Rng::stream(1, Purpose::Test, 0);
        let (mut queue, mut reference) = (Queue::default(), BTreeMap::new());
        let mut now = Time::ZERO;
        for n in 0..20_000u32 {
            if rng.draw().below(5) < 3 {
                let at = Time::from_ns(now.ns() + rng.draw().below(50));
                let id = queue.push(at, n);
                reference.insert((at, id), n);
            } else {
                let expected = reference.pop_first().map(|((at, id), n)| (at, id, n));
                assert_eq!(queue.next_at(), expected.map(|(at, ..)| at));
                assert_eq!(queue.pop(), expected);
                now = expected.map_or(now, |(at, ..)| at);
            }
        }
        assert_eq!(queue.len(), reference.len());
    }
}
