//! The watches of an API server's clients: who hears of an event, bookmarks, and how long each lasts.
//!
//! An event finds its watches by key and by node, so those it does not concern cost nothing; what many hear is said once.
//! Source: kubernetes apiserver pkg/storage/cacher/cacher.go and cache_watcher.go.
//!
//! Simplified: a watch's two channels and the dispatcher's time budget are one backlog that grows while the kernel's send
//! buffer is full; the bookmark due two seconds before a watch's end comes with its end.

use super::history::{Past, node_of};
use super::rpc::{EventType, Request, Selector, Status, WatchEvent, WatchEvents};
use crate::actor::Cx;
use crate::actor::wire::Message;
use crate::engine::{LocalTime, Span};
use crate::net::packet::ConnId;
use crate::object::{Key, Kind, NodeId, Revision};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// How often a watch that asked for bookmarks gets one. Sourced: apiserver
/// pkg/storage/cacher/cacher.go#defaultBookmarkFrequency.
pub const BOOKMARK_PERIOD: Span = Span::from_secs(60);
/// A reflector asks for a watch of once to twice this long. Sourced: client-go
/// tools/cache/reflector.go#defaultMinWatchTimeout. Simplified: it would say so in the request; here the server draws
/// it.
pub const WATCH_TIMEOUT: Span = Span::from_secs(300);
/// Messages that may wait for a watch's client to read; one more ends the watch. Unit: messages. Sourced: apiserver
/// pkg/storage/cacher/cacher.go#Cacher.Watch: the channel of a kind without a trigger. Simplified: no time budget.
pub const BACKLOG: usize = 1000;
/// The most watches of one server; one more gets 429. Unit: watches. Chosen: three times what kubelets and kube-proxies
/// of 5,000 nodes hold on one server, if it is the only one.
pub const WATCHES: usize = 65_536;

/// A client's watch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Watcher {
    conn: ConnId,
    id: u32,
    kind: Kind,
    selector: Selector,
    /// It wants what comes after this.
    after: Revision,
    ends: LocalTime,
    bookmark: LocalTime,
    backlog: VecDeque<WatchEvents>,
}

/// Who watches one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Hub {
    all: BTreeSet<u32>,
    on_node: BTreeSet<(NodeId, u32)>,
    name: BTreeSet<(Key, u32)>,
}

impl Hub {
    fn len(&self) -> usize {
        self.all.len() + self.on_node.len() + self.name.len()
    }
}

/// Every watch of a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FanOut {
    watchers: BTreeMap<u32, Watcher>,
    next: u32,
    hubs: [Hub; Kind::ALL.len()],
    by_request: BTreeMap<(ConnId, u32), u32>,
    /// Connections whose send buffer is full.
    full: BTreeSet<ConnId>,
    /// By local second: the watches that have a bookmark or their end then. cacher.go#watcherBookmarkTimeBuckets.
    calendar: BTreeMap<u64, Vec<u32>>,
    terminated: [u32; Kind::ALL.len()],
    told: u64,
}

impl Default for FanOut {
    fn default() -> Self {
        Self {
            watchers: BTreeMap::new(),
            next: 0,
            hubs: core::array::from_fn(|_| Hub::default()),
            by_request: BTreeMap::new(),
            full: BTreeSet::new(),
            calendar: BTreeMap::new(),
            terminated: [0; Kind::ALL.len()],
            told: 0,
        }
    }
}

const fn second(at: LocalTime) -> u64 {
    at.ns().div_ceil(1_000_000_000)
}

