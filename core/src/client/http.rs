//! An HTTP/2 client of one API server, as client-go's transport is: dials on demand, multiplexes, pings after silence,
//! and tries again what client-go tries again (rest/with_retry.go): a request that is answered 429 or 5xx with a
//! Retry-After, and a read whose connection broke, both within the request's own time.
//!
//! Left out: TLS, and the second connection Go opens beyond 100 to 250 streams (all requests share this one). A
//! connection is never closed for idleness: Kubernetes' clients keep a watch open on it.

use super::keepalive::{Keepalive, Verdict};
use super::{Action, Alarm, Frame, earlier};
use crate::actor::role::Timer;
use crate::actor::wire::Message;
use crate::actor::{ConnUp, Cx, Port, ProgramId};
use crate::api::rpc::{List, Reply, Request, Status, Verb, WatchEvents};
use crate::engine::{LocalTime, Span};
use crate::net::packet::ConnId;
use crate::net::tcp::Reason;
use crate::object::KeyValue;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// How long a dial may take. Sourced: client-go transport/cache.go#tlsTransportCache.get.
pub const DIAL_TIMEOUT: Span = Span::from_secs(30);
/// A ping after so long without reads. Flag: HTTP2_READ_IDLE_TIMEOUT_SECONDS. Sourced: kubernetes
/// staging/src/k8s.io/apimachinery/pkg/util/net/http.go#readIdleTimeoutSeconds.
pub const READ_IDLE_TIMEOUT: Span = Span::from_secs(30);
/// And the end of the connection after so long without an answer. Flag: HTTP2_PING_TIMEOUT_SECONDS. Sourced: kubernetes
/// staging/src/k8s.io/apimachinery/pkg/util/net/http.go#pingTimeoutSeconds.
pub const PING_TIMEOUT: Span = Span::from_secs(15);
/// How often a request is tried again. Unit: tries. Sourced: client-go rest/request.go#Request.maxRetries.
pub const MAX_RETRIES: u8 = 10;
/// The pause before a read whose connection broke is tried again. Sourced: client-go
/// rest/with_retry.go#retryAfterResponse.
pub const BROKEN_PAUSE: Span = Span::from_secs(1);
/// For requests without a limit of their own, as a reflector's are: the server's deadline and the ping end them.
/// Chosen: longer than both, so that it never counts.
pub const NO_TIMEOUT: Span = Span::from_secs(3600);
/// The most requests at once on a connection; one more fails at once with [`Status::ConnectionError`]. Unit: requests.
/// Chosen: the load dials' greatest rates for the users' 10 s limit, rounded up.
pub const LIMIT: u32 = 4096;

/// Where the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// There is none.
    Idle,
    /// Dialling, at most until then.
    Connecting(LocalTime),
    /// Requests go out.
    Ready(Keepalive),
}

/// Why there is no connection any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Down {
    /// Nobody listens there.
    Refused,
    /// It broke or was closed, or a dial got no answer.
    Broken,
    /// Nothing answered a ping: "http2: client connection lost".
    Lost,
}

/// A request that ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Done {
    /// Its number.
    pub id: u32,
    /// Its caller's own mark.
    pub tag: u64,
    /// When it began.
    pub started: LocalTime,
    /// What came of it. A WATCH that stood: `ConnectionError` if its connection broke, `ClientTimeout` if nothing
    /// answered a ping on it.
    pub status: Status,
    /// The object, if the server sent it.
    pub kv: Option<KeyValue>,
    /// The objects of a LIST.
    pub list: Option<Arc<List>>,
    /// Retry-After.
    pub retry_after: Option<Span>,
}

/// What a client hears of its requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum News {
    /// A request ended. A WATCH that was accepted ends when its stream does; before, it was [`News::Watching`].
    Done(Done),
    /// A WATCH stands: the caller's mark.
    Watching(u64),
    /// What a WATCH tells: the caller's mark, and the events. If `end` is set it is over, and no `Done` follows.
    Events(u64, WatchEvents),
}

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// It waits for the dial.
    Queued,
    /// It went out.
    Sent,
    /// A WATCH that was accepted.
    Stands,
    /// It waits until its next try.
    Pausing(LocalTime),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pending {
    tag: u64,
    started: LocalTime,
    deadline: LocalTime,
    phase: Phase,
    retries: u8,
    /// Its number in it.
    request: Request,
}

impl Pending {
    /// When something is to be done about it.
    fn due(&self) -> Option<LocalTime> {
        match self.phase {
            Phase::Queued | Phase::Sent => Some(self.deadline),
            Phase::Stands => None,
            Phase::Pausing(until) => Some(until.min(self.deadline)),
        }
    }
}

