//! Users of etcd itself, one on each member's host: puts, reads and a watch of its own member, nothing tried again.
//!
//! They exist where there is etcd alone ([`Directory::etcd_alone`]): the set-up in which real etcd was measured.
//! Simplified: a channel connects when a call wants it to, and all calls and the watch share one connection.

use super::{KEYS_PER_API, LOOK_AGAIN, TIMEOUT, VALUE_BYTES, period, rhythm};
use crate::actor::role::{Directory, Note, NoteKind};
use crate::actor::wire::Message;
use crate::actor::{Actor, ConnUp, Cx, Input, Port, ProgramId, role};
use crate::client::{Alarm, Frame, earlier};
use crate::engine::{LocalTime, Span};
use crate::etcd::rpc::{Op, Request, Revision, WatchCall, WatchEnd, WatchNews, WatchReply};
use crate::knob::Knob;
use crate::net::packet::ConnId;
use crate::object::{Key, Kind, Value};
use alloc::collections::VecDeque;

/// How soon a watch whose connection broke is begun again. Chosen: a person would not notice.
const WATCH_AGAIN: Span = Span::from_ms(250);
/// The name of the watch on its connection. Code: a name.
const WATCH: u32 = 1;

/// What a user of etcd asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Call {
    /// A put.
    Put,
    /// A linearizable read.
    Linearizable,
    /// A serializable read: whatever the member has.
    Serializable,
}

impl Call {
    /// All of them. Code: a list.
    pub const ALL: [Self; 3] = [Self::Put, Self::Linearizable, Self::Serializable];

    const fn knob(self) -> Knob {
        match self {
            Self::Put => Knob::WriteRate,
            Self::Linearizable => Knob::ReadRate,
            Self::Serializable => Knob::CachedRate,
        }
    }
}

/// What came of a call, as its note says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It succeeded.
    Ok,
    /// etcd answered with this error.
    Error(u8),
    /// No answer came in time.
    TimedOut,
    /// There was no connection.
    Refused,
    /// The connection broke meanwhile.
    Broken,
}

impl Outcome {
    /// Its number in a note: 0 if it succeeded, the error's number and one, or one of the last three.
    pub const fn code(self) -> u32 {
        match self {
            Self::Ok => 0,
            Self::Error(error) => 1 + error as u32,
            Self::TimedOut => 253,
            Self::Refused => 254,
            Self::Broken => 255,
        }
    }
}

/// The one timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Something is due.
    Due,
}

