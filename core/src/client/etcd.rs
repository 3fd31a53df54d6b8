//! The gRPC client of etcd inside kube-apiserver: a connection to each endpoint it was given, calls that wait for one,
//! etcd's retry rules, and watch streams that go on wherever they broke.
//!
//! Calls and watch streams take turns over the connections that stand (grpc-go's round_robin). A call that is tried
//! again takes the next turn; a watch stays where it was opened until that connection breaks.
//!
//! Left out: TLS and the HTTP/2 settings exchange (a connection is ready when TCP's handshake is done), and the change
//! of endpoints under way (kube-apiserver's list is fixed). Simplified: each watch has a stream of its own.

use super::backoff::Backoff;
use super::keepalive::{Keepalive, Verdict};
use super::{Frame, earlier};
use crate::engine::{LocalTime, Rng, Span};
use crate::etcd::rpc::{EtcdError, Key, Op, Reply, Request, Response, Revision};
use crate::etcd::rpc::{WatchCall, WatchEnd, WatchNews, WatchReply};
use crate::net::tcp::Reason;
use alloc::vec::Vec;

/// How long an attempt to connect to etcd may take, or its back-off if longer. Sourced: grpc-go
/// clientconn.go#minConnectTimeout.
pub const CONNECT_TIMEOUT: Span = Span::from_secs(20);
/// A ping after so long without reads, if a call or a watch is under way on the connection. Sourced: apiserver
/// pkg/storage/storagebackend/factory/etcd3.go#keepaliveTime.
pub const KEEPALIVE_TIME: Span = Span::from_secs(30);
/// And the end of the connection after so long without an answer. Sourced: apiserver
/// pkg/storage/storagebackend/factory/etcd3.go#keepaliveTimeout.
pub const KEEPALIVE_TIMEOUT: Span = Span::from_secs(10);
/// How often a call of etcd is tried. Unit: tries. Sourced: etcd client/v3/options.go#defaultUnaryMaxRetries.
pub const MAX_ATTEMPTS: u8 = 100;
/// The pause after each round of tries, a quorum of the endpoints. Sourced: etcd
/// client/v3/options.go#defaultBackoffWaitBetween.
pub const RETRY_PAUSE: Span = Span::from_ms(25);
/// So much shorter to so much longer. Unit: ratio. Sourced: etcd client/v3/options.go#defaultBackoffJitterFraction.
const RETRY_JITTER: (u64, u64) = (1, 10);
/// What the pauses before a broken watch stream is opened again grow from. Sourced: etcd
/// client/v3/watch.go#watchGRPCStream.run.
pub const WATCH_PAUSE: Span = Span::from_ms(1);
/// Each of those pauses is so many times the one before. Unit: ratio. Sourced: etcd
/// client/v3/watch.go#backoffIfUnavailable.
const WATCH_FACTOR: (u64, u64) = (5, 4);
/// And no pause is longer. Sourced: etcd client/v3/watch.go#maxBackoff.
pub const WATCH_PAUSE_MAX: Span = Span::from_ms(100);
/// The most calls of etcd at once; one more is refused as etcd would. Unit: calls. Chosen: above the 600 requests an
/// API server admits.
pub const LIMIT: u32 = 1024;

