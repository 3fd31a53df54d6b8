//! The log of one member, and what of it survives a crash.

use super::message::{Entries, Entry, Payload, SnapshotMeta};
use super::raft::Ready;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// Entries in a chunk of the log. Unit: entries. Chosen: a checkpoint of a log of 5,000 entries copies 80 pointers, and
/// an append after it copies at most this many entries.
const CHUNK: u64 = 64;

/// The entries of one member, without gaps. Copies share all but the chunk that is written next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Log<P> {
    /// The entry before the first: compacted away, or the last of an installed snapshot.
    base: SnapshotMeta,
    last: SnapshotMeta,
    /// Chunk `k` of the whole log holds the indexes from `k * CHUNK` on. The first one may start later, and may hold
    /// entries that are already compacted away.
    chunks: VecDeque<Arc<Vec<Entry<P>>>>,
}

impl<P> Default for Log<P> {
    fn default() -> Self {
        Self::after(SnapshotMeta::default())
    }
}

impl<P> Log<P> {
    /// An empty log that goes on after `base`.
    pub const fn after(base: SnapshotMeta) -> Self {
        Self { base, last: base, chunks: VecDeque::new() }
    }
    /// The index of the first entry it has, or would have.
    pub const fn first_index(&self) -> u64 {
        self.base.index + 1
    }
    /// The index of the last entry, in the log or compacted away.
    pub const fn last_index(&self) -> u64 {
        self.last.index
    }
    /// The term of the last entry.
    pub const fn last_term(&self) -> u64 {
        self.last.term
    }
    /// The entry before the first.
    pub const fn base(&self) -> SnapshotMeta {
        self.base
    }
    /// The entry at `index`, if the log has it.
    pub fn get(&self, index: u64) -> Option<&Entry<P>> {
        if index <= self.base.index || index > self.last.index {
            return None;
        }
        let (chunk, slot) = self.place(index);
        self.chunks[chunk].get(slot)
    }
    /// The term of the entry at `index`: also of the one before the first.
    pub fn term_at(&self, index: u64) -> Option<u64> {
        if index == self.last.index {
            Some(self.last.term)
        } else if index == self.base.index {
            Some(self.base.term)
        } else {
            self.get(index).map(|entry| entry.term)
        }
    }
    /// Whether the entry at `index` is the one of `term`.
    pub fn matches(&self, index: u64, term: u64) -> bool {
        self.term_at(index) == Some(term)
    }
    /// The entries of a range of indexes, as far as the log has them.
    pub fn range(&self, indexes: RangeInclusive<u64>) -> impl Iterator<Item = &Entry<P>> {
        let from = (*indexes.start()).max(self.first_index());
        let to = (*indexes.end()).min(self.last.index);
        (from..=to).filter_map(|index| self.get(index))
    }
    /// Whether whoever ends with this entry may have all that this log has. Raft (Ongaro and Ousterhout 2014), section 5.4.1.
    pub const fn is_covered_by(&self, term: u64, index: u64) -> bool {
        term > self.last.term || (term == self.last.term && index >= self.last.index)
    }
    /// The last entry at or before `index` whose term is at most `term`: its index, and its term or zero if that is
    /// no longer known. etcd-io/raft v3.7.0 log.go#findConflictByTerm.
    pub fn last_at_most(&self, index: u64, term: u64) -> (u64, u64) {
        let mut at = index;
        while at > 0 {
            match self.term_at(at) {
                None => return (at, 0),
                Some(ours) if ours <= term => return (at, ours),
                Some(_) => at -= 1,
            }
        }
        (0, 0)
    }
    /// Forgets the entries up to `index`, but not the term of that one. What it no longer has, it cannot forget.
    pub fn compact(&mut self, index: u64) {
        if index <= self.base.index {
            return;
        }
        let term = self.term_at(index).expect("only what the log has is compacted");
        self.base = SnapshotMeta { index, term };
        while self.chunks.front().and_then(|chunk| chunk.last()).is_some_and(|entry| entry.index <= index) {
            self.chunks.pop_front();
        }
    }
    /// Chunk and slot of an index between the first and one past the last.
    fn place(&self, index: u64) -> (usize, usize) {
        let Some(oldest) = self.chunks.front().and_then(|chunk| chunk.first()) else {
            return (0, 0);
        };
        let chunk = index / CHUNK - oldest.index / CHUNK;
        let slot = if chunk == 0 { index - oldest.index } else { index % CHUNK };
        (chunk as usize, slot as usize)
    }
}

impl<P: Payload> Log<P> {
    /// Puts an entry at its index. What was there and after it is gone.
    pub fn append(&mut self, entry: Entry<P>) {
        assert!(
            entry.index > self.base.index && entry.index <= self.last.index + 1,
            "entry {} does not follow {}..={}",
            entry.index,
            self.first_index(),
            self.last.index
        );
        if entry.index <= self.last.index {
            self.truncate(entry.index);
        }
        self.last = SnapshotMeta { index: entry.index, term: entry.term };
        match self.chunks.back_mut() {
            Some(chunk) if !entry.index.is_multiple_of(CHUNK) => Arc::make_mut(chunk).push(entry),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK as usize);
                chunk.push(entry);
                self.chunks.push_back(Arc::new(chunk));
            }
        }
    }
    /// Drops the entry at `index` and all after it.
    fn truncate(&mut self, index: u64) {
        let term = self.term_at(index - 1).expect("the base stays");
        let (chunk, slot) = self.place(index);
        self.chunks.truncate(chunk + 1);
        if slot == 0 {
            self.chunks.pop_back();
        } else {
            Arc::make_mut(&mut self.chunks[chunk]).truncate(slot);
        }
        self.last = SnapshotMeta { index: index - 1, term };
    }
    /// The entries from `index` on that fit a message of `max_bytes`: at least one, if there is one.
    pub fn batch(&self, index: u64, max_bytes: u32) -> Entries<P> {
        let to = self.fits(index, self.last.index, max_bytes);
        if to < index {
            Entries::None
        } else if to == index {
            self.get(index).cloned().map_or(Entries::None, Entries::One)
        } else {
            Entries::Many(self.range(index..=to).cloned().collect())
        }
    }
    /// The last index up to `to` such that the entries from `from` on weigh at most `max_bytes`, or `from`.
    pub(super) fn fits(&self, from: u64, to: u64, max_bytes: u32) -> u64 {
        if from >= to {
            return to;
        }
        let mut sum: u32 = 0;
        for entry in self.range(from..=to) {
            sum = sum.saturating_add(entry.bytes());
            if sum > max_bytes && entry.index > from {
                return entry.index - 1;
            }
        }
        to
    }
}

