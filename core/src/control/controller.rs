//! The frame of a controller: a work queue, workers, a rate-limited client, and plans of requests.
//!
//! A worker takes a key, looks at the caches once, and gets a [`Plan`]: batches of requests, one batch after another.
//! It is busy until the last is answered. A failure ends the plan, and the key comes back by the queue's back-off.
//!

use crate::actor::role::Note;
use crate::api::rpc::{Request, Status, Verb};
use crate::client::http::Done;
use crate::client::limiter::Limiter;
use crate::client::work_queue::WorkQueue;
use crate::engine::{LocalTime, Span};
use crate::object::{Key, Kind, Owner};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Requests a second of one controller's client, and its burst. Unit: requests. Flag: --kube-api-qps and
/// --kube-api-burst. Sourced: kubernetes
/// pkg/controller/apis/config/v1alpha1/defaults.go#SetDefaults_KubeControllerManagerConfiguration.
pub const QPS: (u32, u32) = (20, 30);
/// The first batch of pods; each is twice the one before, and a failure ends the sync. Unit: pods. Sourced: kubernetes
/// pkg/controller/controller_utils.go#SlowStartInitialBatchSize.
const SLOW_START: usize = 1;
/// After so many retries Deployment and EndpointSlice drop an item. Unit: retries. Sourced: kubernetes
/// pkg/controller/deployment/deployment_controller.go#maxRetries; kubernetes
/// pkg/controller/endpointslice/endpointslice_controller.go#maxRetries.
const MAX_RETRIES: u32 = 15;
/// Keys that Deployment, ReplicaSet, StatefulSet, EndpointSlice and AttachDetach work on at once. Unit: keys. Flag:
/// --concurrent-deployment-syncs and the like. Sourced: kubernetes
/// pkg/controller/deployment/config/v1alpha1/defaults.go#ConcurrentDeploymentSyncs; kubernetes
/// pkg/controller/replicaset/config/v1alpha1/defaults.go#ConcurrentRSSyncs; kubernetes
/// pkg/controller/statefulset/config/v1alpha1/defaults.go#ConcurrentStatefulSetSyncs; kubernetes
/// pkg/controller/endpointslice/config/v1alpha1/defaults.go#ConcurrentServiceEndpointSyncs. Simplified: AttachDetach
/// the same.
const WORKERS: usize = 5;
/// Keys that node lifecycle and taint eviction work on at once. Unit: keys. Sourced: kubernetes
/// pkg/controller/nodelifecycle/node_lifecycle_controller.go#nodeUpdateWorkerSize; kubernetes
/// pkg/controller/tainteviction/taint_eviction.go#UpdateWorkerSize.
const NODE_WORKERS: usize = 8;
/// Keys that DaemonSet works on at once. Unit: keys. Flag: --concurrent-daemonset-syncs. Sourced: kubernetes
/// pkg/controller/daemon/config/v1alpha1/defaults.go#ConcurrentDaemonSetSyncs.
const DAEMON_SET_WORKERS: usize = 2;
/// Keys that the garbage collector works on at once. Unit: keys. Flag: --concurrent-gc-syncs. Sourced: kubernetes
/// pkg/controller/garbagecollector/config/v1alpha1/defaults.go#ConcurrentGCSyncs.
const GARBAGE_WORKERS: usize = 20;
/// Keys that PodGC and claims work on at once. Unit: keys. Chosen: the real ones are single loops.
const SINGLE_WORKER: usize = 1;
/// The first wait of an item of EndpointSlice that failed. Sourced: kubernetes
/// pkg/controller/endpointslice/endpointslice_controller.go#defaultSyncBackOff.
const ENDPOINT_SLICE_BACKOFF: Span = Span::from_secs(1);

/// The controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Name {
    /// Marks nodes whose kubelet is silent, and taints them.
    NodeLifecycle,
    /// Deletes pods that don't tolerate their node's taint any longer.
    TaintEviction,
    /// Rolls Deployments out.
    Deployment,
    /// Keeps the number of a ReplicaSet's pods.
    ReplicaSet,
    /// Keeps a StatefulSet's pods, in order.
    StatefulSet,
    /// Keeps one pod on each node.
    DaemonSet,
    /// Writes down which pods are behind a Service.
    EndpointSlice,
    /// Binds claims to volumes.
    PersistentVolume,
    /// Attaches volumes to nodes.
    AttachDetach,
    /// Deletes what belongs to something that is gone.
    GarbageCollector,
    /// Deletes pods of nodes that are gone.
    PodGc,
}

