//! Users of the API: requests at a steady rate, whether or not the ones before them were answered.

use crate::actor::role::{Directory, Note, NoteKind};
use crate::actor::{Actor, Cx, Input, role};
use crate::api::rpc::{Level, Request, Status};
use crate::client::Alarm;
use crate::client::http::{Done, Http, Line};
use crate::engine::{LocalTime, Span};
use crate::knob::{Knob, Knobs};
use crate::object::{Change, Key, Revision, Value};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// How long a user waits for an answer. Chosen: what kubelets' heartbeats use too.
pub const TIMEOUT: Span = Span::from_secs(10);
/// What a user writes. Chosen: a small ConfigMap.
pub const VALUE_BYTES: u32 = 512;
/// How many objects the users of one API server write in turn. Chosen: two writes of one object are then seconds
/// apart, so that they do not conflict with each other.
pub const KEYS_PER_API: u32 = 64;
/// How many requests that ended are kept per API server and kind. Chosen: ten seconds at 50 a second. The oldest
/// gives way.
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
}

impl From<Timer> for role::Timer {
    fn from(timer: Timer) -> Self {
        Self::Load(timer)
    }
}

/// What users do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Get an object, by quorum read.
    Read,
    /// Patch an object.
    Write,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Read, Self::Write];

    const fn knob(self) -> Knob {
        match self {
            Self::Read => Knob::ReadRate,
            Self::Write => Knob::WriteRate,
        }
    }
    /// The time from one request to the next; none if the dial stands at zero.
    fn period(self, knobs: &Knobs) -> Option<Span> {
        let milli = u64::from(knobs.get(self.knob()));
        (milli > 0).then(|| Span::from_secs(1000).scale(1, milli))
    }
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

/// The requests of one kind to one API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Stream {
    /// How many were sent so far.
    pub sent: u64,
    /// How many did what they should.
    pub ok: u64,
    /// How many did not.
    pub failed: u64,
    /// The newest that ended, oldest first.
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
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(ended);
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

/// The users of one API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Users {
    line: Line,
    streams: [Stream; 2],
    acknowledged: Vec<Acknowledged>,
}

/// All users.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Load {
    directory: Directory,
    users: Vec<Users>,
    alarm: Alarm,
}

impl Load {
    /// Users of every API server there is.
    pub fn new(directory: Directory) -> Self {
        let users = |n| Users {
            line: Line::bare(directory.api(n)),
            streams: [Stream::default(), Stream::default()],
            acknowledged: alloc::vec![Acknowledged::default(); KEYS_PER_API as usize],
        };
        Self { directory, users: (0..directory.api_servers).map(users).collect(), alarm: Alarm::default() }
    }
    /// The requests of one kind to one API server (from 0).
    pub fn stream(&self, api: u8, kind: Kind) -> &Stream {
        &self.users[usize::from(api)].streams[kind as usize]
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
        let all = self.users.len() as u64 * 2;
        let mut next = cx.now + LOOK_AGAIN;
        for api in 0..self.users.len() {
            for kind in Kind::ALL {
                let due = &mut self.users[api].streams[kind as usize].due;
                let Some(period) = kind.period(cx.knobs) else {
                    *due = None;
                    continue;
                };
                // The first ones spread evenly over one period, so that API servers and kinds do not fire together.
                let turn = api as u64 * 2 + kind as u64 + 1;
                let mut at = due.map_or(cx.now + period.scale(turn, all), |due| due.min(cx.now + period));
                if at <= cx.now {
                    // One that is a whole period late was held up with its host: it does not catch up.
                    at = if cx.now.since(at) < period { at + period } else { cx.now + period };
                    self.fire_one(cx, api, kind);
                }
                self.users[api].streams[kind as usize].due = Some(at);
                next = next.min(at);
            }
        }
        next
    }
    fn fire_one(&mut self, cx: &mut Cx<'_>, api: usize, kind: Kind) {
        let users = &mut self.users[api];
        let stream = &mut users.streams[kind as usize];
        let serial = stream.sent;
        stream.sent += 1;
        let body = [api as u64 + 256 * kind as u64, serial, 0];
        let request = match kind {
            Kind::Read => Request::get(key(api as u8, serial), Level::GlobalDefault),
            Kind::Write => {
                let change = Change::Apply(Value::words(VALUE_BYTES, body));
                Request::patch(key(api as u8, serial), change, Level::GlobalDefault)
            }
        };
        users.line.request(cx, request, TIMEOUT, serial * 2 + kind as u64);
    }
    fn on_done(&mut self, cx: &mut Cx<'_>, api: usize, done: &Done) {
        let users = &mut self.users[api];
        let (kind, serial) = (Kind::ALL[(done.tag % 2) as usize], done.tag / 2);
        // An object that nobody wrote yet is an answer too: the API did its part.
        let ok = done.status.is_ok() || (kind == Kind::Read && done.status == Status::NotFound);
        let latency_us = cx.now.since(done.started).us();
        let ended = Ended { at: cx.now, latency_us: u32::try_from(latency_us).unwrap_or(u32::MAX), ok };
        users.streams[kind as usize].end(ended);
        if let (Kind::Write, true, Some(kv)) = (kind, ok, &done.kv) {
            let told = &mut users.acknowledged[(serial % u64::from(KEYS_PER_API)) as usize];
            told.writes += 1;
            if kv.mod_revision > told.mod_revision {
                (told.serial, told.mod_revision) = (serial, kv.mod_revision);
            }
        }
        let what = kind as u32 + 256 * api as u32 + 65536 * done.status as u32;
        cx.note(Note::new(NoteKind::UserRequest, what, latency_us));
    }
}

/// The object of the users of `api` with this serial number; they take turns.
fn key(api: u8, serial: u64) -> Key {
    let turn = (serial % u64::from(KEYS_PER_API)) as u32;
    Key::user_object(api, turn)
}

impl Actor for Load {
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        match input {
            Input::Boot => {
                for (api, users) in self.users.iter_mut().enumerate() {
                    users.line = Line::bare(self.directory.api(api as u8));
                    for stream in &mut users.streams {
                        stream.due = None;
                        stream.failed = stream.sent - stream.ok; // Requests of an earlier process ended with it.
                    }
                }
                self.alarm = Alarm::default();
                let next = self.fire(cx);
                self.alarm.ensure(cx, Timer::Fire, Some(next));
            }
            Input::Timer(role::Timer::Load(Timer::Fire)) => {
                self.alarm.fired();
                let next = self.fire(cx);
                self.alarm.ensure(cx, Timer::Fire, Some(next));
            }
            Input::Timer(role::Timer::Load(Timer::Http(api))) => self.users[usize::from(api)].line.on_timer(cx),
            Input::Conn(conn, up) => {
                for users in &mut self.users {
                    users.line.on_conn(cx, conn, up);
                }
            }
            Input::Message(conn, message) => {
                for users in &mut self.users {
                    users.line.on_message(cx, conn, &message);
                }
            }
            Input::Timer(_) | Input::DiskDone(_) | Input::Terminate | Input::ProgramEnded(_) | Input::Operate(_) => {}
        }
        for api in 0..self.users.len() {
            while let Some(done) = self.users[api].line.take_done() {
                self.on_done(cx, api, &done);
            }
            self.users[api].line.arm(cx, Timer::Http(api as u8));
        }
    }
}

#[cfg(test)]
mod tests;
