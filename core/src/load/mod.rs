//! Users: requests at a steady rate, whether or not the ones before them were answered.
//!
//! Users of the API ask each API server by itself and try nothing again; one of them watches. Users of the Services
//! are in [`service`].

pub mod backends;
pub mod etcd_user;
pub mod service;

use crate::actor::role::{Directory, Note, NoteKind};
use crate::actor::{Actor, Cx, Input, role};
use crate::api::rpc::{Level, Request, Selector, Status, Version};
use crate::client::Alarm;
use crate::client::http::{Done, Http, Line, News};
use crate::client::informer::Informer;
use crate::engine::{LocalTime, Span};
use crate::knob::{Knob, Knobs};
use crate::object::{self, Change, Key, NodeId, Revision, Value};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use service::{Traffic, Visitors};

/// How long a user waits for an answer. Chosen: as kubelets' heartbeats.
pub const TIMEOUT: Span = Span::from_secs(10);
/// What a user writes. Chosen: a small ConfigMap.
pub const VALUE_BYTES: u32 = 512;
/// How many objects the users of one API server write in turn. Unit: objects. Chosen: two writes of one object are then
/// seconds apart, so that they do not conflict with each other.
pub const KEYS_PER_API: u32 = 64;
/// How many objects come and go in turn. Unit: objects. Chosen: as [`KEYS_PER_API`].
pub const CYCLE_KEYS: u32 = 64;
/// How long a request that ended is kept. Chosen: what success and latency are told of.
pub const WINDOW: Span = Span::from_secs(10);
/// How many requests that ended are kept per API server and kind; the oldest gives way. Unit: requests. Chosen: ten
/// seconds at 50 a second.
pub const RECENT: usize = 512;
/// How often a user looks at a dial that stands at nothing, or nearly. Chosen: soon enough for a hand on the dial.
const LOOK_AGAIN: Span = Span::from_secs(1);

/// The users' timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The next request of anybody.
    Fire,
    /// The next deadline of the HTTP client of this API server.
    Http(u8),
    /// The next wait of this API server's watcher.
    Watch(u8),
    /// The time of a request to a Service is up.
    Visit,
}

impl From<Timer> for role::Timer {
    fn from(timer: Timer) -> Self {
        Self::Load(timer)
    }
}

/// What users of the API do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// GET of an object, as new as it gets: a quorum read.
    Read,
    /// PATCH of an object.
    Write,
    /// GET of an object from the server's cache.
    GetCached,
    /// LIST of the pods of some node; without nodes, of Leases.
    List,
    /// WATCH of the users' objects: each write that is seen counts, with its age as the latency; so does each watch
    /// that fails.
    Watch,
    /// POST of a new object.
    Create,
    /// PUT of that object, once it is there.
    Update,
    /// DELETE of that object, after that.
    Delete,
}

impl Kind {
    /// Every kind of request. Code: a list.
    pub const ALL: [Self; 8] =
        [Self::Read, Self::Write, Self::GetCached, Self::List, Self::Watch, Self::Create, Self::Update, Self::Delete];
    /// Those that begin by the clock. Code: a list.
    const TIMED: [Self; 5] = [Self::Read, Self::Write, Self::GetCached, Self::List, Self::Create];

    const fn knob(self) -> Knob {
        match self {
            Self::Read => Knob::ReadRate,
            Self::Write => Knob::WriteRate,
            Self::GetCached => Knob::CachedRate,
            Self::List => Knob::ListRate,
            Self::Watch | Self::Create | Self::Update | Self::Delete => Knob::CycleRate,
        }
    }
    /// Whether the API did its part, although the status is an error: an object that nobody wrote yet, or that an
    /// earlier request without an answer had made or deleted.
    const fn forgives(self, status: Status) -> bool {
        match self {
            Self::Read | Self::GetCached | Self::Delete => matches!(status, Status::NotFound),
            Self::Create => matches!(status, Status::Conflict),
            Self::Write | Self::List | Self::Watch | Self::Update => false,
        }
    }
}

