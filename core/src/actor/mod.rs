//! What every program on a host shares: what it is told, what it may answer, and all it can see.

pub mod disk;
pub mod role;
pub mod socket;
pub mod wire;

use crate::engine::{LocalTime, Rng, Span};
use crate::knob::Knobs;
use crate::net::packet::{ConnId, HostId};
use crate::net::tcp::Reason;
use crate::object::{Key, WorkloadId};
use crate::operator::Operation;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use role::Timer;
use wire::Message;

/// A program: one of those that a run starts with. Its processes come and go under the same id, as a unit's or a static pod's do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramId(pub u16);

impl ProgramId {
    /// The API servers' common address. A connection to it goes where the balancer's host sends it. Code: an id.
    pub const API_SERVERS: Self = Self(u16::MAX - 1);

    /// The id as an index.
    pub const fn ix(self) -> usize {
        self.0 as usize
    }
}

/// What a connection is for; a program listens on the ports of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Port {
    /// etcd's peers: one stream for `MsgApp`.
    PeerAppStream,
    /// etcd's peers: one stream for all other messages.
    PeerMessageStream,
    /// etcd's peers: POSTs, and snapshots.
    PeerPipeline,
    /// etcd's peers: the prober.
    PeerProbe,
    /// etcd's clients: gRPC.
    EtcdClient,
    /// etcd: /livez, /readyz and /health.
    EtcdHealth,
    /// The API server: HTTP/2.
    Api,
    /// A Service's port of a node: the node's rules say which pod that becomes.
    Service(WorkloadId),
    /// A pod's own port.
    Pod(Key),
    /// A kube-proxy's /healthz.
    ProxyHealth,
}

impl Port {
    /// Its number, for the luck of connections: which pod or Service it is makes no difference.
    pub const fn code(self) -> u8 {
        match self {
            Self::PeerAppStream => 0,
            Self::PeerMessageStream => 1,
            Self::PeerPipeline => 2,
            Self::PeerProbe => 3,
            Self::EtcdClient => 4,
            Self::Api => 5,
            Self::EtcdHealth => 6,
            Self::Service(_) => 7,
            Self::Pod(_) => 8,
            Self::ProxyHealth => 9,
        }
    }
}

/// What the kernel tells a program about one of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnUp {
    /// Somebody connected to a port of ours.
    Accepted {
        /// Who.
        from: ProgramId,
        /// To which port.
        port: Port,
    },
    /// A connection we opened stands.
    Connected,
    /// The send buffer is full: a write would block.
    Full,
    /// There is room again.
    Writable,
    /// The other side will send no more.
    PeerClosed,
    /// The connection failed, or was refused, and is gone.
    Failed(Reason),
}

/// What a program is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// Its process starts. What is left of an earlier one is what that one had made durable.
    Boot,
    /// A timer it armed went off.
    Timer(Timer),
    /// News of a connection.
    Conn(ConnId, ConnUp),
    /// A message arrived whole.
    Message(ConnId, Message),
    /// The write it asked for is durable.
    DiskDone(u32),
    /// SIGTERM: it may finish what it can; SIGKILL follows after the grace period, unless it exits first.
    Terminate,
    /// A program of its host ended. Told to the host's kubelet only.
    ProgramEnded(ProgramId),
    /// The learner wants something done with kubectl. Told to the operator only.
    Operate(Operation),
}

/// What a program may answer. The engine carries it out and stamps it with its cause.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Connects to a port of a program.
    Open(ConnId, ProgramId, Port),
    /// Writes a message of this many bytes to a connection. The kernel takes it whole; if that fills the buffer it says so.
    Send(ConnId, u32, Message),
    /// Closes a connection: what was written is still sent.
    Close(ConnId),
    /// Resets a connection: what was written is lost.
    Abort(ConnId),
    /// Sets a timer off after this span of the host's clock. Arming it again replaces it.
    Arm(Timer, Span),
    /// Forgets a timer.
    Disarm(Timer),
    /// Writes this many bytes to disk and syncs; `DiskDone` with the same number follows.
    Write(u32, u32),
    /// Tells the record what happened.
    Note(role::Note),
    /// The process ends with this status.
    Exit(u8),
    /// The process of a program of the same host gets SIGTERM now and SIGKILL after the grace period, and is started
    /// again by the kubelet's rules. Only a kubelet may.
    Kill(ProgramId, Span),
    /// What the host's kernel makes of new connections to a Service or to the balancer's address, until replaced.
    Rules(Address, Arc<[Target]>),
}

/// An address that is no program's: netfilter rules of the host turn it into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// The API servers' common address, on the balancer's host.
    ApiServers,
    /// A Service, on a node.
    Service(WorkloadId),
}

