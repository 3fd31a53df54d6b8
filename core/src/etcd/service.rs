//! What etcd keeps of its clients: calls, health checks, their deadlines, and the loop that confirms linearizable reads.

use super::Timer;
use super::rpc::{EtcdError, Key, Op, Reply, Request, Response};
use crate::actor::Cx;
use crate::actor::role::{Note, NoteKind};
use crate::actor::wire::Message;
use crate::engine::{LocalTime, Span};
use crate::knob::Knob;
use crate::net::packet::ConnId;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A member gives a call this long, for queues, disk and network, and two elections. Sourced: etcd
/// server/config/config.go#ReqTimeout.
const REQUEST_TIMEOUT_BASE: Span = Span::from_secs(5);
/// A ReadIndex is sent again after this long. Sourced: etcd server/etcdserver/read/read.go#readIndexRetryTime.
pub const READ_INDEX_RETRY: Span = Span::from_ms(500);
/// The most calls one member keeps; one more is "too many requests". Unit: calls. Chosen: far above what its clients'
/// own limits let through.
const CALLS: usize = 10_000;

/// What a health endpoint's answer weighs. Chosen: a status line, a few headers and a line of JSON.
const HEALTH_BYTES: u32 = 200;

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// A write that no leader has taken yet.
    Waiting,
    /// A write that Raft took.
    Proposed,
    /// A read waiting for its round of ReadIndex.
    Reading,
}

/// A call under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    conn: ConnId,
    request: Request,
    started: LocalTime,
    /// Whether a health endpoint asks.
    health: bool,
    /// How far it has come.
    pub stage: Stage,
}

impl Call {
    /// What was asked.
    pub const fn op(&self) -> &Op {
        &self.request.op
    }
    /// When it came.
    pub const fn started(&self) -> LocalTime {
        self.started
    }
    fn is_timed(&self) -> bool {
        self.health || self.stage != Stage::Reading
    }
}

/// A round of ReadIndex: the reads that came before it was sent share its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Round {
    context: u64,
    started: LocalTime,
    calls: Vec<u32>,
    /// The index to wait for, once the leader confirmed it.
    confirmed: Option<u64>,
}

/// The calls of one member's clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Service {
    calls: BTreeMap<u32, Call>,
    next_call: u32,
    clients: Vec<ConnId>,
    round: Option<Round>,
    next_round: Vec<u32>,
    rounds: u64,
    /// Whether the timer of the oldest call runs.
    timed: bool,
    /// etcd_server_health_success and etcd_server_health_failures.
    health: [u64; 2],
}