impl Name {
    /// Every controller. Code: a list.
    pub const ALL: [Self; 11] = [
        Self::NodeLifecycle,
        Self::TaintEviction,
        Self::Deployment,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::EndpointSlice,
        Self::PersistentVolume,
        Self::AttachDetach,
        Self::GarbageCollector,
        Self::PodGc,
    ];
    /// The name of its work queue in metrics.
    pub const fn queue_name(self) -> &'static str {
        match self {
            Self::NodeLifecycle => "node_lifecycle_controller",
            Self::TaintEviction => "noexec_taint_pod",
            Self::Deployment => "deployment",
            Self::ReplicaSet => "replicaset",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
            Self::EndpointSlice => "endpoint_slice",
            Self::PersistentVolume => "claims",
            Self::AttachDetach => "attach_detach",
            Self::GarbageCollector => "garbage_collector_attempt_to_delete",
            Self::PodGc => "orphaned_pods_nodes",
        }
    }
    /// How many keys it works on at once.
    pub const fn workers(self) -> usize {
        match self {
            Self::NodeLifecycle | Self::TaintEviction => NODE_WORKERS,
            Self::DaemonSet => DAEMON_SET_WORKERS,
            Self::GarbageCollector => GARBAGE_WORKERS,
            Self::PodGc | Self::PersistentVolume => SINGLE_WORKER,
            Self::Deployment | Self::ReplicaSet | Self::StatefulSet | Self::EndpointSlice | Self::AttachDetach => {
                WORKERS
            }
        }
    }
    /// The informers it waits for before it works.
    pub const fn needs(self) -> &'static [Kind] {
        match self {
            Self::NodeLifecycle => &[Kind::Lease, Kind::Node, Kind::Pod, Kind::DaemonSet],
            Self::TaintEviction => &[Kind::Node, Kind::Pod],
            Self::Deployment => &[Kind::Deployment, Kind::ReplicaSet, Kind::Pod],
            Self::ReplicaSet => &[Kind::ReplicaSet, Kind::Pod],
            Self::StatefulSet => &[Kind::StatefulSet, Kind::Pod, Kind::PersistentVolumeClaim],
            Self::DaemonSet => &[Kind::DaemonSet, Kind::Pod, Kind::Node],
            Self::EndpointSlice => &[Kind::Service, Kind::Pod, Kind::Node, Kind::EndpointSlice],
            Self::PersistentVolume => &[Kind::PersistentVolumeClaim],
            Self::AttachDetach => &[Kind::Pod, Kind::Node, Kind::PersistentVolumeClaim, Kind::VolumeAttachment],
            Self::GarbageCollector => {
                &[Kind::Pod, Kind::ReplicaSet, Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet]
            }
            Self::PodGc => &[Kind::Pod, Kind::Node],
        }
    }
    /// After how many retries it drops an item.
    const fn max_retries(self) -> Option<u32> {
        match self {
            Self::Deployment | Self::EndpointSlice => Some(MAX_RETRIES),
            _ => None,
        }
    }
    /// The top byte of its requests' tags.
    const fn tag(self) -> u64 {
        (0x40 + self as u64) << 56
    }
    /// Whose request carries this tag.
    pub fn of_tag(tag: u64) -> Option<Self> {
        Self::ALL.get(((tag >> 56) as usize).checked_sub(0x40)?).copied()
    }
}

/// What a sync wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Plan {
    /// Batches: the requests of one go out together, the next one follows when all were answered well.
    pub batches: VecDeque<Vec<Request>>,
    /// What is sent at the end, however the batches went: the status.
    pub finally: Option<Request>,
    /// The first request reads this owner: the plan goes on only if that is not there any more.
    pub unless: Option<Owner>,
    /// After success: the key comes back after this long.
    pub again: Option<Span>,
    /// The caches lag behind the controller's own writes: nothing was looked at; a failure.
    pub stale: bool,
    /// What to tell when all went well.
    pub note: Option<Note>,
}

impl Plan {
    /// One more batch, of one request.
    pub fn then(&mut self, request: Request) {
        self.batches.push_back(alloc::vec![request]);
    }
    /// One more batch.
    pub fn all(&mut self, requests: Vec<Request>) {
        if !requests.is_empty() {
            self.batches.push_back(requests);
        }
    }
    /// kubernetes pkg/controller/replicaset/replica_set.go#slowStartBatch: batches that double.
    pub fn slow_start(&mut self, mut requests: Vec<Request>) {
        let mut size = SLOW_START;
        while !requests.is_empty() {
            let rest = requests.split_off(size.min(requests.len()));
            self.batches.push_back(core::mem::replace(&mut requests, rest));
            size *= 2;
        }
    }
}

/// A worker's sync that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sync {
    id: u32,
    key: Key,
    started: LocalTime,
    plan: Plan,
    /// The batch under way.
    calls: Vec<(Verb, Key)>,
    waiting: u32,
    failed: bool,
}

/// An answer, as its controller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What was synced.
    pub item: Key,
    /// What was asked.
    pub call: (Verb, Key),
    /// Whether it went well.
    pub ok: bool,
    /// The sync's place, while it lasts.
    pub slot: usize,
}

/// How a sync ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What was synced.
    pub item: Key,
    /// Whether the item was given up.
    pub dropped: bool,
    /// Calls that were never made.
    pub skipped: Vec<(Verb, Key)>,
    /// What it has to tell.
    pub note: Option<Note>,
}

