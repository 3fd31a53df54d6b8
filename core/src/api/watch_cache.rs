//! The watch cache of one kind: what etcd has, as far as its watch has told, and the reflector that keeps it so.
//!
//! Source: kubernetes apiserver pkg/storage/cacher/cacher.go and watch_cache.go, client-go tools/cache/reflector.go.
//! While etcd's watch is silent the cache is as it was, for ever, and still ready: nothing in it looks at its age.
//!
//! Left out: the snapshots from which a LIST of an exact old revision is served.

use super::history::{History, Past, node_of};
use super::rpc::{EventType, List, Selector, WatchEvent};
use crate::client::etcd::Failure;
use crate::engine::{LocalTime, SharedMap, Span};
use crate::etcd::rpc::{Event, Response, WatchEnd};
use crate::object::{Key, KeyValue, Kind, NodeId, Revision};
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// "No leader" after so long without one is the first of a new row. Sourced: client-go
/// tools/cache/reflector.go#NewRetryWithDeadline: its minResetPeriod.
pub const ERROR_RESET: Span = Span::from_secs(60);
/// The pause before a cache that was lost is filled again. Sourced: apiserver
/// pkg/storage/cacher/cacher.go#NewCacherFromConfig: wait.Until's period between two startCaching.
pub const REINIT_PERIOD: Span = Span::from_secs(1);
/// How long until a watch is opened again after "no leader". Chosen: the real reflector does so at once, again and
/// again, each time a round trip; a tenth of a second keeps the number of messages down.
pub const WATCH_RETRY: Span = Span::from_ms(100);
/// The least Retry-After of a cache that is not ready. Sourced: apiserver
/// pkg/storage/cacher/util.go#calculateRetryAfterForUnreadyCache.
const UNREADY_RETRY: Span = Span::from_secs(1);
/// Objects per page of a cache's own list. Unit: objects. Sourced: apiserver
/// pkg/storage/cacher/cacher.go#storageWatchListPageSize.
pub const PAGE: u32 = 10_000;
/// How long a read waits for the cache to catch up. Sourced: apiserver pkg/storage/cacher/watch_cache.go#blockTimeout.
pub const BLOCK_TIMEOUT: Span = Span::from_secs(3);
/// How often progress is asked for while a read waits. Sourced: apiserver
/// pkg/storage/cacher/progress/watch_progress.go#progressRequestPeriod.
pub const PROGRESS_PERIOD: Span = Span::from_ms(100);

/// Where the reflector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It lists from etcd.
    Listing,
    /// It follows etcd's watch.
    Watching,
    /// The watch ended without a leader; it is opened again then.
    Retrying(LocalTime),
    /// It gave up; it starts over then.
    Resting(LocalTime),
}

/// What the cache wants from its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Want {
    /// Nothing.
    Nothing,
    /// One page of the kind from etcd, from this key, as of this revision (0: now).
    List(Key, Revision),
    /// etcd's watch after this revision.
    Watch(Revision),
}

/// A read that waits until the cache has reached a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Wait {
    ticket: u32,
    revision: Revision,
    until: LocalTime,
}

/// The cache of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WatchCache {
    kind: Kind,
    /// A copy of the world shares what has not changed.
    objects: SharedMap<Key, KeyValue>,
    /// pkg/registry/core/pod/strategy.go#NodeNameIndexFunc: the index of pods by node.
    by_node: BTreeSet<(NodeId, Key)>,
    history: History,
    revision: Revision,
    ready: bool,
    phase: Phase,
    /// The pages of the list under way.
    pages: Vec<KeyValue>,
    /// The first and the newest "no leader" of the current row: client-go tools/cache/retry_with_deadline.go.
    errors: Option<(LocalTime, LocalTime)>,
    down_since: LocalTime,
    waits: Vec<Wait>,
    next_progress: Option<LocalTime>,
    newest_list: Option<Arc<List>>,
    heard: Option<LocalTime>,
    initializations: u32,
}

