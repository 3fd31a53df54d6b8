//! For tests of programs: an API server that keeps objects, answers within a millisecond and tells its watches.

use crate::actor::wire::Message;
use crate::actor::{Actor, ConnUp, Effect, Input};
use crate::api::rpc::{Body, EventType, List, Reply, Request, Selector, Status, Verb, WatchEvent, WatchEvents};
use crate::client::bench::Bench;
use crate::engine::{LocalTime, Span};
use crate::net::packet::ConnId;
use crate::net::tcp::Reason;
use crate::object::{Key, KeyValue, Kind, Object, Revision, Value};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// How an API server is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Up,
    /// Nobody listens there.
    Refuses,
    /// It says nothing.
    Hangs,
}

/// How long everything takes.
pub const HOP: Span = Span::from_ms(1);

pub struct FakeApi {
    pub store: BTreeMap<Key, KeyValue>,
    pub revision: Revision,
    pub mode: Mode,
    /// Requests as they came, and what was answered.
    pub log: Vec<(LocalTime, Verb, Key, Status)>,
    /// Requests of this verb and kind fail so.
    pub fail: Option<(Verb, Kind, Status)>,
    /// When an object of a kind was last deleted.
    deleted: BTreeMap<Kind, Revision>,
    watches: Vec<(ConnId, u32, Kind, Selector)>,
    conns: Vec<ConnId>,
}

type Answers = Vec<(Span, Input)>;

fn fits(selector: Selector, kv: &KeyValue) -> bool {
    match selector {
        Selector::All => true,
        Selector::OnNode(node) => kv.value.object.pod().is_some_and(|pod| pod.node == Some(node)),
        Selector::Name(key) => kv.key == key,
    }
}

impl Default for FakeApi {
    fn default() -> Self {
        Self {
            store: BTreeMap::new(),
            revision: 100,
            mode: Mode::Up,
            log: Vec::new(),
            fail: None,
            deleted: BTreeMap::new(),
            watches: Vec::new(),
            conns: Vec::new(),
        }
    }
}

impl FakeApi {
    /// Somebody else writes an object (none: deletes it).
    pub fn put<A: Actor>(&mut self, bench: &mut Bench<A>, key: Key, object: Option<Object>) {
        for (after, input) in self.write(key, object.map(Object::value)) {
            bench.later(after, input);
        }
    }
    /// It stops listening, and its connections break.
    pub fn crash<A: Actor>(&mut self, bench: &mut Bench<A>) {
        self.mode = Mode::Refuses;
        self.watches.clear();
        for conn in self.conns.drain(..) {
            bench.later(HOP, Input::Conn(conn, ConnUp::Failed(Reason::Reset)));
        }
    }
    /// What it was asked, without reads of health.
    pub fn calls(&self, verb: Verb, kind: Kind) -> Vec<LocalTime> {
        self.log.iter().filter(|(_, v, key, _)| *v == verb && key.kind() == kind).map(|(at, ..)| *at).collect()
    }
    /// Runs a program until `until` beside this server.
    pub fn run<A: Actor>(&mut self, bench: &mut Bench<A>, until: LocalTime) {
        bench.run(until, |now, effect| self.on_effect(now, effect));
    }