impl From<Timer> for role::Timer {
    fn from(timer: Timer) -> Self {
        Self::EtcdUser(timer)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Pending {
    id: u32,
    call: Call,
    due: LocalTime,
    serial: u64,
    sent: bool,
}

/// The users of one member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EtcdUser {
    n: u8,
    members: u8,
    member: ProgramId,
    /// The connection, and whether it stands.
    conn: Option<(ConnId, bool)>,
    /// Oldest first, so in the order of their deadlines. Bounded by the dials' limits times [`TIMEOUT`].
    pending: VecDeque<Pending>,
    next: u32,
    serials: [u64; 3],
    due: [Option<LocalTime>; 3],
    /// The next revision the watch has not told of; 0: it has told of nothing.
    revision: Revision,
    /// Whether the watch was begun on this connection; if not, when it is.
    watching: bool,
    watch_at: LocalTime,
    alarm: Alarm,
}

impl EtcdUser {
    /// The users of member `n`.
    pub fn new(n: u8, directory: Directory) -> Self {
        Self {
            n,
            members: directory.members,
            member: directory.etcd(n),
            conn: None,
            pending: VecDeque::new(),
            next: 1,
            serials: [0; 3],
            due: [None; 3],
            revision: 0,
            watching: false,
            watch_at: LocalTime::ZERO,
            alarm: Alarm::default(),
        }
    }
    fn key(&self, serial: u64) -> Key {
        Key::user_object(self.n, (serial % u64::from(KEYS_PER_API)) as u32)
    }
    /// A connection that stands, or one on its way to.
    fn connect(&mut self, cx: &mut Cx<'_>) -> (ConnId, bool) {
        let member = self.member;
        *self.conn.get_or_insert_with(|| (cx.open(member, Port::EtcdClient), false))
    }
    fn send(&mut self, cx: &mut Cx<'_>, conn: ConnId, at: usize) {
        let pending = &mut self.pending[at];
        pending.sent = true;
        let (id, call, due, serial) = (pending.id, pending.call, pending.due, pending.serial);
        let key = self.key(serial);
        let op = match call {
            Call::Put => Op::Put { key, value: Value::words(VALUE_BYTES, [self.n.into(), serial, due.ns()]), lease: 0 },
            Call::Linearizable => Op::Range { key, serializable: false },
            Call::Serializable => Op::Range { key, serializable: true },
        };
        let frame = Frame::Rpc(Request { id, op });
        cx.send(conn, frame.bytes(), frame.message());
    }
    fn end(&self, cx: &mut Cx<'_>, pending: Pending, outcome: Outcome) {
        let what = pending.call as u32 + 256 * outcome.code();
        cx.note(Note::new(NoteKind::EtcdCallEnded, what, cx.now.since(pending.due).us()));
    }
    /// Begins what is due, gives up what is late, and says when to look again.
    fn look(&mut self, cx: &mut Cx<'_>) {
        while let Some(pending) = self.pending.front().copied().filter(|call| cx.now.since(call.due) >= TIMEOUT) {
            self.pending.pop_front();
            if let (true, Some((conn, true))) = (pending.sent, self.conn) {
                let frame = Frame::Cancel(pending.id);
                cx.send(conn, frame.bytes(), frame.message());
            }
            self.end(cx, pending, Outcome::TimedOut);
        }
        let mut next = cx.now + LOOK_AGAIN;
        for (n, call) in Call::ALL.into_iter().enumerate() {
            let Some(period) = period(cx.knobs, call.knob()) else {
                self.due[n] = None;
                continue;
            };
            // The members' users and their kinds of calls spread evenly over one period.
            let turn = u64::from(self.n) * 3 + n as u64 + 1;
            let (at, now) = rhythm(cx.now, self.due[n], period, period.scale(turn, u64::from(self.members) * 3));
            self.due[n] = Some(at);
            next = next.min(at);
            if now {
                let (id, serial) = (self.next, self.serials[n]);
                self.next += 1;
                self.serials[n] += 1;
                self.pending.push_back(Pending { id, call, due: cx.now, serial, sent: false });
                if let (conn, true) = self.connect(cx) {
                    self.send(cx, conn, self.pending.len() - 1);
                }
            }
        }
        if !self.watching
            && self.watch_at <= cx.now
            && let (conn, true) = self.connect(cx)
        {
            self.watch(cx, conn);
        }
        let deadline = self.pending.front().map(|call| call.due + TIMEOUT);
        let watch = (!self.watching && self.watch_at > cx.now).then_some(self.watch_at);
        self.alarm.ensure(cx, Timer::Due, earlier(Some(next), earlier(deadline, watch)));
    }
    fn watch(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        self.watching = true;
        let (from, to) = (Key::user_object(0, 0), Key::new(Kind::ConfigMap, u16::from(self.members) + 1, 0, 0));
        let call = WatchCall::Create {
            watch: WATCH,
            from,
            to,
            start: self.revision,
            progress_notify: false,
            require_leader: false,
        };
        let frame = Frame::Watch(call);
        cx.send(conn, frame.bytes(), frame.message());
    }
    fn on_conn(&mut self, cx: &mut Cx<'_>, conn: ConnId, up: ConnUp) {
        let Some((_, stood)) = self.conn.filter(|(own, _)| *own == conn) else { return };
        match up {
            ConnUp::Connected => {
                self.conn = Some((conn, true));
                for at in 0..self.pending.len() {
                    self.send(cx, conn, at);
                }
                if self.watch_at <= cx.now {
                    self.watch(cx, conn);
                }
            }
            ConnUp::PeerClosed | ConnUp::Failed(_) => {
                if up == ConnUp::PeerClosed {
                    cx.close(conn);
                }
                (self.conn, self.watching, self.watch_at) = (None, false, cx.now + WATCH_AGAIN);
                for pending in core::mem::take(&mut self.pending) {
                    self.end(cx, pending, if stood { Outcome::Broken } else { Outcome::Refused });
                }
            }
            ConnUp::Accepted { .. } | ConnUp::Full | ConnUp::Writable => {}
        }
    }
    fn on_watch(&mut self, cx: &mut Cx<'_>, reply: &WatchReply) {
        match &reply.news {
            WatchNews::Events(events) => {
                for event in events.iter() {
                    let [writer, _, due] = event.kv.value.object.words();
                    let age = cx.now.since(LocalTime::from_ns(due));
                    cx.note(Note::new(NoteKind::EtcdEventSeen, writer as u32, age.us()));
                    self.revision = event.kv.mod_revision + 1;
                }
            }
            WatchNews::Canceled(end) => {
                if let WatchEnd::Compacted(oldest) = *end {
                    self.revision = oldest;
                }
                (self.watching, self.watch_at) = (false, cx.now + WATCH_AGAIN);
            }
            WatchNews::Created | WatchNews::Progress => self.revision = self.revision.max(reply.revision + 1),
        }
    }
}

impl Actor for EtcdUser {
    #[inline(never)] // See `Role::handle`.
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        match input {
            Input::Boot => {
                let (n, members, member) = (self.n, self.members, self.member);
                let serials = self.serials;
                *self = Self { n, members, member, serials, ..Self::new(n, Directory::etcd_alone(members)) };
            }
            Input::Timer(role::Timer::EtcdUser(Timer::Due)) => self.alarm.fired(),
            Input::Conn(conn, up) => self.on_conn(cx, conn, up),
            Input::Message(conn, message) if self.conn.is_some_and(|(own, _)| own == conn) => match message {
                Message::RpcReply(reply) => {
                    if let Some(at) = self.pending.iter().position(|call| call.id == reply.id) {
                        let pending = self.pending.remove(at).expect("it is there");
                        let outcome = reply.result.map_or_else(|error| Outcome::Error(error as u8), |_| Outcome::Ok);
                        self.end(cx, pending, outcome);
                    }
                }
                Message::WatchReply(reply) => self.on_watch(cx, &reply),
                Message::Ping => cx.send(conn, crate::client::PING_BYTES, Message::Pong),
                _ => {}
            },
            _ => return,
        }
        self.look(cx);
    }
}
