//! The gRPC client of etcd inside kube-apiserver: one connection, calls that wait for it, and etcd's retry rules.
//!
//! Left out: TLS and the HTTP/2 settings exchange (a connection is ready when TCP's handshake is done), and one client
//! per resource type (all calls of an API server share this one).

use super::backoff::Backoff;
use super::keepalive::{Keepalive, Verdict};
use super::{Action, Frame, earlier};
use crate::engine::{LocalTime, Rng, Span};
use crate::etcd::rpc::{EtcdError, Op, Reply, Request, Response};
use crate::net::tcp::Reason;
use alloc::vec::Vec;

/// grpc-go clientconn.go#minConnectTimeout: an attempt to connect may take this long, or its back-off if longer.
pub const CONNECT_TIMEOUT: Span = Span::from_secs(20);
/// kubernetes apiserver pkg/storage/storagebackend/factory/etcd3.go#keepaliveTime: a ping after so long without reads.
pub const KEEPALIVE_TIME: Span = Span::from_secs(30);
/// kubernetes apiserver pkg/storage/storagebackend/factory/etcd3.go#keepaliveTimeout: and the end without an answer.
pub const KEEPALIVE_TIMEOUT: Span = Span::from_secs(10);
/// etcd client/v3/options.go#defaultUnaryMaxRetries: how often a call is tried.
pub const MAX_ATTEMPTS: u8 = 100;
/// etcd client/v3/options.go#defaultBackoffWaitBetween: the pause between two tries.
pub const RETRY_PAUSE: Span = Span::from_ms(25);
/// etcd client/v3/options.go#defaultBackoffJitterFraction: 10 % less to 10 % more.
const RETRY_JITTER: (u64, u64) = (1, 10);
/// The most calls at once. Chosen: above the 600 requests an API server admits. One more is refused as etcd would.
pub const LIMIT: u32 = 1024;

/// grpc-go connectivity/connectivity.go#State.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Not started.
    Idle,
    /// Dialling, at most until then.
    Connecting {
        /// When this attempt is given up.
        until: LocalTime,
        /// How long to wait if it fails.
        backoff: Span,
    },
    /// Calls go out.
    Ready(Keepalive),
    /// Waiting for the next attempt.
    TransientFailure {
        /// When that is.
        until: LocalTime,
    },
}

/// Why a connection that stood is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Down {
    /// The kernel gave it up.
    Kernel(Reason),
    /// etcd closed it.
    PeerClosed,
    /// Nothing answered a ping.
    Keepalive,
}

impl Down {
    /// The number a note carries: the kernel's reason, or 64 for a close and 65 for a ping without answer.
    pub const fn code(self) -> u32 {
        match self {
            Self::Kernel(reason) => reason as u32,
            Self::PeerClosed => 64,
            Self::Keepalive => 65,
        }
    }
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// etcd or the connection said so, and it may not be tried again.
    Etcd(EtcdError),
    /// The caller's own deadline passed.
    Deadline,
}

/// What the client tells its user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Up {
    /// The connection stands.
    Connected,
    /// The connection that stood is gone.
    Disconnected(Down),
    /// A call ended.
    Done(u32, Result<Response, Failure>),
}

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// It waits for a connection: wait-for-ready.
    Waiting,
    /// It waits until its next try.
    Pausing(LocalTime),
    /// It went out as this stream.
    Sent(u32),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Call {
    id: u32,
    op: Op,
    deadline: LocalTime,
    attempts: u8,
    phase: Phase,
}

/// The client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EtcdClient {
    state: State,
    backoff: Backoff,
    calls: Vec<Call>,
    next_call: u32,
    next_stream: u32,
    /// No call is due before.
    due: Option<LocalTime>,
}

impl Default for EtcdClient {
    fn default() -> Self {
        Self {
            state: State::Idle,
            backoff: Backoff::default(),
            calls: Vec::new(),
            next_call: 1,
            next_stream: 1,
            due: None,
        }
    }
}

type Out = Vec<Action<Up>>;