    fn write(&mut self, key: Key, value: Option<Value>) -> Answers {
        self.revision += 1;
        let old = self.store.remove(&key);
        let kv = match value {
            Some(value) => {
                let (created, version) = old.as_ref().map_or((self.revision, 0), |kv| (kv.create_revision, kv.version));
                let kv = KeyValue {
                    key,
                    value,
                    create_revision: created,
                    mod_revision: self.revision,
                    version: version + 1,
                };
                self.store.insert(key, kv.clone());
                Some(kv)
            }
            None => {
                self.deleted.insert(key.kind(), self.revision);
                None
            }
        };
        let revision = self.revision;
        let event = |selector| {
            let was = old.as_ref().filter(|kv| fits(selector, kv));
            let is = kv.as_ref().filter(|kv| fits(selector, kv));
            let (event, kv) = match (was, is) {
                (None, None) => return None,
                (None, Some(kv)) => (EventType::Added, kv.clone()),
                (Some(_), Some(kv)) => (EventType::Modified, kv.clone()),
                (Some(kv), None) => (EventType::Deleted, KeyValue { mod_revision: revision, ..kv.clone() }),
            };
            Some(WatchEvent { event, kv })
        };
        let mut out = Vec::new();
        if self.mode == Mode::Up {
            for (conn, id, kind, selector) in &self.watches {
                if *kind == key.kind()
                    && let Some(event) = event(*selector)
                {
                    let events = WatchEvents { id: *id, events: vec![event].into(), bookmark: None, end: None };
                    out.push((HOP, Input::Message(*conn, Message::ApiEvents(events))));
                }
            }
        }
        out
    }
    fn on_effect(&mut self, now: LocalTime, effect: &Effect) -> Answers {
        match effect {
            Effect::Open(conn, ..) => match self.mode {
                Mode::Up => {
                    self.conns.push(*conn);
                    vec![(HOP, Input::Conn(*conn, ConnUp::Connected))]
                }
                Mode::Refuses => vec![(HOP, Input::Conn(*conn, ConnUp::Failed(Reason::Refused)))],
                Mode::Hangs => Vec::new(),
            },
            Effect::Send(conn, _, Message::Api(request)) if self.mode == Mode::Up => {
                self.on_request(now, *conn, request)
            }
            Effect::Send(conn, _, Message::Ping) if self.mode == Mode::Up => {
                vec![(HOP, Input::Message(*conn, Message::Pong))]
            }
            _ => Vec::new(),
        }
    }
    fn on_request(&mut self, now: LocalTime, conn: ConnId, request: &Request) -> Answers {
        let (mut reply, mut events) = (Reply::new(request.id, Status::Ok), Vec::new());
        let old = self.store.get(&request.key).cloned();
        match self.fail {
            Some((verb, kind, status)) if (verb, kind) == (request.verb, request.key.kind()) => reply.status = status,
            _ => self.carry_out(conn, request, old, &mut reply, &mut events),
        }
        self.log.push((now, request.verb, request.key, reply.status));
        if request.verb != Verb::List && request.verb != Verb::Watch && reply.status.is_ok() {
            reply.kv = self.store.get(&request.key).cloned();
        }
        events.insert(0, (HOP, Input::Message(conn, Message::ApiReply(Box::new(reply)))));
        events
    }
    fn carry_out(
        &mut self,
        conn: ConnId,
        request: &Request,
        old: Option<KeyValue>,
        reply: &mut Reply,
        events: &mut Answers,
    ) {
        match (request.verb, old, &request.body) {
            (Verb::List, ..) => {
                let kind = request.key.kind();
                let of_kind = self.store.range(kind.first()..kind.end()).map(|(_, kv)| kv);
                let items = of_kind.filter(|kv| fits(request.selector, kv)).cloned().collect();
                reply.list = Some(Arc::new(List { revision: self.revision, items, more: false }));
            }
            (Verb::Watch, ..) => {
                let (kind, after) = (request.key.kind(), request.expected());
                if self.deleted.get(&kind).is_some_and(|at| *at > after) {
                    reply.status = Status::Gone; // It keeps no history.
                    return;
                }
                self.watches.push((conn, request.id, kind, request.selector));
                let of_kind = self.store.range(kind.first()..kind.end()).map(|(_, kv)| kv);
                let missed = of_kind.filter(|kv| kv.mod_revision > after && fits(request.selector, kv));
                let missed: Vec<_> = missed.map(|kv| WatchEvent { event: EventType::Added, kv: kv.clone() }).collect();
                if !missed.is_empty() {
                    let missed = WatchEvents { id: request.id, events: missed.into(), bookmark: None, end: None };
                    events.push((HOP, Input::Message(conn, Message::ApiEvents(missed))));
                }
            }
            (Verb::Create, Some(_), _) => reply.status = Status::Conflict,
            (Verb::Create, None, Body::Value(value)) => {
                reply.status = Status::Created;
                *events = self.write(request.key, Some(value.clone()));
            }
            (_, None, _) => reply.status = Status::NotFound,
            (Verb::Update, Some(old), Body::Value(value)) => {
                if old.mod_revision == request.expected() {
                    *events = self.write(request.key, Some(value.clone()));
                } else {
                    reply.status = Status::Conflict;
                }
            }
            (Verb::Patch, Some(old), Body::Change(change)) => {
                let mut value = old.value;
                if change.apply(&mut value.object) {
                    *events = self.write(request.key, Some(value));
                } else {
                    reply.status = Status::Conflict;
                }
            }
            (Verb::Delete, Some(old), Body::Delete { uid, .. }) => {
                if *uid == 0 || *uid == old.create_revision {
                    *events = self.write(request.key, None);
                } else {
                    reply.status = Status::Conflict;
                }
            }
            _ => {}
        }
    }
}
