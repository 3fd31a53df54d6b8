//! A reflector with its store: lists the objects of a kind, watches them from there, and tells what changed. client-go
//! tools/cache/reflector.go.
//!
//! Simplified: a relist tells of objects that differ only, while client-go's handlers hear of all of them again. Left
//! out: resync (12 h and more in kube-controller-manager), lists in pages, and the WatchList that newer clients begin
//! with: the first LIST takes whatever the server has at hand, and may go back in time.

use super::http::{Done, Line, NO_TIMEOUT, News};
use crate::actor::Cx;
use crate::api::rpc::{EventType, Level, List, Request, Selector, Status, Version, WatchEvent, WatchEvents};
use crate::engine::{LocalTime, Rng, Span};
use crate::object::{Key, KeyValue, Kind, Revision};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

/// The first wait after a failure, before jitter. Sourced: client-go tools/cache/reflector.go#defaultBackoffInit.
pub const BACKOFF_INITIAL: Span = Span::from_ms(800);
/// Each wait is twice the one before, up to this one; jitter makes it up to twice as long. Sourced: client-go
/// tools/cache/reflector.go#defaultBackoffMax.
pub const BACKOFF_MAX: Span = Span::from_secs(30);
/// A wait that begins this long after the one before is a first one again. Sourced: client-go
/// tools/cache/reflector.go#defaultBackoffReset.
pub const BACKOFF_RESET: Span = Span::from_secs(120);
/// A watch that told nothing and ended sooner than this has failed. Sourced: client-go
/// tools/cache/reflector.go#handleAnyWatch.
pub const VERY_SHORT: Span = Span::from_secs(1);
/// Up to so many objects are kept in one list, more in a tree. Unit: objects. Chosen: the pods of a small node, so that
/// the stores of ten thousand programs weigh little.
const FEW: usize = 16;
/// A queue of deltas that had to grow beyond this gives its memory back. Unit: deltas. Chosen: what a busy informer
/// needs.
const SPARE_DELTAS: usize = 64;

/// What happened to an object, for an informer's handlers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Delta {
    /// Which.
    pub key: Key,
    /// As it was in the store; of a deleted one, as the server last told it. None: it was added.
    pub before: Option<KeyValue>,
    /// As it is now; none: it is gone.
    pub after: Option<KeyValue>,
}

/// Objects by key: few in a list, many in a tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Store {
    /// By key; empty while `many` is not.
    few: Vec<KeyValue>,
    /// Once there were more than [`FEW`], until there are none.
    many: BTreeMap<Key, KeyValue>,
}

impl Store {
    fn len(&self) -> usize {
        self.few.len() + self.many.len()
    }
    fn find(&self, key: Key) -> Result<usize, usize> {
        self.few.binary_search_by_key(&key, |kv| kv.key)
    }
    fn get(&self, key: Key) -> Option<&KeyValue> {
        match self.find(key) {
            Ok(ix) => Some(&self.few[ix]),
            Err(_) => self.many.get(&key),
        }
    }
    /// Puts an object in and returns what it replaced.
    fn insert(&mut self, kv: KeyValue) -> Option<KeyValue> {
        if !self.many.is_empty() {
            return self.many.insert(kv.key, kv);
        }
        match self.find(kv.key) {
            Ok(ix) => return Some(core::mem::replace(&mut self.few[ix], kv)),
            Err(ix) if self.few.len() < FEW => {
                self.few.reserve_exact(1);
                self.few.insert(ix, kv);
            }
            Err(_) => {
                self.many = core::mem::take(&mut self.few).into_iter().map(|kv| (kv.key, kv)).collect();
                self.many.insert(kv.key, kv);
            }
        }
        None
    }
    fn remove(&mut self, key: Key) -> Option<KeyValue> {
        match self.find(key) {
            Ok(ix) => Some(self.few.remove(ix)),
            Err(_) => self.many.remove(&key),
        }
    }
    /// Those from `from` on and before `to`. One of the two parts is always empty.
    fn range(&self, from: Key, to: Key) -> impl Iterator<Item = &KeyValue> {
        let place = |key| self.find(key).unwrap_or_else(|place| place);
        let (start, end) = (place(from), place(to));
        let few = self.few.get(start..end).unwrap_or_default();
        few.iter().chain(self.many.range(from..to.max(from)).map(|(_, kv)| kv))
    }
    fn iter(&self) -> impl Iterator<Item = &KeyValue> {
        self.few.iter().chain(self.many.values())
    }
}

