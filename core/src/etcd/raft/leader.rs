//! What a leader does: replicate, count, confirm reads, hand over.

use super::super::message::{Entries, Entry, Kind, MemberId, Message, Payload, SnapshotMeta};
use super::super::progress::{Replication, majority, reached_by_majority};
use super::super::read_only::{MAX_WAITING_READS, ReadRequest};
use super::{Dropped, Raft, ReadState, Role};

impl<P: Payload> Raft<P> {
    /// The transport lost contact with a member, so an append to it is probably lost too.
    pub fn report_unreachable(&mut self, id: MemberId) {
        let progress = &mut self.progress[id.ix()];
        if self.role == Role::Leader && id != self.config.id && progress.state == Replication::Replicate {
            progress.become_probe();
        }
    }

    /// The transport delivered a snapshot to a member, or gave up. What follows waits for a word of the member.
    pub fn report_snapshot(&mut self, id: MemberId, ok: bool) {
        let progress = &mut self.progress[id.ix()];
        if self.role == Role::Leader && progress.state == Replication::Snapshot {
            if !ok {
                progress.pending_snapshot = 0;
            }
            progress.become_probe();
            progress.paused = true;
        }
    }

    pub(super) fn tick_leader(&mut self) {
        self.heartbeat_elapsed += 1;
        if self.election_elapsed >= self.config.election_tick {
            self.election_elapsed = 0;
            if self.config.check_quorum && !self.hears_majority() {
                return self.become_follower(self.term, None);
            }
            // Whoever was to take over has not done so in one election timeout.
            self.transferee = None;
        }
        if self.heartbeat_elapsed >= self.config.heartbeat_tick {
            self.heartbeat_elapsed = 0;
            self.broadcast_heartbeat();
        }
    }

    /// Whether a majority was heard since the last count. Counting starts anew.
    fn hears_majority(&mut self) -> bool {
        let own = self.config.id.ix();
        let mut heard = 0;
        for (ix, progress) in self.progress.iter_mut().enumerate() {
            heard += u8::from(progress.recent_active);
            progress.recent_active = ix == own;
        }
        heard >= majority(self.config.members)
    }

    pub(super) fn step_leader(&mut self, message: Message<P>) {
        match message.kind {
            Kind::Prop => {
                for entry in message.entries.as_slice() {
                    // Nobody is told: only whoever waits for the proposal will notice.
                    if let Some(payload) = entry.payload.clone() {
                        let _dropped = self.propose_own(payload);
                    }
                }
            }
            Kind::ReadIndex => self.on_read_index(message.from, message.context),
            Kind::AppResp => self.on_append_response(&message),
            Kind::HeartbeatResp => self.on_heartbeat_response(message.from, message.context),
            Kind::TransferLeader => self.begin_transfer(MemberId(message.context as u8)),
            _ => {}
        }
    }

    pub(super) fn propose_own(&mut self, payload: P) -> Result<(), Dropped> {
        if self.transferee.is_some() {
            return Err(Dropped::Transferring);
        }
        let bytes = u64::from(payload.bytes());
        // A payload of any size fits when nothing is uncommitted.
        if self.uncommitted_bytes > 0
            && bytes > 0
            && self.uncommitted_bytes.saturating_add(bytes) > self.config.max_uncommitted_bytes
        {
            return Err(Dropped::Full);
        }
        self.uncommitted_bytes = self.uncommitted_bytes.saturating_add(bytes);
        self.append_own(Some(payload));
        self.broadcast_append();
        Ok(())
    }

    /// Appends to the own log. It counts once it is durable.
    pub(super) fn append_own(&mut self, payload: Option<P>) {
        let last = SnapshotMeta { index: self.log.last_index() + 1, term: self.term };
        self.log.append(Entry { term: last.term, index: last.index, payload });
        self.out.own_append(last);
    }

    pub(super) fn broadcast_append(&mut self) {
        for to in self.others() {
            self.send_append(to, true);
        }
    }

    /// Sends entries to a member, if the flow allows it, or only the commit index if there are none and that is
    /// wanted. Whether something went out.
    fn send_append(&mut self, to: MemberId, even_empty: bool) -> bool {
        let progress = &mut self.progress[to.ix()];
        if progress.is_paused() {
            // A full window is paused too, but must let an empty append through: see on_heartbeat_response.
            return false;
        }
        let index = progress.next_index - 1;
        let Some(log_term) = self.log.term_at(index) else {
            return self.send_snapshot(to);
        };
        let entries = if progress.state == Replication::Replicate && progress.is_full() {
            Entries::None
        } else {
            self.log.batch(index + 1, self.config.max_bytes_per_message)
        };
        if entries.is_empty() && !even_empty {
            return false;
        }
        progress.sent_append(entries.count(), self.commit);
        let mut message = self.message(Kind::App, to);
        message.index = index;
        message.log_term = log_term;
        message.commit = self.commit;
        message.entries = entries;
        self.send(message);
        true
    }

    /// Sends a snapshot, but only to a member that was heard lately.
    fn send_snapshot(&mut self, to: MemberId) -> bool {
        let progress = &mut self.progress[to.ix()];
        if !progress.recent_active {
            return false;
        }
        progress.become_snapshot(self.snapshot.index);
        let mut message = self.message(Kind::Snap, to);
        message.snapshot = Some(self.snapshot);
        self.send(message);
        true
    }

