//! What an API server does of its own accord: it starts and stops, checks etcd, says that it serves, compacts.

use super::rpc::{Status, Verb};
use super::{ALL, ApiServer, CACHED, Kind, Owner, cached};
use crate::actor::Cx;
use crate::actor::role::{Note, NoteKind};
use crate::client::etcd::Failure;
use crate::engine::{LocalTime, Span};
use crate::etcd::rpc::{Op, Response, Revision, Value};
use crate::object::Key;

/// The most probes that wait for one check, exempt from priority and fairness; one more gets 429. Unit: probes. Chosen:
/// far above what kubelets and balancers ask.
pub const MAX_PROBES: u32 = 64;
/// How long the check of etcd behind the health endpoints may take. Flag: --etcd-healthcheck-timeout. Sourced:
/// apiserver pkg/storage/storagebackend/config.go#DefaultHealthcheckTimeout. Simplified: one check stands for etcd and
/// etcd-readiness.
pub const HEALTH_TIMEOUT: Span = Span::from_secs(2);
/// How far apart two real checks of etcd are at least; probes between get the last answer. Sourced: apiserver
/// pkg/storage/storagebackend/factory/etcd3.go#newETCD3Check: half the timeout.
pub const HEALTH_INTERVAL: Span = Span::from_secs(1);
/// How often a server renews its master lease. Sourced: kubernetes
/// pkg/controlplane/instance.go#DefaultEndpointReconcilerInterval.
pub const RECONCILE_PERIOD: Span = Span::from_secs(10);
/// How long the etcd lease behind a master lease lives. Sourced: kubernetes
/// pkg/controlplane/instance.go#DefaultEndpointReconcilerTTL.
pub const MASTER_LEASE_TTL_S: u32 = 15;
/// How often etcd is compacted, up to what was there so long before. Flag: --etcd-compaction-interval. Sourced:
/// apiserver pkg/storage/storagebackend/config.go#DefaultCompactInterval.
pub const COMPACT_PERIOD: Span = Span::from_secs(300);
/// How long etcd's client blocks at start-up; if that was in vain, the process exits. Sourced: apiserver
/// pkg/storage/storagebackend/factory/etcd3.go#dialTimeout. Until etcd client 3.7 it blocks.
pub const START_TIMEOUT: Span = Span::from_secs(20);
/// How long readiness waits for the caches at most. Flag: --storage-initialization-timeout. Sourced: apiserver
/// pkg/server/config.go#NewConfig.StorageInitializationTimeout. Simplified: the other post-start hooks are left out.
pub const STORAGE_INIT_TIMEOUT: Span = Span::from_secs(60);
/// How long what is under way may take when the process is told to stop. Sourced: apiserver
/// pkg/server/config.go#NewConfig.RequestTimeout.
pub const DRAIN_TIMEOUT: Span = Span::from_secs(60);
/// What the key of who compacts next weighs. Chosen: a revision in decimal digits.
const COMPACT_REV_BYTES: u32 = 8;
/// What a master lease weighs. Chosen: an Endpoints object of one address.
const MASTER_LEASE_BYTES: u32 = 150;

/// A process's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lifecycle {
    /// It does not listen yet: it waits for etcd.
    Starting {
        /// Until then.
        until: LocalTime,
    },
    /// It serves. The post-start hook that waits for storage gives up then.
    Serving {
        /// When that is; none: the hook is done.
        hook: Option<LocalTime>,
    },
    /// It was told to stop and lets requests finish.
    Stopping {
        /// At most until then.
        until: LocalTime,
    },
    /// It has exited.
    Ended,
}

impl Lifecycle {
    /// At the start of a process.
    pub fn starting(now: LocalTime) -> Self {
        Self::Starting { until: now + START_TIMEOUT }
    }
    /// Whether it takes connections.
    pub const fn accepts(self) -> bool {
        matches!(self, Self::Serving { .. })
    }
    /// Whether it is about to end.
    pub const fn stops(self) -> bool {
        matches!(self, Self::Stopping { .. })
    }
    /// When something happens by itself.
    pub const fn until(self) -> Option<LocalTime> {
        match self {
            Self::Starting { until } | Self::Stopping { until } => Some(until),
            Self::Serving { hook } => hook,
            Self::Ended => None,
        }
    }
}