/// What the client wants done, on the connection to which endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Dial. There is no connection to it now.
    Open(u8),
    /// Write this.
    Send(u8, Frame),
    /// The connection is of no more use.
    Abort(u8),
    /// News for whoever uses the client.
    Up(Up),
}

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
    /// The connection to this endpoint stands.
    Connected(u8),
    /// The one that stood is gone.
    Disconnected(u8, Down),
    /// A call ended.
    Done(u32, Result<Response, Failure>),
    /// What a watch tells: its name, the store's revision, and the news. `Created` comes once, however often the
    /// stream is opened; after `Canceled` nothing comes.
    Watch(u32, Revision, WatchNews),
}

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// It waits for a connection: wait-for-ready.
    Waiting,
    /// It waits until its next try.
    Pausing(LocalTime),
    /// It went out to this endpoint as this stream.
    Sent(u8, u32),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Call {
    id: u32,
    op: Op,
    deadline: LocalTime,
    attempts: u8,
    phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Watch {
    id: u32,
    from: Key,
    to: Key,
    /// The first revision it has not heard of; 0: it has heard of nothing and takes what comes.
    next: Revision,
    progress_notify: bool,
    /// Whether its user knows that it stands.
    created: bool,
    pause: Span,
    phase: Phase,
}

/// A connection to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sub {
    state: State,
    backoff: Backoff,
    /// How many calls and watches are under way on it.
    streams: u32,
}

/// The client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EtcdClient {
    subs: Vec<Sub>,
    /// Whose turn it is, among those that are ready.
    turn: u32,
    /// Bounded by [`LIMIT`].
    calls: Vec<Call>,
    /// As many as its user begins: one for each resource.
    watches: Vec<Watch>,
    next_call: u32,
    next_stream: u32,
    /// No call or watch is due before.
    due: Option<LocalTime>,
    /// Whether a call that failed is tried again.
    retries: bool,
}

impl Default for EtcdClient {
    fn default() -> Self {
        Self::new(1)
    }
}

type Out = Vec<Action>;