/// The dials count thousandths of a request a second. Code: a unit.
const A_THOUSAND: Span = Span::from_secs(1_000);

/// The time from one request to the next at a dial; none if it stands at zero.
fn period(knobs: &Knobs, knob: Knob) -> Option<Span> {
    let milli = u64::from(knobs.get(knob));
    (milli > 0).then(|| A_THOUSAND.scale(1, milli))
}

/// When the request after one that was due at `due` is due, and whether that one is to be sent now.
fn rhythm(now: LocalTime, due: Option<LocalTime>, period: Span, first: Span) -> (LocalTime, bool) {
    let at = due.map_or(now + first, |due| due.min(now + period));
    if at > now {
        return (at, false);
    }
    // One that is a whole period late was held up with its host: it does not catch up.
    (if now.since(at) < period { at + period } else { now + period }, true)
}

/// A request that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ended {
    /// When, by the users' clock.
    pub at: LocalTime,
    /// After how many microseconds.
    pub latency_us: u32,
    /// Whether it did what it should.
    pub ok: bool,
}

impl Ended {
    fn new(at: LocalTime, latency: Span, ok: bool) -> Self {
        Self { at, latency_us: u32::try_from(latency.us()).unwrap_or(u32::MAX), ok }
    }
}

/// The requests of one kind to one API server, or to one Service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Stream {
    /// How many were sent so far.
    pub sent: u64,
    /// How many did what they should.
    pub ok: u64,
    /// How many did not.
    pub failed: u64,
    /// Those that ended in the last [`WINDOW`], oldest first, [`RECENT`] at most.
    pub recent: VecDeque<Ended>,
    /// When the next one is due; none while the dial stands at zero.
    due: Option<LocalTime>,
}

impl Stream {
    /// How many are under way.
    pub const fn waiting(&self) -> u64 {
        self.sent - self.ok - self.failed
    }
    fn end(&mut self, ended: Ended) {
        if ended.ok {
            self.ok += 1;
        } else {
            self.failed += 1;
        }
        let old = |first: &Ended| ended.at.since(first.at) > WINDOW;
        while self.recent.front().is_some_and(|first| old(first) || self.recent.len() >= RECENT) {
            self.recent.pop_front();
        }
        self.recent.push_back(ended);
    }
    /// A new process: requests of an earlier one ended with it.
    const fn reset(&mut self) {
        self.due = None;
        self.failed = self.sent - self.ok;
    }
}

/// What the users were told of one of their objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Acknowledged {
    /// How many writes were acknowledged.
    pub writes: u64,
    /// The serial number of the newest of them, by revision.
    pub serial: u64,
    /// Its revision.
    pub mod_revision: Revision,
}

/// How far a watcher is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Sight {
    /// The newest revision of the users' objects that it saw.
    pub seen: Revision,
    /// When a LIST last told it what it had missed.
    pub listed: LocalTime,
    /// The newest write that any user was told of and that it hasn't seen, and since when.
    pub missing: Option<(Revision, LocalTime)>,
}

impl Sight {
    /// For how long at least it has missed something.
    pub fn behind(&self, now: LocalTime) -> Span {
        self.missing.map_or(Span::ZERO, |(_, since)| now.since(since))
    }
}

/// The users of one API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Users {
    line: Line,
    streams: [Stream; Kind::ALL.len()],
    acknowledged: Vec<Acknowledged>,
    watcher: Informer,
    sight: Sight,
    alarm: Alarm,
}

impl Users {
    fn new(directory: Directory, api: u8) -> Self {
        Self {
            line: Line::bare(directory.api(api)),
            streams: Default::default(),
            acknowledged: alloc::vec![Acknowledged::default(); KEYS_PER_API as usize],
            watcher: watcher(),
            sight: Sight::default(),
            alarm: Alarm::default(),
        }
    }
}

fn watcher() -> Informer {
    Informer::new(object::Kind::ConfigMap, Selector::All, Level::GlobalDefault, Kind::Watch as u8)
}