/// How many tries of one verb ended in one status: rest_client_requests_total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Counted {
    /// The verb.
    pub verb: Verb,
    /// The status; those that are no HTTP status count as `<error>`.
    pub status: Status,
    /// How many.
    pub count: u32,
}

/// The client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Http {
    state: State,
    /// Whether it tries again as client-go does.
    retries: bool,
    /// By number.
    pending: Vec<Pending>,
    next_id: u32,
    /// No request is due before.
    due: Option<LocalTime>,
    /// At most one for each pair of verb and status.
    counted: Vec<Counted>,
}

impl Default for Http {
    fn default() -> Self {
        Self { state: State::Idle, retries: true, pending: Vec::new(), next_id: 1, due: None, counted: Vec::new() }
    }
}

type Out = Vec<Action<News>>;

impl Http {
    /// A client that tries nothing again: not everybody uses client-go.
    pub fn bare() -> Self {
        Self { retries: false, ..Self::default() }
    }
    /// Where its connection is.
    pub const fn state(&self) -> State {
        self.state
    }
    /// How many requests are under way.
    pub const fn pending(&self) -> u32 {
        self.pending.len() as u32
    }
    /// What became of its tries so far.
    pub fn counted(&self) -> &[Counted] {
        &self.counted
    }
    /// When it wants [`Http::on_timer`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        let state = match &self.state {
            State::Idle => None,
            State::Connecting(until) => Some(*until),
            State::Ready(keepalive) => Some(keepalive.next_timer()),
        };
        earlier(state, self.due)
    }
    /// Begins a request, which its caller gives up after `timeout`, and returns its number. `request.id` is set here.
    pub fn request(&mut self, now: LocalTime, request: Request, timeout: Span, tag: u64, out: &mut Out) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        let request = Request { id, ..request };
        let phase = Phase::Queued;
        let pending = Pending { tag, started: now, deadline: now + timeout, phase, retries: 0, request };
        if self.pending() >= LIMIT {
            self.end(&pending, Status::ConnectionError, out);
            return id;
        }
        self.due = earlier(self.due, pending.due());
        self.pending.push(pending);
        self.send(now, self.pending.len() - 1, out);
        id
    }
    /// Gives a request up; nobody will hear of it.
    pub fn cancel(&mut self, id: u32, out: &mut Out) {
        if let Some(ix) = self.find(id) {
            self.forget(ix, out);
        }
    }
    /// The connection stands.
    pub fn on_connected(&mut self, now: LocalTime, out: &mut Out) {
        if let State::Connecting(_) = self.state {
            self.state = State::Ready(Keepalive::new(now, READ_IDLE_TIMEOUT, PING_TIMEOUT));
            for ix in 0..self.pending.len() {
                if self.pending[ix].phase == Phase::Queued {
                    self.send(now, ix, out);
                }
            }
        }
    }
    /// The connection is gone or could not be made: every request fails or is tried again, and the next one dials.
    pub fn on_down(&mut self, now: LocalTime, down: Down, out: &mut Out) {
        let stood = matches!(self.state, State::Ready(_));
        self.state = State::Idle;
        self.due = None;
        let mut kept = Vec::new();
        for mut pending in core::mem::take(&mut self.pending) {
            let status = match (pending.phase, down) {
                (Phase::Pausing(_), _) => {
                    kept.push(pending);
                    continue;
                }
                (_, Down::Refused) => Status::ConnectionRefused,
                (Phase::Stands, Down::Lost) => Status::ClientTimeout,
                _ => Status::ConnectionError,
            };
            let again = pending.phase != Phase::Stands && down != Down::Refused && safe(pending.request.verb, stood);
            if again && self.retries && pending.retries < MAX_RETRIES {
                self.count(pending.request.verb, status);
                (pending.retries, pending.phase) = (pending.retries + 1, Phase::Pausing(now + BROKEN_PAUSE));
                kept.push(pending);
            } else {
                self.end(&pending, status, out);
            }
        }
        self.pending = kept;
        self.due = self.pending.iter().filter_map(Pending::due).min();
    }
    /// Something arrived that is no answer to a request.
    pub const fn on_read(&mut self, now: LocalTime) {
        if let State::Ready(keepalive) = &mut self.state {
            keepalive.on_read(now);
        }
    }
    /// An answer arrived.
    pub fn on_reply(&mut self, now: LocalTime, reply: &Reply, out: &mut Out) {
        self.on_read(now);
        let Some(ix) = self.find(reply.id) else { return };
        let pending = &mut self.pending[ix];
        if pending.phase != Phase::Sent {
            return; // A late answer to an earlier try.
        }
        let verb = pending.request.verb;
        if verb == Verb::Watch && reply.status.is_ok() {
            pending.phase = Phase::Stands;
            out.push(Action::Up(News::Watching(pending.tag)));
            return self.count(verb, reply.status);
        }
        let busy = matches!(reply.status, Status::TooManyRequests | Status::InternalError | Status::Timeout);
        if let (true, Some(wait)) = (self.retries && busy && pending.retries < MAX_RETRIES, reply.retry_after) {
            (pending.retries, pending.phase) = (pending.retries + 1, Phase::Pausing(now + wait));
            self.due = earlier(self.due, pending.due());
            return self.count(verb, reply.status);
        }
        let Pending { tag, started, .. } = self.pending.remove(ix);
        let Reply { id, status, kv, list, retry_after } = reply.clone();
        out.push(Action::Up(News::Done(Done { id, tag, started, status, kv, list, retry_after })));
        self.count(verb, status);
    }
    /// What a watch tells arrived.
    pub fn on_events(&mut self, now: LocalTime, events: &WatchEvents, out: &mut Out) {
        self.on_read(now);
        let Some(ix) = self.find(events.id) else { return };
        let tag = self.pending[ix].tag;
        if events.end.is_some() {
            self.pending.remove(ix);
        }
        out.push(Action::Up(News::Events(tag, events.clone())));
    }
    /// A timer went off, perhaps too early.
    pub fn on_timer(&mut self, now: LocalTime, out: &mut Out) {
        let dead = match &mut self.state {
            State::Idle => None,
            State::Connecting(until) => (*until <= now).then_some(Down::Broken),
            State::Ready(keepalive) => match keepalive.on_timer(now) {
                Verdict::Fine => None,
                Verdict::Ping => {
                    out.push(Action::Send(Frame::Ping));
                    None
                }
                Verdict::Dead => Some(Down::Lost),
            },
        };
        if self.due.is_some_and(|due| due <= now) {
            self.sweep(now, out);
        }
        if let Some(down) = dead {
            out.push(Action::Abort);
            self.on_down(now, down, out);
        }
    }

    fn find(&self, id: u32) -> Option<usize> {
        self.pending.binary_search_by_key(&id, |pending| pending.request.id).ok()
    }
    /// Sends a request if there is a connection; dials if there is none.
    fn send(&mut self, now: LocalTime, ix: usize, out: &mut Out) {
        let pending = &mut self.pending[ix];
        match self.state {
            State::Ready(_) => {
                pending.phase = Phase::Sent;
                out.push(Action::Send(Frame::Api(pending.request.clone())));
                return;
            }
            State::Connecting(_) => {}
            State::Idle => {
                self.state = State::Connecting(now + DIAL_TIMEOUT);
                out.push(Action::Open);
            }
        }
        pending.phase = Phase::Queued;
    }
    /// Ends the requests whose time is up, and sends those again whose pause is over.
    fn sweep(&mut self, now: LocalTime, out: &mut Out) {
        let mut ix = 0;
        while ix < self.pending.len() {
            let pending = &self.pending[ix];
            if pending.phase != Phase::Stands && pending.deadline <= now {
                let pending = self.forget(ix, out);
                self.end(&pending, Status::ClientTimeout, out);
                continue;
            }
            if matches!(pending.phase, Phase::Pausing(until) if until <= now) {
                self.send(now, ix, out);
            }
            ix += 1;
        }
        self.due = self.pending.iter().filter_map(Pending::due).min();
    }
    /// Forgets a request; if it is at the server, the server is told.
    fn forget(&mut self, ix: usize, out: &mut Out) -> Pending {
        let pending = self.pending.remove(ix);
        if let (State::Ready(_), Phase::Sent | Phase::Stands) = (self.state, pending.phase) {
            out.push(Action::Send(Frame::Cancel(pending.request.id)));
        }
        pending
    }
    fn end(&mut self, pending: &Pending, status: Status, out: &mut Out) {
        let Pending { tag, started, request, .. } = pending;
        let done =
            Done { id: request.id, tag: *tag, started: *started, status, kv: None, list: None, retry_after: None };
        out.push(Action::Up(News::Done(done)));
        if pending.phase != Phase::Stands {
            self.count(request.verb, status);
        }
    }
    fn count(&mut self, verb: Verb, status: Status) {
        match self.counted.iter_mut().find(|counted| (counted.verb, counted.status) == (verb, status)) {
            Some(counted) => counted.count += 1,
            None => self.counted.push(Counted { verb, status, count: 1 }),
        }
    }
}

