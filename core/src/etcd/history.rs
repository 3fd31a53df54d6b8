//! The changes of the store since the last compaction, oldest first: what watches of the past and old reads need.

use super::rpc::{Event, Revision};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Changes in a chunk. Unit: changes. Chosen: a copy costs a pointer per chunk, the first change after it a copy of one
/// chunk.
const CHUNK: usize = 64;

/// Changes in the order of their revisions. Copies share all but the chunk that is written next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct History {
    /// None is empty; all but the last are full.
    chunks: VecDeque<Arc<Vec<Event>>>,
    len: usize,
}

impl History {
    /// How many changes it has.
    pub const fn len(&self) -> usize {
        self.len
    }
    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Adds the newest change.
    pub fn push(&mut self, event: Event) {
        self.len += 1;
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() < CHUNK => Arc::make_mut(chunk).push(event),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(event);
                self.chunks.push_back(Arc::new(chunk));
            }
        }
    }
    /// The changes from this revision on.
    pub fn since(&self, revision: Revision) -> impl Iterator<Item = &Event> {
        let from = self.chunks.partition_point(|chunk| last(chunk) < revision);
        let skip = self.chunks.get(from).map_or(0, |chunk| chunk.partition_point(|it| it.kv.mod_revision < revision));
        self.chunks.range(from..).flat_map(|chunk| chunk.iter()).skip(skip)
    }
    /// The oldest changes, taken out, if all of them are older than this revision.
    pub fn take_oldest(&mut self, before: Revision) -> Option<Arc<Vec<Event>>> {
        let chunk = self.chunks.pop_front_if(|chunk| last(chunk) < before)?;
        self.len -= chunk.len();
        Some(chunk)
    }
    /// The last revision of the oldest chunk.
    pub fn end_of_oldest(&self) -> Option<Revision> {
        self.chunks.front().map(|chunk| last(chunk))
    }
}

fn last(chunk: &[Event]) -> Revision {
    chunk.last().map_or(0, |event| event.kv.mod_revision)
}
