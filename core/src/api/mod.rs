//! kube-apiserver: takes requests over HTTP/2, keeps their deadlines, and asks its own etcd member.
//!
//! Left out for now: the watch cache, priority levels and their queues, authentication, and the time it takes to
//! compute. The kubelet's readiness probe (GET /readyz every second) is a ticker of the server's own.

pub mod rpc;
pub mod storage;

use crate::actor::role::{Directory, Note, NoteKind};
use crate::actor::wire::Message;
use crate::actor::{Actor, ConnUp, Cx, Input, Port, ProgramId, role};
use crate::client::etcd::{Action, Down, EtcdClient, Failure, Up};
use crate::client::{Alarm, PING_BYTES};
use crate::engine::{LocalTime, Span};
use crate::etcd::rpc::{Key, Op, Response, Revision};
use crate::net::packet::ConnId;
use alloc::vec::Vec;
use rpc::{Reply, Request, Status, Verb};
use storage::{Outcome, Storage};

/// apiserver pkg/server/config.go#NewConfig: MaxRequestsInFlight 400 and MaxMutatingRequestsInFlight 200, which
/// API Priority and Fairness adds up. Beyond it a request gets 429.
pub const MAX_IN_FLIGHT: u32 = 400 + 200;
/// The most probes that wait for one check; they are exempt from [`MAX_IN_FLIGHT`]. Chosen: far above what kubelets
/// and balancers ask. Beyond it a probe gets 429.
pub const MAX_PROBES: u32 = 64;
/// apiserver pkg/storage/storagebackend/config.go#DefaultHealthcheckTimeout: --etcd-healthcheck-timeout.
pub const HEALTH_TIMEOUT: Span = Span::from_secs(2);
/// apiserver pkg/storage/storagebackend/factory/etcd3.go#newETCD3Check: a real check every half timeout at most.
pub const HEALTH_INTERVAL: Span = Span::from_secs(1);
/// kubernetes cmd/kubeadm/app/util/staticpod/utils.go#ReadinessProbe: periodSeconds.
pub const READINESS_PERIOD: Span = Span::from_secs(1);
/// The key that the health check reads; nobody writes it.
pub const HEALTH_KEY: Key = Key::HEALTH;

/// The API server's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The etcd client's next deadline, of a call or of its connection.
    Etcd,
    /// The readiness probe.
    Readiness,
}

impl From<Timer> for role::Timer {
    fn from(timer: Timer) -> Self {
        Self::Api(timer)
    }
}

/// A request under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Active {
    conn: ConnId,
    request: Request,
    started: LocalTime,
    /// The etcd call that it waits for.
    call: u32,
    /// The revision that its Txn expects.
    expected: Revision,
    /// How many compares failed before.
    conflicts: u8,
}

/// The check of etcd behind /livez and /readyz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
struct Health {
    healthy: bool,
    /// The etcd call of the check under way.
    call: Option<u32>,
    /// When the newest check began.
    began: Option<LocalTime>,
}

/// An API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiServer {
    member: ProgramId,
    client: EtcdClient,
    conn: Option<ConnId>,
    alarm: Alarm,
    out: Vec<Action>,
    storage: Storage,
    requests: Vec<Active>,
    /// How many of them are probes.
    probes: u32,
    health: Health,
    answered: u64,
    failed: u64,
}

impl ApiServer {
    /// The API server of control-plane host `n` (from 0). It knows that host's etcd member only.
    pub fn new(n: u8, directory: Directory) -> Self {
        Self::of(directory.etcd(n))
    }
    fn of(member: ProgramId) -> Self {
        Self {
            member,
            client: EtcdClient::default(),
            conn: None,
            alarm: Alarm::default(),
            out: Vec::new(),
            storage: Storage::default(),
            requests: Vec::new(),
            probes: 0,
            health: Health::default(),
            answered: 0,
            failed: 0,
        }
    }
    /// Whether its newest check of etcd succeeded.
    pub const fn healthy(&self) -> bool {
        self.health.healthy
    }
    /// How many requests are under way, probes not counted.
    pub const fn in_flight(&self) -> u32 {
        self.requests.len() as u32 - self.probes
    }
    /// How long the oldest request under way has been.
    pub fn oldest_request_age(&self, now: LocalTime) -> Option<Span> {
        self.requests.first().map(|active| now.since(active.started))
    }
    /// Its etcd connection: 0 idle or backing off, 1 connecting, 2 ready.
    pub fn etcd_state(&self) -> u32 {
        self.client.state_code()
    }
    /// Its etcd client.
    pub const fn etcd(&self) -> &EtcdClient {
        &self.client
    }
    /// How many requests this process answered.
    pub const fn requests(&self) -> u64 {
        self.answered
    }
    /// How many of them with 429, 500 or 504.
    pub const fn failures(&self) -> u64 {
        self.failed
    }

