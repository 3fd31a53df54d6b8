//! The store's file: bbolt. What was applied is committed to it every 100 ms, and while that lasts nothing else is applied
//! or read: this is how a slow disk slows etcd's reads, its health checks and, in the end, its writes.
//!
//! Simplified: a commit is two syncs of the disk that the WAL is on (bbolt syncs its pages, then its root), whatever its
//! size; it is not begun early after 10,000 changes (server/storage/backend/backend.go#defaultBatchLimit). What was
//! applied is durable at once: a real member finds the last commit and replays the WAL, with the same result.

use super::{Etcd, Timer};
use crate::actor::Cx;
use crate::actor::role::{Note, NoteKind};
use crate::engine::{LocalTime, Span};
use alloc::vec::Vec;

/// How often the store's file is committed, if there is anything to commit. Flag: --backend-batch-interval. Sourced:
/// etcd server/storage/backend/backend.go#defaultBatchInterval. Simplified: a commit of any size takes as long.
const COMMIT_EVERY: Span = Span::from_ms(100);
/// Applying that takes longer is slow. Flag: --warning-apply-duration. Sourced: etcd
/// server/embed/config.go#DefaultWarningApplyDuration.
const SLOW_APPLY: Span = Span::from_ms(100);
/// Syncs of a commit: the pages, then the meta page. Unit: syncs. Sourced: bbolt tx.go#Tx.Commit.
const SYNCS: u8 = 2;
/// What a commit writes beside what changed. Unit: bytes. Chosen: a few pages of the tree.
const PAGES: u32 = 16 << 10;

/// How long something took, counted in etcd's buckets for its disk: server/storage/wal/metrics.go, backend/metrics.go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct DiskTimes {
    /// How many took up to 1 ms, 2 ms, 4 ms and so on up to 8192 ms, each without the ones before; the last: longer.
    pub counts: [u64; 15],
    /// All of them together.
    pub sum: Span,
}

impl DiskTimes {
    pub(super) fn record(&mut self, took: Span) {
        let ms = took.ns().div_ceil(1_000_000);
        self.counts[(ms.max(1).next_power_of_two().ilog2() as usize).min(14)] += 1;
        self.sum += took;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Commit {
    write: u32,
    since: LocalTime,
    syncs: u8,
}

/// The store's file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Backend {
    dirty: bool,
    timed: bool,
    /// From when on the loop counts its 100 ms.
    ticks_from: LocalTime,
    commit: Option<Commit>,
    /// Since when an entry that could be applied has waited.
    blocked: Option<LocalTime>,
    /// Calls that read what is there, and wait.
    stalled: Vec<u32>,
    durations: DiskTimes,
}

impl Backend {
    pub(super) fn new(boot: LocalTime) -> Self {
        Self { ticks_from: boot, ..Self::default() }
    }
    /// Whether a commit is under way.
    pub const fn committing(&self) -> bool {
        self.commit.is_some()
    }
    /// etcd_disk_backend_commit_duration_seconds.
    pub const fn durations(&self) -> &DiskTimes {
        &self.durations
    }
    /// Something was applied.
    pub(super) fn changed(&mut self, cx: &mut Cx<'_>) {
        self.dirty = true;
        if !self.timed {
            self.timed = true;
            cx.arm(Timer::Commit, super::watch::until_next(self.ticks_from, cx.now, COMMIT_EVERY));
        }
    }
    /// A call waits for the commit's end.
    pub(super) fn stall(&mut self, call: u32) {
        self.stalled.push(call);
    }
}

impl Etcd {
    /// [`Timer::Commit`] went off.
    pub(super) fn begin_commit(&mut self, cx: &mut Cx<'_>) {
        self.backend.timed = false;
        if core::mem::take(&mut self.backend.dirty) {
            let commit = Commit { write: self.write(cx, PAGES), since: cx.now, syncs: 1 };
            self.backend.commit = Some(commit);
        }
    }

    /// A write is durable: the commit's own?
    pub(super) fn commit_synced(&mut self, cx: &mut Cx<'_>, write: u32) {
        let Some(commit) = self.backend.commit.filter(|commit| commit.write == write) else { return };
        if commit.syncs < SYNCS {
            let next = Commit { write: self.write(cx, PAGES), syncs: commit.syncs + 1, ..commit };
            self.backend.commit = Some(next);
            return;
        }
        self.backend.durations.record(cx.now.since(commit.since));
        self.backend.commit = None;
        self.backend.ticks_from = cx.now;
        self.apply_backlog(cx);
        self.answer_reads(cx);
        for call in core::mem::take(&mut self.backend.stalled) {
            self.serve(cx, call);
        }
    }

    /// Applies what is committed, unless the store's file is being written.
    pub(super) fn apply_backlog(&mut self, cx: &mut Cx<'_>) {
        if self.backlog.is_empty() {
            return;
        }
        if self.backend.committing() {
            self.backend.blocked.get_or_insert(cx.now);
            return;
        }
        if let Some(took) = self.backend.blocked.take().map(|since| cx.now.since(since)).filter(|it| *it > SLOW_APPLY) {
            self.counters.slow_apply += 1;
            cx.note(Note::new(NoteKind::SlowApply, 0, took.us()));
        }
        let before = self.store.revision();
        while let Some(entry) = self.backlog.pop_front() {
            self.apply_entry(cx, &entry);
        }
        if self.store.revision() > before {
            self.watches.notify(cx, &self.store, before + 1);
        }
    }
}