    fn broadcast_heartbeat(&mut self) {
        let context = self.read_only.newest();
        for to in self.others() {
            let progress = &mut self.progress[to.ix()];
            // Beyond what matches, the follower's entries may be others than those that are committed.
            let commit = progress.matched.min(self.commit);
            progress.sent_heartbeat(commit);
            let mut message = self.message(Kind::Heartbeat, to);
            message.commit = commit;
            message.context = context;
            self.send(message);
        }
    }

    fn on_append_response(&mut self, message: &Message<P>) {
        let from = message.from;
        let progress = &mut self.progress[from.ix()];
        progress.recent_active = true;
        if !message.reject {
            return self.on_stored(from, message.index);
        }
        // The follower's log has `log_term` at the hint and nothing lower after it. So where this log has a higher
        // term the two cannot agree, and probing there would be in vain.
        let hint = if message.log_term > 0 {
            self.log.last_at_most(message.reject_hint, message.log_term).0
        } else {
            message.reject_hint
        };
        if progress.refuse(message.index, hint) {
            if progress.state == Replication::Replicate {
                progress.become_probe();
            }
            self.send_append(from, true);
        }
    }

    /// A member, perhaps this one, has stored everything up to `index`.
    pub(super) fn on_stored(&mut self, id: MemberId, index: u64) {
        let progress = &mut self.progress[id.ix()];
        let probed = progress.state == Replication::Probe && progress.matched == index;
        if !progress.acknowledge(index) && !probed {
            return;
        }
        match progress.state {
            Replication::Probe => progress.become_replicate(),
            Replication::Replicate => progress.free_up_to(index),
            Replication::Snapshot => {
                if progress.matched + 1 >= self.log.first_index() {
                    progress.become_replicate();
                }
            }
        }
        let other = id != self.config.id;
        let wants_commit = other && progress.wants_commit(self.commit);
        let matched = progress.matched;
        if self.count() {
            self.release_held_reads();
            self.broadcast_append();
        } else if wants_commit {
            self.send_append(id, true);
        }
        if other {
            while self.send_append(id, false) {}
        }
        if self.transferee == Some(id) && matched == self.log.last_index() {
            self.send_timeout_now(id);
        }
    }

    /// Commits what a majority has stored, if it is of this term: an older entry that a majority has can still be
    /// replaced. Raft, section 5.4.2. Whether something was committed.
    fn count(&mut self) -> bool {
        let reached = reached_by_majority(self.progress.iter().map(|progress| progress.matched));
        let counts = reached > self.commit && self.log.matches(reached, self.term);
        if counts {
            self.commit_to(reached);
        }
        counts
    }

    fn on_heartbeat_response(&mut self, from: MemberId, context: u64) {
        let last = self.log.last_index();
        let progress = &mut self.progress[from.ix()];
        progress.recent_active = true;
        // This lets one append through a full window, without entries. If all that was on its way is lost, its
        // answer tells.
        progress.paused = false;
        if progress.matched < last || progress.state == Replication::Probe {
            self.send_append(from, true);
        }
        if context > 0 {
            self.read_only.acknowledge(from, context);
            while let Some(read) = self.read_only.next_confirmed(self.config.members) {
                self.answer_read(read);
            }
        }
    }

    pub(super) fn on_read_index(&mut self, from: MemberId, context: u64) {
        if self.config.members == 1 {
            return self.answer_read(ReadRequest { from, context, index: self.commit });
        }
        if self.committed_in_term() {
            self.confirm_read(from, context);
        } else if self.held_reads.len() < MAX_WAITING_READS {
            self.held_reads.push((from, context));
        }
    }

    /// Asks everybody whether this is still the leader, on behalf of a read.
    fn confirm_read(&mut self, from: MemberId, context: u64) {
        let index = self.commit;
        if self.read_only.add(ReadRequest { from, context, index }) {
            let newest = self.read_only.newest();
            self.read_only.acknowledge(self.config.id, newest);
            self.broadcast_heartbeat();
        }
    }

    fn release_held_reads(&mut self) {
        for (from, context) in core::mem::take(&mut self.held_reads) {
            self.confirm_read(from, context);
        }
    }

    fn answer_read(&mut self, read: ReadRequest) {
        if read.from == self.config.id {
            self.out.read_states.push(ReadState { context: read.context, index: read.index });
        } else {
            let mut answer = self.message(Kind::ReadIndexResp, read.from);
            answer.index = read.index;
            answer.context = read.context;
            self.send(answer);
        }
    }

    pub(super) fn begin_transfer(&mut self, to: MemberId) {
        if self.transferee == Some(to) {
            return;
        }
        self.transferee = None;
        if to == self.config.id {
            return;
        }
        self.election_elapsed = 0;
        self.transferee = Some(to);
        if self.progress[to.ix()].matched == self.log.last_index() {
            self.send_timeout_now(to);
        } else {
            self.send_append(to, true);
        }
    }

    fn send_timeout_now(&mut self, to: MemberId) {
        let message = self.message(Kind::TimeoutNow, to);
        self.send(message);
    }
}