/// What a call of the server's own is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// The health check.
    Health,
    /// The etcd lease of its master lease.
    Grant,
    /// Its master lease.
    Announce,
    /// Who compacts: the Txn of COMPACT_REV.
    Elect,
    /// The compaction.
    Compact,
}

/// The state of all that.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Upkeep {
    healthy: bool,
    checking: bool,
    /// When the newest check began.
    began: Option<LocalTime>,
    lease: u64,
    reconcile: Option<LocalTime>,
    compact: Option<LocalTime>,
    /// The revision of COMPACT_REV seen last, and the store's revision then.
    compact_seen: Revision,
    compact_to: Revision,
}

impl Upkeep {
    pub(super) const fn new() -> Self {
        Self {
            healthy: false,
            checking: false,
            began: None,
            lease: 0,
            reconcile: None,
            compact: None,
            compact_seen: 0,
            compact_to: 0,
        }
    }
    pub(super) const fn healthy(&self) -> bool {
        self.healthy
    }
    pub(super) fn next_timer(&self) -> Option<LocalTime> {
        crate::client::earlier(self.reconcile, self.compact)
    }
}

impl ApiServer {
    pub(super) fn boot(&mut self, cx: &mut Cx<'_>) {
        *self = Self::at(self.n, self.directory, cx.now);
        for link in &mut self.links {
            link.start(cx);
        }
        self.touched = ALL;
        for kind in Kind::ALL.into_iter().filter(|kind| cached(*kind)) {
            let want = self.caches[kind as usize].start();
            self.want(cx, kind, want);
        }
    }
    /// Every connection to etcd stands: the first time, the server starts to serve.
    pub(super) fn on_etcd_reached(&mut self, cx: &mut Cx<'_>) {
        if let Lifecycle::Starting { .. } = self.lifecycle {
            self.lifecycle = Lifecycle::Serving { hook: Some(cx.now + STORAGE_INIT_TIMEOUT) };
            self.upkeep.reconcile = Some(cx.now);
            self.upkeep.compact = Some(cx.now + COMPACT_PERIOD);
            self.on_upkeep_timer(cx);
        }
    }
    /// SIGTERM: /readyz fails, watches end, nothing new is taken, what is under way may finish.
    pub(super) fn on_terminate(&mut self, cx: &mut Cx<'_>) {
        if self.lifecycle.stops() {
            return;
        }
        cx.note(Note::new(NoteKind::Terminating, self.in_flight(), self.fan_out.len() as u64));
        self.lifecycle = Lifecycle::Stopping { until: cx.now + DRAIN_TIMEOUT };
        for kind in Kind::ALL {
            self.fan_out.end_kind(cx, kind, Status::Ok);
        }
        if self.upkeep.lease != 0 {
            // kubernetes pkg/controlplane/reconcilers/lease.go#RemoveEndpoints; nobody waits for it.
            self.upkeep_call(cx, Op::Revoke { lease: self.upkeep.lease }, RECONCILE_PERIOD, Task::Announce);
        }
    }
    pub(super) fn end_if_drained(&mut self, cx: &mut Cx<'_>) {
        if self.lifecycle.stops() && self.in_flight() == 0 {
            self.end(cx, 0);
        }
    }
}

