//! What a member wants done, and how it learns that it is done.

use super::super::log::HardState;
use super::super::message::{Entry, Kind, MemberId, Message, Payload, SnapshotMeta};
use super::{Raft, Role};
use alloc::vec::Vec;

/// A read whose index is known: current once that index is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReadState {
    /// The asker's number for the read.
    pub context: u64,
    /// The index to wait for.
    pub index: u64,
}

/// What a member would show on a dashboard. Not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SoftState {
    /// Whom it takes for the leader.
    pub leader: Option<MemberId>,
    /// What it is itself.
    pub role: Role,
}

/// Which Ready a WAL write belongs to. They count from 1 in the life of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct PersistMark(pub u64);

/// What is to be done now. One at a time: the next comes when this one is persisted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ready<P> {
    /// To the WAL, if it changed.
    pub hard_state: Option<HardState>,
    /// Whether the write needs an fsync. A commit index alone does not.
    pub must_sync: bool,
    /// To the WAL. An entry at an index that is already there takes its place, and all after it are gone.
    pub append: Vec<Entry<P>>,
    /// To install before anything else is applied. It replaces the log.
    pub snapshot: Option<SnapshotMeta>,
    /// A leader's messages, to send while the WAL write is under way.
    pub messages_now: Vec<Message<P>>,
    /// Everybody else's, to send when the WAL write is durable.
    pub messages_after: Vec<Message<P>>,
    /// To apply. etcd does not wait for the WAL write: a majority has them.
    pub committed: Vec<Entry<P>>,
    /// Reads that may be answered once their index is applied.
    pub read_states: Vec<ReadState>,
    /// Leader and role, if they changed.
    pub soft: Option<SoftState>,
    /// To hand back when the write is durable.
    pub mark: PersistMark,
}

impl<P> Default for Ready<P> {
    fn default() -> Self {
        Self {
            hard_state: None,
            must_sync: false,
            append: Vec::new(),
            snapshot: None,
            messages_now: Vec::new(),
            messages_after: Vec::new(),
            committed: Vec::new(),
            read_states: Vec::new(),
            soft: None,
            mark: PersistMark::default(),
        }
    }
}

impl<P> Ready<P> {
    fn clear(&mut self) {
        self.hard_state = None;
        self.must_sync = false;
        self.append.clear();
        self.snapshot = None;
        self.messages_now.clear();
        self.messages_after.clear();
        self.committed.clear();
        self.read_states.clear();
        self.soft = None;
    }
}

/// What a member does for itself once it is durable: as if it had sent itself an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct OwnAnswers {
    /// Its vote or pre-vote for itself, and in which term.
    vote: Option<(Kind, u64)>,
    /// The last entry it appended as a leader.
    append: Option<SnapshotMeta>,
}

impl OwnAnswers {
    const fn is_empty(&self) -> bool {
        self.vote.is_none() && self.append.is_none()
    }
}

/// What is due when the Ready that is out is written. Kept apart from whether one is out: most Readys owe nothing, and
/// to say so this often must cost next to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Due {
    own: OwnAnswers,
    snapshot: Option<SnapshotMeta>,
    payload_bytes_applied: u64,
}

/// What waits for the next Ready, and what is out with the current one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Handover<P> {
    /// Messages that promise nothing.
    pub(super) messages: Vec<Message<P>>,
    /// Messages that promise what the next write makes durable.
    pub(super) promises: Vec<Message<P>>,
    pub(super) read_states: Vec<ReadState>,
    /// A snapshot that is not installed yet.
    pub(super) pending_snapshot: Option<SnapshotMeta>,
    /// The last entry that was handed out to be written.
    pub(super) written: u64,
    /// The last entry that was handed out to be applied.
    applying: u64,
    snapshot_handed: bool,
    own: OwnAnswers,
    writing: bool,
    due: Due,
    mark: PersistMark,
    hard_state: HardState,
    soft: SoftState,
}

impl<P> Handover<P> {
    pub(super) const fn new(hard_state: HardState, written: u64, applying: u64) -> Self {
        Self {
            messages: Vec::new(),
            promises: Vec::new(),
            read_states: Vec::new(),
            pending_snapshot: None,
            written,
            applying,
            snapshot_handed: false,
            own: OwnAnswers { vote: None, append: None },
            writing: false,
            due: Due { own: OwnAnswers { vote: None, append: None }, snapshot: None, payload_bytes_applied: 0 },
            mark: PersistMark(0),
            hard_state,
            soft: SoftState { leader: None, role: Role::Follower },
        }
    }
    /// The member votes for itself, which counts once it is durable.
    pub(super) const fn own_vote(&mut self, kind: Kind, term: u64) {
        self.own.vote = Some((kind, term));
    }
    /// The member appended up to here as a leader, which counts once it is durable.
    pub(super) const fn own_append(&mut self, last: SnapshotMeta) {
        self.own.append = Some(last);
    }
    /// A snapshot replaces the log.
    pub(super) const fn restore(&mut self, snapshot: SnapshotMeta) {
        self.pending_snapshot = Some(snapshot);
        self.snapshot_handed = false;
        self.written = snapshot.index;
    }
}

