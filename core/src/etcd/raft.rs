//! Raft as etcd runs it: one member as a machine without clock or network.
//!
//! It is told of ticks and messages, and what is to be done for it collects in a [`Ready`]. The rules are those of
//! etcd-io/raft v3.7.0 with the settings of etcd v3.7 (server/etcdserver/bootstrap.go#raftConfig). Left out are
//! changes of membership, learners, lease-based reads and asynchronous storage writes: etcd uses no more of the last
//! two than this does, and the cluster here is the one it was started as.

mod election;
mod follower;
mod leader;
mod ready;

pub use ready::{PersistMark, ReadState, Ready, SoftState};

use super::log::{HardState, Log, Stored};
use super::message::{CAMPAIGN_TRANSFER, Entry, Kind, MemberId, Message, Payload, SnapshotMeta};
use super::progress::{MAX_MEMBERS, Progress, Votes};
use super::read_only::ReadOnly;
use crate::engine::Rng;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use ready::Handover;

/// How one member is set up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Which member this is.
    pub id: MemberId,
    /// How many voters there are.
    pub members: u8,
    /// Ticks without a leader before a campaign, at least. Up to twice as many less one, at random.
    pub election_tick: u32,
    /// Ticks between two heartbeats.
    pub heartbeat_tick: u32,
    /// Whether a member asks around before it disturbs anybody with a new term.
    pub pre_vote: bool,
    /// Whether a leader that hears no majority steps down, and who hears a leader grants no votes.
    pub check_quorum: bool,
    /// Appends to one member that may be on their way.
    pub max_inflight: u32,
    /// Bytes of entries in one append, and in the committed part of one Ready.
    pub max_bytes_per_message: u32,
    /// Bytes of payload that a leader keeps uncommitted before it refuses proposals.
    pub max_uncommitted_bytes: u64,
}

impl Config {
    /// A follower waits so many ticks for its leader, and up to so many less one more. Unit: ticks. Flag:
    /// --election-timeout over --heartbeat-interval. Sourced: etcd server/embed/config.go#ElectionTicks; raft
    /// raft.go#resetRandomizedElectionTimeout.
    pub const ELECTION_TICK: u32 = 10;
    /// A leader sends heartbeats every so many ticks. Unit: ticks. Sourced: etcd
    /// server/etcdserver/bootstrap.go#raftConfig.
    pub const HEARTBEAT_TICK: u32 = 1;
    /// Appends in flight to one follower. Unit: messages. Sourced: etcd server/etcdserver/raft.go#maxInflightMsgs.
    pub const MAX_INFLIGHT: u32 = 512;
    /// The most that one append carries. Unit: bytes. Sourced: etcd server/etcdserver/raft.go#maxSizePerMsg.
    pub const MAX_BYTES_PER_MESSAGE: u32 = 1 << 20;

    /// A member as etcd v3.7 sets it up. etcd sets no limit on what is uncommitted.
    pub const fn etcd(id: MemberId, members: u8) -> Self {
        Self {
            id,
            members,
            election_tick: Self::ELECTION_TICK,
            heartbeat_tick: Self::HEARTBEAT_TICK,
            pre_vote: true,
            check_quorum: true,
            max_inflight: Self::MAX_INFLIGHT,
            max_bytes_per_message: Self::MAX_BYTES_PER_MESSAGE,
            max_uncommitted_bytes: u64::MAX,
        }
    }
}

/// What a member is to its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It follows a leader, or waits for one.
    Follower,
    /// It asks whether it would be elected.
    PreCandidate,
    /// It wants to be elected.
    Candidate,
    /// It leads, as far as it knows.
    Leader,
}

/// Why a proposal went nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// The member knows no leader.
    NoLeader,
    /// The leader is handing over.
    Transferring,
    /// Too much is uncommitted.
    Full,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Raft<P> {
    config: Config,
    rng: Rng,
    role: Role,
    term: u64,
    vote: Option<MemberId>,
    leader: Option<MemberId>,
    /// Ticks since the leader was heard, a vote granted or a campaign begun; at a leader since it last counted.
    election_elapsed: u32,
    heartbeat_elapsed: u32,
    randomized_election_timeout: u32,
    log: Log<P>,
    commit: u64,
    applied: u64,
    votes: Votes,
    progress: Vec<Progress>,
    transferee: Option<MemberId>,
    uncommitted_bytes: u64,
    /// The newest snapshot that a follower could be sent.
    snapshot: SnapshotMeta,
    read_only: ReadOnly,
    /// Reads that came before this leader committed in its term: who asked, and its number. As in etcd, they outlive
    /// a lost leadership and are answered in the next one.
    held_reads: Vec<(MemberId, u64)>,
    /// Whether a message showed that it has forgotten what it had promised to keep.
    forgetful: bool,
    out: Handover<P>,
}