impl EtcdClient {
    /// Where its connection is.
    pub const fn state(&self) -> State {
        self.state
    }
    /// For the page: 0 idle or backing off, 1 connecting, 2 ready.
    pub const fn state_code(&self) -> u32 {
        match self.state {
            State::Idle | State::TransientFailure { .. } => 0,
            State::Connecting { .. } => 1,
            State::Ready(_) => 2,
        }
    }
    /// How many calls are under way.
    pub const fn calls(&self) -> u32 {
        self.calls.len() as u32
    }
    /// When it wants [`EtcdClient::on_timer`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        let state = match &self.state {
            State::Idle => None,
            State::Connecting { until, .. } | State::TransientFailure { until } => Some(*until),
            State::Ready(keepalive) => Some(keepalive.next_timer()),
        };
        earlier(state, self.due)
    }
    /// The program starts: the client dials at once.
    pub fn start(&mut self, now: LocalTime, rng: &mut Rng, out: &mut Out) {
        if self.state == State::Idle {
            self.dial(now, rng, out);
        }
    }
    /// Begins a call that its caller gives up at `deadline`, and returns its number.
    pub fn call(&mut self, op: Op, deadline: LocalTime, out: &mut Out) -> u32 {
        let id = self.next_call;
        self.next_call += 1;
        if self.calls() >= LIMIT {
            out.push(Action::Up(Up::Done(id, Err(Failure::Etcd(EtcdError::TooManyRequests)))));
            return id;
        }
        self.calls.push(Call { id, op, deadline, attempts: 0, phase: Phase::Waiting });
        self.due = earlier(self.due, Some(deadline));
        self.send(self.calls.len() - 1, out);
        id
    }
    /// The caller went away: nobody wants to hear of the call. etcd may still carry it out.
    pub fn abandon(&mut self, id: u32, out: &mut Out) {
        if let Ok(ix) = self.calls.binary_search_by_key(&id, |call| call.id) {
            self.remove(ix, out);
        }
    }
    /// The connection stands.
    pub fn on_connected(&mut self, now: LocalTime, out: &mut Out) {
        let State::Connecting { .. } = self.state else { return };
        self.backoff.reset();
        self.state = State::Ready(Keepalive::new(now, KEEPALIVE_TIME, KEEPALIVE_TIMEOUT));
        out.push(Action::Up(Up::Connected));
        for ix in 0..self.calls.len() {
            self.send(ix, out);
        }
    }
    /// The connection is gone, or could not be made.
    pub fn on_down(&mut self, now: LocalTime, rng: &mut Rng, down: Down, out: &mut Out) {
        match self.state {
            State::Connecting { backoff, .. } => {
                self.state = State::TransientFailure { until: now + backoff };
            }
            State::Ready(_) => {
                out.push(Action::Up(Up::Disconnected(down)));
                // The balancer leaves Idle at once: the first attempt has no wait before it.
                self.dial(now, rng, out);
                self.fail_sent(now, rng, out);
            }
            State::Idle | State::TransientFailure { .. } => {}
        }
    }
    /// Something arrived that is no answer to a call.
    pub const fn on_read(&mut self, now: LocalTime) {
        if let State::Ready(keepalive) = &mut self.state {
            keepalive.on_read(now);
        }
    }
    /// An answer arrived.
    pub fn on_reply(&mut self, now: LocalTime, rng: &mut Rng, reply: &Reply, out: &mut Out) {
        self.on_read(now);
        let Some(ix) = self.calls.iter().position(|call| call.phase == Phase::Sent(reply.id)) else {
            return; // Its caller gave it up.
        };
        match reply.result.clone() {
            Ok(response) => self.done(ix, Ok(response), out),
            Err(error) => self.retry(ix, now, rng, error, out),
        }
    }
    /// A timer went off, perhaps too early.
    pub fn on_timer(&mut self, now: LocalTime, rng: &mut Rng, out: &mut Out) {
        match &mut self.state {
            State::Connecting { until, backoff } if *until <= now => {
                let until = now + *backoff;
                out.push(Action::Abort);
                self.state = State::TransientFailure { until };
            }
            State::TransientFailure { until } if *until <= now => self.dial(now, rng, out),
            State::Ready(keepalive) => match keepalive.on_timer(now) {
                Verdict::Fine => {}
                Verdict::Ping => out.push(Action::Send(Frame::Ping)),
                Verdict::Dead => {
                    out.push(Action::Abort);
                    self.on_down(now, rng, Down::Keepalive, out);
                }
            },
            _ => {}
        }
        if self.due.is_some_and(|due| due <= now) {
            self.sweep(now, out);
        }
    }

    /// Ends calls whose deadline passed, sends those whose pause is over.
    fn sweep(&mut self, now: LocalTime, out: &mut Out) {
        let mut ix = 0;
        while ix < self.calls.len() {
            let call = &mut self.calls[ix];
            if call.deadline <= now {
                let id = self.remove(ix, out);
                out.push(Action::Up(Up::Done(id, Err(Failure::Deadline))));
                continue;
            }
            if matches!(call.phase, Phase::Pausing(until) if until <= now) {
                call.phase = Phase::Waiting;
                self.send(ix, out);
            }
            ix += 1;
        }
        self.due = None;
        for call in &self.calls {
            let pause = if let Phase::Pausing(until) = call.phase { Some(until) } else { None };
            self.due = earlier(self.due, earlier(pause, Some(call.deadline)));
        }
    }
    fn dial(&mut self, now: LocalTime, rng: &mut Rng, out: &mut Out) {
        let backoff = self.backoff.step(rng);
        self.state = State::Connecting { until: now + CONNECT_TIMEOUT.max(backoff), backoff };
        out.push(Action::Open);
    }
    /// Sends a call if it waits for nothing but a connection.
    fn send(&mut self, ix: usize, out: &mut Out) {
        let call = &mut self.calls[ix];
        if call.phase != Phase::Waiting || !matches!(self.state, State::Ready(_)) {
            return;
        }
        let id = self.next_stream;
        self.next_stream += 1;
        call.phase = Phase::Sent(id);
        call.attempts += 1;
        out.push(Action::Send(Frame::Rpc(Request { id, op: call.op.clone() })));
    }
    /// The connection broke under the calls that had gone out.
    fn fail_sent(&mut self, now: LocalTime, rng: &mut Rng, out: &mut Out) {
        let mut ix = 0;
        while ix < self.calls.len() {
            let before = self.calls.len();
            if matches!(self.calls[ix].phase, Phase::Sent(_)) {
                self.retry(ix, now, rng, EtcdError::ConnectionBroken, out);
            }
            ix += usize::from(self.calls.len() == before);
        }
    }
    /// What etcd's interceptor makes of a failed try: another one after a pause, or the end.
    fn retry(&mut self, ix: usize, now: LocalTime, rng: &mut Rng, error: EtcdError, out: &mut Out) {
        let jitter = RETRY_PAUSE.scale(RETRY_JITTER.0, RETRY_JITTER.1);
        let pause = RETRY_PAUSE - jitter + rng.draw().up_to(jitter.scale(2, 1));
        let call = &mut self.calls[ix];
        if !may_retry(&call.op, error) || call.attempts >= MAX_ATTEMPTS {
            return self.done(ix, Err(Failure::Etcd(error)), out);
        }
        call.phase = Phase::Pausing(now + pause);
        self.due = earlier(self.due, Some(now + pause));
    }
    fn done(&mut self, ix: usize, result: Result<Response, Failure>, out: &mut Out) {
        let call = self.calls.remove(ix);
        out.push(Action::Up(Up::Done(call.id, result)));
    }
    /// Forgets a call; if it is under way, etcd is told (RST_STREAM).
    fn remove(&mut self, ix: usize, out: &mut Out) -> u32 {
        let call = self.calls.remove(ix);
        if let (Phase::Sent(stream), State::Ready(_)) = (call.phase, self.state) {
            out.push(Action::Send(Frame::Cancel(stream)));
        }
        call.id
    }
}

/// etcd client/v3/retry_interceptor.go#unaryClientInterceptor and retry.go#isSafeRetryImmutableRPC,
/// isSafeRetryMutableRPC, for a try that had been sent.
///
/// A DeadlineExceeded of the server's own, seen while the caller still has time, is tried again before anybody asks
/// whether that is safe: so even a write is. Read from the code, not verified by running.
const fn may_retry(op: &Op, error: EtcdError) -> bool {
    match error {
        EtcdError::DeadlineExceeded => true,
        EtcdError::TooManyRequests
        | EtcdError::Compacted
        | EtcdError::FutureRevision
        | EtcdError::LeaseNotFound
        | EtcdError::LeaseExists
        | EtcdError::ProposalDropped => false,
        EtcdError::Timeout
        | EtcdError::TimeoutLeaderFail
        | EtcdError::TimeoutConnectionLost
        | EtcdError::LeaderChanged
        | EtcdError::Stopped
        | EtcdError::ConnectionBroken => !op.writes(),
    }
}

#[cfg(test)]
#[path = "etcd_tests.rs"]
mod tests;
