//! An HTTP/2 client of one API server, as client-go's transport is: dials on demand, multiplexes, pings after silence.
//!
//! Left out: TLS, and the second connection Go opens beyond 100 streams (all requests share this one). A connection
//! is never closed for idleness: Kubernetes' clients keep a watch open on it.

use super::keepalive::{Keepalive, Verdict};
use super::{Action, Alarm, Frame, earlier};
use crate::actor::role::Timer;
use crate::actor::wire::Message;
use crate::actor::{ConnUp, Cx, Port, ProgramId};
use crate::api::rpc::{List, Reply, Request, Status, Verb, WatchEvents};
use crate::engine::{LocalTime, Span};
use crate::net::packet::ConnId;
use crate::object::KeyValue;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// client-go transport/cache.go#tlsCache.get: net.Dialer.Timeout.
pub const DIAL_TIMEOUT: Span = Span::from_secs(30);
/// apimachinery pkg/util/net/http.go#readIdleTimeoutSeconds: a ping after so long without reads.
pub const READ_IDLE_TIMEOUT: Span = Span::from_secs(30);
/// apimachinery pkg/util/net/http.go#pingTimeoutSeconds: and the end without an answer.
pub const PING_TIMEOUT: Span = Span::from_secs(15);
/// The most requests at once. Chosen: the load dials' greatest rates for the users' 10 s limit, rounded up. One more
/// fails at once with [`Status::ConnectionError`].
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

/// A request that ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Done {
    /// Its number.
    pub id: u32,
    /// Its caller's own mark.
    pub tag: u64,
    /// When it began.
    pub started: LocalTime,
    /// What came of it.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Pending {
    id: u32,
    tag: u64,
    started: LocalTime,
    /// None: a WATCH, which may last.
    deadline: Option<LocalTime>,
    watch: bool,
}

/// The client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Http {
    state: State,
    pending: Vec<Pending>,
    /// Requests that wait for the dial.
    queue: Vec<Request>,
    next_id: u32,
    /// No request is due before.
    due: Option<LocalTime>,
}

impl Default for Http {
    fn default() -> Self {
        Self { state: State::Idle, pending: Vec::new(), queue: Vec::new(), next_id: 1, due: None }
    }
}

type Out = Vec<Action<News>>;

impl Http {
    /// Where its connection is.
    pub const fn state(&self) -> State {
        self.state
    }
    /// How many requests are under way.
    pub const fn pending(&self) -> u32 {
        self.pending.len() as u32
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
        let watch = request.verb == Verb::Watch;
        let pending = Pending { id, tag, started: now, deadline: Some(now + timeout), watch };
        if self.pending() >= LIMIT {
            end(&pending, Status::ConnectionError, out);
            return id;
        }
        self.due = earlier(self.due, pending.deadline);
        self.pending.push(pending);
        let request = Request { id, ..request };
        match self.state {
            State::Ready(_) => out.push(Action::Send(Frame::Api(request))),
            State::Connecting(_) => self.queue.push(request),
            State::Idle => {
                self.queue.push(request);
                self.state = State::Connecting(now + DIAL_TIMEOUT);
                out.push(Action::Open);
            }
        }
        id
    }
    /// Gives a request up; nobody will hear of it.
    pub fn cancel(&mut self, id: u32, out: &mut Out) {
        if let Ok(ix) = self.pending.binary_search_by_key(&id, |pending| pending.id) {
            self.forget(ix, out);
        }
    }
    /// The connection stands.
    pub fn on_connected(&mut self, now: LocalTime, out: &mut Out) {
        if let State::Connecting(_) = self.state {
            self.state = State::Ready(Keepalive::new(now, READ_IDLE_TIMEOUT, PING_TIMEOUT));
            out.extend(self.queue.drain(..).map(|request| Action::Send(Frame::Api(request))));
        }
    }
    /// The connection is gone or could not be made: every request fails, and the next one dials.
    pub fn on_down(&mut self, out: &mut Out) {
        self.state = State::Idle;
        self.queue.clear();
        self.due = None;
        for pending in self.pending.drain(..) {
            end(&pending, Status::ConnectionError, out);
        }
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
        let Ok(ix) = self.pending.binary_search_by_key(&reply.id, |pending| pending.id) else { return };
        if self.pending[ix].watch && reply.status.is_ok() {
            self.pending[ix].deadline = None;
            out.push(Action::Up(News::Watching(self.pending[ix].tag)));
            return;
        }
        let Pending { id, tag, started, .. } = self.pending.remove(ix);
        let Reply { status, kv, list, retry_after, .. } = reply.clone();
        out.push(Action::Up(News::Done(Done { id, tag, started, status, kv, list, retry_after })));
    }
    /// What a watch tells arrived.
    pub fn on_events(&mut self, now: LocalTime, events: &WatchEvents, out: &mut Out) {
        self.on_read(now);
        let Ok(ix) = self.pending.binary_search_by_key(&events.id, |pending| pending.id) else { return };
        let tag = self.pending[ix].tag;
        if events.end.is_some() {
            self.pending.remove(ix);
        }
        out.push(Action::Up(News::Events(tag, events.clone())));
    }
    /// A timer went off, perhaps too early.
    pub fn on_timer(&mut self, now: LocalTime, out: &mut Out) {
        let dead = match &mut self.state {
            State::Idle => false,
            State::Connecting(until) => *until <= now,
            State::Ready(keepalive) => match keepalive.on_timer(now) {
                Verdict::Fine => false,
                Verdict::Ping => {
                    out.push(Action::Send(Frame::Ping));
                    false
                }
                Verdict::Dead => true,
            },
        };
        if self.due.is_some_and(|due| due <= now) {
            self.sweep(now, out);
        }
        if dead {
            out.push(Action::Abort);
            self.on_down(out);
        }
    }

    /// Ends the requests whose time is up.
    fn sweep(&mut self, now: LocalTime, out: &mut Out) {
        let mut ix = 0;
        while ix < self.pending.len() {
            if self.pending[ix].deadline.is_some_and(|deadline| deadline <= now) {
                let pending = self.forget(ix, out);
                end(&pending, Status::ClientTimeout, out);
            } else {
                ix += 1;
            }
        }
        self.due = self.pending.iter().filter_map(|pending| pending.deadline).min();
    }
    /// Forgets a request; if it went out, the server is told.
    fn forget(&mut self, ix: usize, out: &mut Out) -> Pending {
        let pending = self.pending.remove(ix);
        match self.state {
            State::Ready(_) => out.push(Action::Send(Frame::Cancel(pending.id))),
            _ => {
                if let Ok(ix) = self.queue.binary_search_by_key(&pending.id, |request| request.id) {
                    self.queue.remove(ix);
                }
            }
        }
        pending
    }
}

fn end(pending: &Pending, status: Status, out: &mut Out) {
    let Pending { id, tag, started, .. } = *pending;
    let done = Done { id, tag, started, status, kv: None, list: None, retry_after: None };
    out.push(Action::Up(News::Done(done)));
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
    /// A line to the API server `to`.
    pub fn new(to: ProgramId) -> Self {
        Self { to, http: Http::default(), conn: None, alarm: Alarm::default(), out: Vec::new(), news: VecDeque::new() }
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
                self.http.on_down(&mut self.out);
            }
            ConnUp::Failed(_) => {
                self.conn = None;
                self.http.on_down(&mut self.out);
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
