//! What etcd and its clients say to each other over gRPC.

use alloc::sync::Arc;
use alloc::vec::Vec;

pub use crate::object::{Key, KeyValue, Revision, Value};

/// An etcd lease, not to be confused with the Lease object; 0: none.
pub type LeaseId = u64;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Reads one key.
    Range {
        /// Which.
        key: Key,
        /// Whether the member may answer from what it has, however old.
        serializable: bool,
    },
    /// Reads the keys of a range, in order.
    List {
        /// The first.
        from: Key,
        /// The first beyond.
        to: Key,
        /// At most so many; 0: all.
        limit: u32,
        /// As of this revision; 0: as they are now.
        revision: Revision,
    },
    /// Writes one key, whatever it was.
    Put {
        /// Which.
        key: Key,
        /// Its new value.
        value: Value,
        /// The etcd lease it hangs on; 0: none.
        lease: LeaseId,
    },
    /// Writes one key if its `mod_revision` is still as expected (0: it does not exist); else reads it.
    Txn {
        /// Which.
        key: Key,
        /// The revision it must have.
        expected: Revision,
        /// Its new value; none deletes it.
        value: Option<Value>,
    },
    /// LeaseGrant: keys can hang on a lease and go with it.
    Grant {
        /// Its name, which the client chooses.
        lease: LeaseId,
        /// How long it lasts after it was granted or kept alive, in seconds.
        ttl_s: u32,
    },
    /// LeaseRevoke: the lease ends, and every key that hangs on it.
    Revoke {
        /// Which.
        lease: LeaseId,
    },
    /// Forgets what was before this revision: watches and reads of it fail from then on.
    Compact {
        /// The oldest revision that stays readable.
        revision: Revision,
    },
}

impl Op {
    /// Whether it goes through the log.
    pub const fn writes(&self) -> bool {
        !matches!(self, Self::Range { .. } | Self::List { .. })
    }
    /// What a call weighs beside what is in it. Chosen: its frame and its fields.
    const HEAD_BYTES: u32 = 64;
    /// What a read of one key adds. Chosen: the key and a revision.
    const RANGE_BYTES: u32 = 32;
    /// What a read of many keys adds. Chosen: two keys, a revision and a limit.
    const LIST_BYTES: u32 = 48;
    /// What a lease or a compaction adds. Chosen: two numbers.
    const NUMBERS_BYTES: u32 = 16;
    /// What a write adds beside its value. Chosen: the key, a revision to compare and a lease.
    const WRITE_BYTES: u32 = 48;

    /// What it weighs on the wire and in the log.
    pub const fn bytes(&self) -> u32 {
        Self::HEAD_BYTES
            + match self {
                Self::Range { .. } => Self::RANGE_BYTES,
                Self::List { .. } => Self::LIST_BYTES,
                Self::Grant { .. } | Self::Revoke { .. } | Self::Compact { .. } => Self::NUMBERS_BYTES,
                Self::Put { value, .. } | Self::Txn { value: Some(value), .. } => Self::WRITE_BYTES + value.bytes,
                Self::Txn { value: None, .. } => Self::WRITE_BYTES,
            }
    }
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Its number on this connection.
    pub id: u32,
    /// What is asked.
    pub op: Op,
}

/// etcd's health endpoints: server/etcdserver/api/etcdhttp/health.go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum HealthPath {
    /// /health: it knows a leader and a linearizable read succeeds.
    Health,
    /// /livez: a serializable read succeeds.
    Livez,
    /// /readyz: a linearizable read succeeds, too.
    Readyz,
}

/// Why a call failed. The texts are etcd's, in `api/v3rpc/rpctypes/error.go`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EtcdError {
    /// Unavailable: request timed out.
    Timeout,
    /// Unavailable: request timed out, possibly due to previous leader failure.
    TimeoutLeaderFail,
    /// Unavailable: request timed out, possibly due to connection lost.
    TimeoutConnectionLost,
    /// DeadlineExceeded: no leader took the proposal in time.
    DeadlineExceeded,
    /// Unavailable: leader changed.
    LeaderChanged,
    /// ResourceExhausted: too many requests.
    TooManyRequests,
    /// Unavailable: the connection broke while the call was under way.
    ConnectionBroken,
    /// OutOfRange: the revision has been compacted.
    Compacted,
    /// OutOfRange: the revision is a future one.
    FutureRevision,
    /// NotFound: the lease does not exist.
    LeaseNotFound,
    /// Unavailable: the member is stopping.
    Stopped,
    /// FailedPrecondition: there is a lease of this name already.
    LeaseExists,
    /// Unknown: Raft took no proposal, for the leader is handing over.
    ProposalDropped,
}

