//! What clients of etcd were told: linearizability, and that nothing acknowledged is lost.
//!
//! Every answer of etcd carries the store's revision, and so the order of all writes is known: an answer is linearizable
//! if its revision is at least that of every write acknowledged, and of every linearizable read answered, before the
//! question was asked, and if what it says of a key is what the newest write up to that revision made of it. (A LIST is
//! held to its revision alone; serializable reads promise nothing.)
//!
//! A write that was acknowledged is one entry of the log. It is lost if a leader of a later term lacks it. That is told
//! once, there; what is answered afterwards is measured by what is left.

use super::watches::Writes;
use super::{Leader, has};
use crate::engine::Time;
use crate::etcd::rpc::{Op, Request, Response, Revision};
use crate::invariant::{Book, Verdict};
use crate::object::Key;
use alloc::collections::VecDeque;

/// How many applied writes are remembered with their place in the log. Unit: writes. Chosen: an acknowledgement is at
/// most seconds late.
const MARKS: usize = 1024;

/// What a call asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// A read that promises nothing.
    Serializable,
    /// A linearizable read of one key, or of several.
    Read(Option<Key>),
    /// A write, of this key if it is of one.
    Write(Option<Key>),
}

/// A call that is under way, and what was known when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Call {
    id: u32,
    what: What,
    floor: Revision,
}

impl Call {
    pub(super) const fn id(&self) -> u32 {
        self.id
    }
    pub(super) const fn asked(&self) -> What {
        self.what
    }
    pub(super) fn forget_after(&mut self, revision: Revision) {
        self.floor = self.floor.min(revision);
    }
    /// Whether this answer says that something is written.
    pub(super) const fn acknowledges(&self, response: &Response) -> bool {
        matches!(self.what, What::Write(_)) && response.succeeded
    }
}

/// What a client of etcd said or heard, for a judge who is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Heard {
    /// The connection and the call's number there.
    pub call: (u32, u32),
    /// What was asked.
    pub asked: What,
    /// The answer; none: this is the question.
    pub answer: Option<Answer>,
}

/// An answer that is no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    /// The store's revision.
    pub revision: Revision,
    /// The key's own; 0: there is none.
    pub version: Revision,
    /// Whether the compare of a txn held; true for all else.
    pub succeeded: bool,
    /// Whether the answer broke linearizability, as the checker here sees it.
    pub broken: bool,
}

/// Up to this revision acknowledged writes are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Surviving(pub(super) Revision);

/// Where in the log a revision was made: the entry, and the term of a member that knew it to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct Mark {
    pub(super) index: u64,
    pub(super) term: u64,
    pub(super) by: u64,
    pub(super) revision: Revision,
}

/// What clients know.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct Calls {
    /// The newest revision that anybody was told of.
    known: Revision,
    marks: VecDeque<Mark>,
    /// The newest write that a client was told of.
    acknowledged: Option<Mark>,
    /// The leader of the newest term.
    leader: Option<(u64, u8)>,
}

