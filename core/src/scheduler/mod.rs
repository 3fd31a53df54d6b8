//! kube-scheduler: its informers run from the start; it binds pods to nodes once it holds its Lease.
//!
//! One pod at a time is given a node; telling the API so goes on beside that, within the client's limit. The details and
//! what they leave out are in [`queue`] and [`cache`]. An assumed pod is forgotten when its binding fails, never by time
//! (kubernetes pkg/scheduler/scheduler.go#durationToExpireAssumedPod is zero).

pub mod cache;
pub mod queue;

use crate::actor::Cx;
use crate::actor::role::{Note, NoteKind};
use crate::api::rpc::{Level, Request, Selector};
use crate::client::earlier;
use crate::client::http::{Line, NO_TIMEOUT, News};
use crate::client::informer::{Delta, Informer};
use crate::client::limiter::Limiter;
use crate::engine::{LocalTime, Span};
use crate::object::{Change, Key, KeyValue, Kind, NodeId, Object, Pod, Revision, WorkloadId};
use alloc::collections::{BTreeMap, VecDeque};
use cache::Cache;
use queue::{Queue, Reasons};

/// The top byte of the tags of the pods' informer. Code: a mark.
const PODS: u8 = 1;
/// Of the nodes' informer. Code: a mark.
const NODES: u8 = 2;
/// Of the claims' informer. Code: a mark.
const CLAIMS: u8 = 3;
/// Of bindings. Code: a mark.
const BIND: u8 = 4;
/// Of conditions. Code: a mark.
const CONDITION: u8 = 5;
/// The rest of a tag: a pod's key without its kind. Code: bits.
const REST: u64 = (1 << 56) - 1;

/// What kube-scheduler asks a second. Unit: requests a second. Flag: --kube-api-qps. Sourced: component-base
/// config/v1alpha1/defaults.go#RecommendedDefaultClientConnectionConfiguration.
const QPS: u32 = 50;
/// And at once. Unit: requests. Flag: --kube-api-burst. Sourced: component-base
/// config/v1alpha1/defaults.go#RecommendedDefaultClientConnectionConfiguration.
const BURST: u32 = 100;
/// A scheduling cycle, without looking at nodes. Chosen: kubernetes' own benchmark makes some hundred a second with
/// 5,000 nodes (test/integration/scheduler_perf).
const CYCLE: Span = Span::from_us(500);
/// And for each node looked at. Chosen: with the same benchmark.
const PER_NODE: Span = Span::from_us(5);

/// A pod whose binding is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Assumed {
    node: NodeId,
    workload: WorkloadId,
    uid: Revision,
}

/// What attempts to schedule came to: scheduler_schedule_attempts_total by result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Attempts {
    /// Bound.
    pub scheduled: u64,
    /// Refused by every node.
    pub unschedulable: u64,
    /// The binding failed.
    pub error: u64,
}

/// The scheduler of one process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scheduler {
    pods: Informer,
    nodes: Informer,
    claims: Informer,
    leads: bool,
    queue: Queue,
    cache: Cache,
    assumed: BTreeMap<Key, Assumed>,
    limiter: Limiter,
    /// Requests that wait for the client's limit: of each pod at most one bind and one condition.
    outbox: VecDeque<(LocalTime, Key, Change)>,
    /// When the cycle under way is over.
    free_at: LocalTime,
    attempts: Attempts,
}

impl Default for Scheduler {
    fn default() -> Self {
        let informer = |kind, tag| Informer::new(kind, Selector::All, Level::WorkloadHigh, tag);
        Self {
            pods: informer(Kind::Pod, PODS),
            nodes: informer(Kind::Node, NODES),
            claims: informer(Kind::PersistentVolumeClaim, CLAIMS),
            leads: false,
            queue: Queue::default(),
            cache: Cache::default(),
            assumed: BTreeMap::new(),
            limiter: Limiter::new(QPS, BURST),
            outbox: VecDeque::new(),
            free_at: LocalTime::ZERO,
            attempts: Attempts::default(),
        }
    }
}

