//! What every program on a host shares: what it is told, what it may answer, and all it can see.

pub mod disk;
pub mod role;
pub mod socket;
pub mod wire;

use crate::engine::{LocalTime, Rng, Span};
use crate::knob::Knobs;
use crate::net::packet::{ConnId, HostId};
use crate::net::tcp::Reason;
use alloc::vec::Vec;
use role::Timer;
use wire::Message;

/// A program: one of those that a run starts with. Its processes come and go under the same id, as a unit's or a static pod's do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramId(pub u16);

impl ProgramId {
    /// The id as an index.
    pub const fn ix(self) -> usize {
        self.0 as usize
    }
}

/// What a connection is for; a program listens on the ports of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
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
    /// The API server: HTTP/2.
    Api,
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
}

/// The free names of connections: a slot in the low 16 bits, its generation above.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct ConnNames {
    free: Vec<u32>,
    slots: u32,
}

impl ConnNames {
    /// The most connections that can exist at once.
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