    fn on_request(&mut self, cx: &mut Cx<'_>, conn: ConnId, request: Request) {
        let probe = matches!(request.verb, Verb::Livez | Verb::Readyz);
        let mut active = Active { conn, request, started: cx.now, call: 0, expected: 0, conflicts: 0 };
        let full = if probe { self.probes >= MAX_PROBES } else { self.in_flight() >= MAX_IN_FLIGHT };
        if full {
            return self.answer(cx, &active, Status::TooManyRequests, None);
        }
        if probe {
            self.check(cx);
            let Some(call) = self.health.call else {
                return self.answer(cx, &active, self.health_status(), None);
            };
            active.call = call;
            self.probes += 1;
        } else {
            let deadline = cx.now + Storage::timeout(active.request.verb);
            let (op, expected) = Storage::op(&active.request, self.storage.current(&active.request).as_ref());
            active.expected = expected;
            active.call = self.client.call(op, deadline, &mut self.out);
        }
        self.requests.push(active);
    }
    /// Begins a check of etcd unless one is under way or was begun less than a second ago.
    fn check(&mut self, cx: &Cx<'_>) {
        let recent = |began: LocalTime| cx.now.since(began) < HEALTH_INTERVAL;
        if self.health.call.is_none() && !self.health.began.is_some_and(recent) {
            let op = Op::Range { key: HEALTH_KEY, serializable: false };
            self.health.call = Some(self.client.call(op, cx.now + HEALTH_TIMEOUT, &mut self.out));
            self.health.began = Some(cx.now);
        }
    }
    const fn health_status(&self) -> Status {
        if self.health.healthy { Status::Ok } else { Status::InternalError }
    }
    /// A check ended: whoever asked meanwhile is answered.
    fn on_health(&mut self, cx: &mut Cx<'_>, call: u32, healthy: bool) {
        self.health.call = None;
        if healthy != self.health.healthy {
            self.health.healthy = healthy;
            let kind = if healthy { NoteKind::Healthy } else { NoteKind::Unhealthy };
            cx.note(Note::new(kind, 0, 0));
        }
        let mut ix = 0;
        while ix < self.requests.len() {
            if self.requests[ix].call == call {
                let active = self.remove(ix);
                self.answer(cx, &active, self.health_status(), None);
            } else {
                ix += 1;
            }
        }
    }
    /// A call of etcd ended.
    fn on_done(&mut self, cx: &mut Cx<'_>, call: u32, result: &Result<Response, Failure>) {
        if self.health.call == Some(call) {
            return self.on_health(cx, call, result.is_ok());
        }
        let Some(ix) = self.requests.iter().position(|active| active.call == call) else { return };
        let Active { request, expected, conflicts, started, .. } = self.requests[ix].clone();
        match self.storage.outcome(&request, expected, conflicts, result) {
            Outcome::Answer(status, kv) => {
                let active = self.remove(ix);
                self.answer(cx, &active, status, kv);
            }
            Outcome::Again(current) => {
                let deadline = started + Storage::timeout(request.verb);
                let (op, expected) = Storage::op(&request, current.as_ref());
                let call = self.client.call(op, deadline, &mut self.out);
                let active = &mut self.requests[ix];
                (active.call, active.expected, active.conflicts) = (call, expected, conflicts + 1);
            }
        }
    }
    fn answer(&mut self, cx: &mut Cx<'_>, active: &Active, status: Status, kv: Option<crate::etcd::rpc::KeyValue>) {
        let reply = Reply { kv, ..Reply::new(active.request.id, status) };
        cx.send(active.conn, reply.bytes(), Message::ApiReply(reply));
        self.answered += 1;
        let failed = matches!(status, Status::TooManyRequests | Status::InternalError | Status::Timeout);
        self.failed += u64::from(failed);
        let what = active.request.verb as u32 + 256 * status as u32;
        cx.note(Note::new(NoteKind::ApiRequest, what, cx.now.since(active.started).us()));
    }
    /// The clients of these requests are gone: net/http cancels the requests' contexts, and with them the etcd calls.
    fn drop_requests(&mut self, gone: impl Fn(&Active) -> bool) {
        let mut ix = 0;
        while ix < self.requests.len() {
            if gone(&self.requests[ix]) {
                let active = self.remove(ix);
                if self.health.call != Some(active.call) {
                    self.client.abandon(active.call, &mut self.out);
                }
            } else {
                ix += 1;
            }
        }
    }
    fn remove(&mut self, ix: usize) -> Active {
        let active = self.requests.remove(ix);
        self.probes -= u32::from(matches!(active.request.verb, Verb::Livez | Verb::Readyz));
        active
    }