/// The node whose place a pod takes.
fn placed(kv: Option<&KeyValue>) -> Option<(&Pod, NodeId)> {
    let pod = kv?.value.object.pod().filter(|pod| !pod.is_terminal())?;
    pod.node.map(|node| (pod, node))
}

impl Scheduler {
    /// The process starts: informers start.
    pub fn start(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        for informer in [&mut self.nodes, &mut self.claims, &mut self.pods] {
            informer.start(cx, line);
        }
    }
    /// The process holds the Lease: it binds from now on.
    pub fn lead(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        self.leads = true;
        self.work(cx, line);
    }
    /// News of a request of its own.
    pub fn on_news(&mut self, cx: &mut Cx<'_>, line: &mut Line, news: &News) {
        if self.pods.on_news(cx, line, news) {
            while let Some(delta) = self.pods.take_delta() {
                self.on_pod(cx.now, &delta);
            }
        } else if self.nodes.on_news(cx, line, news) {
            while let Some(delta) = self.nodes.take_delta() {
                let node = delta.after.as_ref().and_then(|kv| kv.value.object.node());
                let helps = self.cache.set_node(delta.key.number() as NodeId, node);
                self.helps(cx.now, helps);
            }
        } else if self.claims.on_news(cx, line, news) {
            while let Some(delta) = self.claims.take_delta() {
                let claim = delta.after.as_ref().map(|kv| &kv.value.object);
                if matches!(claim, Some(Object::PersistentVolumeClaim(claim)) if claim.bound) {
                    self.helps(cx.now, Reasons::CLAIM);
                }
            }
        } else if let News::Done(done) = news {
            let key = Key(done.tag & REST | Kind::Pod.first().0);
            if (done.tag >> 56) as u8 == BIND {
                self.on_bound(cx, key, done.status.is_ok());
            }
        }
        self.work(cx, line);
    }
    /// Its timer went off, perhaps too early.
    pub fn on_timer(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        for informer in [&mut self.nodes, &mut self.claims, &mut self.pods] {
            informer.on_timer(cx, line);
        }
        self.work(cx, line);
    }
    /// When it wants [`Scheduler::on_timer`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        let informers = earlier(self.nodes.next_timer(), earlier(self.claims.next_timer(), self.pods.next_timer()));
        if !self.works() {
            return informers;
        }
        let cycle = self.queue.has_next().then_some(self.free_at);
        let work = earlier(earlier(cycle, self.queue.next_timer()), self.outbox.front().map(|(at, ..)| *at));
        earlier(informers, work)
    }

    /// How many pods wait in activeQ, backoffQ and unschedulablePods.
    pub fn pending(&self) -> (u32, u32, u32) {
        self.queue.pending()
    }
    /// What came of its attempts.
    pub const fn attempts(&self) -> Attempts {
        self.attempts
    }
    /// How many pods are being bound.
    pub fn binding(&self) -> u32 {
        self.assumed.len() as u32
    }
    /// Its queue.
    pub const fn queue(&self) -> &Queue {
        &self.queue
    }
    /// What it knows of nodes.
    pub const fn cache(&self) -> &Cache {
        &self.cache
    }
    /// Whether it has everything it needs to know.
    pub const fn synced(&self) -> bool {
        self.pods.synced() && self.nodes.synced() && self.claims.synced()
    }
    /// Whether it schedules.
    pub const fn works(&self) -> bool {
        self.leads && self.synced()
    }

    fn helps(&mut self, now: LocalTime, helps: Reasons) {
        if !helps.is_empty() {
            self.queue.on_event(now, helps);
        }
    }
    fn on_pod(&mut self, now: LocalTime, delta: &Delta) {
        let Delta { key, before, after } = delta;
        let (left, taken) = (placed(before.as_ref()), placed(after.as_ref()));
        if let Some(assumed) = self.assumed.get(key)
            && (taken.is_some() || after.as_ref().is_none_or(|kv| kv.create_revision != assumed.uid))
        {
            self.forget(*key);
        }
        if left.map(|(pod, node)| (pod.workload, node)) != taken.map(|(pod, node)| (pod.workload, node)) {
            if let Some((pod, node)) = left {
                self.cache.remove_pod(pod.workload, node);
            }
            if let Some((pod, node)) = taken {
                self.cache.add_pod(pod.workload, node);
            } else if left.is_some() {
                self.helps(now, Reasons::FULL);
            }
        }
        let waits = |pod: &Pod| pod.node.is_none() && pod.is_active();
        match after.as_ref() {
            Some(kv) if kv.value.object.pod().is_some_and(waits) => self.queue.add(now, *key, kv.create_revision),
            _ => self.queue.remove(*key),
        }
    }
    /// A pod is not assumed to be anywhere any more.
    fn forget(&mut self, key: Key) {
        if let Some(Assumed { node, workload, .. }) = self.assumed.remove(&key) {
            self.cache.remove_pod(workload, node);
        }
    }
    fn on_bound(&mut self, cx: &mut Cx<'_>, key: Key, bound: bool) {
        if bound {
            self.attempts.scheduled += 1;
            if let Some(assumed) = self.assumed.get(&key) {
                cx.note(Note::new(NoteKind::PodBound, assumed.node.into(), key.0));
            }
            return;
        }
        self.attempts.error += 1;
        if self.assumed.contains_key(&key) {
            self.forget(key);
            self.helps(cx.now, Reasons::FULL);
            self.queue.put_back(cx.now, key, Reasons::default());
        }
    }
    /// Whatever can be done now.
    fn work(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        if !self.works() {
            return;
        }
        self.queue.on_timer(cx.now);
        while self.free_at <= cx.now
            && let Some(key) = self.queue.pop()
        {
            self.schedule(cx, key);
        }
        while let Some((_, key, change)) = self.outbox.pop_front_if(|(at, ..)| *at <= cx.now) {
            let top = if matches!(change, Change::Bind(_)) { BIND } else { CONDITION };
            let tag = u64::from(top) << 56 | key.0 & REST;
            line.request(cx, Request::patch(key, change, Level::WorkloadHigh), NO_TIMEOUT, tag);
        }
    }
    /// A scheduling cycle.
    fn schedule(&mut self, cx: &mut Cx<'_>, key: Key) {
        let Some(kv) = self.pods.get(key) else { return self.queue.remove(key) };
        let Some(pod) = kv.value.object.pod() else { return };
        let uid = kv.create_revision;
        let unbound = pod.claim.is_some_and(|claim| {
            let claim = self.claims.get(claim).map(|kv| &kv.value.object);
            !matches!(claim, Some(Object::PersistentVolumeClaim(claim)) if claim.bound)
        });
        let found = if unbound {
            cache::Found { node: Err(Reasons::CLAIM), examined: 0 }
        } else {
            self.cache.find(pod, cx.rng)
        };
        let (workload, told) = (pod.workload, pod.unschedulable);
        self.free_at = cx.now + CYCLE + PER_NODE.scale(found.examined as u64, 1);
        match found.node {
            Ok(node) => {
                self.assumed.insert(key, Assumed { node, workload, uid });
                self.cache.add_pod(workload, node);
                self.send(cx.now, key, Change::Bind(node));
            }
            Err(reasons) => {
                self.attempts.unschedulable += 1;
                self.queue.put_back(cx.now, key, reasons);
                if !told {
                    if reasons != Reasons::CLAIM {
                        cx.note(Note::new(NoteKind::PodUnschedulable, self.cache.nodes() as u32, key.0));
                    }
                    self.send(cx.now, key, Change::Unschedulable);
                }
            }
        }
    }
    fn send(&mut self, now: LocalTime, key: Key, change: Change) {
        let at = now + self.limiter.reserve(now);
        self.outbox.push_back((at, key, change));
    }
}

#[cfg(test)]
mod tests;