/// The reflector's waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
struct Waits {
    /// The next one, before jitter.
    next: Span,
    /// When the one before began.
    last: Option<LocalTime>,
}

impl Waits {
    /// client-go's wait.Backoff.DelayWithReset with a jitter of 1.
    fn step(&mut self, now: LocalTime, rng: &mut Rng) -> Span {
        if self.last.is_none_or(|last| now.since(last) > BACKOFF_RESET) {
            self.next = BACKOFF_INITIAL;
        }
        self.last = Some(now);
        let wait = self.next;
        self.next = wait.scale(2, 1).min(BACKOFF_MAX);
        wait + rng.draw().up_to(wait)
    }
}

/// Where the reflector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Not started.
    Idle,
    /// A LIST is under way.
    Listing,
    /// A WATCH was asked for at this moment, and has told so many things.
    Watching(LocalTime, u32),
    /// It waits; then it lists.
    BeforeList(LocalTime),
    /// It waits; then it watches from where it was.
    BeforeWatch(LocalTime),
}

/// An informer of one kind of object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Informer {
    kind: Kind,
    selector: Selector,
    level: Level,
    tag: u8,
    phase: Phase,
    waits: Waits,
    store: Store,
    /// At most what one answer tells: its owner takes them after each.
    deltas: VecDeque<Delta>,
    revision: Revision,
    /// The server doesn't have, or doesn't have yet, what it last saw: the next LIST asks for the newest.
    unavailable: bool,
    synced: bool,
    lists: u32,
    watches: u32,
}

