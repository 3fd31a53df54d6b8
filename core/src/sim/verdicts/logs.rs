//! Raft's four properties, read off the members' logs.
//!
//! Election safety: who said that it leads in which term. Log matching: of each place in the log the newest entry that
//! any member stored there, with the term of the entry before it; whoever stores an entry of that index and term must
//! store the same after the same term, and so, place by place, has the same prefix. State machine safety: the first
//! entry that any member applied at an index, as long as some member's store has it. Leader completeness: the last entry
//! that was on the disks of a majority when some member knew it to be committed.

use super::{Leader, has};
use crate::engine::{Digest, Time};
use crate::etcd::Etcd;
use crate::etcd::command::Proposal;
use crate::etcd::log::Log;
use crate::invariant::{Book, Verdict};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec;
use alloc::vec::Vec;

/// How many entries are remembered to compare members by; those further back are compared no more. Unit: entries.
/// Chosen: more than the 5,000 that etcd keeps for members that are behind.
const ENTRIES: usize = 8192;
/// How many terms it remembers the leader of. Unit: terms. Chosen: more than a run of an hour has.
const TERMS: usize = 1024;

/// What there is to know of the entries of a range of indexes, the oldest gone first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Ring<T> {
    first: u64,
    items: VecDeque<T>,
}

impl<T> Ring<T> {
    const fn new() -> Self {
        Self { first: 1, items: VecDeque::new() }
    }
    fn get_mut(&mut self, index: u64) -> Option<&mut T> {
        self.items.get_mut(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }
    /// Puts what comes at the end; what is before the first is forgotten already.
    fn push(&mut self, index: u64, item: T) {
        if index < self.first {
            return;
        }
        if index > self.first + self.items.len() as u64 {
            // A snapshot jumped over entries that nobody was seen to have: start afresh from here.
            self.items.clear();
            self.first = index;
        }
        self.items.push_back(item);
        if self.items.len() > ENTRIES {
            self.items.pop_front();
            self.first += 1;
        }
    }
    /// Forgets what is after this index.
    fn forget_after(&mut self, index: u64) {
        self.items.truncate((index + 1).saturating_sub(self.first) as usize);
    }
}

/// An entry that some member stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Stored {
    term: u32,
    /// The term of the entry before it.
    before: u32,
    digest: u32,
}

/// What was last seen of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
struct Seen {
    ready: (u32, u64),
    last: u64,
    applied: u64,
}

/// The last entry that is known to be committed, and the term of whoever knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct Committed {
    pub(super) index: u64,
    pub(super) term: u64,
    pub(super) by: u64,
}

/// What is known of all logs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Logs {
    leaders: BTreeMap<u64, u8>,
    stored: Ring<Stored>,
    applied: Ring<u32>,
    seen: Vec<Seen>,
    committed: Committed,
}

impl Logs {
    pub(super) fn new(members: u8) -> Self {
        Self {
            leaders: BTreeMap::new(),
            stored: Ring::new(),
            applied: Ring::new(),
            seen: vec![Seen::default(); usize::from(members)],
            committed: Committed::default(),
        }
    }