impl EtcdClient {
    /// A client of so many endpoints.
    pub fn new(endpoints: u8) -> Self {
        let sub = Sub { state: State::Idle, backoff: Backoff::default(), streams: 0 };
        Self {
            subs: alloc::vec![sub; endpoints.into()],
            turn: 0,
            calls: Vec::new(),
            watches: Vec::new(),
            next_call: 1,
            next_stream: 1,
            due: None,
            retries: true,
        }
    }
    /// Where its connection to an endpoint is.
    pub fn state(&self, endpoint: u8) -> State {
        self.subs[usize::from(endpoint)].state
    }
    /// For the page: 2 if a connection is ready, else 1 if it is dialling, else 0: idle or backing off.
    pub fn state_code(&self) -> u32 {
        let code = |sub: &Sub| match sub.state {
            State::Idle | State::TransientFailure { .. } => 0,
            State::Connecting { .. } => 1,
            State::Ready(_) => 2,
        };
        self.subs.iter().map(code).max().unwrap_or(0)
    }
    /// Whether a call that failed is tried again from now on.
    pub const fn set_retries(&mut self, on: bool) {
        self.retries = on;
    }
    /// How many calls are under way.
    pub const fn calls(&self) -> u32 {
        self.calls.len() as u32
    }
    /// When it wants [`EtcdClient::on_timer`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        self.subs.iter().fold(self.due, |due, sub| earlier(due, sub.next_timer()))
    }
    /// The program starts: the client dials every endpoint at once.
    pub fn start(&mut self, now: LocalTime, rng: &mut Rng, out: &mut Out) {
        for n in 0..self.subs.len() {
            if self.subs[n].state == State::Idle {
                self.dial(n as u8, now, rng, out);
            }
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
    /// Begins a watch of the keys from `from` on and before `to`, from the revision `start` on (0: from now on), under
    /// a name of its user's that no other watch has. It requires a leader, as kube-apiserver's do.
    pub fn watch(&mut self, id: u32, from: Key, to: Key, start: Revision, progress_notify: bool, out: &mut Out) {
        let (created, pause, phase) = (false, WATCH_PAUSE, Phase::Waiting);
        self.watches.push(Watch { id, from, to, next: start, progress_notify, created, pause, phase });
        self.open_watch(self.watches.len() - 1, out);
    }
    /// Ends a watch: nobody wants to hear of it.
    pub fn cancel_watch(&mut self, id: u32, out: &mut Out) {
        if let Some(ix) = self.watches.iter().position(|watch| watch.id == id) {
            let watch = self.watches.remove(ix);
            if let Phase::Sent(n, stream) = watch.phase {
                self.subs[usize::from(n)].streams -= 1;
                out.push(Action::Send(n, Frame::Watch(WatchCall::Cancel(stream))));
            }
        }
    }
    /// Asks how far the watches are: those whose streams stand.
    pub fn request_progress(&self, out: &mut Out) {
        for n in 0..self.subs.len() as u8 {
            if self.watches.iter().any(|watch| matches!(watch.phase, Phase::Sent(on, _) if on == n)) {
                out.push(Action::Send(n, Frame::Watch(WatchCall::Progress)));
            }
        }
    }
    /// The connection to an endpoint stands.
    pub fn on_connected(&mut self, now: LocalTime, rng: &mut Rng, n: u8, out: &mut Out) {
        let sub = &mut self.subs[usize::from(n)];
        let State::Connecting { .. } = sub.state else { return };
        sub.backoff.reset();
        sub.state = State::Ready(Keepalive::new(now, KEEPALIVE_TIME, KEEPALIVE_TIMEOUT));
        self.new_turns(rng);
        out.push(Action::Up(Up::Connected(n)));
        for ix in 0..self.watches.len() {
            self.open_watch(ix, out);
        }
        for ix in 0..self.calls.len() {
            self.send(ix, out);
        }
    }
    /// The connection to an endpoint is gone, or could not be made.
    pub fn on_down(&mut self, now: LocalTime, rng: &mut Rng, n: u8, down: Down, out: &mut Out) {
        let sub = &mut self.subs[usize::from(n)];
        match sub.state {
            State::Connecting { backoff, .. } => sub.state = State::TransientFailure { until: now + backoff },
            State::Ready(_) => {
                sub.streams = 0;
                out.push(Action::Up(Up::Disconnected(n, down)));
                // The balancer leaves Idle at once: the first attempt has no wait before it.
                self.dial(n, now, rng, out);
                self.new_turns(rng);
                self.fail_sent(n, now, rng, out);
                self.fail_watches(n, now);
            }
            State::Idle | State::TransientFailure { .. } => {}
        }
    }
    /// Something arrived from an endpoint that is no answer to a call.
    pub fn on_read(&mut self, now: LocalTime, n: u8) {
        if let State::Ready(keepalive) = &mut self.subs[usize::from(n)].state {
            keepalive.on_read(now);
        }
    }
    /// An answer arrived from an endpoint.
    pub fn on_reply(&mut self, now: LocalTime, rng: &mut Rng, n: u8, reply: &Reply, out: &mut Out) {
        self.on_read(now, n);
        let Some(ix) = self.calls.iter().position(|call| call.phase == Phase::Sent(n, reply.id)) else {
            return; // Its caller gave it up.
        };
        self.subs[usize::from(n)].streams -= 1;
        match reply.result.clone() {
            Ok(response) => self.done(ix, Ok(response), out),
            Err(error) => self.retry(ix, now, rng, error, out),
        }
    }
    /// Something arrived on a watch stream of an endpoint.
    pub fn on_watch_reply(&mut self, now: LocalTime, n: u8, reply: &WatchReply, out: &mut Out) {
        self.on_read(now, n);
        let WatchReply { watch: stream, revision, news } = reply;
        if *stream == WatchReply::ALL {
            for ix in 0..self.watches.len() {
                if matches!(self.watches[ix].phase, Phase::Sent(on, _) if on == n) {
                    self.on_watch_news(ix, n, *revision, news, out);
                }
            }
        } else if let Some(ix) = self.watches.iter().position(|watch| watch.phase == Phase::Sent(n, *stream)) {
            self.on_watch_news(ix, n, *revision, news, out);
        }
    }
    /// A timer went off, perhaps too early.
    pub fn on_timer(&mut self, now: LocalTime, rng: &mut Rng, out: &mut Out) {
        for n in 0..self.subs.len() as u8 {
            self.on_sub_timer(n, now, rng, out);
        }
        if self.due.is_some_and(|due| due <= now) {
            self.sweep(now, out);
        }
    }

    fn on_sub_timer(&mut self, n: u8, now: LocalTime, rng: &mut Rng, out: &mut Out) {
        let sub = &mut self.subs[usize::from(n)];
        if sub.next_timer().is_none_or(|next| now < next) {
            return;
        }
        match &mut sub.state {
            State::Connecting { backoff, .. } => {
                let until = now + *backoff;
                out.push(Action::Abort(n));
                sub.state = State::TransientFailure { until };
            }
            State::TransientFailure { .. } => self.dial(n, now, rng, out),
            State::Ready(keepalive) => match keepalive.on_timer(now) {
                Verdict::Fine => {}
                Verdict::Ping => out.push(Action::Send(n, Frame::Ping)),
                Verdict::Dead => {
                    out.push(Action::Abort(n));
                    self.on_down(now, rng, n, Down::Keepalive, out);
                }
            },
            State::Idle => {}
        }
    }
    /// Ends calls whose deadline passed, sends those whose pause is over, opens watches again.
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
        for ix in 0..self.watches.len() {
            if matches!(self.watches[ix].phase, Phase::Pausing(until) if until <= now) {
                self.watches[ix].phase = Phase::Waiting;
                self.open_watch(ix, out);
            }
        }
        let pause = |phase| if let Phase::Pausing(until) = phase { Some(until) } else { None };
        let calls = self.calls.iter().flat_map(|call| [Some(call.deadline), pause(call.phase)]);
        self.due = calls.chain(self.watches.iter().map(|watch| pause(watch.phase))).flatten().min();
    }
    fn dial(&mut self, n: u8, now: LocalTime, rng: &mut Rng, out: &mut Out) {
        let sub = &mut self.subs[usize::from(n)];
        let backoff = sub.backoff.step(rng);
        sub.state = State::Connecting { until: now + CONNECT_TIMEOUT.max(backoff), backoff };
        out.push(Action::Open(n));
    }
    /// grpc-go balancer/roundrobin: whenever the ready connections change, the turns begin anew somewhere.
    fn new_turns(&mut self, rng: &mut Rng) {
        let ready = self.subs.iter().filter(|sub| sub.is_ready()).count();
        if ready > 1 {
            self.turn = rng.draw().below(ready as u64) as u32;
        }
    }
    /// The endpoint whose turn it is, if a connection stands.
    fn pick(&mut self) -> Option<u8> {
        let ready = self.subs.iter().filter(|sub| sub.is_ready()).count();
        let turn = (self.turn as usize).checked_rem(ready)?;
        self.turn = turn as u32 + 1;
        let mut subs = (0..self.subs.len()).filter(|n| self.subs[*n].is_ready());
        let n = subs.nth(turn).expect("the turn is below how many are ready");
        self.subs[n].streams += 1;
        Some(n as u8)
    }
    fn stream(&mut self) -> u32 {
        self.next_stream += 1;
        self.next_stream - 1
    }
    /// Sends a call if it waits for nothing but a connection.
    fn send(&mut self, ix: usize, out: &mut Out) {
        if self.calls[ix].phase != Phase::Waiting {
            return;
        }
        let Some(n) = self.pick() else { return };
        let id = self.stream();
        let call = &mut self.calls[ix];
        call.phase = Phase::Sent(n, id);
        call.attempts += 1;
        out.push(Action::Send(n, Frame::Rpc(Request { id, op: call.op.clone() })));
    }
    /// The connection broke under the calls that had gone out.
    fn fail_sent(&mut self, n: u8, now: LocalTime, rng: &mut Rng, out: &mut Out) {
        let mut ix = 0;
        while ix < self.calls.len() {
            let before = self.calls.len();
            if matches!(self.calls[ix].phase, Phase::Sent(on, _) if on == n) {
                self.retry(ix, now, rng, EtcdError::ConnectionBroken, out);
            }
            ix += usize::from(self.calls.len() == before);
        }
    }
    /// What etcd's interceptor makes of a failed try: another one, after a pause if it was the last of a round, or the end.
    fn retry(&mut self, ix: usize, now: LocalTime, rng: &mut Rng, error: EtcdError, out: &mut Out) {
        let jitter = RETRY_PAUSE.scale(RETRY_JITTER.0, RETRY_JITTER.1);
        let pause = RETRY_PAUSE - jitter + rng.draw().up_to(jitter.scale(2, 1));
        let quorum = self.subs.len() / 2 + 1;
        let call = &mut self.calls[ix];
        if !self.retries || !may_retry(&call.op, error) || call.attempts >= MAX_ATTEMPTS {
            return self.done(ix, Err(Failure::Etcd(error)), out);
        }
        if !usize::from(call.attempts).is_multiple_of(quorum) {
            call.phase = Phase::Waiting;
            return self.send(ix, out);
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
        if let Phase::Sent(n, stream) = call.phase {
            self.subs[usize::from(n)].streams -= 1;
            out.push(Action::Send(n, Frame::Cancel(stream)));
        }
        call.id
    }
    /// Opens a watch where it is to go on, if it waits for nothing but a connection.
    fn open_watch(&mut self, ix: usize, out: &mut Out) {
        if self.watches[ix].phase != Phase::Waiting {
            return;
        }
        let Some(n) = self.pick() else { return };
        let stream = self.stream();
        let watch = &mut self.watches[ix];
        watch.phase = Phase::Sent(n, stream);
        let Watch { from, to, next: start, progress_notify, .. } = *watch;
        let call = WatchCall::Create { watch: stream, from, to, start, progress_notify, require_leader: true };
        out.push(Action::Send(n, Frame::Watch(call)));
    }
    /// The connection broke under the watches that were open on it.
    fn fail_watches(&mut self, n: u8, now: LocalTime) {
        for watch in &mut self.watches {
            if matches!(watch.phase, Phase::Sent(on, _) if on == n) {
                watch.pause = watch.pause.scale(WATCH_FACTOR.0, WATCH_FACTOR.1).min(WATCH_PAUSE_MAX);
                watch.phase = Phase::Pausing(now + watch.pause);
                self.due = earlier(self.due, Some(now + watch.pause));
            }
        }
    }
    /// What the server says of a watch. Source: etcd client/v3/watch.go#watchGRPCStream.serveSubstream.
    fn on_watch_news(&mut self, ix: usize, n: u8, revision: Revision, news: &WatchNews, out: &mut Out) {
        let watch = &mut self.watches[ix];
        let id = watch.id;
        match news {
            WatchNews::Created => {
                if watch.next == 0 {
                    watch.next = revision;
                }
                if core::mem::replace(&mut watch.created, true) {
                    return;
                }
            }
            WatchNews::Events(events) => {
                watch.next = events.last().map_or(watch.next, |event| event.kv.mod_revision + 1);
            }
            WatchNews::Progress => watch.next = watch.next.max(revision + 1),
            WatchNews::Canceled(WatchEnd::Compacted(_) | WatchEnd::NoLeader | WatchEnd::Requested) => {
                self.watches.remove(ix);
                self.subs[usize::from(n)].streams -= 1;
            }
        }
        out.push(Action::Up(Up::Watch(id, revision, news.clone())));
    }
}

impl Sub {
    const fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready(_))
    }
    /// When something is to be done about it. A connection on which nothing is under way is not pinged.
    fn next_timer(&self) -> Option<LocalTime> {
        match &self.state {
            State::Idle => None,
            State::Connecting { until, .. } | State::TransientFailure { until } => Some(*until),
            State::Ready(keepalive) => (self.streams > 0 || keepalive.has_pinged()).then(|| keepalive.next_timer()),
        }
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
