//! LIST 1: everything programs say to each other. TCP carries sizes; these travel beside the bytes.

use super::ProgramId;
use crate::api::rpc as api;
use crate::etcd::command::Proposal;
use crate::etcd::kv::Store;
use crate::etcd::message::Message as RaftMessage;
use crate::etcd::rpc as etcd;
use alloc::boxed::Box;
use alloc::sync::Arc;

/// A member's store on its way to a peer that is too far behind for the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// Raft's message about it.
    pub message: RaftMessage<Proposal>,
    /// The last entry that the store has.
    pub consistent_index: u64,
    /// The store itself.
    pub store: Store,
}

impl Snapshot {
    /// What it weighs beside the store. Unit: bytes. Chosen: the message and the first page of a database file.
    const HEAD: u32 = 4096;

    /// What it weighs on the wire.
    pub fn bytes(&self) -> u32 {
        u32::try_from(self.store.bytes()).unwrap_or(u32::MAX).saturating_add(Self::HEAD)
    }
}

/// A message between two programs.
///
/// What is large stands behind a pointer: a message is moved many times on its way, and the queues it waits in hold
/// small things, too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// etcd peers: the GET that opens a stream: who wants to read, and which of the two. The receiver of messages dials.
    StreamOpen(ProgramId, u8),
    /// etcd peers: the 200 that answers it. From here on the other side writes.
    StreamAccepted,
    /// etcd peers: a stream's own keepalive.
    LinkHeartbeat,
    /// etcd peers: a Raft message, on a stream or in a POST.
    Raft(Box<RaftMessage<Proposal>>),
    /// etcd peers: a snapshot, in a POST.
    Snapshot(Arc<Snapshot>),
    /// etcd peers: the 204 that answers a POST.
    Posted,
    /// etcd peers: the prober's GET, numbered.
    Probe(u32),
    /// etcd peers: its answer.
    ProbeReply(u32),
    /// etcd: GET of a health endpoint, numbered.
    Health(etcd::HealthPath, u32),
    /// etcd: its answer: whether it is well.
    HealthReply(u32, bool),
    /// etcd client: a call.
    Rpc(Box<etcd::Request>),
    /// etcd client: its answer.
    RpcReply(Box<etcd::Reply>),
    /// etcd client: on its watch stream.
    Watch(etcd::WatchCall),
    /// etcd client: what a watch tells.
    WatchReply(etcd::WatchReply),
    /// API: a request.
    Api(Box<api::Request>),
    /// API: its answer.
    ApiReply(Box<api::Reply>),
    /// API: what a WATCH tells.
    ApiEvents(api::WatchEvents),
    /// Users: a request to a pod of a Service, numbered; or their load balancer's to a kube-proxy's /healthz.
    UserRequest(u32),
    /// Users: its answer.
    UserReply(u32),
    /// HTTP/2: the client gives request `.0` up (RST_STREAM).
    Cancel(u32),
    /// HTTP/2 and gRPC: a ping frame.
    Ping,
    /// HTTP/2 and gRPC: its answer.
    Pong,
}

/// What kind of message a row or a packet is about, for the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Class {
    /// A TCP segment without a message of its own: handshake, ack, close.
    Control,
    /// Raft's heartbeats and their answers.
    Heartbeat,
    /// Raft's log entries and their answers.
    Append,
    /// Raft's votes and pre-votes.
    Vote,
    /// Raft's proposals and reads on their way to the leader.
    Forward,
    /// Streams and probes of etcd's peers.
    Peer,
    /// A client's call of etcd or its answer.
    Etcd,
    /// A request to an API server or its answer.
    Api,
    /// What a watch tells, of etcd or of an API server.
    Watch,
    /// A user's request to a Service or its answer.
    User,
}

impl Class {
    /// Every class, in the order of its number. Code: a list.
    pub const NAMES: [&'static str; 10] =
        ["control", "heartbeat", "append", "vote", "forward", "peer", "etcd", "api", "watch", "user"];
}

impl Message {
    /// What kind it is.
    pub const fn class(&self) -> Class {
        use crate::etcd::message::Kind;
        match self {
            Self::Raft(message) => match message.kind {
                Kind::Heartbeat | Kind::HeartbeatResp => Class::Heartbeat,
                Kind::App | Kind::AppResp | Kind::Snap => Class::Append,
                Kind::Vote | Kind::VoteResp | Kind::PreVote | Kind::PreVoteResp | Kind::TimeoutNow => Class::Vote,
                Kind::Prop | Kind::ReadIndex | Kind::ReadIndexResp | Kind::TransferLeader => Class::Forward,
            },
            Self::Snapshot(_) => Class::Append,
            Self::StreamOpen(..)
            | Self::StreamAccepted
            | Self::LinkHeartbeat
            | Self::Posted
            | Self::Probe(_)
            | Self::ProbeReply(_)
            | Self::Health(..)
            | Self::HealthReply(..) => Class::Peer,
            Self::Rpc(_) | Self::RpcReply(_) => Class::Etcd,
            Self::Api(_) | Self::ApiReply(_) | Self::Cancel(_) => Class::Api,
            Self::Watch(_) | Self::WatchReply(_) | Self::ApiEvents(_) => Class::Watch,
            Self::UserRequest(_) | Self::UserReply(_) => Class::User,
            Self::Ping | Self::Pong => Class::Control,
        }
    }
}
