//! etcd's watches: who watches what, and how far each has been told.
//!
//! A synced watcher hears of a change when the member applies it. One that starts in the past, or whose connection takes
//! no more, is behind; it catches up from the store's history, and ends if that is compacted. Constants and rules:
//! etcd server/storage/mvcc/watchable_store.go, watcher_group.go; server/etcdserver/api/v3rpc/watch.go, interceptor.go.
//!
//! Simplified: all watches of a connection are one stream; what one Ready applies is told in one message, where etcd
//! sends one per revision; a watcher that did not fit goes on from the history as soon as there is room, where etcd
//! keeps the message and tries again every 10 ms.

use super::Timer;
use super::kv::Store;
use super::rpc::{Event, Key, Revision, WatchCall, WatchEnd, WatchNews, WatchReply};
use crate::actor::Cx;
use crate::actor::wire::Message;
use crate::engine::{LocalTime, Span};
use crate::knob::Knob;
use crate::net::packet::ConnId;
use crate::object::Kind;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// How often watchers that are behind are served. Sourced: etcd
/// server/storage/mvcc/watchable_store.go#watchResyncPeriod.
pub const SYNC_EVERY: Span = Span::from_ms(100);
/// How many watchers are served at a time. Unit: watchers. Sourced: etcd
/// server/storage/mvcc/watchable_store.go#maxWatchersPerSync.
const WATCHERS_PER_SYNC: usize = 512;
/// Messages that wait for a connection; one more makes a watcher fall behind. Unit: messages. Sourced: etcd
/// server/storage/mvcc/watchable_store.go#chanBufLen.
const QUEUE: usize = 128;
/// And so many in all if they begin or end a watch; one more ends the connection. Unit: messages. Chosen: as many
/// again; etcd keeps 16 of these apart (v3rpc/watch.go's ctrlStreamBufLen) and reads no further, which ends nothing by
/// itself.
const CONTROL_QUEUE: usize = QUEUE + 128;
/// The most revisions in one message of a watcher that is behind. Unit: revisions. Sourced: etcd
/// server/storage/mvcc/watcher_group.go#watchBatchMaxRevs.
const BATCH_REVISIONS: usize = 1000;
/// How often an idle watch is told how far it is; etcd's own default is 10 minutes. Flag:
/// --watch-progress-notify-interval. Sourced: kubernetes cmd/kubeadm/app/phases/etcd/local.go#getEtcdCommand.
pub const PROGRESS_EVERY: Span = Span::from_secs(5);
/// Up to one part in so many longer, drawn once per stream. Unit: parts. Sourced: etcd
/// server/etcdserver/api/v3rpc/watch.go#GetProgressReportInterval.
const PROGRESS_JITTER: u64 = 10;
/// Checks without a leader, an election timeout apart, that end a watch. Unit: checks. Sourced: etcd
/// server/etcdserver/api/v3rpc/interceptor.go#maxNoLeaderCnt.
const NO_LEADER_CHECKS: u32 = 3;
/// What is written to a connection before the kernel may say that it is full. Unit: bytes. Chosen: HTTP/2's first
/// window.
const FLUSH: u32 = 64 << 10;
/// The most watches of a member; a connection that wants one more is closed. Unit: watches. Chosen: above what all API
/// servers need.
const WATCHES: usize = 4096;
/// Kinds of keys, and so lists of watchers by what they watch. Code: a table's size.
const KINDS: usize = Kind::ALL.len();

/// How a watcher stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum State {
    /// It hears of changes as they happen.
    Synced,
    /// It is behind.
    Unsynced,
    /// It is behind because its connection takes no more.
    Victim,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Watcher {
    conn: ConnId,
    watch: u32,
    from: Key,
    to: Key,
    /// The first revision it has not been told of, as far as it has been told anything.
    next: Revision,
    state: State,
    require_leader: bool,
    /// Whether it wants progress notifications, and whether the next one is due: one is left out after events.
    progress: Option<bool>,
}

