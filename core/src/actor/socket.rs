//! The kernels' side of connections: TCP at both ends, and the messages that travel beside the bytes.

use super::wire::Message;
use super::{ConnNames, Port, ProgramId};
use crate::engine::{EventId, Span, Time};
use crate::knob::{Knob, Knobs};
use crate::net::packet::{ConnId, HostId};
use crate::net::tcp::{Config, Conn, Keepalive};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// A message on its way, released when its last byte has arrived in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Letter {
    /// The stream offset after its last byte.
    pub end: u64,
    /// The event in which it was written.
    pub written_by: EventId,
    /// What it says.
    pub message: Message,
}

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// The program it belongs to.
    pub program: ProgramId,
    /// The host it is on.
    pub host: HostId,
    /// The kernel's state. None: not open yet, or gone.
    pub conn: Option<Conn>,
    /// Whether a process still holds it.
    pub owned: bool,
    /// The pending timer event and when it is due.
    pub timer: Option<(Time, EventId)>,
    /// An event that a nearer one took the place of and that is still pending: what lies far ahead, such as the
    /// keepalive, finds it there again instead of leaving one more in the queue each time.
    pub later: Option<(Time, EventId)>,
    /// What armed the timer.
    pub timer_cause: EventId,
    /// Packets sent so far.
    pub packets: u64,
    /// Bytes written so far.
    pub written: u64,
    /// Bytes that have arrived in order.
    pub readable: u64,
    /// Bytes of those that the program has read.
    pub read: u64,
    /// Messages on their way here.
    pub inbox: VecDeque<Letter>,
}

/// A connection between two programs. End 0 opened it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// Its name.
    pub id: ConnId,
    /// What it is for.
    pub port: Port,
    /// The key of its packets' luck.
    pub luck: u64,
    /// Whom end 0 dialled, before rules of its host sent it elsewhere.
    pub dialled: ProgramId,
    /// The how-manieth of these two for this port.
    pub number: u32,
    /// The newest row of a packet of it that was dropped, in either direction.
    pub last_drop: EventId,
    /// Its two ends.
    pub ends: [End; 2],
}

impl Connection {
    /// The program at the end that isn't this one's.
    pub fn other(&self, program: ProgramId) -> ProgramId {
        let [first, second] = &self.ends;
        if first.program == program { second.program } else { first.program }
    }
}

/// Every connection there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Sockets {
    slots: Vec<Option<Connection>>,
    /// The free names.
    pub names: ConnNames,
}

impl Sockets {
    /// The connection of this name, if it still exists.
    pub fn get(&self, id: ConnId) -> Option<&Connection> {
        self.slots.get(ConnNames::slot(id))?.as_ref().filter(|connection| connection.id == id)
    }
    /// The connection of this name, to change.
    pub fn get_mut(&mut self, id: ConnId) -> Option<&mut Connection> {
        self.slots.get_mut(ConnNames::slot(id))?.as_mut().filter(|connection| connection.id == id)
    }
    /// Every connection.
    pub fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.slots.iter().flatten()
    }
    /// Puts a new connection into its slot.
    pub fn insert(&mut self, connection: Connection) {
        let slot = ConnNames::slot(connection.id);
        while self.slots.len() <= slot {
            self.slots.push(None);
        }
        self.slots[slot] = Some(connection);
    }
    /// Forgets a connection both of whose ends are gone.
    pub fn sweep(&mut self, id: ConnId) {
        let gone = self.get(id).is_some_and(|connection| connection.ends.iter().all(|end| end.conn.is_none()));
        if gone {
            self.slots[ConnNames::slot(id)] = None;
            self.names.give_back(id);
        }
    }
    /// The names of the connections with an end that fits.
    pub fn with_end(&self, fits: impl Fn(&End) -> bool) -> Vec<(ConnId, usize)> {
        let pairs = self.iter().flat_map(|connection| [(connection, 0), (connection, 1)]);
        pairs.filter(|(connection, side)| fits(&connection.ends[*side])).map(|(c, side)| (c.id, side)).collect()
    }
}

impl End {
    /// An end that isn't open yet.
    pub const fn new(program: ProgramId, host: HostId) -> Self {
        Self {
            program,
            host,
            conn: None,
            owned: true,
            timer: None,
            later: None,
            timer_cause: EventId::ROOT,
            packets: 0,
            written: 0,
            readable: 0,
            read: 0,
            inbox: VecDeque::new(),
        }
    }
}

/// What listeners and dialers ask of the kernel: without it an idle connection to a host that lost its power would
/// stand for ever. Sourced: etcd client/pkg/transport/keepalive_listener.go#SetKeepAlivePeriod; client-go
/// transport/cache.go#tlsTransportCache.get; linux include/net/tcp.h#TCP_KEEPALIVE_PROBES. Go sets the interval to the
/// same. Simplified: API servers' listeners use Go's 15 s.
const KEEPALIVE: Keepalive = Keepalive { idle: Span::from_secs(30), interval: Span::from_secs(30), probes: 9 };

/// TCP_USER_TIMEOUT of connections to etcd: what is unacknowledged for so long ends them. Sourced: grpc-go
/// internal/transport/http2_client.go#SetTCPUserTimeout: the keepalive's; apiserver
/// pkg/storage/storagebackend/factory/etcd3.go#keepaliveTimeout.
const USER_TIMEOUT: Span = Span::from_secs(10);

/// The socket options that the programs behind a port set.
pub fn config(port: Port, knobs: &Knobs) -> Config {
    let config = Config { keepalive: Some(KEEPALIVE), bbr: knobs.on(Knob::Bbr), ..Config::default() };
    match port {
        Port::EtcdClient => Config { user_timeout: Some(USER_TIMEOUT), ..config },
        _ => config,
    }
}
