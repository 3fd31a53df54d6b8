//! etcd: a member. Raft over rafthttp, a write-ahead log, and a store with its clients.

pub mod backend;
mod calls;
pub mod command;
mod durable;
pub mod history;
pub mod kv;
pub mod lease;
pub mod log;
pub mod message;
pub mod peer;
pub mod progress;
pub mod raft;
pub mod read_only;
pub mod rpc;
pub mod service;
mod stop;
pub mod watch;

use crate::actor::role::{Directory, Note, NoteKind};
use crate::actor::wire::{Message, Snapshot};
use crate::actor::{Actor, ConnUp, Cx, Input, Port};
use crate::engine::{Digest, LocalTime, Purpose, Rng, Span};
use crate::knob::{Knob, Knobs};
use crate::net::packet::ConnId;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use backend::{Backend, DiskTimes};
use command::Proposal;
use durable::{OnDisk, Writing};
use kv::Store;
use lease::Lessor;
use log::Wal;
use message::{Entry, Kind, MemberId, Message as RaftMessage};
use peer::{Failure, Peer, Report};
use progress::MAX_MEMBERS;
use raft::{Config, Raft, Ready, Role};
use rpc::Op;
use service::Service;
use stop::Stopping;
use watch::Watches;

/// Entries of the log kept behind the applied one. Unit: entries. Flag: --snapshot-catchup-entries. Sourced: etcd
/// server/etcdserver/server.go#DefaultSnapshotCatchUpEntries.
const CATCH_UP_ENTRIES: u64 = 5000;
/// The log is cut every so many applied entries. Unit: entries. Sourced: etcd
/// server/etcdserver/server.go#memorySnapshotCount, since 3.6.
const COMPACT_EVERY: u64 = 100;
/// How often a starting member looks for its peers. Sourced: etcd server/etcdserver/server.go#adjustTicks.
const ADJUST_EVERY: Span = Span::from_ms(50);
/// And how often it looks before it gives up. Unit: looks. Sourced: etcd server/etcdserver/server.go#adjustTicks.
const ADJUST_TRIES: u32 = 100;
/// A starting member that sees its peers waits for so few more ticks before it campaigns. Unit: ticks. Sourced: etcd
/// server/etcdserver/server.go#adjustTicks.
const ADJUST_LEFT: u32 = 2;
/// And one without peers. Unit: ticks. Sourced: etcd server/etcdserver/server.go#adjustTicks.
const ADJUST_LEFT_ALONE: u32 = 1;
/// How long after a snapshot went out the log is not cut. Sourced: etcd
/// server/etcdserver/server.go#releaseDelayAfterSnapshot.
const SNAPSHOT_RELEASE: Span = Span::from_secs(30);
/// The status of a process that panicked. Unit: status. Sourced: go src/runtime/panic.go#fatalpanic.
pub const PANICKED: u8 = 2;
/// What a PING's answer weighs: 9 bytes of header and 8 of data. Sourced: RFC 9113#6.7.
const PONG_BYTES: u32 = 17;
/// What a probe's answer weighs. Chosen: an HTTP head and a line of JSON.
const PROBE_REPLY_BYTES: u32 = 200;
/// What a POST's answer weighs. Chosen: an HTTP head without a body.
const POSTED_BYTES: u32 = 100;
/// What a WAL record adds to its entries. Unit: bytes. Chosen: a hard state, checksums and padding.
const WAL_RECORD: u32 = 64;