impl Watcher {
    fn wants(&self, event: &Event) -> bool {
        (self.from..self.to).contains(&event.kv.key) && event.kv.mod_revision >= self.next
    }
    /// The kinds its range touches, as places in the lists by kind.
    fn kinds(&self) -> core::ops::RangeInclusive<usize> {
        kind(self.from)..=kind(Key(self.to.0.saturating_sub(1)))
    }
}

/// A client's connection, as far as watches use it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stream {
    conn: ConnId,
    blocked: bool,
    queue: VecDeque<WatchReply>,
    /// How often progress is due, and when next.
    progress: Option<(Span, LocalTime)>,
}

/// The watches of one member's clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Watches {
    /// When the process started: its loops tick from there.
    boot: LocalTime,
    streams: Vec<Stream>,
    watchers: BTreeMap<u32, Watcher>,
    /// The watchers whose range touches a kind, oldest first.
    by_kind: [Vec<u32>; KINDS],
    created: u32,
    /// How many are not synced.
    behind: u32,
    syncing: bool,
    progress_due: Option<LocalTime>,
    no_leader_checks: u32,
}

impl Watches {
    /// No watches yet, in a process that starts now.
    pub fn new(boot: LocalTime) -> Self {
        Self { boot, ..Self::default() }
    }
    /// etcd_debugging_mvcc_watch_stream_total.
    pub const fn streams(&self) -> u32 {
        self.streams.len() as u32
    }
    /// etcd_debugging_mvcc_watcher_total.
    pub fn watchers(&self) -> u32 {
        self.watchers.len() as u32
    }
    /// etcd_debugging_mvcc_slow_watcher_total: watchers that are behind.
    pub const fn slow_watchers(&self) -> u32 {
        self.behind
    }
    /// etcd_debugging_mvcc_pending_events_total, in messages: what waits for its connection.
    pub fn pending(&self) -> u32 {
        self.streams.iter().map(|stream| stream.queue.len() as u32).sum()
    }

    /// A client says something on its watch stream.
    pub fn on_call(&mut self, cx: &mut Cx<'_>, conn: ConnId, call: WatchCall, store: &Store, leader: bool) {
        match call {
            WatchCall::Create { watch, require_leader: true, .. } if !leader => {
                let end = WatchNews::Canceled(WatchEnd::NoLeader);
                self.control(cx, conn, WatchReply { watch, revision: store.revision(), news: end });
            }
            WatchCall::Create { watch, from, to, start, progress_notify, require_leader } => {
                let behind = start != 0 && start <= store.revision();
                let watcher = Watcher {
                    conn,
                    watch,
                    from,
                    to,
                    next: if start == 0 { store.revision() + 1 } else { start },
                    state: if behind { State::Unsynced } else { State::Synced },
                    require_leader,
                    progress: progress_notify.then_some(true),
                };
                self.create(cx, watcher, store.revision());
            }
            WatchCall::Cancel(watch) => {
                let found = self.watchers.iter().find(|(_, it)| it.conn == conn && it.watch == watch);
                if let Some((&id, _)) = found {
                    self.end(cx, id, WatchEnd::Requested, store.revision());
                }
            }
            WatchCall::Progress => self.progress_all(cx, conn, store.revision()),
        }
    }

    fn create(&mut self, cx: &mut Cx<'_>, watcher: Watcher, revision: Revision) {
        if self.watchers.len() >= WATCHES {
            self.disconnected(watcher.conn);
            return cx.close(watcher.conn);
        }
        let (conn, watch) = (watcher.conn, watcher.watch);
        self.control(cx, conn, WatchReply { watch, revision, news: WatchNews::Created });
        let Some(stream) = self.stream(conn) else { return };
        if watcher.progress.is_some() && stream.progress.is_none() {
            let every = PROGRESS_EVERY + cx.rng.draw().up_to(PROGRESS_EVERY.scale(1, PROGRESS_JITTER));
            stream.progress = Some((every, cx.now + every));
            self.arm_progress(cx);
        }
        self.created += 1;
        for kind in watcher.kinds() {
            self.by_kind[kind].push(self.created);
        }
        self.behind += u32::from(watcher.state != State::Synced);
        self.watchers.insert(self.created, watcher);
        self.arm_sync(cx);
    }
    /// Forgets a watcher.
    fn remove(&mut self, id: u32) -> Option<Watcher> {
        let watcher = self.watchers.remove(&id)?;
        for kind in watcher.kinds() {
            self.by_kind[kind].retain(|it| *it != id);
        }
        self.behind -= u32::from(watcher.state != State::Synced);
        Some(watcher)
    }
    fn end(&mut self, cx: &mut Cx<'_>, id: u32, end: WatchEnd, revision: Revision) {
        if let Some(Watcher { conn, watch, .. }) = self.remove(id) {
            self.control(cx, conn, WatchReply { watch, revision, news: WatchNews::Canceled(end) });
        }
    }
    fn set_state(&mut self, id: u32, state: State) {
        if let Some(watcher) = self.watchers.get_mut(&id) {
            let before = core::mem::replace(&mut watcher.state, state);
            self.behind += u32::from(state != State::Synced);
            self.behind -= u32::from(before != State::Synced);
        }
    }

