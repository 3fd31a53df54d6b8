//! What a member does for its leader.

use super::super::log::Log;
use super::super::message::{Entries, Entry, Kind, MemberId, Message, Payload, SnapshotMeta};
use super::election::Campaign;
use super::{Dropped, Raft, ReadState, Role};

impl<P: Payload> Raft<P> {
    /// Proposes a payload: a leader appends it, a follower hands it on to its leader. Nobody repeats it if that
    /// message is lost.
    pub fn propose(&mut self, payload: P) -> Result<(), Dropped> {
        match (self.role, self.leader) {
            (Role::Leader, _) => self.propose_own(payload),
            (Role::Follower, Some(leader)) => {
                let mut message = Message::new(Kind::Prop, self.config.id, leader, 0);
                message.entries = Entries::One(Entry { term: 0, index: 0, payload: Some(payload) });
                self.send(message);
                Ok(())
            }
            _ => Err(Dropped::NoLeader),
        }
    }

    /// Asks from which index on a read is current. The answer comes as a [`ReadState`], or never: whoever asks must
    /// ask again.
    pub fn read_index(&mut self, context: u64) {
        match (self.role, self.leader) {
            (Role::Leader, _) => self.on_read_index(self.config.id, context),
            (Role::Follower, Some(leader)) => {
                let mut message = Message::new(Kind::ReadIndex, self.config.id, leader, 0);
                message.context = context;
                self.send(message);
            }
            _ => {}
        }
    }

    /// Wants `to` to lead instead of whoever does.
    pub fn transfer_leadership(&mut self, to: MemberId) {
        match (self.role, self.leader) {
            (Role::Leader, _) => self.begin_transfer(to),
            (Role::Follower, Some(leader)) => {
                let mut message = self.message(Kind::TransferLeader, leader);
                message.context = u64::from(to.0);
                self.send(message);
            }
            _ => {}
        }
    }

    /// A follower forgets its leader, so that it may vote at once. etcd does not use it.
    pub fn forget_leader(&mut self) {
        if self.role == Role::Follower {
            self.leader = None;
        }
    }

    pub(super) fn step_follower(&mut self, mut message: Message<P>) {
        match message.kind {
            Kind::App | Kind::Heartbeat | Kind::Snap => {
                self.election_elapsed = 0;
                self.leader = Some(message.from);
                self.on_leader(message);
            }
            Kind::Prop | Kind::ReadIndex | Kind::TransferLeader => {
                // Still in the name of who sent it first, so that the answer goes there.
                if let Some(leader) = self.leader {
                    message.to = leader;
                    self.send(message);
                }
            }
            Kind::ReadIndexResp => {
                self.out.read_states.push(ReadState { context: message.context, index: message.index })
            }
            // A handover is no rejoining after a partition, so nobody needs to be asked first.
            Kind::TimeoutNow => self.start_campaign(Campaign::Transfer),
            _ => {}
        }
    }

    /// A message of the leader of this member's term.
    pub(super) fn on_leader(&mut self, message: Message<P>) {
        match message.kind {
            Kind::App => self.on_append(message),
            Kind::Heartbeat => {
                self.commit_to(message.commit);
                let mut answer = self.message(Kind::HeartbeatResp, message.from);
                answer.context = message.context;
                self.send(answer);
            }
            _ => self.on_snapshot(&message),
        }
    }

    fn on_append(&mut self, message: Message<P>) {
        let mut answer = self.message(Kind::AppResp, message.from);
        if message.index < self.commit {
            // It starts before what is settled anyway. Say where that ends.
            answer.index = self.commit;
        } else if self.log.matches(message.index, message.log_term) {
            let last = message.index + message.entries.count();
            match message.entries {
                Entries::None => {}
                Entries::One(entry) => self.store(entry),
                Entries::Many(entries) => entries.iter().for_each(|entry| self.store(entry.clone())),
            }
            if self.forgetful {
                return;
            }
            self.commit_to(message.commit.min(last));
            answer.index = last;
        } else {
            let at = message.index.min(self.log.last_index());
            let (index, term) = self.log.last_at_most(at, message.log_term);
            answer.reject = true;
            answer.index = message.index;
            answer.reject_hint = index;
            answer.log_term = term;
        }
        self.send(answer);
    }

    /// Stores an entry, unless it is there. An entry of another term at its place goes, and all after it.
    fn store(&mut self, entry: Entry<P>) {
        if self.forgetful || self.log.matches(entry.index, entry.term) {
            return;
        }
        // etcd-io/raft log.go#maybeAppend: "entry %d conflict with committed entry".
        if entry.index <= self.commit {
            self.forgetful = true;
            return;
        }
        self.out.written = self.out.written.min(entry.index - 1);
        self.log.append(entry);
    }

    fn on_snapshot(&mut self, message: &Message<P>) {
        let snapshot = message.snapshot.expect("Snap carries a snapshot");
        let mut answer = self.message(Kind::AppResp, message.from);
        self.restore(snapshot);
        answer.index = self.commit;
        self.send(answer);
    }

    /// Replaces the log by a snapshot, unless the log already has what it contains.
    fn restore(&mut self, snapshot: SnapshotMeta) {
        if snapshot.index <= self.commit {
            return;
        }
        if self.log.matches(snapshot.index, snapshot.term) {
            self.commit_to(snapshot.index);
            return;
        }
        self.log = Log::after(snapshot);
        self.commit = snapshot.index;
        self.snapshot = snapshot;
        self.out.restore(snapshot);
    }
}