/// etcd's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Raft's tick.
    Tick,
    /// A starting member looks for its peers.
    Adjust,
    /// The oldest call reaches its limit.
    Calls,
    /// The current ReadIndex is sent again.
    ReadIndex,
    /// Keepalives on outgoing streams.
    LinkHeartbeat,
    /// An incoming stream's one deadline.
    Reader(MemberId, u8),
    /// A blocked write's deadline.
    Writer(MemberId, u8),
    /// A stream with room goes on writing.
    Drain(MemberId, u8),
    /// A POST's deadline.
    Post(MemberId, u8),
    /// The prober.
    Probe(MemberId),
    /// Watchers that are behind are served.
    WatchSync,
    /// Progress notifications are due.
    WatchProgress,
    /// A watch stream with room goes on writing.
    WatchDrain,
    /// Without a leader watches end, at the third time.
    LeaderCheck,
    /// An etcd lease has run out.
    Leases,
    /// A stopping leader looks whether it was relieved.
    Relief,
    /// The store's file is to be written.
    Commit,
    /// Without fsync: the kernel writes what it was given.
    Writeback,
}

impl From<Timer> for crate::actor::role::Timer {
    fn from(timer: Timer) -> Self {
        Self::Etcd(timer)
    }
}

/// What a member has counted since its process started, by the names of its metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Counters {
    /// etcd_server_leader_changes_seen_total.
    pub leader_changes_seen: u64,
    /// etcd_server_proposals_failed_total.
    pub proposals_failed: u64,
    /// etcd_server_slow_apply_total.
    pub slow_apply: u64,
    /// etcd_server_slow_read_indexes_total.
    pub slow_read_indexes: u64,
    /// etcd_server_read_indexes_failed_total.
    pub read_indexes_failed: u64,
    /// etcd_server_heartbeat_send_failures_total.
    pub heartbeat_send_failures: u64,
    /// etcd_network_snapshot_send_success, of all peers.
    pub snapshots_sent: u64,
    /// etcd_network_snapshot_send_failures, of all peers.
    pub snapshot_send_failures: u64,
}

/// One member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Etcd {
    id: MemberId,
    directory: Directory,
    // Durable: what a new process finds.
    wal: Wal<Proposal>,
    store: Store,
    /// The last entry the store has: a restarted member's log hands some of them out again.
    consistent_index: u64,
    /// What of that really is on the disk, if not all of it: nobody asked the kernel to sync.
    on_disk: Option<Box<OnDisk>>,
    incarnation: u32,
    // The process.
    raft: Raft<Proposal>,
    ready: Ready<Proposal>,
    writing: Option<Writing>,
    writes: u32,
    fsyncs: DiskTimes,
    /// What is committed and not applied.
    backlog: VecDeque<Entry<Proposal>>,
    backend: Backend,
    incoming: Option<Arc<Snapshot>>,
    peers: Vec<Peer>,
    service: Service,
    watches: Watches,
    lessor: Lessor,
    adjusts: u32,
    known: Known,
    counters: Counters,
    /// When each peer was last sent a heartbeat, since this member's role last changed.
    heartbeats: [Option<LocalTime>; MAX_MEMBERS],
    /// Snapshots on their way, and until when those that arrived keep the log from being cut.
    snapshots: (u32, LocalTime),
    stopping: Option<Stopping>,
}

/// What the member last told about its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Known {
    role: Role,
    leader: Option<MemberId>,
    /// The last leader it knew, if it knows none now.
    lost: Option<MemberId>,
    leaderless_since: Option<LocalTime>,
    elected_at: LocalTime,
}