/// What a member must not forget beside its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct HardState {
    /// The latest term it knows.
    pub term: u64,
    /// Whom it voted for in that term.
    pub vote: Option<super::message::MemberId>,
    /// What it knows to be committed. Losing this one costs nothing but time.
    pub commit: u64,
}

/// What a restarting member finds on its disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stored<P> {
    /// Term, vote and commit index.
    pub hard_state: HardState,
    /// The entries, and the entry before them.
    pub log: Log<P>,
    /// What the state machine has applied. The machine hands out what follows it, or what follows the commit index
    /// if that is less: then the state machine must skip what it already has, as etcd does by its consistent index.
    pub applied: u64,
}

impl<P> Default for Stored<P> {
    fn default() -> Self {
        Self { hard_state: HardState::default(), log: Log::default(), applied: 0 }
    }
}

/// The write-ahead log of one member: what of its machine is durable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wal<P> {
    stored: Stored<P>,
}

impl<P> Default for Wal<P> {
    fn default() -> Self {
        Self { stored: Stored::default() }
    }
}

impl<P: Payload> Wal<P> {
    /// A WAL that already holds this.
    pub const fn new(stored: Stored<P>) -> Self {
        Self { stored }
    }
    /// The write of this Ready is durable.
    pub fn persist(&mut self, ready: &Ready<P>) {
        if let Some(snapshot) = ready.snapshot {
            self.stored.log = Log::after(snapshot);
            self.stored.applied = self.stored.applied.max(snapshot.index);
        }
        for entry in &ready.append {
            self.stored.log.append(entry.clone());
        }
        if let Some(hard_state) = ready.hard_state {
            self.stored.hard_state = hard_state;
        }
    }
    /// The state machine is durable up to `index`.
    pub fn applied(&mut self, index: u64) {
        self.stored.applied = self.stored.applied.max(index);
    }
    /// Forgets the entries up to `index`, as far as it has them.
    pub fn compact(&mut self, index: u64) {
        self.stored.log.compact(index.min(self.stored.log.last_index()));
    }
    /// What a restart finds.
    pub fn stored(&self) -> Stored<P> {
        self.stored.clone()
    }
    /// What a restart would find, to look at.
    pub const fn view(&self) -> &Stored<P> {
        &self.stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct Ten;
    impl Payload for Ten {
        fn bytes(&self) -> u32 {
            10
        }
    }
    fn entry(index: u64, term: u64) -> Entry<Ten> {
        Entry { term, index, payload: Some(Ten) }
    }
    fn terms(log: &Log<Ten>) -> Vec<u64> {
        log.range(0..=u64::MAX).map(|e| e.term).collect()
    }

    #[test]
    fn any_history_of_appends_truncations_and_compactions_reads_like_a_plain_list() {
        let mut rng = crate::engine::Rng::stream(1, crate::engine::Purpose::Test, 0);
        for _ in 0..200 {
            let (mut log, mut plain, mut base, mut term) = (Log::default(), Vec::new(), 0, 1);
            for _ in 0..300 {
                let (what, where_) = (rng.draw().below(20), rng.draw());
                if what == 0 {
                    term += 1;
                    let at = base + 1 + where_.below(plain.len() as u64 + 1);
                    plain.truncate((at - base - 1) as usize);
                    plain.push(term);
                    log.append(entry(at, term));
                } else if what == 1 {
                    let cut = where_.below(plain.len() as u64 + 1);
                    base += cut;
                    plain.drain(..cut as usize);
                    log.compact(base);
                } else {
                    plain.push(term);
                    log.append(entry(log.last_index() + 1, term));
                }
                assert_eq!(terms(&log), plain);
                assert_eq!(log.first_index(), base + 1);
                assert_eq!(log.last_index(), base + plain.len() as u64);
            }
        }
    }

    #[test]
    fn a_copy_is_not_touched_by_what_follows() {
        let mut log = Log::default();
        for index in 1..=100 {
            log.append(entry(index, 1));
        }
        let copy = log.clone();
        log.append(entry(70, 2));
        assert_eq!(copy.last_index(), 100);
        assert_eq!((log.last_index(), log.term_at(70)), (70, Some(2)));
        assert_eq!(log.term_at(69), Some(1));
    }

    #[test]
    fn a_batch_keeps_to_its_bytes_but_is_never_empty() {
        let mut log = Log::default();
        for index in 1..=5 {
            log.append(entry(index, 1));
        }
        assert_eq!(log.batch(2, 1).count(), 1);
        assert_eq!(log.batch(2, 52).count(), 2);
        assert_eq!(log.batch(2, u32::MAX).count(), 4);
        assert_eq!(log.batch(6, u32::MAX).count(), 0);
    }
}