impl WatchCache {
    /// The cache of a kind in a process that starts.
    pub fn new(kind: Kind, now: LocalTime) -> Self {
        Self {
            kind,
            objects: SharedMap::default(),
            by_node: BTreeSet::new(),
            history: History::default(),
            revision: 0,
            ready: false,
            phase: Phase::Listing,
            pages: Vec::new(),
            errors: None,
            down_since: now,
            waits: Vec::new(),
            next_progress: None,
            newest_list: None,
            heard: None,
            initializations: 0,
        }
    }
    /// Whether it serves.
    pub const fn ready(&self) -> bool {
        self.ready
    }
    /// Where its reflector is.
    pub const fn phase(&self) -> Phase {
        self.phase
    }
    /// The revision it has reached.
    pub const fn revision(&self) -> Revision {
        self.revision
    }
    /// How often it was filled.
    pub const fn initializations(&self) -> u32 {
        self.initializations
    }
    /// When etcd's watch last told something, be it that nothing happened.
    pub const fn heard(&self) -> Option<LocalTime> {
        self.heard
    }
    /// How many objects it holds.
    pub fn len(&self) -> usize {
        self.objects.len()
    }
    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
    /// Its memory of events.
    pub const fn history(&self) -> &History {
        &self.history
    }
    /// How many reads wait for it.
    pub const fn waiting(&self) -> usize {
        self.waits.len()
    }
    /// An object.
    pub fn get(&self, key: Key) -> Option<&KeyValue> {
        self.objects.get(&key)
    }
    /// The objects that fit, as they are in the cache.
    pub fn list(&mut self, selector: Selector) -> Arc<List> {
        if selector == Selector::All
            && let Some(list) = self.newest_list.as_ref().filter(|list| list.revision == self.revision)
        {
            return list.clone();
        }
        let items = match selector {
            Selector::All => self.objects.iter().map(|(_, kv)| kv.clone()).collect(),
            Selector::Name(key) => self.objects.get(&key).cloned().into_iter().collect(),
            Selector::OnNode(node) => {
                let keys = self.by_node.range((node, Key(0))..=(node, Key(u64::MAX)));
                keys.filter_map(|(_, key)| self.objects.get(key).cloned()).collect()
            }
        };
        let list = Arc::new(List { revision: self.revision, items, more: false });
        if selector == Selector::All {
            self.newest_list = Some(list.clone());
        }
        list
    }
    /// How many seconds a client should stay away while the cache is not ready: apiserver pkg/storage/cacher/util.go#
    /// calculateRetryAfterForUnreadyCache, exp(0.06 x seconds) from 1 to 30.
    pub fn retry_after(&self, now: LocalTime) -> Span {
        /// The whole seconds of downtime from which Retry-After, exp(0.06 x downtime) cut to whole seconds, is 2, 3,
        /// ... 30. Unit: s. Sourced: apiserver pkg/storage/cacher/util.go#calculateRetryAfterForUnreadyCache.
        const STEPS: [u64; 29] = [
            12, 19, 24, 27, 30, 33, 35, 37, 39, 40, 42, 43, 44, 46, 47, 48, 49, 50, 50, 51, 52, 53, 53, 54, 55, 55, 56,
            57, 57,
        ];
        let down = now.since(self.down_since).ms() / 1000;
        UNREADY_RETRY + Span::from_secs(STEPS.partition_point(|step| *step <= down) as u64)
    }

