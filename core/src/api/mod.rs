//! kube-apiserver: takes requests over HTTP/2, keeps their deadlines, answers from its watch caches or asks etcd, and tells
//! those who watch.
//!
//! Each kind has its own client of etcd with its own connection, and a cache that etcd's watch of the kind keeps. Left out:
//! authentication, admission, aggregation, and the time it takes to compute: what comes from a cache costs no time.

pub mod fan_out;
pub mod flow;
pub mod history;
pub mod rpc;
mod serve;
pub mod storage;
pub mod upkeep;
pub mod watch_cache;

use crate::actor::role::{Directory, Note, NoteKind};
use crate::actor::wire::Message;
use crate::actor::{Actor, ConnUp, Cx, Input, role};
use crate::client::etcd::{EtcdClient, Failure};
use crate::client::etcd_link::{EtcdLink, LinkNews};
use crate::client::{Alarm, PING_BYTES};
use crate::engine::{LocalTime, Span};
use crate::etcd::rpc::{Op, Response, Revision, WatchEnd, WatchNews};
use crate::knob::Knob;
use crate::net::packet::ConnId;
use crate::object::Kind;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use fan_out::FanOut;
use flow::Flow;
use history::Past;
use rpc::{Level, Status};
use serve::Active;
pub use upkeep::{Lifecycle, MAX_PROBES};
use upkeep::{Task, Upkeep};
use watch_cache::{Want, WatchCache};

/// The longest a cache's own list may take. Chosen: the real reflector gives its list no deadline.
const LIST_PATIENCE: Span = Span::from_secs(3_600);
/// How many kinds there are: one link and one cache for each. Code: a table's size.
const KINDS: usize = Kind::ALL.len();

/// The API server's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The etcd clients' next deadline, of a call or of a connection.
    Etcd,
    /// The next thing of its own that is due: a wait, a bookmark, upkeep.
    Own,
}

impl From<Timer> for role::Timer {
    fn from(timer: Timer) -> Self {
        Self::Api(timer)
    }
}

/// Who waits for a call of etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    Request(u32),
    Reflector,
    Upkeep(Task),
}

/// Whether objects of a kind are kept in a watch cache. Events are not: kubernetes pkg/registry/core/event/storage/
/// storage.go#NewREST passes no decorator; etcd's own keys are no objects.
const fn cached(kind: Kind) -> bool {
    !matches!(kind, Kind::Internal | Kind::EventObject)
}

/// What a call is for metrics: 0 get, 1 list, 2 create, 3 update, 4 delete.
const fn operation(op: &Op) -> u32 {
    match op {
        Op::Range { .. } => 0,
        Op::List { .. } => 1,
        Op::Txn { value: Some(_), expected: 0, .. } => 2,
        Op::Txn { value: None, .. } => 4,
        _ => 3,
    }
}

/// An API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiServer {
    n: u8,
    directory: Directory,
    lifecycle: Lifecycle,
    /// By kind.
    links: Vec<EtcdLink>,
    /// The links with a connection that stands, a bit each.
    up: u32,
    /// The links that may have news, a bit each.
    touched: u32,
    /// By kind.
    caches: Vec<WatchCache>,
    /// The caches that are ready, a bit each.
    ready: u32,
    fan_out: FanOut,
    flow: Flow,
    /// Levels in which a seat was freed, a bit each.
    freed: u32,
    /// By ticket: in the order of their arrival.
    requests: BTreeMap<u32, Active>,
    next_ticket: u32,
    by_client: BTreeMap<(ConnId, u32), u32>,
    /// With the moment it began, and what it is for metrics.
    calls: BTreeMap<(Kind, u32), (Owner, LocalTime, u32)>,
    /// How many requests are probes, reads and writes.
    probes: u32,
    reads: u32,
    writes: u32,
    upkeep: Upkeep,
    etcd_alarm: Alarm,
    alarm: Alarm,
    /// Events on their way from a cache to the watches.
    past: Vec<Past>,
    answered: u64,
    failed: u64,
}