impl<P: Payload> Raft<P> {
    /// Whether there is something to do. Not while the last Ready is being written.
    pub fn has_ready(&self) -> bool {
        let out = &self.out;
        !out.writing
            && (!out.messages.is_empty()
                || !out.promises.is_empty()
                || self.has_committed()
                || out.written < self.log.last_index()
                || !out.own.is_empty()
                || (out.pending_snapshot.is_some() && !out.snapshot_handed)
                || !out.read_states.is_empty()
                || self.soft_state() != out.soft
                || self.hard_state() != out.hard_state)
    }

    /// Fills `ready` with what is to be done now. Whatever was in it is gone, but for its buffers.
    ///
    /// # Panics
    /// If the last one is not persisted yet.
    pub fn take_ready(&mut self, ready: &mut Ready<P>) {
        assert!(!self.out.writing, "member {}: Ready {} is not persisted yet", self.config.id.0, self.out.mark.0);
        ready.clear();
        self.hand_out_state(ready);
        self.hand_out_entries(ready);
        let messages = if self.role == Role::Leader { &mut ready.messages_now } else { &mut ready.messages_after };
        if self.out.messages.is_empty() {
            core::mem::swap(messages, &mut self.out.promises);
        } else {
            core::mem::swap(messages, &mut self.out.messages);
            messages.append(&mut self.out.promises);
        }
        if !self.out.read_states.is_empty() {
            core::mem::swap(&mut ready.read_states, &mut self.out.read_states);
        }
        self.out.mark.0 += 1;
        ready.mark = self.out.mark;
        self.out.writing = true;
        if !self.out.own.is_empty() {
            self.out.due.own = core::mem::take(&mut self.out.own);
        }
    }

    fn hand_out_state(&mut self, ready: &mut Ready<P>) {
        let (soft, hard) = (self.soft_state(), self.hard_state());
        if soft != self.out.soft {
            ready.soft = Some(soft);
            self.out.soft = soft;
        }
        let old = self.out.hard_state;
        if hard != old {
            ready.hard_state = Some(hard);
            ready.must_sync = (hard.term, hard.vote) != (old.term, old.vote);
            self.out.hard_state = hard;
        }
    }

    fn hand_out_entries(&mut self, ready: &mut Ready<P>) {
        if let Some(snapshot) = self.out.pending_snapshot
            && !self.out.snapshot_handed
        {
            ready.snapshot = Some(snapshot);
            ready.must_sync = true;
            self.out.snapshot_handed = true;
            self.out.due.snapshot = Some(snapshot);
        }
        let last = self.log.last_index();
        if self.out.written < last {
            ready.append.extend(self.log.range(self.out.written + 1..=last).cloned());
            ready.must_sync = true;
            self.out.written = last;
        }
        if self.has_committed() {
            let from = self.out.applying + 1;
            let to = self.log.fits(from, self.commit, self.config.max_bytes_per_message);
            ready.committed.extend(self.log.range(from..=to).cloned());
            self.out.applying = to;
            let bytes = |entry: &Entry<P>| u64::from(entry.payload_bytes());
            self.out.due.payload_bytes_applied = ready.committed.iter().map(bytes).sum();
        }
    }

    /// The write of the Ready with this mark is durable. Only now the member's own vote and its own copy count.
    ///
    /// # Panics
    /// If no such write is under way.
    pub fn persisted(&mut self, ready_mark: PersistMark) {
        assert!(ready_mark == self.out.mark, "Ready {} is not the last one, {}", ready_mark.0, self.out.mark.0);
        assert!(core::mem::take(&mut self.out.writing), "Ready {} is persisted twice", ready_mark.0);
        if !self.out.due.own.is_empty() {
            let own = core::mem::take(&mut self.out.due.own);
            self.answer_own(&own);
        }
        if let Some(snapshot) = self.out.due.snapshot.take() {
            if self.out.pending_snapshot == Some(snapshot) {
                self.out.pending_snapshot = None;
            }
            self.applied = self.applied.max(snapshot.index);
            self.out.applying = self.out.applying.max(snapshot.index);
        }
        let bytes = core::mem::take(&mut self.out.due.payload_bytes_applied);
        self.uncommitted_bytes = self.uncommitted_bytes.saturating_sub(bytes);
    }

    /// Takes what this member has promised itself, unless its role or term have moved on since.
    fn answer_own(&mut self, own: &OwnAnswers) {
        if let Some((kind, term)) = own.vote {
            let pre = kind == Kind::PreVote;
            let asks = self.role == if pre { Role::PreCandidate } else { Role::Candidate };
            if asks && term == self.term + u64::from(pre) {
                self.on_vote(self.config.id, true);
            }
        }
        if let Some(last) = own.append
            && self.role == Role::Leader
            && self.term == last.term
        {
            self.on_stored(self.config.id, last.index);
        }
    }

    const fn has_committed(&self) -> bool {
        self.out.applying < self.commit && self.out.pending_snapshot.is_none()
    }

    const fn soft_state(&self) -> SoftState {
        SoftState { leader: self.leader, role: self.role }
    }

    const fn hard_state(&self) -> HardState {
        HardState { term: self.term, vote: self.vote, commit: self.commit }
    }
}