impl Informer {
    /// Of the objects of `kind` that `selector` selects. `tag` is the top byte of its requests' tags.
    pub fn new(kind: Kind, selector: Selector, level: Level, tag: u8) -> Self {
        Self {
            kind,
            selector,
            level,
            tag,
            phase: Phase::Idle,
            waits: Waits::default(),
            store: Store::default(),
            deltas: VecDeque::new(),
            revision: 0,
            unavailable: false,
            synced: false,
            lists: 0,
            watches: 0,
        }
    }
    /// Begins: a LIST, then a WATCH.
    pub fn start(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        if self.phase == Phase::Idle {
            self.list(cx, line);
        }
    }
    /// News of a request. Returns whether it was one of its own.
    pub fn on_news(&mut self, cx: &mut Cx<'_>, line: &mut Line, news: &News) -> bool {
        let tag = match news {
            News::Done(done) => done.tag,
            News::Watching(tag) | News::Events(tag, _) => *tag,
        };
        if tag != self.mark() {
            return false;
        }
        match (self.phase, news) {
            (Phase::Listing, News::Done(done)) => self.on_list(cx, line, done),
            (Phase::Watching(since, told), News::Done(done)) => self.on_end(cx, line, since, told, done.status),
            (Phase::Watching(since, told), News::Events(_, events)) => self.on_events(cx, line, since, told, events),
            _ => {}
        }
        true
    }
    /// A timer went off, perhaps too early.
    pub fn on_timer(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        match self.phase {
            Phase::BeforeList(until) if until <= cx.now => self.list(cx, line),
            Phase::BeforeWatch(until) if until <= cx.now => self.watch(cx, line),
            _ => {}
        }
    }
    /// When it wants [`Informer::on_timer`].
    pub const fn next_timer(&self) -> Option<LocalTime> {
        match self.phase {
            Phase::BeforeList(until) | Phase::BeforeWatch(until) => Some(until),
            Phase::Idle | Phase::Listing | Phase::Watching(..) => None,
        }
    }
    /// Whether a LIST has ever succeeded: HasSynced.
    pub const fn synced(&self) -> bool {
        self.synced
    }
    /// Whether a WATCH is under way.
    pub const fn watching(&self) -> bool {
        matches!(self.phase, Phase::Watching(..))
    }
    /// An object.
    pub fn get(&self, key: Key) -> Option<&KeyValue> {
        self.store.get(key)
    }
    /// Every object, by key.
    pub fn iter(&self) -> impl Iterator<Item = &KeyValue> {
        self.store.iter()
    }
    /// The objects from `from` on and before `to`, by key.
    pub fn range(&self, from: Key, to: Key) -> impl Iterator<Item = &KeyValue> {
        self.store.range(from, to)
    }
    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.store.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.store.len() == 0
    }
    /// How far it has seen: lastSyncResourceVersion.
    pub const fn revision(&self) -> Revision {
        self.revision
    }
    /// How many LISTs and WATCHes it began.
    pub const fn requests(&self) -> (u32, u32) {
        (self.lists, self.watches)
    }
    /// Takes what happened to an object, the oldest first.
    pub fn take_delta(&mut self) -> Option<Delta> {
        let delta = self.deltas.pop_front();
        if delta.is_none() && self.deltas.capacity() > SPARE_DELTAS {
            self.deltas = VecDeque::new();
        }
        delta
    }

    fn mark(&self) -> u64 {
        u64::from(self.tag) << 56
    }
    fn list(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        let version = match self.revision {
            _ if self.unavailable => Version::Unset,
            0 => Version::Any,
            revision => Version::NotOlderThan(revision),
        };
        self.phase = Phase::Listing;
        self.lists += 1;
        line.request(cx, Request::list(self.kind, version, self.selector, self.level), NO_TIMEOUT, self.mark());
    }
    fn watch(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        self.phase = Phase::Watching(cx.now, 0);
        self.watches += 1;
        let request = Request::watch(self.kind, self.revision, self.selector, self.level);
        line.request(cx, request, NO_TIMEOUT, self.mark());
    }
    fn list_later(&mut self, cx: &mut Cx<'_>) {
        self.phase = Phase::BeforeList(cx.now + self.waits.step(cx.now, cx.rng));
    }
    fn on_list(&mut self, cx: &mut Cx<'_>, line: &mut Line, done: &Done) {
        match (done.status, &done.list) {
            (Status::Ok, Some(list)) => {
                self.replace(list);
                self.unavailable = false;
                self.watch(cx, line);
            }
            // 504 here means that the server has not got as far: "Too large resource version".
            (Status::Gone | Status::Timeout, _) if !self.unavailable => {
                self.unavailable = true;
                self.list(cx, line);
            }
            _ => self.list_later(cx),
        }
    }
    /// Makes the store what a LIST says.
    fn replace(&mut self, list: &List) {
        let mut old = core::mem::take(&mut self.store);
        if list.items.len() > FEW {
            self.store.many = list.items.iter().map(|kv| (kv.key, kv.clone())).collect();
        } else {
            self.store.few = list.items.clone();
        }
        for kv in &list.items {
            let before = old.remove(kv.key);
            if before.as_ref().is_none_or(|before| before.mod_revision != kv.mod_revision) {
                self.deltas.push_back(Delta { key: kv.key, before, after: Some(kv.clone()) });
            }
        }
        for kv in old.iter() {
            self.deltas.push_back(Delta { key: kv.key, before: Some(kv.clone()), after: None });
        }
        (self.revision, self.synced) = (list.revision, true);
    }
    fn on_events(&mut self, cx: &mut Cx<'_>, line: &mut Line, since: LocalTime, told: u32, events: &WatchEvents) {
        for event in &*events.events {
            self.on_event(event);
        }
        if let Some(bookmark) = events.bookmark {
            self.revision = self.revision.max(bookmark);
        }
        let told = told.saturating_add(events.events.len() as u32 + u32::from(events.bookmark.is_some()));
        self.phase = Phase::Watching(since, told);
        if let Some(end) = events.end {
            self.on_end(cx, line, since, told, end);
        }
    }
    fn on_event(&mut self, event: &WatchEvent) {
        let kv = &event.kv;
        self.revision = self.revision.max(kv.mod_revision);
        let delta = if event.event == EventType::Deleted {
            if self.store.remove(kv.key).is_none() {
                return; // Nobody heard of it.
            }
            Delta { key: kv.key, before: Some(kv.clone()), after: None }
        } else {
            Delta { key: kv.key, before: self.store.insert(kv.clone()), after: Some(kv.clone()) }
        };
        self.deltas.push_back(delta);
    }
    /// A WATCH ended, or was refused.
    fn on_end(&mut self, cx: &mut Cx<'_>, line: &mut Line, since: LocalTime, told: u32, status: Status) {
        match status {
            // It keeps its place and asks again.
            Status::ConnectionRefused | Status::TooManyRequests => {
                self.phase = Phase::BeforeWatch(cx.now + self.waits.step(cx.now, cx.rng));
            }
            // The stream ended: by the server, or with its connection.
            Status::Ok | Status::ConnectionError if told > 0 || cx.now.since(since) >= VERY_SHORT => {
                self.watch(cx, line);
            }
            _ => self.list_later(cx),
        }
    }
}

#[cfg(test)]
#[path = "informer_tests.rs"]
mod tests;