impl<P: Payload> Raft<P> {
    /// A member that finds `stored` on its disk. The dice are for its election timeouts alone.
    ///
    /// # Panics
    /// If there is no such member, or what is stored does not fit together.
    pub fn new(config: Config, rng: Rng, stored: Stored<P>) -> Self {
        assert!(
            (1..=MAX_MEMBERS as u8).contains(&config.members) && (1..=config.members).contains(&config.id.0),
            "member {} of {}, at most {MAX_MEMBERS}",
            config.id.0,
            config.members
        );
        let Stored { hard_state, log, applied } = stored;
        let commit = hard_state.commit.max(log.base().index);
        assert!(
            commit <= log.last_index(),
            "member {}: {commit} is committed but the log ends at {}",
            config.id.0,
            log.last_index()
        );
        let applied = applied.clamp(log.base().index, commit);
        let next_index = log.last_index() + 1;
        let mut raft = Self {
            rng,
            role: Role::Follower,
            term: hard_state.term,
            vote: hard_state.vote,
            leader: None,
            election_elapsed: 0,
            heartbeat_elapsed: 0,
            randomized_election_timeout: 0,
            commit,
            applied,
            votes: Votes::default(),
            progress: (0..config.members).map(|_| Progress::new(next_index, config.max_inflight)).collect(),
            transferee: None,
            uncommitted_bytes: 0,
            snapshot: log.base(),
            read_only: ReadOnly::default(),
            held_reads: Vec::new(),
            forgetful: false,
            out: Handover::new(HardState { commit, ..hard_state }, log.last_index(), applied),
            log,
            config,
        };
        raft.become_follower(hard_state.term, None);
        raft
    }

    /// A tick has passed.
    pub fn tick(&mut self) {
        self.election_elapsed += 1;
        if self.role == Role::Leader {
            self.tick_leader();
        } else if self.election_elapsed >= self.randomized_election_timeout && self.is_promotable() {
            self.election_elapsed = 0;
            self.campaign();
        }
    }

    /// A message has arrived. One that shows that the member has forgotten what it had promised to keep makes it
    /// [forgetful](Self::forgetful).
    ///
    /// # Panics
    /// If it is meant for somebody else.
    pub fn step(&mut self, message: Message<P>) {
        assert!(
            message.to == self.config.id && (1..=self.config.members).contains(&message.from.0),
            "member {}: {:?} from {} to {}",
            self.config.id.0,
            message.kind,
            message.from.0,
            message.to.0
        );
        if message.term != 0 {
            if message.term < self.term {
                return self.answer_stale(&message);
            }
            if message.term > self.term && !self.enter_higher_term(&message) {
                return;
            }
        }
        match (message.kind, self.role) {
            (Kind::Vote | Kind::PreVote, _) => self.on_vote_request(&message),
            (_, Role::Follower) => self.step_follower(message),
            (_, Role::Leader) => self.step_leader(message),
            (_, Role::Candidate | Role::PreCandidate) => self.step_candidate(message),
        }
    }

    /// A member of a lower term cannot know that its time has passed: a leader is told by an answer of this term, a
    /// pre-candidate by a refusal. The rest is old mail.
    fn answer_stale(&mut self, message: &Message<P>) {
        match message.kind {
            Kind::App | Kind::Heartbeat if self.config.check_quorum || self.config.pre_vote => {
                let answer = self.message(Kind::AppResp, message.from);
                self.send(answer);
            }
            Kind::PreVote => {
                let mut answer = self.message(Kind::PreVoteResp, message.from);
                answer.reject = true;
                self.send(answer);
            }
            _ => {}
        }
    }

    /// Follows the message into its higher term, unless it only asks for one. Whether it is to be handled at all.
    fn enter_higher_term(&mut self, message: &Message<P>) -> bool {
        match message.kind {
            Kind::Vote | Kind::PreVote if self.in_lease() && message.context != CAMPAIGN_TRANSFER => {
                return false;
            }
            Kind::PreVote => {}
            Kind::PreVoteResp if !message.reject => {}
            Kind::App | Kind::Heartbeat | Kind::Snap => self.become_follower(message.term, Some(message.from)),
            _ => self.become_follower(message.term, None),
        }
        true
    }

    fn reset(&mut self, term: u64) {
        if term != self.term {
            self.term = term;
            self.vote = None;
        }
        self.leader = None;
        self.election_elapsed = 0;
        self.heartbeat_elapsed = 0;
        let base = self.config.election_tick;
        self.randomized_election_timeout = base + self.rng.draw().below(u64::from(base)) as u32;
        self.transferee = None;
        self.votes = Votes::default();
        let last = self.log.last_index();
        for progress in &mut self.progress {
            progress.reset(last + 1);
        }
        self.progress[self.config.id.ix()].matched = last;
        self.uncommitted_bytes = 0;
        self.read_only.reset();
    }

    fn others(&self) -> impl Iterator<Item = MemberId> + use<P> {
        let own = self.config.id;
        (1..=self.config.members).map(MemberId).filter(move |id| *id != own)
    }