/// Where a rule sends a connection: a program, and which of its ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The program.
    pub program: ProgramId,
    /// Its port.
    pub port: Port,
}

/// All a program sees: its own name, clock, dials and dice.
pub struct Cx<'a> {
    /// The program.
    pub me: ProgramId,
    /// Its host.
    pub host: HostId,
    /// What its host's clock reads.
    pub now: LocalTime,
    /// The flags it runs with.
    pub knobs: &'a Knobs,
    /// Its own dice.
    pub rng: &'a mut Rng,
    /// Where its answers go.
    pub effects: &'a mut Vec<Effect>,
    /// Hands out names for connections it opens.
    pub conns: &'a mut ConnNames,
    /// Rules that other programs came to as well.
    pub known: &'a mut KnownRules,
}

/// The newest rules that programs came to, each kept once: five thousand kube-proxies write the same five thousand
/// targets. Only memory depends on it, no result; so it is no part of the state.
#[derive(Clone, Debug, Default)]
pub struct KnownRules(VecDeque<Arc<[Target]>>);

impl KnownRules {
    /// How many changes of a host's rules are remembered. Unit: changes. Chosen: more than there are Services that
    /// change at once.
    const MOST: usize = 32;

    /// These rules, the same ones in memory if they are known.
    pub fn share(&mut self, rules: &[Target]) -> Arc<[Target]> {
        if let Some(known) = self.0.iter().find(|known| ***known == *rules) {
            return Arc::clone(known);
        }
        let rules: Arc<[Target]> = rules.into();
        self.0.truncate(Self::MOST - 1);
        self.0.push_front(Arc::clone(&rules));
        rules
    }
}

impl Cx<'_> {
    /// Connects to a port of a program and returns the connection's name.
    pub fn open(&mut self, to: ProgramId, port: Port) -> ConnId {
        let conn = self.conns.take();
        self.effects.push(Effect::Open(conn, to, port));
        conn
    }
    /// Writes a message of `bytes` bytes.
    pub fn send(&mut self, conn: ConnId, bytes: u32, message: Message) {
        self.effects.push(Effect::Send(conn, bytes, message));
    }
    /// Closes a connection.
    pub fn close(&mut self, conn: ConnId) {
        self.effects.push(Effect::Close(conn));
    }
    /// Resets a connection.
    pub fn abort(&mut self, conn: ConnId) {
        self.effects.push(Effect::Abort(conn));
    }
    /// Sets a timer.
    pub fn arm(&mut self, timer: impl Into<Timer>, after: Span) {
        self.effects.push(Effect::Arm(timer.into(), after));
    }
    /// Forgets a timer.
    pub fn disarm(&mut self, timer: impl Into<Timer>) {
        self.effects.push(Effect::Disarm(timer.into()));
    }
    /// Writes to disk and syncs.
    pub fn write(&mut self, op: u32, bytes: u32) {
        self.effects.push(Effect::Write(op, bytes));
    }
    /// Tells the record.
    pub fn note(&mut self, note: role::Note) {
        self.effects.push(Effect::Note(note));
    }
    /// Ends the process.
    pub fn exit(&mut self, status: u8) {
        self.effects.push(Effect::Exit(status));
    }
    /// Ends the process of another program of the host, gently at first.
    pub fn kill(&mut self, program: ProgramId, grace: Span) {
        self.effects.push(Effect::Kill(program, grace));
    }
    /// Replaces what the host's kernel does with connections to an address.
    pub fn rules(&mut self, address: Address, targets: Arc<[Target]>) {
        self.effects.push(Effect::Rules(address, targets));
    }
}

/// The free names of connections: a slot in the low 16 bits, its generation above.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct ConnNames {
    free: Vec<u32>,
    slots: u32,
}

impl ConnNames {
    /// The most connections that can exist at once. Code: as many as their ids can name.
    pub const LIMIT: u32 = 1 << 16;

    /// A name that no living connection has.
    ///
    /// # Panics
    /// If there are [`ConnNames::LIMIT`] connections.
    pub fn take(&mut self) -> ConnId {
        if let Some(name) = self.free.pop() {
            return ConnId(name);
        }
        assert!(self.slots < Self::LIMIT, "more than {} connections at once", Self::LIMIT);
        self.slots += 1;
        ConnId(self.slots - 1)
    }
    /// Gives a name back; the slot's next name differs from it.
    pub fn give_back(&mut self, conn: ConnId) {
        self.free.push(conn.0.wrapping_add(Self::LIMIT));
    }
    /// The slot of a name.
    pub const fn slot(conn: ConnId) -> usize {
        (conn.0 & (Self::LIMIT - 1)) as usize
    }
}

/// A program: told one thing at a time, it answers with effects.
pub trait Actor {
    /// Takes one input.
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input);
}