impl ApiServer {
    /// The API server of control-plane host `n` (from 0).
    pub fn new(n: u8, directory: Directory) -> Self {
        Self::at(n, directory, LocalTime::ZERO)
    }
    fn at(n: u8, directory: Directory, now: LocalTime) -> Self {
        let link = || EtcdLink::new(directory.endpoints(n).map(|member| directory.etcd(member)));
        Self {
            n,
            directory,
            lifecycle: Lifecycle::starting(now),
            links: Kind::ALL.iter().map(|_| link()).collect(),
            up: 0,
            touched: 0,
            caches: Kind::ALL.iter().map(|kind| WatchCache::new(*kind, now)).collect(),
            ready: 0,
            fan_out: FanOut::default(),
            flow: Flow::default(),
            freed: 0,
            requests: BTreeMap::new(),
            next_ticket: 0,
            by_client: BTreeMap::new(),
            calls: BTreeMap::new(),
            probes: 0,
            reads: 0,
            writes: 0,
            upkeep: Upkeep::new(),
            etcd_alarm: Alarm::default(),
            alarm: Alarm::default(),
            past: Vec::new(),
            answered: 0,
            failed: 0,
        }
    }
    /// Whether its newest check of etcd succeeded.
    pub const fn healthy(&self) -> bool {
        self.upkeep.healthy()
    }
    /// Whether it starts, serves or stops.
    pub const fn lifecycle(&self) -> Lifecycle {
        self.lifecycle
    }
    /// How many requests are under way, probes and watches not counted.
    pub const fn in_flight(&self) -> u32 {
        self.reads + self.writes
    }
    /// How many of them read: apiserver_current_inflight_requests, readOnly.
    pub const fn reads_in_flight(&self) -> u32 {
        self.reads
    }
    /// How many of them write: apiserver_current_inflight_requests, mutating.
    pub const fn writes_in_flight(&self) -> u32 {
        self.writes
    }
    /// How long the oldest request under way has been.
    pub fn oldest_request_age(&self, now: LocalTime) -> Option<Span> {
        self.requests.values().next().map(|active| now.since(active.started()))
    }
    /// Its clients of etcd: 0 all idle or backing off, 1 some have no connection, 2 all have one.
    pub fn etcd_state(&self) -> u32 {
        let connecting = self.links.iter().any(|link| link.client().state_code() > 0);
        if self.up == ALL { 2 } else { u32::from(connecting) }
    }
    /// Its client of etcd for health checks and upkeep.
    pub fn etcd(&self) -> &EtcdClient {
        self.links[Kind::Internal as usize].client()
    }
    /// Its client of etcd for a kind.
    pub fn etcd_of(&self, kind: Kind) -> &EtcdClient {
        self.links[kind as usize].client()
    }
    /// The watch cache of a kind; none for kinds that have none.
    pub fn cache(&self, kind: Kind) -> Option<&WatchCache> {
        self.caches.get(kind as usize).filter(|_| cached(kind))
    }
    /// The watches of its clients.
    pub const fn fan_out(&self) -> &FanOut {
        &self.fan_out
    }
    /// Its priority levels.
    pub const fn flow(&self) -> &Flow {
        &self.flow
    }
    /// How many requests this process answered.
    pub const fn requests(&self) -> u64 {
        self.answered
    }
    /// How many of them with 429, 500, 503 or 504.
    pub const fn failures(&self) -> u64 {
        self.failed
    }

    /// A call of etcd by the client of `kind`.
    fn call(&mut self, cx: &mut Cx<'_>, kind: Kind, op: Op, deadline: LocalTime, owner: Owner) -> u32 {
        let operation = operation(&op);
        let call = self.links[kind as usize].call(cx, op, deadline);
        self.touched |= 1 << kind as u32;
        self.calls.insert((kind, call), (owner, cx.now, operation));
        call
    }
    fn abandon(&mut self, cx: &mut Cx<'_>, kind: Kind, call: u32) {
        if let Some((_, began, operation)) = self.calls.remove(&(kind, call)) {
            let what = operation + 16 * kind as u32 + 256;
            cx.note(Note::new(NoteKind::EtcdRequest, what, cx.now.since(began).us()));
            self.links[kind as usize].abandon(cx, call);
            self.touched |= 1 << kind as u32;
        }
    }