impl Service {
    /// A client connected.
    pub fn connected(&mut self, conn: ConnId) {
        self.clients.push(conn);
    }
    /// A client's connection is gone, and its calls with it. What Raft took goes on. Returns how many writes that were.
    pub fn disconnected(&mut self, conn: ConnId) -> u64 {
        self.clients.retain(|client| *client != conn);
        let before = self.calls.len();
        let mut writes = 0;
        self.calls.retain(|_, call| {
            writes += u64::from(call.conn == conn && call.stage != Stage::Reading);
            call.conn != conn
        });
        if self.calls.len() < before {
            let calls = &self.calls;
            self.next_round.retain(|id| calls.contains_key(id));
        }
        writes
    }
    /// A client gave a call up. What Raft took goes on. Whether it was a write.
    pub fn cancel(&mut self, conn: ConnId, request: u32) -> bool {
        let is_it = |call: &Call| call.conn == conn && call.request.id == request && !call.health;
        let Some(id) = self.calls.iter().find(|(_, call)| is_it(call)).map(|(id, _)| *id) else { return false };
        self.next_round.retain(|it| *it != id);
        self.calls.remove(&id).is_some_and(|call| call.stage != Stage::Reading)
    }
    /// etcd_server_health_success: health checks that succeeded.
    pub const fn health_successes(&self) -> u64 {
        self.health[0]
    }
    /// etcd_server_health_failures: and that failed.
    pub const fn health_failures(&self) -> u64 {
        self.health[1]
    }
    /// etcd_server_proposals_pending: writes that Raft took and that are not answered.
    pub fn proposals_pending(&self) -> u32 {
        self.calls.values().filter(|call| call.stage == Stage::Proposed).count() as u32
    }
    /// Whether this is a client's connection.
    pub fn is_client(&self, conn: ConnId) -> bool {
        self.clients.contains(&conn)
    }
    /// How many calls are under way.
    pub fn pending(&self) -> u32 {
        self.calls.len() as u32
    }
    /// The 7 s after which a member gives a call up.
    pub fn timeout(cx: &Cx<'_>) -> Span {
        REQUEST_TIMEOUT_BASE + cx.knobs.ms(Knob::ElectionTimeout).scale(2, 1)
    }
    /// Takes a call in. None: there are too many; it has been refused.
    pub fn admit(&mut self, cx: &mut Cx<'_>, conn: ConnId, request: Request) -> Option<u32> {
        let stage = if request.op.writes() { Stage::Waiting } else { Stage::Reading };
        self.take(cx, Call { conn, request, started: cx.now, stage, health: false })
    }
    /// Takes in what a health endpoint asks: a linearizable read, or a serializable one.
    pub fn admit_health(&mut self, cx: &mut Cx<'_>, conn: ConnId, id: u32, serializable: bool) -> Option<u32> {
        let request = Request { id, op: Op::Range { key: Key::HEALTH, serializable } };
        self.take(cx, Call { conn, request, started: cx.now, stage: Stage::Reading, health: true })
    }
    /// Answers a health endpoint that needs no read.
    pub fn answer_health(&mut self, cx: &mut Cx<'_>, conn: ConnId, id: u32, well: bool) {
        self.health[usize::from(!well)] += 1;
        if self.is_client(conn) {
            cx.send(conn, HEALTH_BYTES, Message::HealthReply(id, well));
        }
    }
    fn take(&mut self, cx: &mut Cx<'_>, call: Call) -> Option<u32> {
        if self.calls.len() >= CALLS {
            self.answer(cx, &call, Err(EtcdError::TooManyRequests));
            return None;
        }
        self.next_call += 1;
        self.calls.insert(self.next_call, call);
        Some(self.next_call)
    }
    /// A call under way.
    pub fn call(&self, id: u32) -> Option<&Call> {
        self.calls.get(&id)
    }
    /// Moves a call on.
    pub fn set_stage(&mut self, id: u32, stage: Stage) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.stage = stage;
        }
    }
    /// The calls at this stage, oldest first.
    pub fn at_stage(&self, stage: Stage) -> Vec<u32> {
        self.calls.iter().filter(|(_, call)| call.stage == stage).map(|(id, _)| *id).collect()
    }
    /// The calls that their own 7 s have ended, oldest first: reads of clients end with their round.
    pub fn overdue(&self, cx: &Cx<'_>) -> Vec<u32> {
        let timeout = Self::timeout(cx);
        let old = self.calls.iter().take_while(|(_, call)| cx.now.since(call.started) >= timeout);
        old.filter(|(_, call)| call.is_timed()).map(|(id, _)| *id).collect()
    }
    /// Wakes the member when the oldest call's time is over. `fired`: that timer has just gone off.
    pub fn arm(&mut self, cx: &mut Cx<'_>, fired: bool) {
        if fired {
            self.timed = false;
        }
        if !self.timed
            && let Some(oldest) = self.calls.values().find(|call| call.is_timed())
        {
            self.timed = true;
            cx.arm(Timer::Calls, Self::timeout(cx).saturating_sub(cx.now.since(oldest.started)));
        }
    }
    /// The member stops: every call ends so.
    pub fn stop(&mut self, cx: &mut Cx<'_>) {
        for id in self.calls.keys().copied().collect::<Vec<_>>() {
            self.finish(cx, id, Err(EtcdError::Stopped));
        }
    }
    /// Ends a call.
    pub fn finish(&mut self, cx: &mut Cx<'_>, id: u32, result: Result<Response, EtcdError>) {
        if let Some(call) = self.calls.remove(&id) {
            self.answer(cx, &call, result);
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, call: &Call, result: Result<Response, EtcdError>) {
        if call.health {
            return self.answer_health(cx, call.conn, call.request.id, result.is_ok());
        }
        let kind = match call.request.op {
            Op::Range { serializable: false, .. } | Op::List { .. } => 1,
            Op::Range { serializable: true, .. } => 2,
            _ => 0,
        };
        let error = result.as_ref().err().map_or(0, |error| *error as u32 + 1);
        cx.note(Note::new(NoteKind::EtcdCall, kind + 16 * error, cx.now.since(call.started).us()));
        if self.is_client(call.conn) {
            let bytes = result.as_ref().map_or(Response::HEAD_BYTES, Response::bytes);
            cx.send(call.conn, bytes, Message::RpcReply(Box::new(Reply { id: call.request.id, result })));
        }
    }

    /// A linearizable read joins the next round. Returns the context of a round to ask the leader for, if one starts.
    pub fn read(&mut self, now: LocalTime, id: u32) -> Option<u64> {
        self.next_round.push(id);
        self.start_round(now)
    }
    /// The context of the round the leader has not confirmed yet.
    pub fn unconfirmed(&self) -> Option<u64> {
        self.round.as_ref().filter(|round| round.confirmed.is_none()).map(|round| round.context)
    }
    /// Since when the current round has been waiting for the leader.
    pub fn round_started(&self) -> Option<LocalTime> {
        self.round.as_ref().filter(|round| round.confirmed.is_none()).map(|round| round.started)
    }
    /// The leader confirmed a round at this index.
    pub fn confirm(&mut self, context: u64, index: u64) {
        if let Some(round) = self.round.as_mut().filter(|round| round.context == context) {
            round.confirmed = Some(index);
        }
    }
    /// The reads that may be answered now that `applied` is applied, and whether that ended the round.
    pub fn confirmed_reads(&mut self, applied: u64) -> Option<Vec<u32>> {
        let done = self.round.as_ref()?.confirmed? <= applied;
        done.then(|| self.round.take().map(|round| round.calls)).flatten()
    }
    /// Ends the round: its reads fail.
    pub fn fail_round(&mut self, cx: &mut Cx<'_>, error: EtcdError) {
        for id in self.round.take().map(|round| round.calls).unwrap_or_default() {
            self.finish(cx, id, Err(error));
        }
    }
    /// Starts the round that reads wait for, if none is under way. Returns its context.
    pub fn start_round(&mut self, now: LocalTime) -> Option<u64> {
        if self.round.is_some() || self.next_round.is_empty() {
            return None;
        }
        self.rounds += 1;
        let calls = core::mem::take(&mut self.next_round);
        self.round = Some(Round { context: self.rounds, started: now, calls, confirmed: None });
        Some(self.rounds)
    }
}