/// client-go rest/request.go#Request.request and #Request.Watch: a read is tried again after a connection that stood
/// broke, a WATCH also when a dial gets no answer. Probes are no client-go requests.
const fn safe(verb: Verb, stood: bool) -> bool {
    match verb {
        Verb::Get | Verb::List => stood,
        Verb::Watch => true,
        Verb::Create | Verb::Update | Verb::Patch | Verb::Delete | Verb::Livez | Verb::Readyz => false,
    }
}

/// An [`Http`] wired to a program: the name of its connection, its alarm, and what ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    to: ProgramId,
    http: Http,
    conn: Option<ConnId>,
    alarm: Alarm,
    out: Out,
    news: VecDeque<News>,
}

impl Line {
    /// A line to the API server `to`, or to all of them: [`ProgramId::API_SERVERS`].
    pub fn new(to: ProgramId) -> Self {
        Self::of(to, Http::default())
    }
    /// A line that tries nothing again, as [`Http::bare`].
    pub fn bare(to: ProgramId) -> Self {
        Self::of(to, Http::bare())
    }
    fn of(to: ProgramId, http: Http) -> Self {
        Self { to, http, conn: None, alarm: Alarm::default(), out: Vec::new(), news: VecDeque::new() }
    }
    /// The client itself.
    pub const fn http(&self) -> &Http {
        &self.http
    }
    /// As [`Http::request`].
    pub fn request(&mut self, cx: &mut Cx<'_>, request: Request, timeout: Span, tag: u64) -> u32 {
        let id = self.http.request(cx.now, request, timeout, tag, &mut self.out);
        self.carry_out(cx);
        id
    }
    /// As [`Http::cancel`].
    pub fn cancel(&mut self, cx: &mut Cx<'_>, id: u32) {
        self.http.cancel(id, &mut self.out);
        self.carry_out(cx);
    }
    /// Whether this is its connection.
    pub fn owns(&self, conn: ConnId) -> bool {
        self.conn == Some(conn)
    }
    /// News of its connection.
    pub fn on_conn(&mut self, cx: &mut Cx<'_>, conn: ConnId, up: ConnUp) {
        if !self.owns(conn) {
            return; // An earlier connection's last words.
        }
        match up {
            ConnUp::Connected => self.http.on_connected(cx.now, &mut self.out),
            ConnUp::PeerClosed => {
                cx.close(conn);
                self.conn = None;
                self.http.on_down(cx.now, Down::Broken, &mut self.out);
            }
            ConnUp::Failed(reason) => {
                self.conn = None;
                let down = if reason == Reason::Refused { Down::Refused } else { Down::Broken };
                self.http.on_down(cx.now, down, &mut self.out);
            }
            // LIMIT bounds what may wait in the send buffer.
            ConnUp::Accepted { .. } | ConnUp::Full | ConnUp::Writable => {}
        }
        self.carry_out(cx);
    }
    /// A message on its connection.
    pub fn on_message(&mut self, cx: &mut Cx<'_>, conn: ConnId, message: &Message) {
        if !self.owns(conn) {
            return;
        }
        match message {
            Message::ApiReply(reply) => self.http.on_reply(cx.now, reply, &mut self.out),
            Message::ApiEvents(events) => self.http.on_events(cx.now, events, &mut self.out),
            _ => self.http.on_read(cx.now),
        }
        self.carry_out(cx);
    }
    /// Its timer went off.
    pub fn on_timer(&mut self, cx: &mut Cx<'_>) {
        self.alarm.fired();
        self.http.on_timer(cx.now, &mut self.out);
        self.carry_out(cx);
    }
    /// Closes its connection, for it is not needed any more. What was asked and not answered is forgotten.
    pub fn close(&mut self, cx: &mut Cx<'_>) {
        if let Some(conn) = self.conn.take() {
            cx.close(conn);
        }
    }
    /// Arms its timer if need be: after every input.
    pub fn arm(&mut self, cx: &mut Cx<'_>, timer: impl Into<Timer>) {
        self.alarm.ensure(cx, timer, self.http.next_timer());
    }
    /// Takes what it heard, the oldest first.
    pub fn take_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }
    /// Takes the next request that ended, for those who watch nothing.
    pub fn take_done(&mut self) -> Option<Done> {
        loop {
            if let News::Done(done) = self.news.pop_front()? {
                return Some(done);
            }
        }
    }

    fn carry_out(&mut self, cx: &mut Cx<'_>) {
        for action in self.out.drain(..) {
            match action {
                Action::Open => self.conn = Some(cx.open(self.to, Port::Api)),
                Action::Send(frame) => {
                    let conn = self.conn.expect("the client writes only while it has a connection");
                    cx.send(conn, frame.bytes(), frame.message());
                }
                Action::Abort => {
                    if let Some(conn) = self.conn.take() {
                        cx.abort(conn);
                    }
                }
                Action::Up(news) => self.news.push_back(news),
            }
        }
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