impl FanOut {
    /// How many watches there are.
    pub fn len(&self) -> usize {
        self.watchers.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }
    /// How many of a kind.
    pub fn of_kind(&self, kind: Kind) -> usize {
        self.hubs[kind as usize].len()
    }
    /// How many of a kind were ended because their client did not read.
    pub const fn terminated(&self, kind: Kind) -> u32 {
        self.terminated[kind as usize]
    }
    /// How many events were told to watches.
    pub const fn told(&self) -> u64 {
        self.told
    }
    /// When it wants [`FanOut::on_timer`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        self.calendar.keys().next().map(|second| LocalTime::from_ns(second * 1_000_000_000))
    }
    /// A watch begins: it is told `initial` and what comes after `after`.
    pub fn add(&mut self, cx: &mut Cx<'_>, conn: ConnId, request: &Request, after: Revision, initial: Vec<WatchEvent>) {
        let (kind, selector) = (request.key.kind(), request.selector);
        let name = self.next;
        self.next = self.next.wrapping_add(1);
        let ends = cx.now + WATCH_TIMEOUT + cx.rng.draw().up_to(WATCH_TIMEOUT);
        let bookmark = cx.now + BOOKMARK_PERIOD;
        let watcher = Watcher { conn, id: request.id, kind, selector, after, ends, bookmark, backlog: VecDeque::new() };
        self.watchers.insert(name, watcher);
        self.by_request.insert((conn, request.id), name);
        let hub = &mut self.hubs[kind as usize];
        match selector {
            Selector::All => hub.all.insert(name),
            Selector::OnNode(node) => hub.on_node.insert((node, name)),
            Selector::Name(key) => hub.name.insert((key, name)),
        };
        self.calendar.entry(second(bookmark)).or_default().push(name);
        if !initial.is_empty() {
            self.say(cx, name, initial.into(), None);
        }
    }
    /// The client gave a watch up. Returns whether it was one.
    pub fn cancel(&mut self, conn: ConnId, id: u32) -> bool {
        let name = self.by_request.get(&(conn, id)).copied();
        name.map(|name| self.remove(name)).is_some()
    }
    /// A client's connection is gone.
    pub fn disconnected(&mut self, conn: ConnId) {
        self.full.remove(&conn);
        let of_conn = self.by_request.range((conn, 0)..=(conn, u32::MAX));
        for name in of_conn.map(|(_, name)| *name).collect::<Vec<_>>() {
            self.remove(name);
        }
    }
    /// The kernel takes no more for this connection at the moment.
    pub fn full(&mut self, conn: ConnId) {
        self.full.insert(conn);
    }
    /// The kernel takes more again: what had piled up goes out.
    pub fn writable(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        self.full.remove(&conn);
        for name in self.by_request.range((conn, 0)..=(conn, u32::MAX)).map(|(_, name)| *name) {
            let Some(watcher) = self.watchers.get_mut(&name) else { continue };
            for message in watcher.backlog.drain(..) {
                cx.send(conn, message.bytes(), Message::ApiEvents(message));
            }
        }
    }
    /// Events of a kind, in order, go to everybody whom they concern.
    pub fn tell(&mut self, cx: &mut Cx<'_>, kind: Kind, events: &[Past]) {
        let hub = &self.hubs[kind as usize];
        if hub.len() == 0 {
            return;
        }
        if !hub.all.is_empty() {
            let all: Arc<[WatchEvent]> = events.iter().map(|past| past.event.clone()).collect();
            for name in hub.all.iter().copied().collect::<Vec<_>>() {
                self.say(cx, name, all.clone(), None);
            }
        }
        for past in events {
            let key = past.event.kv.key;
            let named = self.hubs[kind as usize].name.range((key, 0)..=(key, u32::MAX));
            let named: Vec<u32> = named.map(|(_, name)| *name).collect();
            self.say_all(cx, &named, || past.event.clone());
            if kind == Kind::Pod {
                self.tell_nodes(cx, past);
            }
        }
    }
    fn tell_nodes(&mut self, cx: &mut Cx<'_>, past: &Past) {
        let now = node_of(&past.event);
        let nodes = [past.before, now.filter(|_| now != past.before)];
        for node in nodes.into_iter().flatten() {
            let Some(event) = past.seen_by(Selector::OnNode(node)) else { continue };
            let there = self.hubs[Kind::Pod as usize].on_node.range((node, 0)..=(node, u32::MAX));
            let there: Vec<u32> = there.map(|(_, name)| *name).collect();
            self.say_all(cx, &there, || event.clone());
        }
    }
    fn say_all(&mut self, cx: &mut Cx<'_>, names: &[u32], event: impl Fn() -> WatchEvent) {
        if names.is_empty() {
            return;
        }
        let events: Arc<[WatchEvent]> = Arc::new([event()]);
        for name in names {
            self.say(cx, *name, events.clone(), None);
        }
    }
    /// Bookmarks and ends that are due. `revision` is how far a kind's cache is.
    pub fn on_timer(&mut self, cx: &mut Cx<'_>, revision: impl Fn(Kind) -> Revision) {
        while let Some(entry) = self.calendar.first_entry() {
            if LocalTime::from_ns(entry.key() * 1_000_000_000) > cx.now {
                break;
            }
            for name in entry.remove() {
                let Some(watcher) = self.watchers.get_mut(&name) else { continue };
                if watcher.ends <= cx.now {
                    self.end(cx, name, Status::Ok);
                    continue;
                }
                if watcher.bookmark <= cx.now {
                    watcher.bookmark = cx.now + BOOKMARK_PERIOD;
                }
                let (next, reached) = (watcher.ends.min(watcher.bookmark), revision(watcher.kind));
                self.calendar.entry(second(next)).or_default().push(name);
                if reached > 0 {
                    self.say(cx, name, Arc::new([]), Some(reached));
                }
            }
        }
    }
    /// Every watch of a kind is ended: its cache is lost.
    pub fn end_kind(&mut self, cx: &mut Cx<'_>, kind: Kind, status: Status) {
        let of_kind = self.watchers.iter().filter(|(_, watcher)| watcher.kind == kind);
        for name in of_kind.map(|(name, _)| *name).collect::<Vec<_>>() {
            self.end(cx, name, status);
        }
    }

    /// Tells a watch of events or of a bookmark, or keeps them for when its connection takes them.
    fn say(&mut self, cx: &mut Cx<'_>, name: u32, events: Arc<[WatchEvent]>, bookmark: Option<Revision>) {
        let Some(watcher) = self.watchers.get_mut(&name) else { return };
        let new = |event: &WatchEvent| event.kv.mod_revision > watcher.after;
        let events =
            if events.iter().all(new) { events } else { events.iter().filter(|event| new(event)).cloned().collect() };
        if events.is_empty() && bookmark.is_none_or(|bookmark| bookmark < watcher.after) {
            return;
        }
        let newest = events.iter().map(|event| event.kv.mod_revision).max();
        watcher.after = newest.max(bookmark).unwrap_or_default().max(watcher.after);
        self.told += events.len() as u64;
        let message = WatchEvents { id: watcher.id, events, bookmark, end: None };
        if !self.full.contains(&watcher.conn) {
            return cx.send(watcher.conn, message.bytes(), Message::ApiEvents(message));
        }
        watcher.backlog.push_back(message);
        if watcher.backlog.len() > BACKLOG {
            self.terminated[watcher.kind as usize] += 1;
            self.end(cx, name, Status::Ok);
        }
    }
    /// A watch is over. What had piled up is forgotten; the client goes on from what it has.
    fn end(&mut self, cx: &mut Cx<'_>, name: u32, status: Status) {
        let Some(watcher) = self.watchers.get(&name) else { return };
        let bookmark = (status == Status::Ok && watcher.backlog.is_empty()).then_some(watcher.after);
        let message = WatchEvents { id: watcher.id, events: Arc::new([]), bookmark, end: Some(status) };
        cx.send(watcher.conn, message.bytes(), Message::ApiEvents(message));
        self.remove(name);
    }
    fn remove(&mut self, name: u32) {
        let Some(watcher) = self.watchers.remove(&name) else { return };
        self.by_request.remove(&(watcher.conn, watcher.id));
        let hub = &mut self.hubs[watcher.kind as usize];
        match watcher.selector {
            Selector::All => hub.all.remove(&name),
            Selector::OnNode(node) => hub.on_node.remove(&(node, name)),
            Selector::Name(key) => hub.name.remove(&(key, name)),
        };
    }
}

/// The state as ADDED events: what a watch without a revision begins with.
pub fn synthetic(items: &[crate::object::KeyValue]) -> Vec<WatchEvent> {
    items.iter().map(|kv| WatchEvent { event: EventType::Added, kv: kv.clone() }).collect()
}