/// One controller's queue, workers and client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Controller {
    name: Name,
    queue: WorkQueue,
    limiter: Limiter,
    syncs: Vec<Sync>,
    next: u32,
    failures: u64,
    drops: u32,
}

impl Controller {
    /// An idle controller.
    pub fn new(name: Name) -> Self {
        let queue = match name {
            Name::EndpointSlice => WorkQueue::with_base(ENDPOINT_SLICE_BACKOFF),
            _ => WorkQueue::new(),
        };
        let limiter = Limiter::new(QPS.0, QPS.1);
        Self { name, queue, limiter, syncs: Vec::new(), next: 0, failures: 0, drops: 0 }
    }
    /// Which one it is.
    pub const fn name(&self) -> Name {
        self.name
    }
    /// Its work queue.
    pub const fn queue(&self) -> &WorkQueue {
        &self.queue
    }
    /// Its work queue, to add to.
    pub const fn queue_mut(&mut self) -> &mut WorkQueue {
        &mut self.queue
    }
    /// How many workers are busy.
    pub fn busy(&self) -> u32 {
        self.syncs.len() as u32
    }
    /// Whether a worker is free.
    pub fn has_free_worker(&self) -> bool {
        self.syncs.len() < self.name.workers()
    }
    /// How long the longest of them has been at it.
    pub fn longest_running(&self, now: LocalTime) -> Span {
        self.syncs.iter().map(|sync| now.since(sync.started)).max().unwrap_or_default()
    }
    /// How many syncs failed.
    pub const fn failures(&self) -> u64 {
        self.failures
    }
    /// How many items it gave up.
    pub const fn drops(&self) -> u32 {
        self.drops
    }
    /// The next key to work on, if a worker is free.
    pub fn take(&mut self, now: LocalTime) -> Option<Key> {
        if self.has_free_worker() { self.queue.get(now) } else { None }
    }
    /// A worker begins with the plan. Returns the place of its sync.
    pub fn begin(&mut self, now: LocalTime, key: Key, plan: Plan) -> usize {
        self.next = self.next.wrapping_add(1);
        let failed = plan.stale;
        self.syncs.push(Sync { id: self.next, key, started: now, plan, calls: Vec::new(), waiting: 0, failed });
        self.syncs.len() - 1
    }
    /// The next requests of a sync that waits for none, each with its tag and how long the client holds it back.
    /// Empty: the sync is over.
    pub fn advance(&mut self, now: LocalTime, slot: usize, out: &mut Vec<(Span, u64, Request)>) -> bool {
        let sync = &mut self.syncs[slot];
        if sync.waiting > 0 {
            return true;
        }
        let batch = if sync.failed { None } else { sync.plan.batches.pop_front() };
        let batch = match batch {
            Some(batch) => batch,
            None => sync.plan.finally.take().into_iter().collect(),
        };
        sync.calls = batch.iter().map(|request| (request.verb, request.key)).collect();
        sync.waiting = batch.len() as u32;
        let tag = self.name.tag() | u64::from(sync.id) << 16;
        for (ix, request) in batch.into_iter().enumerate() {
            out.push((self.limiter.reserve(now), tag | ix as u64, request));
        }
        !self.syncs[slot].calls.is_empty()
    }
    /// An answer came.
    pub fn on_done(&mut self, done: &Done) -> Option<Answer> {
        let id = (done.tag >> 16) as u32;
        let slot = self.syncs.iter().position(|sync| sync.id == id)?;
        let sync = &mut self.syncs[slot];
        let call = *sync.calls.get(done.tag as usize & 0xffff)?;
        let ok = match call.0 {
            Verb::Delete => done.status.is_ok() || done.status == Status::NotFound,
            Verb::Get => done.status.is_ok() || done.status == Status::NotFound,
            _ => done.status.is_ok(),
        };
        sync.waiting -= 1;
        sync.failed |= !ok;
        if let Some(owner) = sync.plan.unless.take().filter(|_| ok) {
            let there = done.status.is_ok() && done.kv.as_ref().is_some_and(|kv| kv.create_revision == owner.uid);
            if there {
                sync.plan.batches.clear();
            }
        }
        Some(Answer { item: sync.key, call, ok, slot })
    }
    /// A sync is over.
    pub fn end(&mut self, now: LocalTime, slot: usize) -> Ended {
        let Sync { key, plan, failed, .. } = self.syncs.remove(slot);
        let mut dropped = false;
        if failed {
            self.failures += 1;
            dropped = self.name.max_retries().is_some_and(|most| self.queue.num_requeues(key) >= most);
            if !dropped {
                self.queue.add_rate_limited(now, key);
            }
        }
        if dropped || !failed {
            self.queue.forget(key);
        }
        self.drops += u32::from(dropped);
        if let Some(after) = plan.again.filter(|_| !failed) {
            self.queue.add_after(now, key, after);
        }
        self.queue.done(now, key);
        let skipped = plan.batches.iter().flatten().map(|request| (request.verb, request.key)).collect();
        Ended { item: key, dropped, skipped, note: plan.note.filter(|_| !failed) }
    }
}
