//! The watch cache's memory of what happened, from which a watch goes on where another ended.

use super::rpc::{EventType, Selector, WatchEvent};
use crate::engine::{LocalTime, Span};
use crate::object::{NodeId, Revision};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Events a watch cache keeps, however old. Unit: events. Sourced: apiserver
/// pkg/storage/cacher/watch_cache.go#defaultLowerBoundCapacity.
pub const EVENTS_MIN: usize = 100;
/// Events a watch cache keeps at most; the oldest go. Unit: events. Sourced: apiserver
/// pkg/storage/cacher/watch_cache.go#defaultUpperBoundCapacity.
pub const EVENTS_MAX: usize = 102_400;
/// Beyond the least number, only events younger than this stay. Sourced: apiserver
/// pkg/storage/cacher/cacher.go#DefaultEventFreshDuration.
pub const FRESH: Span = Span::from_secs(75);
/// How many events go together. Unit: events. Chosen: a copy of the world shares full chunks, and makes anew at most
/// one.
const CHUNK: usize = 64;

/// An event, and which node's it was before: what selectors ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Past {
    /// What happened.
    pub event: WatchEvent,
    /// The node of the pod before.
    pub before: Option<NodeId>,
}

impl Past {
    /// It as a watch with this selector sees it: an object that begins to fit is ADDED, one that fits no more DELETED.
    pub fn seen_by(&self, selector: Selector) -> Option<WatchEvent> {
        let fits = match selector {
            Selector::All => true,
            Selector::Name(key) => self.event.kv.key == key,
            Selector::OnNode(node) => return self.on_node(node),
        };
        fits.then(|| self.event.clone())
    }
    fn on_node(&self, node: NodeId) -> Option<WatchEvent> {
        let gone = self.event.event == EventType::Deleted;
        let after = !gone && node_of(&self.event) == Some(node);
        let event = match (self.before == Some(node), after) {
            (false, true) => EventType::Added,
            (true, true) => EventType::Modified,
            (true, false) => EventType::Deleted,
            (false, false) => return None,
        };
        Some(WatchEvent { event, kv: self.event.kv.clone() })
    }
}

/// The node of the pod that an event is about.
pub fn node_of(event: &WatchEvent) -> Option<NodeId> {
    event.kv.value.object.pod().and_then(|pod| pod.node)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Chunk {
    events: Vec<Past>,
    /// When the newest of them came.
    newest: LocalTime,
}

impl Chunk {
    fn last(&self) -> Revision {
        self.events.last().map_or(0, |past| past.event.kv.mod_revision)
    }
}

/// The ring of events, whole chunks at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct History {
    chunks: VecDeque<Arc<Chunk>>,
    len: usize,
    floor: Revision,
}

impl History {
    /// Forgets everything: from here on it knows what comes after `floor`.
    pub fn restart(&mut self, floor: Revision) {
        *self = Self { floor, ..Self::default() };
    }
    /// How many events it holds.
    pub const fn len(&self) -> usize {
        self.len
    }
    /// Whether it holds none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// It knows everything after this revision.
    pub const fn floor(&self) -> Revision {
        self.floor
    }
    /// The revision of its newest event; of a memory that holds none, its floor.
    pub fn newest(&self) -> Revision {
        self.chunks.back().map_or(self.floor, |chunk| chunk.last())
    }
    /// Something happened.
    pub fn push(&mut self, now: LocalTime, past: Past) {
        match self.chunks.back_mut().filter(|chunk| chunk.events.len() < CHUNK) {
            Some(chunk) => {
                let chunk = Arc::make_mut(chunk);
                chunk.events.push(past);
                chunk.newest = now;
            }
            None => {
                let mut events = Vec::with_capacity(CHUNK);
                events.push(past);
                self.chunks.push_back(Arc::new(Chunk { events, newest: now }));
            }
        }
        self.len += 1;
        while let Some(front) = self.chunks.front() {
            let spare = self.len - front.events.len() >= EVENTS_MIN && now.since(front.newest) > FRESH;
            if !spare && self.len <= EVENTS_MAX {
                break;
            }
            self.len -= front.events.len();
            self.floor = front.last();
            self.chunks.pop_front();
        }
    }
    /// What happened after a revision, in order.
    pub fn after(&self, revision: Revision) -> impl Iterator<Item = &Past> {
        let first = self.chunks.partition_point(|chunk| chunk.last() <= revision);
        let events = self.chunks.range(first..).flat_map(|chunk| &chunk.events);
        events.skip_while(move |past| past.event.kv.mod_revision <= revision)
    }
}