/// All users.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Load {
    directory: Directory,
    users: Vec<Users>,
    visitors: Visitors,
    alarm: Alarm,
    visit_alarm: Alarm,
}

impl Load {
    /// Users of every API server there is, and of the standard Services if there are nodes.
    pub fn new(directory: Directory) -> Self {
        Self {
            directory,
            users: (0..directory.api_servers).map(|api| Users::new(directory, api)).collect(),
            visitors: Visitors::new(directory),
            alarm: Alarm::default(),
            visit_alarm: Alarm::default(),
        }
    }
    /// The requests of one kind to one API server (from 0).
    pub fn stream(&self, api: u8, kind: Kind) -> &Stream {
        &self.users[usize::from(api)].streams[kind as usize]
    }
    /// How far the watcher of one API server is.
    pub fn sight(&self, api: u8) -> Sight {
        self.users[usize::from(api)].sight
    }
    /// The requests to the Services, by number.
    pub fn traffic(&self) -> &[Traffic] {
        self.visitors.traffic()
    }
    /// The HTTP client of the users of one API server.
    pub fn http(&self, api: u8) -> &Http {
        self.users[usize::from(api)].line.http()
    }
    /// Every key of theirs with what they were told of it.
    pub fn acknowledged(&self) -> impl Iterator<Item = (Key, &Acknowledged)> {
        let keys = |(api, users): (usize, &Users)| (0..users.acknowledged.len()).map(move |n| (api, n));
        let pairs = self.users.iter().enumerate().flat_map(keys);
        pairs.map(|(api, n)| (key(api as u8, n as u64), &self.users[api].acknowledged[n]))
    }