impl Calls {
    /// A store has changed for the first time up to this revision.
    pub(super) fn applied(&mut self, mark: Mark) {
        self.marks.push_back(mark);
        if self.marks.len() > MARKS {
            self.marks.pop_front();
        }
    }
    pub(super) fn bytes(&self) -> usize {
        self.marks.len() * size_of::<Mark>()
    }
    /// The leader of the newest term: the term, the member.
    pub(super) const fn leader(&self) -> Option<(u64, u8)> {
        self.leader
    }
    /// A client asks.
    pub(super) fn called(&self, request: &Request) -> Call {
        let what = match request.op {
            Op::Range { serializable: true, .. } => What::Serializable,
            Op::Range { key, .. } => What::Read(Some(key)),
            Op::List { .. } => What::Read(None),
            Op::Put { key, .. } | Op::Txn { key, .. } => What::Write(Some(key)),
            Op::Grant { .. } | Op::Revoke { .. } | Op::Compact { .. } => What::Write(None),
        };
        Call { id: request.id, what, floor: self.known }
    }
    /// A client hears the answer.
    pub(super) fn answered(
        &mut self,
        now: Time,
        book: &mut Book,
        writes: &Writes,
        call: &Call,
        response: &Response,
        api: u8,
    ) {
        let (What::Read(key) | What::Write(key)) = call.what else { return };
        let revision = response.revision;
        let numbers = [revision, call.floor, api.into(), 0];
        book.judge(now, Verdict::Linearizability, revision >= call.floor, numbers);
        if let Some(expected) = key.and_then(|key| writes.version_at(key, revision)) {
            let told = response.kv.as_ref().map_or(0, |kv| kv.mod_revision);
            if told != expected {
                book.broke(now, Verdict::Linearizability, [told, expected, api.into(), 1]);
            }
        }
        self.known = self.known.max(revision);
    }
    /// A client was told that what made this revision is written. The newest leader must have it.
    pub(super) fn acknowledged(
        &mut self,
        now: Time,
        book: &mut Book,
        revision: Revision,
        leader: Option<&Leader<'_>>,
    ) -> Option<Surviving> {
        let at = self.marks.partition_point(|mark| mark.revision < revision);
        // What was applied together has one mark, that of the last.
        let mark = *self.marks.get(at)?;
        if at == 0 && self.marks.len() == MARKS {
            return None; // Too old to tell.
        }
        if self.acknowledged.is_none_or(|newest| newest.revision < mark.revision) {
            self.acknowledged = Some(mark);
        }
        self.holds(now, book, leader?, mark)
    }
    /// A member leads. It must have what was acknowledged.
    pub(super) fn elected(&mut self, now: Time, book: &mut Book, leader: &Leader<'_>) -> Option<Surviving> {
        if self.leader.is_none_or(|(newest, _)| newest <= leader.term) {
            self.leader = Some((leader.term, leader.member));
        }
        let mark = self.acknowledged?;
        self.holds(now, book, leader, mark)
    }
    fn holds(&mut self, now: Time, book: &mut Book, leader: &Leader<'_>, mark: Mark) -> Option<Surviving> {
        if mark.by > leader.term {
            return None; // A leader of an old term that hears so late that it was elected need not have it.
        }
        let left = |mark: &Mark| has(leader.log, mark.index, mark.term);
        let holds = left(&mark);
        let newest = if holds { Some(&mark) } else { self.marks.iter().rfind(|mark| left(mark)) };
        let surviving = newest.map_or(leader.revision, |mark| mark.revision);
        let numbers = [mark.revision, surviving, u64::from(leader.member) + 1, leader.term];
        book.judge(now, Verdict::AcknowledgedWrites, holds, numbers);
        if holds {
            return None;
        }
        self.marks.retain(|mark| mark.revision <= surviving);
        self.acknowledged = self.marks.back().copied();
        self.known = self.known.min(surviving);
        Some(Surviving(surviving))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::log::Log;
    use crate::etcd::message::SnapshotMeta;
    use crate::object::KeyValue;

    const KEY: Key = Key::user_object(0, 1);

    fn read(calls: &Calls) -> Call {
        calls.called(&Request { id: 1, op: Op::Range { key: KEY, serializable: false } })
    }
    fn answer(calls: &mut Calls, book: &mut Book, call: &Call, revision: Revision, version: Revision) -> u32 {
        let (create_revision, mod_revision) = (1, version);
        let kv = KeyValue { key: KEY, value: Default::default(), create_revision, mod_revision, version: 1 };
        let response = Response { revision, succeeded: true, kv: (version > 0).then_some(kv), range: None };
        let mut writes = Writes::default();
        writes.wrote(KEY, 5);
        writes.wrote(KEY, 8);
        calls.answered(Time::ZERO, book, &writes, call, &response, 2);
        book.finding(Verdict::Linearizability).broken
    }

    #[test]
    fn an_answer_is_as_new_as_what_was_known_when_it_was_asked_for() {
        let (mut calls, mut book) = (Calls::default(), Book::default());
        let early = read(&calls);
        assert_eq!(answer(&mut calls, &mut book, &early, 8, 8), 0);
        let late = read(&calls);
        assert_eq!(answer(&mut calls, &mut book, &early, 7, 5), 0, "it was asked before anybody knew of 8");
        assert_eq!(answer(&mut calls, &mut book, &late, 7, 5), 1);
        assert_eq!(book.finding(Verdict::Linearizability).first, Some((Time::ZERO, [7, 8, 2, 0])));
    }

    #[test]
    fn a_key_says_what_its_newest_write_made_of_it() {
        let (mut calls, mut book) = (Calls::default(), Book::default());
        let call = read(&calls);
        assert_eq!(answer(&mut calls, &mut book, &call, 7, 5), 0);
        assert_eq!(answer(&mut calls, &mut book, &call, 8, 5), 1);
        assert_eq!(answer(&mut calls, &mut book, &call, 6, 0), 2);
        assert_eq!(book.finding(Verdict::Linearizability).first, Some((Time::ZERO, [5, 8, 2, 1])));
    }

    #[test]
    fn what_was_acknowledged_stays_in_the_log_of_every_later_leader() {
        let (mut calls, mut book) = (Calls::default(), Book::default());
        for n in 1..=3 {
            calls.applied(Mark { index: n, term: 1, by: 1, revision: 10 * n });
        }
        let mut lead = |calls: &mut Calls, term, index| {
            let log = Log::after(SnapshotMeta { index, term: 1 });
            let lost = calls.elected(Time::ZERO, &mut book, &Leader { member: 2, term, revision: 0, log: &log });
            (lost, book.finding(Verdict::AcknowledgedWrites).broken)
        };
        assert_eq!(calls.acknowledged(Time::ZERO, &mut Book::default(), 20, None), None);
        assert_eq!(lead(&mut calls, 2, 3), (None, 0));
        assert_eq!(lead(&mut calls, 3, 2), (None, 0), "nobody was told of the third");
        assert_eq!(lead(&mut calls, 4, 1), (Some(Surviving(10)), 1));
        assert_eq!(lead(&mut calls, 5, 1), (None, 1), "it is told once");
        assert_eq!(book.finding(Verdict::AcknowledgedWrites).first, Some((Time::ZERO, [20, 10, 3, 4])));
    }
}