    /// A client's connection is gone, and its watches with it.
    pub fn disconnected(&mut self, conn: ConnId) {
        let Some(at) = self.streams.iter().position(|stream| stream.conn == conn) else { return };
        self.streams.remove(at);
        let of_conn = self.watchers.iter().filter(|(_, watcher)| watcher.conn == conn).map(|(id, _)| *id);
        for id in of_conn.collect::<Vec<_>>() {
            self.remove(id);
        }
    }

    /// The store has changed from `since` on: its synced watchers hear of it.
    pub fn notify(&mut self, cx: &mut Cx<'_>, store: &Store, since: Revision) {
        if self.watchers.is_empty() {
            return;
        }
        let mut events = store.since(since);
        let Some(first) = events.next() else { return };
        let more = events.next().is_some();
        let mut told = Vec::new();
        if more {
            let touched: u32 = store.since(since).map(|event| 1 << kind(event.kv.key)).fold(0, |all, bit| all | bit);
            for (id, watcher) in &self.watchers {
                let touches = watcher.kinds().any(|kind| touched >> kind & 1 == 1);
                if watcher.state == State::Synced && touches {
                    let wanted = store.since(since).filter(|event| watcher.wants(event)).cloned();
                    told.push((*id, wanted.collect::<Arc<[Event]>>()));
                }
            }
            told.retain(|(_, events)| !events.is_empty());
        } else {
            let mut one: Option<Arc<[Event]>> = None;
            for id in &self.by_kind[kind(first.kv.key)] {
                let watcher = &self.watchers[id];
                if watcher.state == State::Synced && watcher.wants(first) {
                    let one = one.get_or_insert_with(|| Arc::new([first.clone()]));
                    told.push((*id, one.clone()));
                }
            }
        }
        for (id, events) in told {
            if !self.tell(cx, id, events, store.revision()) {
                self.set_state(id, State::Victim);
            }
        }
    }
    /// Tells a watcher of changes, if its connection has room. It has been told of all up to the last of them then.
    fn tell(&mut self, cx: &mut Cx<'_>, id: u32, events: Arc<[Event]>, revision: Revision) -> bool {
        let Some(watcher) = self.watchers.get_mut(&id) else { return true };
        let last = events.last().map_or(watcher.next, |event| event.kv.mod_revision + 1);
        let (conn, watch) = (watcher.conn, watcher.watch);
        let sent = self.send(cx, conn, WatchReply { watch, revision, news: WatchNews::Events(events) }, QUEUE);
        if let (true, Some(watcher)) = (sent, self.watchers.get_mut(&id)) {
            watcher.next = last;
            watcher.progress = watcher.progress.map(|_| false);
        }
        sent
    }

    /// A snapshot has taken the store's place: nobody is in step with it.
    pub fn restored(&mut self, cx: &mut Cx<'_>) {
        let synced = self.watchers.iter().filter(|(_, watcher)| watcher.state == State::Synced).map(|(id, _)| *id);
        for id in synced.collect::<Vec<_>>() {
            self.set_state(id, State::Unsynced);
        }
        self.arm_sync(cx);
    }