impl ApiServer {
    /// Begins a check of etcd unless one is under way or was begun less than a second ago. Returns whether one is under way.
    pub(super) fn check_etcd(&mut self, cx: &mut Cx<'_>) -> bool {
        let recent = |began: LocalTime| cx.now.since(began) < HEALTH_INTERVAL;
        if !self.upkeep.checking && !self.upkeep.began.is_some_and(recent) {
            let op = Op::Range { key: Key::HEALTH, serializable: false };
            (self.upkeep.checking, self.upkeep.began) = (true, Some(cx.now));
            self.call(cx, Kind::Internal, op, cx.now + HEALTH_TIMEOUT, Owner::Upkeep(Task::Health));
        }
        self.upkeep.checking
    }
    /// What a probe is told: apiserver pkg/server/options/etcd.go#addEtcdHealthEndpoint, pkg/server/config.go#
    /// AddHealthChecks. The post-start hook counts for both until it is done.
    pub(super) const fn health_status(&self, verb: Verb) -> Status {
        let hook = matches!(self.lifecycle, Lifecycle::Serving { hook: None }) || self.lifecycle.stops();
        let stops = self.lifecycle.stops() && matches!(verb, Verb::Readyz);
        if self.upkeep.healthy && hook && !stops { Status::Ok } else { Status::InternalError }
    }
    fn on_health(&mut self, cx: &mut Cx<'_>, healthy: bool) {
        self.upkeep.checking = false;
        if healthy != self.upkeep.healthy {
            self.upkeep.healthy = healthy;
            let kind = if healthy { NoteKind::Healthy } else { NoteKind::Unhealthy };
            cx.note(Note::new(kind, 0, 0));
        }
        self.answer_probes(cx);
    }
    /// server/storage_readiness_hook.go: done once every cache is ready.
    pub(super) fn check_hook(&mut self) {
        if matches!(self.lifecycle, Lifecycle::Serving { hook: Some(_) }) && self.ready == CACHED {
            self.lifecycle = Lifecycle::Serving { hook: None };
        }
    }
    pub(super) fn on_upkeep_timer(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now;
        let due = |at: Option<LocalTime>| at.is_some_and(|at| at <= now);
        if due(self.lifecycle.until()) {
            match self.lifecycle {
                Lifecycle::Serving { .. } => self.lifecycle = Lifecycle::Serving { hook: None },
                Lifecycle::Starting { .. } => return self.end(cx, 1),
                Lifecycle::Stopping { .. } | Lifecycle::Ended => return self.end(cx, 0),
            }
        }
        if due(self.upkeep.reconcile) {
            self.upkeep.reconcile = Some(cx.now + RECONCILE_PERIOD);
            self.upkeep.lease = cx.rng.draw().bits() | 1;
            let op = Op::Grant { lease: self.upkeep.lease, ttl_s: MASTER_LEASE_TTL_S };
            self.upkeep_call(cx, op, RECONCILE_PERIOD, Task::Grant);
        }
        if due(self.upkeep.compact) {
            self.upkeep.compact = Some(cx.now + COMPACT_PERIOD);
            let value = Value::words(COMPACT_REV_BYTES, [self.upkeep.compact_to, 0, 0]);
            let op = Op::Txn { key: Key::COMPACT_REV, expected: self.upkeep.compact_seen, value: Some(value) };
            self.upkeep_call(cx, op, COMPACT_PERIOD, Task::Elect);
        }
    }
    fn upkeep_call(&mut self, cx: &mut Cx<'_>, op: Op, timeout: Span, task: Task) {
        self.call(cx, Kind::Internal, op, cx.now + timeout, Owner::Upkeep(task));
    }
    pub(super) fn on_upkeep(&mut self, cx: &mut Cx<'_>, task: Task, result: Result<Response, Failure>) {
        match (task, result) {
            (Task::Health, result) => self.on_health(cx, result.is_ok()),
            // kubernetes pkg/controlplane/reconcilers/lease.go#UpdateLease: its address, on that lease.
            (Task::Grant, Ok(_)) if !self.lifecycle.stops() => {
                let value = Value::words(MASTER_LEASE_BYTES, [u64::from(self.n), 0, 0]);
                let op = Op::Put { key: Key::master_lease(self.n), value, lease: self.upkeep.lease };
                self.upkeep_call(cx, op, RECONCILE_PERIOD, Task::Announce);
            }
            // apiserver pkg/storage/etcd3/compact.go#compact: whoever gets to write it compacts what was there before.
            (Task::Elect, Ok(response)) => {
                let to = self.upkeep.compact_to;
                self.upkeep.compact_seen = response.kv.map_or(0, |kv| kv.mod_revision);
                self.upkeep.compact_to = response.revision;
                if response.succeeded && to > 0 {
                    self.upkeep_call(cx, Op::Compact { revision: to }, COMPACT_PERIOD, Task::Compact);
                }
            }
            // Whatever failed is tried again when its time comes round.
            (Task::Grant | Task::Announce | Task::Elect | Task::Compact, _) => {}
        }
    }
    fn end(&mut self, cx: &mut Cx<'_>, status: u8) {
        self.lifecycle = Lifecycle::Ended;
        cx.exit(status);
    }
}