    fn message(&self, kind: Kind, to: MemberId) -> Message<P> {
        Message::new(kind, self.config.id, to, self.term)
    }

    /// Queues a message. An answer that promises something waits for what it promises to be durable.
    fn send(&mut self, message: Message<P>) {
        match message.kind {
            Kind::AppResp | Kind::VoteResp | Kind::PreVoteResp => self.out.promises.push(message),
            _ => self.out.messages.push(message),
        }
    }

    fn commit_to(&mut self, index: u64) {
        if index > self.commit {
            // etcd-io/raft log.go#commitTo: "Was the raft log corrupted, truncated, or lost?"
            self.forgetful |= index > self.log.last_index();
            self.commit = index.min(self.log.last_index());
        }
    }

    /// The flags the member runs with from now on. A new timeout acts when the next one is drawn.
    pub const fn set_election(&mut self, election_tick: u32, pre_vote: bool, check_quorum: bool) {
        self.config.election_tick = election_tick;
        self.config.pre_vote = pre_vote;
        self.config.check_quorum = check_quorum;
    }

    /// The state machine has applied everything up to `index`.
    pub fn applied(&mut self, index: u64) {
        assert!(
            index <= self.commit,
            "member {}: applied {index} but only {} is committed",
            self.config.id.0,
            self.commit
        );
        self.applied = self.applied.max(index);
    }

    /// A snapshot of the state up to `index` can be sent from now on.
    pub fn offer_snapshot(&mut self, index: u64) {
        assert!(index <= self.applied, "a snapshot of {index} needs more than {}", self.applied);
        if let Some(term) = self.log.term_at(index)
            && index > self.snapshot.index
        {
            self.snapshot = SnapshotMeta { index, term };
        }
    }

    /// Drops the log up to `index`, but not the term of that entry. Who needs the rest gets a snapshot.
    pub fn compact(&mut self, index: u64) {
        assert!(index <= self.applied, "{index} is not applied: only {}", self.applied);
        self.log.compact(index);
        if self.snapshot.index < self.log.base().index {
            self.snapshot = self.log.base();
        }
    }
}

impl<P> Raft<P> {
    /// Which member this is.
    pub const fn id(&self) -> MemberId {
        self.config.id
    }
    /// How it is set up.
    pub const fn config(&self) -> &Config {
        &self.config
    }
    /// Whether a message showed that it has forgotten what it had promised to keep: etcd panics then.
    pub const fn forgetful(&self) -> bool {
        self.forgetful
    }
    /// What it is to its cluster.
    pub const fn role(&self) -> Role {
        self.role
    }
    /// Its term.
    pub const fn term(&self) -> u64 {
        self.term
    }
    /// Whom it voted for in its term.
    pub const fn vote(&self) -> Option<MemberId> {
        self.vote
    }
    /// Whom it takes for the leader.
    pub const fn leader(&self) -> Option<MemberId> {
        self.leader
    }
    /// What it knows to be committed.
    pub const fn commit_index(&self) -> u64 {
        self.commit
    }
    /// What its state machine has applied.
    pub const fn applied_index(&self) -> u64 {
        self.applied
    }
    /// The last entry of its log.
    pub const fn last_index(&self) -> u64 {
        self.log.last_index()
    }
    /// The first entry it still has.
    pub const fn first_index(&self) -> u64 {
        self.log.first_index()
    }
    /// The term of an entry, if it is known.
    pub fn term_at(&self, index: u64) -> Option<u64> {
        self.log.term_at(index)
    }
    /// The entries of a range of indexes, as far as it has them.
    pub fn entries(&self, indexes: RangeInclusive<u64>) -> impl Iterator<Item = &Entry<P>> {
        self.log.range(indexes)
    }
    /// Its log.
    pub const fn log(&self) -> &Log<P> {
        &self.log
    }
    /// Ticks since it heard its leader.
    pub const fn election_elapsed(&self) -> u32 {
        self.election_elapsed
    }
    /// Ticks without a leader after which it campaigns.
    pub const fn randomized_election_timeout(&self) -> u32 {
        self.randomized_election_timeout
    }
    /// What it knows of a member. Means something at a leader only.
    pub fn progress(&self, id: MemberId) -> &Progress {
        &self.progress[id.ix()]
    }
    /// The answers to its campaign so far.
    pub const fn votes(&self) -> Votes {
        self.votes
    }
    /// Whom it hands its leadership to.
    pub const fn transferee(&self) -> Option<MemberId> {
        self.transferee
    }
    /// The newest snapshot that it would send.
    pub const fn snapshot(&self) -> SnapshotMeta {
        self.snapshot
    }
    /// Whether it heard a leader so lately that it takes part in no election.
    pub const fn in_lease(&self) -> bool {
        self.config.check_quorum && self.leader.is_some() && self.election_elapsed < self.config.election_tick
    }
    /// Whether it has committed an entry of its own term.
    pub fn committed_in_term(&self) -> bool {
        self.log.matches(self.commit, self.term)
    }
}