    fn on_conn(&mut self, cx: &mut Cx<'_>, conn: ConnId, up: ConnUp) {
        let ours = self.conn == Some(conn);
        match up {
            ConnUp::Connected if ours => self.client.on_connected(cx.now, cx.rng, 0, &mut self.out),
            ConnUp::PeerClosed | ConnUp::Failed(_) => {
                let down = if let ConnUp::Failed(reason) = up { Down::Kernel(reason) } else { Down::PeerClosed };
                if down == Down::PeerClosed {
                    cx.close(conn);
                }
                if ours {
                    self.conn = None;
                    self.client.on_down(cx.now, cx.rng, 0, down, &mut self.out);
                } else {
                    self.drop_requests(|active| active.conn == conn);
                }
            }
            // MAX_IN_FLIGHT bounds what may wait in the send buffers.
            ConnUp::Accepted { .. } | ConnUp::Connected | ConnUp::Full | ConnUp::Writable => {}
        }
    }
    fn on_message(&mut self, cx: &mut Cx<'_>, conn: ConnId, message: &Message) {
        if self.conn == Some(conn) {
            match message {
                Message::RpcReply(reply) => self.client.on_reply(cx.now, cx.rng, 0, reply, &mut self.out),
                _ => self.client.on_read(cx.now, 0),
            }
            return;
        }
        match message {
            Message::Api(request) => self.on_request(cx, conn, request.clone()),
            Message::Cancel(id) => self.drop_requests(|active| active.conn == conn && active.request.id == *id),
            Message::Ping => cx.send(conn, PING_BYTES, Message::Pong),
            _ => {}
        }
    }
    /// Carries out what the etcd client wants. What that leads to comes behind it in the same list.
    fn carry_out(&mut self, cx: &mut Cx<'_>) {
        let mut ix = 0;
        while ix < self.out.len() {
            match self.out[ix].clone() {
                Action::Open(_) => self.conn = Some(cx.open(self.member, Port::EtcdClient)),
                Action::Send(_, frame) => {
                    // A connection that broke behind this in the list has taken its frames with it.
                    if let Some(conn) = self.conn {
                        cx.send(conn, frame.bytes(), frame.message());
                    }
                }
                Action::Abort(_) => {
                    if let Some(conn) = self.conn.take() {
                        cx.abort(conn);
                    }
                }
                Action::Up(Up::Connected(_)) => cx.note(Note::new(NoteKind::EtcdConnected, 0, 0)),
                Action::Up(Up::Disconnected(_, down)) => {
                    cx.note(Note::new(NoteKind::EtcdDisconnected, down.code(), 0));
                }
                Action::Up(Up::Done(call, result)) => self.on_done(cx, call, &result),
                Action::Up(Up::Watch(..)) => {} // It begins none.
            }
            ix += 1;
        }
        self.out.clear();
    }
}

impl Actor for ApiServer {
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        match input {
            Input::Boot => {
                *self = Self::of(self.member);
                self.client.start(cx.now, cx.rng, &mut self.out);
                cx.arm(Timer::Readiness, READINESS_PERIOD);
            }
            Input::Timer(role::Timer::Api(Timer::Etcd)) => {
                self.alarm.fired();
                self.client.on_timer(cx.now, cx.rng, &mut self.out);
            }
            Input::Timer(role::Timer::Api(Timer::Readiness)) => {
                self.check(cx);
                cx.arm(Timer::Readiness, READINESS_PERIOD);
            }
            Input::Conn(conn, up) => self.on_conn(cx, conn, up),
            Input::Message(conn, message) => self.on_message(cx, conn, &message),
            Input::Timer(_) | Input::DiskDone(_) | Input::Terminate | Input::ProgramEnded(_) | Input::Operate(_) => {}
        }
        self.carry_out(cx);
        self.alarm.ensure(cx, Timer::Etcd, self.client.next_timer());
    }
}

#[cfg(test)]
mod tests;