    /// Sends whatever is due and says when to look again.
    fn fire(&mut self, cx: &mut Cx<'_>) -> LocalTime {
        let all = (self.users.len() * Kind::TIMED.len()) as u64;
        let mut next = cx.now + LOOK_AGAIN;
        for api in 0..self.users.len() {
            for (n, kind) in Kind::TIMED.into_iter().enumerate() {
                let due = &mut self.users[api].streams[kind as usize].due;
                let Some(period) = period(cx.knobs, kind.knob()) else {
                    *due = None;
                    continue;
                };
                // The first ones spread evenly over one period, so that API servers and kinds do not fire together.
                let turn = (api * Kind::TIMED.len() + n + 1) as u64;
                let (at, now) = rhythm(cx.now, *due, period, period.scale(turn, all));
                *due = Some(at);
                next = next.min(at);
                if now {
                    self.fire_one(cx, api, kind);
                }
            }
        }
        let services = self.visitors.traffic().len();
        for service in 0..services {
            let due = self.visitors.due_mut(service);
            let Some(period) = period(cx.knobs, Knob::ServiceRate) else {
                *due = None;
                continue;
            };
            let (at, now) = rhythm(cx.now, *due, period, period.scale(service as u64 + 1, services as u64));
            *due = Some(at);
            next = next.min(at);
            if now {
                self.visitors.visit(cx, service);
            }
        }
        next
    }
    fn fire_one(&mut self, cx: &mut Cx<'_>, api: usize, kind: Kind) {
        let serial = self.users[api].streams[kind as usize].sent;
        let (n, level) = (api as u8, level(cx.knobs));
        let request = match kind {
            Kind::Read => Request::get(key(n, serial), level),
            Kind::GetCached => Request { version: Version::Any, ..Request::get(key(n, serial), level) },
            Kind::Write => Request::patch(key(n, serial), Change::Apply(value(cx, n, kind, serial)), level),
            Kind::List => {
                let version = if cx.knobs.on(Knob::ListConsistent) { Version::Unset } else { Version::Any };
                let (of, selector) = match self.directory.nodes {
                    0 => (object::Kind::Lease, Selector::All),
                    nodes => (object::Kind::Pod, Selector::OnNode(cx.rng.draw().below(nodes.into()) as NodeId)),
                };
                Request::list(of, version, selector, level)
            }
            // Update and Delete follow it; a watch is the watcher's.
            Kind::Create | Kind::Update | Kind::Delete | Kind::Watch => {
                Request::create(cycle_key(n, serial), value(cx, n, kind, serial), level)
            }
        };
        self.send(cx, api, kind, serial, request);
    }
    fn send(&mut self, cx: &mut Cx<'_>, api: usize, kind: Kind, serial: u64, request: Request) {
        let users = &mut self.users[api];
        users.streams[kind as usize].sent += 1;
        users.line.request(cx, request, TIMEOUT, (kind as u64) << 56 | serial);
    }
    fn on_news(&mut self, cx: &mut Cx<'_>, api: usize, news: &News) {
        let users = &mut self.users[api];
        if users.watcher.on_news(cx, &mut users.line, news) {
            return self.on_watch(cx, api, news);
        }
        if let News::Done(done) = news {
            self.on_done(cx, api, done);
        }
    }
    fn on_done(&mut self, cx: &mut Cx<'_>, api: usize, done: &Done) {
        let (kind, serial) = (Kind::ALL[(done.tag >> 56) as usize % Kind::ALL.len()], done.tag << 8 >> 8);
        let ok = done.status.is_ok() || kind.forgives(done.status);
        let latency = cx.now.since(done.started);
        let users = &mut self.users[api];
        users.streams[kind as usize].end(Ended::new(cx.now, latency, ok));
        note(cx, api, kind, if ok { Status::Ok } else { done.status }, latency);
        if !ok {
            return;
        }
        let revision = done.kv.as_ref().map_or(0, |kv| kv.mod_revision);
        let (n, level) = (api as u8, level(cx.knobs));
        match kind {
            Kind::Write => {
                let told = &mut users.acknowledged[(serial % u64::from(KEYS_PER_API)) as usize];
                told.writes += 1;
                if revision > told.mod_revision {
                    (told.serial, told.mod_revision) = (serial, revision);
                }
                self.wrote(cx.now, revision);
            }
            Kind::Create if revision > 0 && done.status.is_ok() => {
                self.wrote(cx.now, revision);
                let value = value(cx, n, Kind::Update, serial);
                let request = Request::update(cycle_key(n, serial), revision, value, level);
                self.send(cx, api, Kind::Update, serial, request);
            }
            // What was there already goes at once.
            Kind::Create | Kind::Update => {
                let request = Request::delete(cycle_key(n, serial), None, 0, level);
                self.send(cx, api, Kind::Delete, serial, request);
            }
            Kind::Read | Kind::GetCached | Kind::List | Kind::Watch | Kind::Delete => {}
        }
    }
    /// A user was told of a write: from now on a watcher that doesn't show it is behind.
    fn wrote(&mut self, now: LocalTime, revision: Revision) {
        for Users { sight, .. } in &mut self.users {
            if sight.seen < revision && sight.missing.is_none() {
                sight.missing = Some((revision, now));
            }
        }
    }
    /// The watcher of an API server heard something.
    fn on_watch(&mut self, cx: &mut Cx<'_>, api: usize, news: &News) {
        let Users { watcher, streams, sight, .. } = &mut self.users[api];
        let stream = &mut streams[Kind::Watch as usize];
        let end = match news {
            News::Done(done) => Some(done.status),
            News::Events(_, events) => events.end,
            News::Watching(_) => None,
        };
        if let Some(status) = end.filter(|status| !status.is_ok()) {
            stream.sent += 1;
            stream.end(Ended::new(cx.now, Span::ZERO, false));
            note(cx, api, Kind::Watch, status, Span::ZERO);
        }
        if matches!(news, News::Done(done) if done.list.is_some()) {
            sight.listed = cx.now;
        }
        while let Some(delta) = watcher.take_delta() {
            // What it lists at first is no news.
            let listed = matches!(news, News::Done(_)) && sight.seen == 0;
            let written = delta.after.map_or(0, |kv| kv.value.object.words()[2]);
            if written > 0 && !listed {
                let age = cx.now.since(LocalTime::from_ns(written));
                stream.sent += 1;
                stream.end(Ended::new(cx.now, age, true));
            }
        }
        sight.seen = watcher.revision();
        if sight.missing.is_some_and(|(revision, _)| revision <= sight.seen) {
            sight.missing = None;
        }
    }
}