    fn on_link_news(&mut self, cx: &mut Cx<'_>, kind: Kind, news: LinkNews) {
        match news {
            LinkNews::Connected(_) => {
                let before = self.up;
                self.up |= 1 << kind as u32;
                if self.up == ALL && before != ALL {
                    cx.note(Note::new(NoteKind::EtcdConnected, 0, 0));
                    self.on_etcd_reached(cx);
                }
            }
            LinkNews::Disconnected(_, down) => {
                if self.links[kind as usize].client().state_code() == 2 {
                    return; // Another endpoint's stands.
                }
                if self.up == ALL {
                    cx.note(Note::new(NoteKind::EtcdDisconnected, down.code(), 0));
                }
                self.up &= !(1 << kind as u32);
            }
            LinkNews::Done(call, result) => self.on_done(cx, kind, call, result),
            LinkNews::Watch(revision, news) => self.on_watch_news(cx, kind, revision, news),
        }
    }
    fn on_done(&mut self, cx: &mut Cx<'_>, kind: Kind, call: u32, result: Result<Response, Failure>) {
        let Some((owner, began, operation)) = self.calls.remove(&(kind, call)) else { return };
        if !matches!(owner, Owner::Upkeep(_)) {
            let what = operation + 16 * kind as u32 + 256 * u32::from(result.is_err());
            cx.note(Note::new(NoteKind::EtcdRequest, what, cx.now.since(began).us()));
        }
        match owner {
            Owner::Request(ticket) => self.on_result(cx, ticket, result),
            Owner::Reflector => {
                let want = self.caches[kind as usize].on_list(cx.now, result);
                if self.caches[kind as usize].ready() && self.ready & 1 << kind as u32 == 0 {
                    self.cache_ready(cx, kind);
                }
                self.want(cx, kind, want);
            }
            Owner::Upkeep(task) => self.on_upkeep(cx, task, result),
        }
    }
    fn cache_ready(&mut self, cx: &mut Cx<'_>, kind: Kind) {
        self.ready |= 1 << kind as u32;
        let cache = &self.caches[kind as usize];
        cx.note(Note::new(NoteKind::CacheReady, kind as u32, cache.len() as u64));
        if self.ready == CACHED {
            cx.note(Note::new(NoteKind::CachesReady, 0, 0));
            self.check_hook();
        }
        self.advance(cx, kind);
    }
    fn on_watch_news(&mut self, cx: &mut Cx<'_>, kind: Kind, revision: Revision, news: WatchNews) {
        let cache = &mut self.caches[kind as usize];
        match news {
            WatchNews::Created => {}
            WatchNews::Events(events) => {
                let mut past = core::mem::take(&mut self.past);
                cache.on_events(cx.now, &events, |event| past.push(event.clone()));
                self.fan_out.tell(cx, kind, &past);
                past.clear();
                self.past = past;
                self.advance(cx, kind);
            }
            WatchNews::Progress => {
                cache.on_progress(cx.now, revision);
                self.advance(cx, kind);
            }
            WatchNews::Canceled(WatchEnd::Requested) => {}
            WatchNews::Canceled(end) => {
                if cache.on_canceled(cx.now, end, cx.knobs.ms(Knob::CachePatience)) {
                    self.cache_lost(cx, kind);
                }
            }
        }
    }
    /// cacher.go#startCaching returned: every watch of the kind ends, as at its time limit. (The real one ends them when it
    /// starts over, a second later.)
    fn cache_lost(&mut self, cx: &mut Cx<'_>, kind: Kind) {
        if self.ready == CACHED {
            cx.note(Note::new(NoteKind::CachesLost, kind as u32, 0));
        }
        self.ready &= !(1 << kind as u32);
        cx.note(Note::new(NoteKind::CacheLost, kind as u32, self.fan_out.of_kind(kind) as u64));
        self.fan_out.end_kind(cx, kind, Status::Ok);
    }
    /// Does what a cache wants.
    fn want(&mut self, cx: &mut Cx<'_>, kind: Kind, want: Want) {
        match want {
            Want::Nothing => {}
            Want::List(from, revision) => {
                let op = Op::List { from, to: kind.end(), limit: watch_cache::PAGE, revision };
                self.call(cx, kind, op, cx.now + LIST_PATIENCE, Owner::Reflector);
            }
            Want::Watch(after) => self.links[kind as usize].watch(cx, kind.first(), kind.end(), after),
        }
    }
    /// A cache may have reached what reads wait for.
    fn advance(&mut self, cx: &mut Cx<'_>, kind: Kind) {
        while let Some((ticket, reached)) = self.caches[kind as usize].take_waited(cx.now) {
            self.on_waited(cx, ticket, reached);
        }
    }

