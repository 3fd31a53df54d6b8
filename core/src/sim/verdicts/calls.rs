//! What clients of etcd were told: linearizability, and that nothing acknowledged is lost.
//!
//! Every answer of etcd carries the store's revision, and so the order of all writes is known: an answer is linearizable
//! if its revision is at least that of every write acknowledged, and of every linearizable read answered, before the
//! question was asked, and if what it says of a key is what the newest write up to that revision made of it. (A LIST is
//! held to its revision alone; serializable reads promise nothing.)
//!
//! A write that was acknowledged is one entry of the log. It is lost if a leader of a later term lacks it. That is told
//! once, there; what is answered afterwards is measured by what is left.

use super::has;
use super::watches::Writes;
use crate::engine::Time;
use crate::etcd::Etcd;
use crate::etcd::raft::Role;
use crate::etcd::rpc::{Op, Request, Response, Revision};
use crate::invariant::{Book, Verdict};
use crate::object::Key;
use alloc::collections::VecDeque;

/// How many applied writes it remembers the place in the log of. Chosen: an acknowledgement is at most seconds late.
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
struct Mark {
    index: u64,
    term: u64,
    by: u64,
    revision: Revision,
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
    /// A store has changed for the first time up to its revision.
    pub(super) fn applied(&mut self, etcd: &Etcd) {
        let (raft, index) = (etcd.raft(), etcd.consistent_index());
        let Some(term) = raft.term_at(index) else { return };
        self.marks.push_back(Mark { index, term, by: raft.term(), revision: etcd.store().revision() });
        if self.marks.len() > MARKS {
            self.marks.pop_front();
        }
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
    pub(super) fn acknowledged<'a>(
        &mut self,
        now: Time,
        book: &mut Book,
        revision: Revision,
        etcd: impl Fn(u8) -> Option<&'a Etcd>,
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
        let (term, member) = self.leader?;
        let leader = etcd(member).filter(|etcd| etcd.raft().term() == term && etcd.raft().role() == Role::Leader)?;
        self.holds(now, book, leader, mark)
    }
    /// A member leads. It must have what was acknowledged.
    pub(super) fn elected(&mut self, now: Time, book: &mut Book, etcd: &Etcd) -> Option<Surviving> {
        let term = etcd.raft().term();
        if self.leader.is_none_or(|(newest, _)| newest < term) {
            self.leader = Some((term, etcd.id().ix() as u8));
        }
        let mark = self.acknowledged?;
        self.holds(now, book, etcd, mark)
    }
    fn holds(&mut self, now: Time, book: &mut Book, leader: &Etcd, mark: Mark) -> Option<Surviving> {
        let raft = leader.raft();
        if mark.by > raft.term() {
            return None; // A leader of an old term that hears so late that it was elected need not have it.
        }
        let left = |mark: &Mark| has(raft.log(), mark.index, mark.term);
        let holds = left(&mark);
        let surviving = if holds {
            mark.revision
        } else {
            self.marks.iter().rfind(|mark| left(mark)).map_or(0, |mark| mark.revision)
        };
        let numbers = [mark.revision, surviving, leader.id().0.into(), raft.term()];
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
