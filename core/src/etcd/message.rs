//! What members say to each other, and the entries they agree on.

use alloc::sync::Arc;
use core::fmt::Debug;
use core::hash::Hash;

/// A voter of the cluster, counted from 1. Ids are dense: a cluster of three is 1, 2 and 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u8);

impl MemberId {
    /// The member's place in a list of all members, counted from 0.
    pub const fn ix(self) -> usize {
        self.0 as usize - 1
    }
    /// The member at this place.
    pub const fn from_ix(ix: usize) -> Self {
        Self(ix as u8 + 1)
    }
}

/// What an entry carries. The machine only asks what it weighs.
pub trait Payload: Clone + Debug + PartialEq + Eq + Hash {
    /// Its size on the wire and in the log, in bytes.
    fn bytes(&self) -> u32;
}

/// One place in the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry<P> {
    /// The term of the leader that made it.
    pub term: u64,
    /// Its place in the log, from 1.
    pub index: u64,
    /// What is proposed; nothing in the entry with which a leader opens its term.
    pub payload: Option<P>,
}

/// What an entry weighs beside its payload: two small integers, a type and two length prefixes. Chosen: the fields of
/// raftpb.Entry added up for terms and indexes of a long-lived cluster.
pub const ENTRY_BYTES: u32 = 16;

/// What a message weighs beside its entries: two 64-bit ids, the small integers and the frame. Chosen: the fields of
/// raftpb.Message and rafthttp's length prefix added up.
pub const MESSAGE_BYTES: u32 = 56;

impl<P: Payload> Entry<P> {
    /// Its size on the wire, in bytes.
    pub fn bytes(&self) -> u32 {
        ENTRY_BYTES.saturating_add(self.payload_bytes())
    }
    /// The size of its payload alone, in bytes.
    pub fn payload_bytes(&self) -> u32 {
        self.payload.as_ref().map_or(0, Payload::bytes)
    }
}

/// The entries of a message. The usual ones, none and one, need no allocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Entries<P> {
    /// No entry.
    None,
    /// One entry.
    One(Entry<P>),
    /// Two or more, shared by every copy of the message.
    Many(Arc<[Entry<P>]>),
}

impl<P> Entries<P> {
    /// The entries, oldest first.
    pub fn as_slice(&self) -> &[Entry<P>] {
        match self {
            Self::None => &[],
            Self::One(entry) => core::slice::from_ref(entry),
            Self::Many(entries) => entries,
        }
    }
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.as_slice().len() as u64
    }
    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// The last entry that a snapshot contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct SnapshotMeta {
    /// That entry's index.
    pub index: u64,
    /// That entry's term.
    pub term: u64,
}

/// What a message is for. The names are those of raftpb.MessageType, without `Msg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A leader's entries, or only its commit index.
    App,
    /// A follower has stored entries, or refuses them.
    AppResp,
    /// A leader is alive.
    Heartbeat,
    /// A follower has heard its leader.
    HeartbeatResp,
    /// A candidate asks for a vote.
    Vote,
    /// A vote, or its refusal.
    VoteResp,
    /// Would you vote for me?
    PreVote,
    /// I would, or I would not.
    PreVoteResp,
    /// A follower hands a proposal on to its leader.
    Prop,
    /// A follower asks its leader from which index on a read is current.
    ReadIndex,
    /// From this index on.
    ReadIndexResp,
    /// The state itself, for a follower whose next entry its leader no longer has.
    Snap,
    /// A leader tells its successor to campaign at once.
    TimeoutNow,
    /// A follower hands a wish for another leader on to its leader. `context` is the wanted member's id.
    TransferLeader,
}

/// One message. A field that its kind does not use is zero.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message<P> {
    /// What it is for.
    pub kind: Kind,
    /// Who sent it; of a message handed on, who sent it first.
    pub from: MemberId,
    /// Who is to get it.
    pub to: MemberId,
    /// Whether the request is refused. Responses.
    pub reject: bool,
    /// The sender's term; of a pre-vote the term it would campaign in; zero in `Prop` and `ReadIndex`, which mean
    /// whoever leads.
    pub term: u64,
    /// `App`: the term of the entry before `entries`. `Vote`, `PreVote`: of the candidate's last entry. A refusing
    /// `AppResp`: of the entry at `reject_hint`.
    pub log_term: u64,
    /// `App`: the index of the entry before `entries`. `AppResp`: the last index stored, or the one refused.
    /// `Vote`, `PreVote`: of the candidate's last entry. `ReadIndexResp`: from where on a read is current.
    pub index: u64,
    /// `App`, `Heartbeat`: what the follower may take for committed.
    pub commit: u64,
    /// A refusing `AppResp`: the last index at which the logs might agree.
    pub reject_hint: u64,
    /// `ReadIndex` and its response: the asker's number for the read. `Heartbeat` and its response: how many reads
    /// they confirm, zero for none. `Vote`: [`CAMPAIGN_TRANSFER`] or zero. `TransferLeader`: the wanted member.
    pub context: u64,
    /// `App`: entries to store. `Prop`: the proposal, without index and term.
    pub entries: Entries<P>,
    /// `Snap`: what the snapshot contains. The state itself travels beside the message.
    pub snapshot: Option<SnapshotMeta>,
}

/// The context of a vote that a leader asked for. Code: a mark; raft's own raft.go has campaignTransfer, a string.
pub const CAMPAIGN_TRANSFER: u64 = 1;

impl<P> Message<P> {
    /// A message with every field but these at zero.
    pub const fn new(kind: Kind, from: MemberId, to: MemberId, term: u64) -> Self {
        Self {
            kind,
            from,
            to,
            reject: false,
            term,
            log_term: 0,
            index: 0,
            commit: 0,
            reject_hint: 0,
            context: 0,
            entries: Entries::None,
            snapshot: None,
        }
    }
}

impl<P: Payload> Message<P> {
    /// Its size on the wire, in bytes. Of `Snap` without the state.
    pub fn bytes(&self) -> u32 {
        self.entries.as_slice().iter().fold(MESSAGE_BYTES, |sum, entry| sum.saturating_add(entry.bytes()))
    }
}