    fn on_conn(&mut self, cx: &mut Cx<'_>, conn: ConnId, up: ConnUp) {
        if let Some(ix) = self.links.iter().position(|link| link.owns(conn)) {
            self.links[ix].on_conn(cx, conn, up);
            self.touched |= 1 << ix;
            return;
        }
        match up {
            ConnUp::PeerClosed | ConnUp::Failed(_) => {
                if up == ConnUp::PeerClosed {
                    cx.close(conn);
                }
                self.client_gone(cx, conn);
            }
            ConnUp::Full => self.fan_out.full(conn),
            ConnUp::Writable => self.fan_out.writable(cx, conn),
            ConnUp::Accepted { .. } if !self.lifecycle.accepts() => cx.abort(conn),
            ConnUp::Accepted { .. } | ConnUp::Connected => {}
        }
    }
    fn on_message(&mut self, cx: &mut Cx<'_>, conn: ConnId, message: Message) {
        if let Some(ix) = self.links.iter().position(|link| link.owns(conn)) {
            self.links[ix].on_message(cx, conn, &message);
            self.touched |= 1 << ix;
            return;
        }
        match message {
            Message::Api(request) => self.on_request(cx, conn, *request),
            Message::Cancel(id) if self.fan_out.cancel(conn, id) => {}
            Message::Cancel(id) => self.cancel(cx, conn, id),
            Message::Ping => cx.send(conn, PING_BYTES, Message::Pong),
            _ => {}
        }
    }
    fn on_own_timer(&mut self, cx: &mut Cx<'_>) {
        for kind in Kind::ALL.into_iter().filter(|kind| cached(*kind)) {
            let cache = &mut self.caches[kind as usize];
            if cache.next_timer().is_none_or(|at| at > cx.now) {
                continue;
            }
            let want = cache.on_timer(cx.now);
            if cache.asks_progress(cx.now) {
                self.links[kind as usize].request_progress(cx);
            }
            self.want(cx, kind, want);
            self.advance(cx, kind);
        }
        let caches = &self.caches;
        self.fan_out.on_timer(cx, |kind| caches[kind as usize].revision());
        while let Some(ticket) = self.flow.take_expired(cx.now) {
            self.turn_away(cx, ticket);
        }
        self.on_upkeep_timer(cx);
    }
    /// Hears what the links have to say and lets in who may run, until nothing is left.
    fn settle(&mut self, cx: &mut Cx<'_>) {
        loop {
            if self.touched != 0 {
                let ix = self.touched.trailing_zeros() as usize;
                match self.links[ix].take_news() {
                    Some(news) => self.on_link_news(cx, Kind::ALL[ix], news),
                    None => {
                        self.touched &= !(1 << ix);
                        self.etcd_alarm.ensure(cx, Timer::Etcd, self.links[ix].next_timer());
                    }
                }
            } else if self.freed != 0 {
                let level = Level::ALL[self.freed.trailing_zeros() as usize];
                match self.flow.next(cx.now, level) {
                    Some(ticket) => self.execute(cx, ticket),
                    None => self.freed &= !(1 << level as u32),
                }
            } else {
                break;
            }
        }
    }
    fn next_timer(&self) -> Option<LocalTime> {
        let caches = self.caches.iter().filter_map(WatchCache::next_timer).min();
        let rest =
            [self.fan_out.next_timer(), self.flow.next_timer(), self.upkeep.next_timer(), self.lifecycle.until()];
        rest.into_iter().flatten().chain(caches).min()
    }
}

/// Every link's bit. Code: bits.
const ALL: u32 = (1 << KINDS) - 1;
/// Every cache's bit. Code: bits.
const CACHED: u32 = ALL & !(1 << Kind::Internal as u32) & !(1 << Kind::EventObject as u32);

impl Actor for ApiServer {
    #[inline(never)] // See `Role::handle`.
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        if self.lifecycle == Lifecycle::Ended && input != Input::Boot {
            return;
        }
        match input {
            Input::Boot => self.boot(cx),
            Input::Timer(role::Timer::Api(Timer::Etcd)) => {
                self.etcd_alarm.fired();
                for ix in 0..KINDS {
                    if self.links[ix].next_timer().is_some_and(|at| at <= cx.now) {
                        self.links[ix].on_timer(cx);
                    }
                }
                self.touched = ALL;
            }
            Input::Timer(role::Timer::Api(Timer::Own)) => {
                self.alarm.fired();
                self.on_own_timer(cx);
            }
            Input::Conn(conn, up) => self.on_conn(cx, conn, up),
            Input::Message(conn, message) => self.on_message(cx, conn, message),
            Input::Terminate => self.on_terminate(cx),
            Input::Timer(_) | Input::DiskDone(_) | Input::ProgramEnded(_) | Input::Operate(_) => {}
        }
        self.settle(cx);
        self.end_if_drained(cx);
        if self.lifecycle == Lifecycle::Ended {
            return;
        }
        self.alarm.ensure(cx, Timer::Own, self.next_timer());
    }
}

#[cfg(test)]
mod tests;