    /// A member took an input. `disks` are the logs that all members have on disk.
    pub(super) fn look<'a, D>(&mut self, now: Time, book: &mut Book, etcd: &Etcd, disks: impl Fn() -> D)
    where
        D: Iterator<Item = &'a Log<Proposal>>,
    {
        let (raft, n) = (etcd.raft(), etcd.id().ix());
        let (ready, entries) = etcd.appended();
        if ready != self.seen[n].ready {
            self.seen[n].ready = ready;
            let mut before = entries.first().and_then(|entry| raft.term_at(entry.index - 1)).unwrap_or_default();
            for entry in entries {
                self.stores(now, book, n, entry.index, before, entry.term, Digest::of(entry) as u32);
                before = entry.term;
            }
        }
        let seen = &mut self.seen[n];
        seen.last = raft.last_index();
        let applied = core::mem::replace(&mut seen.applied, etcd.consistent_index());
        if seen.applied < applied {
            // It lost its power, and what was not on its disk. What nobody has any more is nothing to compare with.
            let most = |of: fn(&Seen) -> u64| self.seen.iter().map(of).max().unwrap_or_default();
            let (last, applied) = (most(|seen| seen.last), most(|seen| seen.applied));
            self.stored.forget_after(last);
            self.applied.forget_after(applied);
        }
        let index = raft.commit_index();
        if index > self.committed.index
            && let Some(term) = raft.term_at(index)
            && disks().filter(|log| has(log, index, term)).count() * 2 > self.seen.len()
        {
            self.committed = Committed { index, term, by: raft.term().max(self.committed.by) };
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn stores(&mut self, now: Time, book: &mut Book, n: usize, index: u64, before: u64, term: u64, digest: u32) {
        let new = Stored { term: term as u32, before: before as u32, digest };
        match self.stored.get_mut(index) {
            Some(there) if there.term == new.term => {
                let holds = *there == new;
                book.judge(now, Verdict::LogMatching, holds, [index, term, n as u64 + 1, 0]);
            }
            Some(there) if there.term < new.term => *there = new,
            Some(_) => {}
            None => self.stored.push(index, new),
        }
    }

    /// A member says that it leads.
    pub(super) fn elected(&mut self, now: Time, book: &mut Book, member: u8, term: u64) {
        let first = *self.leaders.entry(term).or_insert(member);
        let numbers = [term, u64::from(first) + 1, u64::from(member) + 1, 0];
        book.judge(now, Verdict::ElectionSafety, first == member, numbers);
        if self.leaders.len() > TERMS {
            self.leaders.pop_first();
        }
    }
    /// A member that leads has what was committed in earlier terms.
    pub(super) fn complete(&mut self, now: Time, book: &mut Book, leader: &Leader<'_>) {
        let Committed { index, term, by } = self.committed;
        if index == 0 || by >= leader.term {
            return; // A leader of an old term that hears so late that it was elected need not have it.
        }
        let holds = has(leader.log, index, term);
        let numbers = [leader.term, u64::from(leader.member) + 1, index, leader.log.last_index()];
        book.judge(now, Verdict::LeaderCompleteness, holds, numbers);
        if !holds {
            self.committed = Committed::default(); // Said once.
        }
    }
    pub(super) fn bytes(&self) -> usize {
        self.stored.items.len() * size_of::<Stored>() + self.applied.items.len() * size_of::<u32>()
    }

    /// A member applied an entry.
    pub(super) fn applies(&mut self, now: Time, book: &mut Book, member: u8, index: u64, digest: u32) {
        match self.applied.get_mut(index) {
            Some(first) => {
                let holds = *first == digest;
                book.judge(now, Verdict::StateMachineSafety, holds, [index, u64::from(member) + 1, 0, 0]);
            }
            None => self.applied.push(index, digest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::message::SnapshotMeta;

    fn broken(book: &Book) -> Vec<&'static str> {
        Verdict::ALL.into_iter().filter(|verdict| book.finding(*verdict).broken > 0).map(Verdict::name).collect()
    }

    #[test]
    fn a_term_with_two_leaders_is_no_safe_election() {
        let (mut logs, mut book) = (Logs::new(3), Book::default());
        logs.elected(Time::ZERO, &mut book, 0, 2);
        logs.elected(Time::ZERO, &mut book, 1, 3);
        logs.elected(Time::ZERO, &mut book, 0, 2);
        assert_eq!(broken(&book), [""; 0]);
        logs.elected(Time::ZERO, &mut book, 2, 3);
        assert_eq!(broken(&book), ["election_safety"]);
        assert_eq!(book.finding(Verdict::ElectionSafety).first, Some((Time::ZERO, [3, 2, 3, 0])));
    }

    #[test]
    fn a_new_leader_has_what_is_committed_unless_its_term_is_old() {
        let complete = |term, last| {
            let (mut logs, mut book) = (Logs::new(3), Book::default());
            logs.committed = Committed { index: 10, term: 2, by: 4 };
            let log = Log::after(last);
            logs.complete(Time::ZERO, &mut book, &Leader { member: 1, term, revision: 0, log: &log });
            (book.finding(Verdict::LeaderCompleteness).checks, book.finding(Verdict::LeaderCompleteness).first)
        };
        let broken = |last| Some((Time::ZERO, [5, 2, 10, last]));
        assert_eq!(complete(5, SnapshotMeta { index: 10, term: 2 }), (1, None));
        assert_eq!(complete(5, SnapshotMeta { index: 12, term: 4 }), (1, None), "it was compacted away");
        assert_eq!(complete(5, SnapshotMeta { index: 9, term: 2 }), (1, broken(9)));
        assert_eq!(complete(5, SnapshotMeta { index: 10, term: 3 }), (1, broken(10)), "it is another entry");
        assert_eq!(complete(3, SnapshotMeta { index: 9, term: 2 }), (0, None), "it hears late that it was elected");
    }

    #[test]
    fn logs_match_if_entries_and_what_stands_before_them_do() {
        let stored = |last: &[(u64, u64, u64, u32)]| {
            let (mut logs, mut book) = (Logs::new(3), Book::default());
            for (n, entries) in [&[(1, 0, 1, 11), (2, 1, 1, 12), (3, 1, 1, 13)][..], last].into_iter().enumerate() {
                for (index, before, term, digest) in entries {
                    logs.stores(Time::ZERO, &mut book, n, *index, *before, *term, *digest);
                }
            }
            broken(&book)
        };
        assert_eq!(stored(&[(1, 0, 1, 11), (2, 1, 1, 12)]), [""; 0]);
        assert_eq!(stored(&[(1, 0, 1, 11), (2, 1, 2, 99)]), [""; 0], "another term may say something else");
        assert_eq!(stored(&[(2, 1, 1, 99)]), ["log_matching"]);
        assert_eq!(stored(&[(3, 2, 1, 13)]), ["log_matching"], "the same entry after another");
        assert_eq!(stored(&[(2, 1, 2, 99), (3, 2, 2, 98), (2, 1, 1, 12)]), [""; 0], "what was replaced is forgotten");
    }

    #[test]
    fn members_apply_the_same_and_old_entries_are_forgotten() {
        let (mut logs, mut book) = (Logs::new(3), Book::default());
        for index in 1..=ENTRIES as u64 + 10 {
            logs.applies(Time::ZERO, &mut book, 0, index, index as u32);
        }
        logs.applies(Time::ZERO, &mut book, 1, 11, 11);
        logs.applies(Time::ZERO, &mut book, 1, 10, 0);
        assert_eq!(broken(&book), [""; 0], "the tenth is forgotten");
        logs.applies(Time::ZERO, &mut book, 1, 12, 0);
        assert_eq!(broken(&book), ["state_machine_safety"]);
    }

    #[test]
    fn a_ring_starts_afresh_after_a_gap_and_forgets_its_end() {
        let mut ring = Ring::new();
        ring.push(1, 1);
        ring.push(10, 10);
        ring.push(11, 11);
        ring.push(5, 5);
        let mut get = |index| ring.get_mut(index).copied();
        assert_eq!((get(1), get(10), get(11)), (None, Some(10), Some(11)));
        ring.forget_after(10);
        assert_eq!((ring.get_mut(10).copied(), ring.get_mut(11)), (Some(10), None));
        ring.forget_after(3);
        assert_eq!(ring.get_mut(10), None);
    }
}