    /// What it wants first, in a process that starts.
    pub const fn start(&self) -> Want {
        Want::List(self.kind.first(), 0)
    }
    /// A page of its list came.
    pub fn on_list(&mut self, now: LocalTime, result: Result<Response, Failure>) -> Want {
        if self.phase != Phase::Listing {
            return Want::Nothing;
        }
        let Ok(Response { revision, range: Some(range), .. }) = result else {
            return self.rest(now);
        };
        let first = self.pages.is_empty();
        let revision = if first { revision } else { self.revision };
        self.pages.extend(range.kvs.iter().cloned());
        self.revision = revision;
        if let Some(last) = range.kvs.last().filter(|_| range.more) {
            return Want::List(Key(last.key.0 + 1), revision);
        }
        self.by_node.clear();
        self.newest_list = None;
        self.objects = SharedMap::default();
        for kv in core::mem::take(&mut self.pages) {
            if let Some(node) = kv.value.object.pod().and_then(|pod| pod.node) {
                self.by_node.insert((node, kv.key));
            }
            self.objects.insert(kv.key, kv);
        }
        self.history.restart(revision);
        self.ready = true;
        self.initializations += 1;
        self.heard = Some(now);
        self.phase = Phase::Watching;
        Want::Watch(revision)
    }
    /// etcd's watch tells of changes. They are passed on to `told`, with the node that each pod had before.
    pub fn on_events(&mut self, now: LocalTime, events: &[Event], mut told: impl FnMut(&Past)) {
        for event in events {
            let revision = event.kv.mod_revision;
            if revision <= self.revision
                && self.objects.get(&event.kv.key).is_some_and(|kv| kv.mod_revision >= revision)
            {
                continue; // Told again.
            }
            let past = self.apply(event);
            told(&past);
            self.history.push(now, past);
            self.revision = self.revision.max(revision);
        }
        self.heard = Some(now);
    }
    /// etcd's watch tells how far it is: everything up to there has come.
    pub fn on_progress(&mut self, now: LocalTime, revision: Revision) {
        self.revision = self.revision.max(revision);
        self.heard = Some(now);
    }
    /// etcd's watch is over. Returns whether the cache is lost, and with it every watch of it.
    ///
    /// One that ends with "no leader" is opened again for as long as its patience lasts, without anybody noticing.
    pub fn on_canceled(&mut self, now: LocalTime, end: WatchEnd, patience: Span) -> bool {
        let first = self.errors.filter(|(_, last)| now.since(*last) < ERROR_RESET).map_or(now, |(first, _)| first);
        self.errors = Some((first, now));
        if end == WatchEnd::NoLeader && !patience.is_zero() && now.since(first) <= patience {
            self.phase = Phase::Retrying(now + WATCH_RETRY);
            return false;
        }
        self.rest(now);
        true
    }
    /// When it wants [`WatchCache::on_timer`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        let phase = match self.phase {
            Phase::Retrying(at) | Phase::Resting(at) => Some(at),
            Phase::Listing | Phase::Watching => None,
        };
        let waits = self.waits.iter().map(|wait| wait.until).min();
        [phase, waits, self.next_progress].into_iter().flatten().min()
    }
    /// Its time may have come.
    pub fn on_timer(&mut self, now: LocalTime) -> Want {
        match self.phase {
            Phase::Retrying(at) if at <= now => {
                self.phase = Phase::Watching;
                Want::Watch(self.revision)
            }
            Phase::Resting(at) if at <= now => {
                self.phase = Phase::Listing;
                self.pages.clear();
                self.start()
            }
            _ => Want::Nothing,
        }
    }
    /// Whether progress should be asked for now.
    pub fn asks_progress(&mut self, now: LocalTime) -> bool {
        let due = self.next_progress.is_some_and(|at| at <= now);
        if due {
            self.next_progress = (!self.waits.is_empty()).then(|| now + PROGRESS_PERIOD);
        }
        due && !self.waits.is_empty()
    }
    /// A read waits until the cache has reached `revision`.
    pub fn wait(&mut self, now: LocalTime, ticket: u32, revision: Revision) {
        self.waits.push(Wait { ticket, revision, until: now + BLOCK_TIMEOUT });
        self.next_progress.get_or_insert(now + PROGRESS_PERIOD);
    }
    /// A request waits until there is a cache, and it has reached `revision`.
    pub fn wait_ready(&mut self, ticket: u32, revision: Revision, until: LocalTime) {
        self.waits.push(Wait { ticket, revision, until });
    }
    /// A read waits no more.
    pub fn forget(&mut self, ticket: u32) {
        self.waits.retain(|wait| wait.ticket != ticket);
    }
    /// The next read that waits no more, and whether the cache has what it wants.
    pub fn take_waited(&mut self, now: LocalTime) -> Option<(u32, bool)> {
        let reached = |wait: &Wait| self.ready && wait.revision <= self.revision;
        let ix = self.waits.iter().position(|wait| reached(wait) || wait.until <= now)?;
        let reached = reached(&self.waits[ix]);
        Some((self.waits.remove(ix).ticket, reached))
    }

    /// startCaching returned; it will be called again.
    fn rest(&mut self, now: LocalTime) -> Want {
        if self.ready {
            self.down_since = now;
        }
        self.ready = false;
        self.errors = None;
        self.pages.clear();
        self.phase = Phase::Resting(now + REINIT_PERIOD);
        Want::Nothing
    }
    fn apply(&mut self, event: &Event) -> Past {
        let key = event.kv.key;
        let old = if event.deleted { self.objects.remove(&key) } else { self.objects.insert(key, event.kv.clone()) };
        let before = old.as_ref().and_then(|kv| kv.value.object.pod()).and_then(|pod| pod.node);
        let what = match (event.deleted, &old) {
            (true, _) => EventType::Deleted,
            (false, None) => EventType::Added,
            (false, Some(_)) => EventType::Modified,
        };
        let told = WatchEvent { event: what, kv: event.kv.clone() };
        let after = node_of(&told).filter(|_| !event.deleted);
        if before != after {
            if let Some(node) = before {
                self.by_node.remove(&(node, key));
            }
            if let Some(node) = after {
                self.by_node.insert((node, key));
            }
        }
        Past { event: told, before }
    }
}
