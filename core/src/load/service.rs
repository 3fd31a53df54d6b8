//! Users of the Services: each request is a TCP connection of its own to a Service's port of some node, as a browser
//! behind a load balancer over NodePorts makes.
//!
//! Left out: keep-alive connections, and users that try again.

use super::backends::Backends;
use super::{Ended, Stream};
use crate::actor::role::{Directory, Note, NoteKind};
use crate::actor::wire::Message;
use crate::actor::{ConnUp, Cx, Port};
use crate::client::earlier;
use crate::engine::{LocalTime, Span};
use crate::net::packet::ConnId;
use crate::net::tcp::Reason;
use crate::object::WorkloadId;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

/// How long a user waits for a Service. Chosen: about when people give a page up.
pub const TIMEOUT: Span = Span::from_secs(5);
/// What a user's request to a Service weighs. Chosen: a GET with a browser's headers.
pub const REQUEST_BYTES: u32 = 400;
/// The most requests to Services under way; one more is not sent. Unit: requests. Chosen: above the dial's greatest
/// rate for three Services and 5 s.
pub const LIMIT: usize = 2048;
/// The Services that have users: those a run begins with. Unit: Services. Chosen: one for each standard workload.
pub const SERVICES: WorkloadId = 3;

/// How a request to a Service ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// A pod answered.
    Ok,
    /// The connection was refused: the node has no endpoint for it, or nobody listens there any more.
    Refused,
    /// No answer within [`TIMEOUT`].
    Timeout,
    /// The connection broke.
    Broken,
}

/// The requests to one Service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Traffic {
    /// How many, how many well, and the newest.
    pub stream: Stream,
    /// How many were refused.
    pub refused: u64,
    /// How many had no answer in time.
    pub timeouts: u64,
    /// Of how many the connection broke.
    pub broken: u64,
}

/// A request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Visit {
    service: WorkloadId,
    number: u32,
    started: LocalTime,
}

/// All users of Services.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Visitors {
    directory: Directory,
    backends: Backends,
    traffic: Vec<Traffic>,
    visits: BTreeMap<ConnId, Visit>,
    /// Connections in the order in which their time is up; some may have ended.
    order: VecDeque<(LocalTime, ConnId)>,
    next: u32,
}

impl Visitors {
    pub(super) fn new(directory: Directory) -> Self {
        let services = if directory.nodes > 0 { SERVICES } else { 0 };
        let traffic = alloc::vec![Traffic::default(); services.into()];
        Self {
            directory,
            backends: Backends::new(directory),
            traffic,
            visits: BTreeMap::new(),
            order: VecDeque::new(),
            next: 0,
        }
    }
    /// Their requests, by Service.
    pub fn traffic(&self) -> &[Traffic] {
        &self.traffic
    }
    pub(super) fn due_mut(&mut self, service: usize) -> &mut Option<LocalTime> {
        &mut self.traffic[service].stream.due
    }
    /// A new process: the requests of the earlier one ended with it.
    pub(super) fn reset(&mut self, now: LocalTime) {
        self.backends.start(now);
        for Traffic { stream, broken, .. } in &mut self.traffic {
            *broken += stream.waiting();
            stream.reset();
        }
        self.visits.clear();
        self.order.clear();
    }
    /// When the time of the oldest request under way is up.
    pub(super) fn next_timer(&mut self) -> Option<LocalTime> {
        earlier(self.backends.next_timer(), self.next_timeout())
    }
    fn next_timeout(&mut self) -> Option<LocalTime> {
        while let Some((at, conn)) = self.order.front() {
            if self.visits.contains_key(conn) {
                return Some(*at);
            }
            self.order.pop_front();
        }
        None
    }
    /// Somebody connects to a Service at some node.
    pub(super) fn visit(&mut self, cx: &mut Cx<'_>, service: usize) {
        if self.visits.len() >= LIMIT {
            return;
        }
        let node = self.backends.pick(cx);
        let conn = cx.open(self.directory.kubelet(node), Port::Service(service as WorkloadId));
        self.visits.insert(conn, Visit { service: service as WorkloadId, number: self.next, started: cx.now });
        self.order.push_back((cx.now + TIMEOUT, conn));
        self.next = self.next.wrapping_add(1);
        self.traffic[service].stream.sent += 1;
    }
    /// News of a connection. Returns whether it was one of theirs.
    pub(super) fn on_conn(&mut self, cx: &mut Cx<'_>, conn: ConnId, up: ConnUp) -> bool {
        let Some(visit) = self.visits.get(&conn) else { return self.backends.on_conn(cx, conn, up) };
        match up {
            ConnUp::Connected => cx.send(conn, REQUEST_BYTES, Message::UserRequest(visit.number)),
            ConnUp::PeerClosed => {
                cx.close(conn);
                self.end(cx, conn, Outcome::Broken);
            }
            ConnUp::Failed(Reason::Refused) => self.end(cx, conn, Outcome::Refused),
            ConnUp::Failed(_) => self.end(cx, conn, Outcome::Broken),
            ConnUp::Accepted { .. } | ConnUp::Full | ConnUp::Writable => {}
        }
        true
    }
    /// A message. Returns whether it was for one of them.
    pub(super) fn on_message(&mut self, cx: &mut Cx<'_>, conn: ConnId, message: &Message) -> bool {
        let Some(visit) = self.visits.get(&conn) else { return self.backends.on_message(cx, conn) };
        if *message == Message::UserReply(visit.number) {
            cx.close(conn);
            self.end(cx, conn, Outcome::Ok);
        }
        true
    }
    /// Gives up those whose time is up.
    pub(super) fn on_timer(&mut self, cx: &mut Cx<'_>) {
        self.backends.on_timer(cx);
        while let Some((_, conn)) = self.order.front().copied().filter(|(at, _)| *at <= cx.now) {
            self.order.pop_front();
            if self.visits.contains_key(&conn) {
                cx.abort(conn);
                self.end(cx, conn, Outcome::Timeout);
            }
        }
    }

    fn end(&mut self, cx: &mut Cx<'_>, conn: ConnId, outcome: Outcome) {
        let Some(Visit { service, started, .. }) = self.visits.remove(&conn) else { return };
        let latency = cx.now.since(started);
        let traffic = &mut self.traffic[usize::from(service)];
        traffic.stream.end(Ended::new(cx.now, latency, outcome == Outcome::Ok));
        match outcome {
            Outcome::Ok => {}
            Outcome::Refused => traffic.refused += 1,
            Outcome::Timeout => traffic.timeouts += 1,
            Outcome::Broken => traffic.broken += 1,
        }
        cx.note(Note::new(NoteKind::ServiceRequest, u32::from(service) + 65536 * outcome as u32, latency.us()));
    }
}