impl Etcd {
    /// The member of control-plane host `n` (from 0), with an empty log.
    pub fn new(n: u8, directory: Directory, knobs: &Knobs, seed: u64) -> Self {
        let id = MemberId(n + 1);
        let wal: Wal<Proposal> = Wal::default();
        let rng = Rng::stream(seed, Purpose::Raft, u64::from(n));
        let raft = Raft::new(config(id, directory, knobs), rng, wal.stored());
        let role = raft.role();
        Self {
            id,
            directory,
            wal,
            store: Store::default(),
            consistent_index: 0,
            on_disk: None,
            incarnation: 0,
            raft,
            ready: Ready::default(),
            writing: None,
            writes: 0,
            fsyncs: DiskTimes::default(),
            backlog: VecDeque::new(),
            backend: Backend::default(),
            incoming: None,
            peers: Vec::new(),
            service: Service::default(),
            watches: Watches::default(),
            lessor: Lessor::default(),
            adjusts: 0,
            known: Known { role, leader: None, lost: None, leaderless_since: None, elected_at: LocalTime::ZERO },
            counters: Counters::default(),
            heartbeats: [None; MAX_MEMBERS],
            snapshots: (0, LocalTime::ZERO),
            stopping: None,
        }
    }
    /// The same member, with this store on its disk: as after a restore.
    pub fn restored(self, store: Store) -> Self {
        Self { store, ..self }
    }
    /// Its member id.
    pub const fn id(&self) -> MemberId {
        self.id
    }
    /// Its Raft.
    pub const fn raft(&self) -> &Raft<Proposal> {
        &self.raft
    }
    /// Its store.
    pub const fn store(&self) -> &Store {
        &self.store
    }
    /// The last entry that its store has.
    pub const fn consistent_index(&self) -> u64 {
        self.consistent_index
    }
    /// The entries that its newest Ready appended to the log, and which Ready of which process that was.
    pub fn appended(&self) -> ((u32, u64), &[Entry<Proposal>]) {
        ((self.incarnation, self.ready.mark.0), &self.ready.append)
    }
    /// Its peers.
    pub fn peers(&self) -> &[Peer] {
        &self.peers
    }
    /// Its clients' calls.
    pub const fn service(&self) -> &Service {
        &self.service
    }
    /// Its clients' watches.
    pub const fn watches(&self) -> &Watches {
        &self.watches
    }
    /// What it has counted since its process started.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }
    /// etcd_disk_wal_fsync_duration_seconds.
    pub const fn fsyncs(&self) -> &DiskTimes {
        &self.fsyncs
    }
    /// The file that the store is in.
    pub const fn backend(&self) -> &Backend {
        &self.backend
    }
    /// etcd_network_active_peers: peers with whom a stream stands.
    pub fn active_peers(&self) -> u32 {
        self.peers.iter().filter(|peer| peer.active_since().is_some()).count() as u32
    }
    /// Whether it is handing its leadership over before it stops.
    pub const fn stopping(&self) -> bool {
        self.stopping.is_some()
    }
    /// Whether a WAL write is under way.
    pub const fn syncing(&self) -> bool {
        self.writing.is_some()
    }
    /// How long it has known no leader.
    pub fn leaderless(&self, now: LocalTime) -> Span {
        self.known.leaderless_since.map_or(Span::ZERO, |since| now.since(since))
    }