/// The keys of a range.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// The keys, in order.
    pub kvs: Vec<KeyValue>,
    /// Whether the limit left some out.
    pub more: bool,
}

/// What a call that succeeded answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Response {
    /// The store's revision then.
    pub revision: Revision,
    /// Whether the compare of a txn held; true for all else.
    pub succeeded: bool,
    /// The key as it is now.
    pub kv: Option<KeyValue>,
    /// The keys of a range.
    pub range: Option<Arc<Range>>,
}

/// What a key and its revisions add to a value. Chosen: typical protobuf sizes.
const KEY_BYTES: u32 = 32;

impl Response {
    /// What an answer weighs beside the values in it; and what an error weighs. Chosen: its frame and its header.
    pub const HEAD_BYTES: u32 = 96;

    /// What it weighs on the wire.
    pub fn bytes(&self) -> u32 {
        let kvs = self.range.as_deref().map_or(&[][..], |range| &range.kvs);
        kvs.iter().chain(&self.kv).map(|kv| KEY_BYTES + kv.value.bytes).fold(Self::HEAD_BYTES, u32::saturating_add)
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    /// The call's number.
    pub id: u32,
    /// What came of it.
    pub result: Result<Response, EtcdError>,
}

/// What a client says on its watch stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WatchCall {
    /// Begins a watch.
    Create {
        /// Its name on this connection, which the client chooses.
        watch: u32,
        /// The first key.
        from: Key,
        /// The first beyond.
        to: Key,
        /// The first revision it wants to hear of; 0: the next.
        start: Revision,
        /// Whether it wants to hear that nothing happened.
        progress_notify: bool,
        /// Whether it ends when the member has no leader.
        require_leader: bool,
    },
    /// Ends a watch.
    Cancel(u32),
    /// Asks for a progress notification of every watch now.
    Progress,
}

impl WatchCall {
    /// What a call about a watch weighs on the wire. Chosen: a small frame.
    pub const BYTES: u32 = 80;
}

/// A change of one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// The key as it is now; of a deleted one, as it was, with the `mod_revision` of its deletion.
    pub kv: KeyValue,
    /// Whether it was deleted.
    pub deleted: bool,
}

/// Why the server ended a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WatchEnd {
    /// The revision it would go on at was compacted; this one is the oldest there is.
    Compacted(Revision),
    /// The member has had no leader for too long: Unavailable "no leader".
    NoLeader,
    /// The client asked for it.
    Requested,
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WatchNews {
    /// It stands.
    Created,
    /// What happened, in the order of revisions. A revision is never split.
    Events(Arc<[Event]>),
    /// Nothing happened up to the header's revision.
    Progress,
    /// It is over.
    Canceled(WatchEnd),
}

/// A message of a watch stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WatchReply {
    /// Which watch; [`WatchReply::ALL`]: every one of this connection.
    pub watch: u32,
    /// The header: the store's revision.
    pub revision: Revision,
    /// What it says.
    pub news: WatchNews,
}

impl WatchReply {
    /// What a watch's message weighs beside the events in it. Chosen: its frame and its header.
    const HEAD_BYTES: u32 = 64;
    /// A progress notification that was asked for speaks of every watch. Code: a mark.
    pub const ALL: u32 = u32::MAX;

    /// What it weighs on the wire.
    pub fn bytes(&self) -> u32 {
        let events = if let WatchNews::Events(events) = &self.news { &events[..] } else { &[] };
        events.iter().map(|event| KEY_BYTES + event.kv.value.bytes).fold(Self::HEAD_BYTES, u32::saturating_add)
    }
}