    /// Serves the watchers that are behind: [`Timer::WatchSync`] went off.
    pub fn sync(&mut self, cx: &mut Cx<'_>, store: &Store) {
        self.syncing = false;
        let unsynced = self.watchers.iter().filter(|(_, watcher)| watcher.state == State::Unsynced);
        let ids: Vec<u32> = unsynced.take(WATCHERS_PER_SYNC).map(|(id, _)| *id).collect();
        for id in ids {
            self.catch_up(cx, id, store);
        }
        self.arm_sync(cx);
    }
    fn catch_up(&mut self, cx: &mut Cx<'_>, id: u32, store: &Store) {
        let Some(watcher) = self.watchers.get(&id) else { return };
        if watcher.next < store.compacted() {
            return self.end(cx, id, WatchEnd::Compacted(store.compacted()), store.revision());
        }
        let (mut revisions, mut last, mut rest) = (0, 0, None);
        let mut events = Vec::new();
        for event in store.since(watcher.next).filter(|event| watcher.wants(event)) {
            let revision = event.kv.mod_revision;
            revisions += usize::from(revision != last);
            last = revision;
            if revisions > BATCH_REVISIONS {
                rest = Some(revision);
                break;
            }
            events.push(event.clone());
        }
        if !events.is_empty() && !self.tell(cx, id, events.into(), store.revision()) {
            return self.set_state(id, State::Victim);
        }
        if let Some(watcher) = self.watchers.get_mut(&id) {
            watcher.next = rest.unwrap_or(watcher.next.max(store.revision() + 1));
        }
        self.set_state(id, if rest.is_some() { State::Unsynced } else { State::Synced });
    }
    fn arm_sync(&mut self, cx: &mut Cx<'_>) {
        let unsynced = |watcher: &Watcher| watcher.state == State::Unsynced;
        if !self.syncing && self.behind > 0 && self.watchers.values().any(unsynced) {
            self.syncing = true;
            cx.arm(Timer::WatchSync, until_next(self.boot, cx.now, SYNC_EVERY));
        }
    }

    /// Progress of every watch of a connection, if none of them is behind.
    fn progress_all(&mut self, cx: &mut Cx<'_>, conn: ConnId, revision: Revision) {
        let mut of_conn = self.watchers.values().filter(|watcher| watcher.conn == conn).peekable();
        if of_conn.peek().is_some() && of_conn.all(|watcher| in_step(watcher, revision)) {
            self.send(cx, conn, WatchReply { watch: WatchReply::ALL, revision, news: WatchNews::Progress }, QUEUE);
        }
    }
    /// [`Timer::WatchProgress`] went off.
    pub fn progress_due(&mut self, cx: &mut Cx<'_>, revision: Revision) {
        self.progress_due = None;
        let mut due = Vec::new();
        for stream in &mut self.streams {
            if let Some((every, at)) = stream.progress.as_mut().filter(|(_, at)| *at <= cx.now) {
                *at = *at + *every;
                due.push(stream.conn);
            }
        }
        let mut quiet = Vec::new();
        for watcher in self.watchers.values_mut().filter(|watcher| due.contains(&watcher.conn)) {
            let Some(wanted) = watcher.progress.as_mut() else { continue };
            if core::mem::replace(wanted, true) && in_step(watcher, revision) {
                quiet.push((watcher.conn, watcher.watch));
            }
        }
        for (conn, watch) in quiet {
            self.send(cx, conn, WatchReply { watch, revision, news: WatchNews::Progress }, QUEUE);
        }
        self.arm_progress(cx);
    }
    fn arm_progress(&mut self, cx: &mut Cx<'_>) {
        let next = self.streams.iter().filter_map(|stream| stream.progress.map(|(_, at)| at)).min();
        if let Some(at) = next.filter(|_| next != self.progress_due) {
            self.progress_due = next;
            cx.arm(Timer::WatchProgress, at.since(cx.now));
        }
    }