    fn boot(&mut self, cx: &mut Cx<'_>) {
        self.incarnation += 1;
        // A process has dice of its own: it must not repeat the timeouts of the one before.
        let rng = Rng::stream(cx.rng.draw().bits(), Purpose::Raft, u64::from(self.id.0));
        let mut stored = self.wal.stored();
        if cx.knobs.on(Knob::BugForgetsVote) {
            stored.hard_state.vote = None;
        }
        self.raft = Raft::new(config(self.id, self.directory, cx.knobs), rng, stored);
        self.ready = Ready::default();
        self.writing = None;
        self.await_writeback(cx);
        self.fsyncs = DiskTimes::default();
        self.backlog.clear();
        self.backend = Backend::new(cx.now);
        self.incoming = None;
        self.service = Service::default();
        self.watches = Watches::new(cx.now);
        self.watches.leader_lost(cx);
        self.lessor = Lessor::new(cx.now);
        self.adjusts = 0;
        self.counters = Counters::default();
        self.heartbeats = [None; MAX_MEMBERS];
        self.snapshots = (0, LocalTime::ZERO);
        self.stopping = None;
        self.known = Known {
            role: self.raft.role(),
            leader: None,
            lost: None,
            leaderless_since: Some(cx.now),
            elected_at: LocalTime::ZERO,
        };
        let others = (0..self.directory.members).filter(|n| n + 1 != self.id.0);
        self.peers = others.map(|n| Peer::new(MemberId(n + 1), self.directory.etcd(n))).collect();
        for peer in &mut self.peers {
            peer.start(cx);
        }
        cx.arm(Timer::Tick, cx.knobs.ms(Knob::HeartbeatInterval));
        cx.arm(Timer::LinkHeartbeat, peer::LINK_HEARTBEAT);
        cx.arm(Timer::Adjust, ADJUST_EVERY);
        self.advance(cx);
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>, timer: Timer) {
        match timer {
            Timer::Tick => {
                cx.arm(Timer::Tick, cx.knobs.ms(Knob::HeartbeatInterval));
                self.raft.set_election(
                    cx.knobs.election_ticks(),
                    cx.knobs.on(Knob::PreVote),
                    cx.knobs.on(Knob::CheckQuorum),
                );
                self.raft.tick();
            }
            Timer::Adjust => self.adjust(cx),
            Timer::Calls => self.expire_calls(cx),
            Timer::ReadIndex => self.retry_read(cx),
            Timer::LinkHeartbeat => {
                cx.arm(Timer::LinkHeartbeat, peer::LINK_HEARTBEAT);
                self.peers.iter_mut().for_each(|peer| peer.link_heartbeat(cx));
            }
            Timer::WatchSync => self.watches.sync(cx, &self.store),
            Timer::WatchProgress => self.watches.progress_due(cx, self.store.revision()),
            Timer::WatchDrain => self.watches.drain(cx, &self.store),
            Timer::LeaderCheck => {
                self.watches.check_leader(cx, self.raft.leader().is_some(), self.store.revision());
            }
            Timer::Leases => {
                for lease in self.lessor.due(cx, &self.store) {
                    let op = Op::Revoke { lease };
                    let proposal = Proposal { origin: self.id, incarnation: self.incarnation, id: 0, op };
                    let _dropped = self.raft.propose(proposal); // It is revoked again in three seconds.
                }
            }
            Timer::Relief => self.await_relief(cx),
            Timer::Commit => self.begin_commit(cx),
            Timer::Writeback => self.on_disk = None,
            Timer::Drain(id, stream) => {
                if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id() == id) {
                    peer.drain(cx, usize::from(stream));
                }
            }
            Timer::Reader(id, _) | Timer::Writer(id, _) | Timer::Post(id, _) | Timer::Probe(id) => {
                let peer = self.peers.iter_mut().find(|peer| peer.id() == id);
                let report = peer.and_then(|peer| peer.on_timer(cx, timer));
                self.on_report(cx, report);
            }
        }
    }

    /// A starting member that sees its peers needn't wait a whole election timeout for a leader that isn't there.
    fn adjust(&mut self, cx: &mut Cx<'_>) {
        let single = self.directory.members == 1;
        let active = self.peers.iter().filter(|peer| peer.active_since().is_some()).count();
        let ticks = cx.knobs.election_ticks();
        if single || active > 1 {
            let skip = if single { ticks - ADJUST_LEFT_ALONE } else { ticks.saturating_sub(ADJUST_LEFT) };
            (0..skip).for_each(|_| self.raft.tick());
            return;
        }
        self.adjusts += 1;
        if self.adjusts < ADJUST_TRIES {
            cx.arm(Timer::Adjust, ADJUST_EVERY);
        }
    }

    fn on_conn(&mut self, cx: &mut Cx<'_>, conn: ConnId, up: ConnUp) {
        if let ConnUp::Accepted { port, .. } = up {
            if matches!(port, Port::EtcdClient | Port::EtcdHealth) {
                self.service.connected(conn);
            }
            return;
        }
        for n in 0..self.peers.len() {
            if let Some(report) = self.peers[n].on_conn(cx, conn, up) {
                self.on_report(cx, report);
                return;
            }
        }
        match up {
            ConnUp::Full => self.watches.full(conn),
            ConnUp::Writable => self.watches.writable(cx, conn, &self.store),
            ConnUp::PeerClosed | ConnUp::Failed(_) => {
                self.counters.proposals_failed += self.service.disconnected(conn);
                self.watches.disconnected(conn);
                if up == ConnUp::PeerClosed {
                    cx.close(conn);
                }
            }
            ConnUp::Accepted { .. } | ConnUp::Connected => {}
        }
    }

    fn on_message(&mut self, cx: &mut Cx<'_>, conn: ConnId, message: Message) {
        match message {
            Message::StreamOpen(from, stream) => {
                let peer = self.peers.iter_mut().find(|peer| peer.program() == from);
                let report = peer.and_then(|peer| peer.attach(cx, usize::from(stream), conn));
                self.on_report(cx, report);
            }
            Message::Rpc(request) => self.on_call(cx, conn, *request),
            Message::Watch(call) => {
                self.watches.on_call(cx, conn, call, &self.store, self.raft.leader().is_some());
            }
            Message::Cancel(id) => self.counters.proposals_failed += u64::from(self.service.cancel(conn, id)),
            Message::Health(path, n) => self.on_health(cx, conn, path, n),
            Message::Ping => cx.send(conn, PONG_BYTES, Message::Pong),
            Message::Probe(n) => cx.send(conn, PROBE_REPLY_BYTES, Message::ProbeReply(n)),
            other => self.on_peer_message(cx, conn, other),
        }
    }

    fn on_peer_message(&mut self, cx: &mut Cx<'_>, conn: ConnId, message: Message) {
        let mut message = Some(message);
        for n in 0..self.peers.len() {
            if let Some(report) = self.peers[n].on_message(cx, conn, &mut message) {
                self.on_report(cx, report);
                return;
            }
        }
        // A POST from a peer's pipeline.
        match message {
            Some(Message::Raft(raft)) => {
                cx.send(conn, POSTED_BYTES, Message::Posted);
                self.raft.step(*raft);
            }
            Some(Message::Snapshot(snapshot)) => {
                cx.send(conn, POSTED_BYTES, Message::Posted);
                self.on_report(cx, Some(Report::Snapshot(snapshot)));
            }
            _ => {} // An answer on a connection already given up.
        }
    }

    fn on_report(&mut self, cx: &mut Cx<'_>, report: Option<Report>) {
        match report {
            Some(Report::Raft(message)) => self.raft.step(*message),
            Some(Report::Snapshot(snapshot)) => {
                // Raft may refuse it, for it is older than what it has or than one that is being installed: then the
                // store it goes with must not take the place of the one that is awaited.
                let before = self.raft.snapshot();
                self.raft.step(snapshot.message.clone());
                let after = self.raft.snapshot();
                if after != before && snapshot.message.snapshot == Some(after) {
                    self.incoming = Some(snapshot);
                }
            }
            Some(Report::Failed(id, failure)) => {
                self.raft.report_unreachable(id);
                if failure == Failure::Snapshot {
                    self.counters.snapshot_send_failures += 1;
                    self.snapshots.0 = self.snapshots.0.saturating_sub(1);
                    self.raft.report_snapshot(id, false);
                }
            }
            Some(Report::SnapshotSent(id)) => {
                cx.note(Note::new(NoteKind::SnapshotSent, u32::from(id.0), self.raft.applied_index()));
                self.counters.snapshots_sent += 1;
                self.snapshots = (self.snapshots.0.saturating_sub(1), cx.now + SNAPSHOT_RELEASE);
                self.raft.report_snapshot(id, true);
            }
            None => {}
        }
    }

    /// etcd's raft loop: one Ready at a time, the next only when this one is on disk.
    fn advance(&mut self, cx: &mut Cx<'_>) {
        loop {
            self.tell_role(cx);
            if self.writing.is_some() || !self.raft.has_ready() {
                return;
            }
            let mut ready = core::mem::take(&mut self.ready);
            self.raft.take_ready(&mut ready);
            let unsynced = ready.must_sync && cx.knobs.on(Knob::BugNoFsync);
            if unsynced {
                self.leave_to_kernel(cx);
            }
            self.apply(cx, &mut ready);
            for message in ready.messages_now.drain(..) {
                self.send(cx, message);
            }
            self.ready = ready;
            if self.ready.must_sync && !unsynced {
                let bytes: u32 = self.ready.append.iter().map(Entry::bytes).sum();
                self.writing = Some(Writing { op: self.write(cx, WAL_RECORD + bytes), since: cx.now });
                return;
            }
            self.durable(cx);
        }
    }

    fn apply(&mut self, cx: &mut Cx<'_>, ready: &mut Ready<Proposal>) {
        if let (Some(meta), Some(incoming)) = (ready.snapshot, self.incoming.take()) {
            // What was committed before it is applied before it, or nobody would answer for that.
            while let Some(entry) = self.backlog.pop_front() {
                self.apply_entry(cx, &entry);
            }
            debug_assert_eq!(incoming.message.snapshot, Some(meta), "the store of the snapshot that Raft installs");
            // The store of a member that restarted is ahead of what its log has handed out again.
            self.store = incoming.store.clone();
            self.consistent_index = incoming.consistent_index;
            self.watches.restored(cx);
        }
        self.backlog.extend(ready.committed.drain(..));
        self.apply_backlog(cx);
        for read in ready.read_states.drain(..) {
            // What an earlier process of this member asked may be answered late, with an index from before that.
            if read.context >> 40 == u64::from(self.incarnation) {
                self.service.confirm(read.context >> 8 & 0xffff_ffff, read.index);
            }
        }
        self.answer_reads(cx);
    }

    fn apply_entry(&mut self, cx: &mut Cx<'_>, entry: &Entry<Proposal>) {
        cx.note(Note::new(NoteKind::Applied, Digest::of(entry) as u32, entry.index));
        let new = entry.index > self.consistent_index;
        if let (true, Some(proposal)) = (new, &entry.payload) {
            let result = self.store.apply(&proposal.op);
            self.backend.changed(cx);
            if let Op::Grant { lease, .. } = proposal.op {
                self.lessor.granted(cx, lease, &self.store);
            }
            if proposal.origin == self.id && proposal.incarnation == self.incarnation {
                self.service.finish(cx, proposal.id, result);
            }
        }
        self.consistent_index = self.consistent_index.max(entry.index);
        if entry.payload.is_none() {
            self.term_opened(cx);
        }
        self.raft.applied(entry.index);
        self.wal.applied(entry.index);
        let (snapshots, until) = self.snapshots;
        let may_cut = snapshots == 0 && until <= cx.now;
        if may_cut && entry.index > CATCH_UP_ENTRIES && entry.index.is_multiple_of(COMPACT_EVERY) {
            self.raft.compact(entry.index - CATCH_UP_ENTRIES);
            self.wal.compact(entry.index - CATCH_UP_ENTRIES);
        }
    }

    /// The first entry of a term is applied.
    fn term_opened(&mut self, cx: &mut Cx<'_>) {
        // etcd server/etcdserver/read/read.go: it sends the ReadIndex again.
        if let Some(context) = self.service.unconfirmed() {
            self.ask_leader(cx, context);
        }
        // etcd server/etcdserver/server.go#applyEntryNormal: and makes the leader count the leases' time.
        if self.raft.role() == Role::Leader {
            self.lessor.promote(cx, &self.store);
        }
    }

    fn send(&mut self, cx: &mut Cx<'_>, mut message: RaftMessage<Proposal>) {
        let to = message.to;
        let Some(n) = self.peers.iter().position(|peer| peer.id() == to) else { return };
        if message.kind == Kind::Heartbeat {
            self.heartbeat_sent(cx, to);
        }
        let report = if message.kind == Kind::Snap {
            self.snapshots.0 += 1;
            // etcd sends the store as it is now, not as it was when the log was cut.
            let index = self.raft.applied_index();
            let term = self.raft.term_at(index).unwrap_or(message.log_term);
            message.snapshot = Some(message::SnapshotMeta { index, term });
            let snapshot =
                Arc::new(Snapshot { message, consistent_index: self.consistent_index, store: self.store.clone() });
            self.peers[n].post(cx, Message::Snapshot(snapshot))
        } else {
            self.peers[n].send(cx, message)
        };
        self.on_report(cx, report);
    }

    /// etcd server/etcdserver/raft.go#processMessages, pkg/contention/contention.go: a leader that is later with a heartbeat
    /// than twice their interval counts that, for it is a sign of a slow disk.
    fn heartbeat_sent(&mut self, cx: &mut Cx<'_>, to: MemberId) {
        let allowed = cx.knobs.ms(Knob::HeartbeatInterval).scale(2, 1);
        let before = self.heartbeats[to.ix()].replace(cx.now);
        let late = before.map_or(Span::ZERO, |before| cx.now.since(before).saturating_sub(allowed));
        if !late.is_zero() {
            self.counters.heartbeat_send_failures += 1;
            cx.note(Note::new(NoteKind::HeartbeatLate, u32::from(to.0), late.us()));
        }
    }

    /// Tells what changed about who leads, and does what etcd does on it.
    fn tell_role(&mut self, cx: &mut Cx<'_>) {
        let (role, leader, term) = (self.raft.role(), self.raft.leader(), self.raft.term());
        if role != self.known.role {
            let kind = match (role, self.known.role) {
                (Role::PreCandidate, _) => Some(NoteKind::PreCampaigns),
                (Role::Candidate, _) => Some(NoteKind::Campaigns),
                (Role::Leader, _) => Some(NoteKind::Leads),
                (Role::Follower, Role::Leader) => Some(NoteKind::StepsDown),
                (Role::Follower, _) => None,
            };
            self.known.role = role;
            self.heartbeats = [None; MAX_MEMBERS];
            if role != Role::Leader {
                self.lessor.demote();
            }
            if let Some(kind) = kind {
                cx.note(Note::new(kind, self.raft.randomized_election_timeout(), term));
            }
        }
        if leader == self.known.leader {
            return;
        }
        let before = core::mem::replace(&mut self.known.leader, leader);
        match (before, leader) {
            (Some(lost), None) => {
                self.known.leaderless_since = Some(cx.now);
                self.known.lost = Some(lost);
                self.watches.leader_lost(cx);
                cx.note(Note::new(NoteKind::LosesLeader, u32::from(lost.0), term));
            }
            (_, Some(found)) => {
                self.known.leaderless_since = None;
                if found == self.id {
                    // Only a member that leads itself takes down when: the others blame no election.
                    self.known.elected_at = cx.now;
                }
                self.counters.leader_changes_seen += 1;
                cx.note(Note::new(NoteKind::FindsLeader, u32::from(found.0), term));
                self.leader_found(cx);
            }
            (None, None) => {}
        }
    }
}

impl Actor for Etcd {
    #[inline(never)] // See `Role::handle`.
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        match input {
            Input::Boot => return self.boot(cx),
            Input::Timer(crate::actor::role::Timer::Etcd(timer)) => self.on_timer(cx, timer),
            Input::Terminate => self.terminate(cx),
            Input::Timer(_) | Input::ProgramEnded(_) | Input::Operate(_) => return,
            Input::Conn(conn, up) => self.on_conn(cx, conn, up),
            Input::Message(conn, message) => self.on_message(cx, conn, message),
            Input::DiskDone(op) => self.written(cx, op),
        }
        if self.raft.forgetful() {
            return cx.exit(PANICKED); // So does etcd. It comes back, and panics again.
        }
        self.advance(cx);
    }
}

fn config(id: MemberId, directory: Directory, knobs: &Knobs) -> Config {
    Config {
        election_tick: knobs.election_ticks(),
        pre_vote: knobs.on(Knob::PreVote),
        check_quorum: knobs.on(Knob::CheckQuorum),
        ..Config::etcd(id, directory.members)
    }
}

#[cfg(test)]
mod tests;