/// Where users' requests wait. kubernetes apiserver pkg/apis/flowcontrol/bootstrap/default.go#exempt: the group
/// system:masters nowhere.
fn level(knobs: &Knobs) -> Level {
    if knobs.on(Knob::UsersExempt) { Level::Exempt } else { Level::GlobalDefault }
}
fn note(cx: &mut Cx<'_>, api: usize, kind: Kind, status: Status, latency: Span) {
    let what = kind as u32 + 256 * api as u32 + 65536 * status as u32;
    cx.note(Note::new(NoteKind::UserRequest, what, latency.us()));
}
/// What a user writes: who, its serial number, and when.
fn value(cx: &Cx<'_>, api: u8, kind: Kind, serial: u64) -> Value {
    Value::words(VALUE_BYTES, [u64::from(api) + 256 * kind as u64, serial, cx.now.ns()])
}
/// The object of the users of `api` with this serial number; they take turns.
fn key(api: u8, serial: u64) -> Key {
    let turn = (serial % u64::from(KEYS_PER_API)) as u32;
    Key::user_object(api, turn)
}
/// The object that comes and goes with this serial number.
fn cycle_key(api: u8, serial: u64) -> Key {
    let turn = (serial % u64::from(CYCLE_KEYS)) as u32;
    Key::user_object(api, KEYS_PER_API + turn)
}

impl Actor for Load {
    #[inline(never)] // See `Role::handle`.
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        match input {
            Input::Boot => {
                for (api, users) in self.users.iter_mut().enumerate() {
                    users.line = Line::bare(self.directory.api(api as u8));
                    users.streams.iter_mut().for_each(Stream::reset);
                    (users.watcher, users.sight, users.alarm) = (watcher(), Sight::default(), Alarm::default());
                    users.watcher.start(cx, &mut users.line);
                }
                self.visitors.reset(cx.now);
                (self.alarm, self.visit_alarm) = (Alarm::default(), Alarm::default());
                let next = self.fire(cx);
                self.alarm.ensure(cx, Timer::Fire, Some(next));
            }
            Input::Timer(role::Timer::Load(Timer::Fire)) => {
                self.alarm.fired();
                let next = self.fire(cx);
                self.alarm.ensure(cx, Timer::Fire, Some(next));
            }
            Input::Timer(role::Timer::Load(Timer::Http(api))) => self.users[usize::from(api)].line.on_timer(cx),
            Input::Timer(role::Timer::Load(Timer::Watch(api))) => {
                let users = &mut self.users[usize::from(api)];
                users.alarm.fired();
                users.watcher.on_timer(cx, &mut users.line);
            }
            Input::Timer(role::Timer::Load(Timer::Visit)) => {
                self.visit_alarm.fired();
                self.visitors.on_timer(cx);
            }
            Input::Conn(conn, up) if !self.visitors.on_conn(cx, conn, up) => {
                for users in &mut self.users {
                    users.line.on_conn(cx, conn, up);
                }
            }
            Input::Message(conn, message) if !self.visitors.on_message(cx, conn, &message) => {
                for users in &mut self.users {
                    users.line.on_message(cx, conn, &message);
                }
            }
            _ => {}
        }
        for api in 0..self.users.len() {
            while let Some(news) = self.users[api].line.take_news() {
                self.on_news(cx, api, &news);
            }
            let users = &mut self.users[api];
            users.line.arm(cx, Timer::Http(api as u8));
            users.alarm.ensure(cx, Timer::Watch(api as u8), users.watcher.next_timer());
        }
        self.visit_alarm.ensure(cx, Timer::Visit, self.visitors.next_timer());
    }
}

#[cfg(test)]
mod tests;