    /// The member knows no leader.
    pub fn leader_lost(&self, cx: &mut Cx<'_>) {
        cx.arm(Timer::LeaderCheck, until_next(self.boot, cx.now, cx.knobs.ms(Knob::ElectionTimeout)));
    }
    /// [`Timer::LeaderCheck`] went off.
    pub fn check_leader(&mut self, cx: &mut Cx<'_>, leader: bool, revision: Revision) {
        if leader {
            self.no_leader_checks = 0;
            return;
        }
        self.no_leader_checks += 1;
        if self.no_leader_checks >= NO_LEADER_CHECKS {
            let ids = self.watchers.iter().filter(|(_, watcher)| watcher.require_leader).map(|(id, _)| *id);
            for id in ids.collect::<Vec<_>>() {
                self.end(cx, id, WatchEnd::NoLeader, revision);
            }
        }
        self.leader_lost(cx);
    }

    /// The kernel says that a connection is full.
    pub fn full(&mut self, conn: ConnId) {
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.conn == conn) {
            stream.blocked = true;
        }
    }
    /// The kernel says that a connection has room.
    pub fn writable(&mut self, cx: &mut Cx<'_>, conn: ConnId, store: &Store) {
        if let Some(at) = self.streams.iter().position(|stream| stream.conn == conn) {
            self.streams[at].blocked = false;
            self.drain_stream(cx, at, store);
        }
    }
    /// [`Timer::WatchDrain`] went off: connections that took the last flush whole get the next.
    pub fn drain(&mut self, cx: &mut Cx<'_>, store: &Store) {
        for at in 0..self.streams.len() {
            if !self.streams[at].blocked {
                self.drain_stream(cx, at, store);
            }
        }
    }
    fn drain_stream(&mut self, cx: &mut Cx<'_>, at: usize, store: &Store) {
        let stream = &mut self.streams[at];
        let (conn, mut written) = (stream.conn, 0_u32);
        while let Some(reply) = stream.queue.pop_front_if(|_| written < FLUSH) {
            let bytes = reply.bytes();
            written = written.saturating_add(bytes);
            cx.send(conn, bytes, Message::WatchReply(reply));
        }
        let victim = |(_, it): &(&u32, &Watcher)| it.conn == conn && it.state == State::Victim;
        let victims: Vec<u32> = self.watchers.iter().filter(victim).map(|(id, _)| *id).collect();
        // Behind what still waits, so that nothing overtakes.
        for id in victims {
            self.set_state(id, State::Unsynced);
            self.catch_up(cx, id, store);
        }
        self.arm_sync(cx);
        if !self.streams[at].queue.is_empty() {
            cx.arm(Timer::WatchDrain, Span::ZERO);
        }
    }

    fn stream(&mut self, conn: ConnId) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.conn == conn)
    }
    /// What begins or ends a watch must not be lost.
    fn control(&mut self, cx: &mut Cx<'_>, conn: ConnId, reply: WatchReply) {
        if self.stream(conn).is_none() {
            self.streams.push(Stream { conn, blocked: false, queue: VecDeque::new(), progress: None });
        }
        if !self.send(cx, conn, reply, CONTROL_QUEUE) {
            self.disconnected(conn);
            cx.close(conn);
        }
    }
    /// Writes to a connection, or waits in its queue of at most `most`. False: there is no room.
    fn send(&mut self, cx: &mut Cx<'_>, conn: ConnId, reply: WatchReply, most: usize) -> bool {
        let Some(stream) = self.stream(conn) else { return true };
        if !stream.blocked && stream.queue.is_empty() {
            cx.send(conn, reply.bytes(), Message::WatchReply(reply));
            return true;
        }
        let room = stream.queue.len() < most;
        if room {
            stream.queue.push_back(reply);
        }
        room
    }
}

/// Whether a watcher knows all up to this revision, and did not ask for later ones only.
fn in_step(watcher: &Watcher, revision: Revision) -> bool {
    watcher.state == State::Synced && watcher.next <= revision + 1
}

/// The place of a key's kind in the lists by kind.
fn kind(key: Key) -> usize {
    (key.0 >> 56).min(KINDS as u64 - 1) as usize
}

/// How long until a loop that has ticked `every` so often since `boot` ticks next.
pub fn until_next(boot: LocalTime, now: LocalTime, every: Span) -> Span {
    let since = now.since(boot).ns() % every.ns().max(1);
    every.saturating_sub(Span::from_ns(since))
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
