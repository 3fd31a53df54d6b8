//! What deletes leftovers: the garbage collector (kubernetes pkg/controller/garbagecollector) and PodGC (pkg/controller/
//! podgc).
//!
//! Simplified: the collector looks only at the owners that exist here (Deployments of ReplicaSets; ReplicaSets,
//! StatefulSets and DaemonSets of pods), keeps no graph, and deletes in the background. Left out: finalizers, PodGC's
//! threshold of ended pods and its out-of-service taint.

use super::caches::Caches;
use super::controller::Plan;
use crate::api::rpc::{Level, Request};
use crate::engine::{LocalTime, Span};
use crate::object::{Key, Kind, NodeId, Object, Owner};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// How long a node must be gone before its pods are deleted by force. Sourced: kubernetes
/// pkg/controller/podgc/gc_controller.go#quarantineTime.
const QUARANTINE: Span = Span::from_secs(40);

/// Who owns an object.
pub fn owner(object: &Object) -> Option<Owner> {
    match object {
        Object::Pod(pod) => Some(pod.owner),
        Object::ReplicaSet(set) => Some(set.owner),
        _ => None,
    }
}

/// kubernetes pkg/controller/garbagecollector/garbagecollector.go#attemptToDeleteItem: asks the API server whether the
/// owner is really gone.
pub fn collect(caches: &Caches, key: Key) -> Plan {
    let mut plan = Plan::default();
    let Some(kv) = caches.of(key.kind()).get(key) else { return plan };
    let Some(owner) = owner(&kv.value.object) else { return plan };
    if caches.uid(owner.key) == Some(owner.uid) {
        return plan;
    }
    plan.then(Request::get(owner.key, Level::WorkloadHigh));
    plan.unless = Some(owner);
    plan.then(Request::delete(key, None, kv.create_revision, Level::WorkloadHigh));
    plan
}

/// What may belong to an owner that is gone.
pub fn dependents(caches: &Caches, gone: Key) -> Vec<Key> {
    let pods = |owned: &dyn Fn(&Owner) -> bool| {
        caches.pods_of(gone.group()).filter(|(_, pod)| owned(&pod.owner)).map(|(kv, _)| kv.key).collect()
    };
    match gone.kind() {
        Kind::Deployment => caches.replica_sets_of(gone.group()).map(|(kv, _)| kv.key).collect(),
        Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet => pods(&|owner| owner.key == gone),
        _ => Vec::new(),
    }
}

/// PodGC's memory: nodes that are gone and when they may be believed to be. One entry per node whose pods are still
/// there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct PodGc(BTreeMap<NodeId, LocalTime>);

impl PodGc {
    /// A node is gone, or a pod names one that isn't there.
    pub fn on_gone(&mut self, node: NodeId, now: LocalTime) {
        self.0.entry(node).or_insert(now + QUARANTINE);
    }
    /// When it wants [`PodGc::on_timer`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        self.0.values().min().copied()
    }
    /// The pods to look at.
    pub fn on_timer(&mut self, caches: &Caches, now: LocalTime) -> Vec<Key> {
        let ripe: Vec<NodeId> = self.0.iter().filter(|(_, at)| **at <= now).map(|(node, _)| *node).collect();
        let mut pods = Vec::new();
        for node in ripe {
            self.0.remove(&node);
            pods.extend(caches.pods_on(node).map(|(kv, _)| kv.key));
        }
        pods
    }
    /// kubernetes pkg/controller/podgc/gc_controller.go#gcOrphaned: by force, as no kubelet will confirm it.
    pub fn sync(caches: &Caches, key: Key) -> Plan {
        let mut plan = Plan::default();
        let Some((kv, pod)) = caches.pod(key) else { return plan };
        if pod.node.is_some_and(|node| caches.node(node).is_none()) {
            plan.then(Request::delete(key, Some(0), kv.create_revision, Level::WorkloadHigh));
        }
        plan
    }
}
