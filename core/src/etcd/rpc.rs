//! What etcd and its clients say to each other over gRPC.

/// A key of the store. Real keys are paths; the model needs only to tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u32);

/// A revision of the store: one more for each change.
pub type Revision = u64;

/// A value: what it weighs, and as much of its content as somebody will look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Value {
    /// Its size in the store and on the wire.
    pub bytes: u32,
    /// Its content, in the writer's own format.
    pub body: [u64; 3],
}

/// A key as the store has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyValue {
    /// The key.
    pub key: Key,
    /// Its value.
    pub value: Value,
    /// The revision that created it.
    pub create_revision: Revision,
    /// The revision that last changed it: what Kubernetes calls `resourceVersion`.
    pub mod_revision: Revision,
    /// How often it was changed since its creation, that one included.
    pub version: u64,
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Reads one key.
    Range {
        /// Which.
        key: Key,
        /// Whether the member may answer from what it has, however old.
        serializable: bool,
    },
    /// Writes one key, whatever it was.
    Put {
        /// Which.
        key: Key,
        /// Its new value.
        value: Value,
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
}

impl Op {
    /// Whether it goes through the log.
    pub const fn writes(&self) -> bool {
        !matches!(self, Self::Range { .. })
    }
    /// What it weighs on the wire and in the log. The frame and field overhead of about 64 bytes is chosen.
    pub const fn bytes(&self) -> u32 {
        64 + match self {
            Self::Range { .. } => 32,
            Self::Put { value, .. } | Self::Txn { value: Some(value), .. } => 48 + value.bytes,
            Self::Txn { value: None, .. } => 48,
        }
    }
}

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Its number on this connection.
    pub id: u32,
    /// What is asked.
    pub op: Op,
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
}

/// What a call that succeeded answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Response {
    /// The store's revision then.
    pub revision: Revision,
    /// Whether the compare of a txn held; true for all else.
    pub succeeded: bool,
    /// The key as it is now.
    pub kv: Option<KeyValue>,
}

impl Response {
    /// What it weighs on the wire.
    pub fn bytes(&self) -> u32 {
        96 + self.kv.map_or(0, |kv| 32 + kv.value.bytes)
    }
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    /// The call's number.
    pub id: u32,
    /// What came of it.
    pub result: Result<Response, EtcdError>,
}
