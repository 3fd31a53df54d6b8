//! The ReplicaSet controller: kubernetes pkg/controller/replicaset/replica_set.go.
//!
//! It replaces a pod as soon as that is being deleted or has ended, and does not care whether a pod is ready.

use super::caches::Caches;
use super::controller::Plan;
use super::expectations::Expectations;
use crate::api::rpc::{Level, Request};
use crate::engine::LocalTime;
use crate::object::pod::{GRACE_PERIOD_S, TOLERATION_S};
use crate::object::{Key, KeyValue, NodeId, Object, Owner, Phase, Pod, ReplicaSet, WorkloadId};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// The most pods that one sync of a ReplicaSet creates or deletes. Unit: pods. Sourced: kubernetes
/// pkg/controller/replicaset/replica_set.go#BurstReplicas.
const BURST: u32 = 500;

/// A pod as its template has it.
pub fn new_pod(owner: Owner, workload: WorkloadId, template: u16, now: LocalTime) -> Pod {
    Pod {
        owner,
        workload,
        template,
        created: now,
        deleted: None,
        grace_s: GRACE_PERIOD_S,
        node: None,
        only_node: None,
        toleration_s: Some(TOLERATION_S),
        claim: None,
        phase: Phase::Pending,
        ready: false,
        ready_transition: now,
        unschedulable: false,
        restarts: 0,
    }
}

/// POST of a pod whose name the server chooses.
pub fn create_pod(pod: Pod, template: u16) -> Request {
    let key = Key::pod(pod.workload, template, Request::GENERATE_NAME);
    Request::create(key, Object::Pod(Arc::new(pod)).value(), Level::WorkloadHigh)
}

/// DELETE of a pod, this very one.
pub fn delete_pod(kv: &KeyValue) -> Request {
    Request::delete(kv.key, None, kv.create_revision, Level::WorkloadHigh)
}

/// Brings one ReplicaSet's pods to their number.
pub fn sync(caches: &Caches, expectations: &mut Expectations, key: Key, now: LocalTime) -> Plan {
    let mut plan = Plan::default();
    let Some((kv, set)) = caches.replica_set(key) else {
        expectations.forget(key);
        return plan;
    };
    let owner = Owner { key, uid: kv.create_revision };
    let pods: Vec<(&KeyValue, &Pod)> = caches
        .pods_of_template(set.workload, set.template)
        .filter(|(_, pod)| pod.owner == owner && pod.is_active())
        .collect();
    if expectations.satisfied(key, now) {
        let active = pods.len() as u32;
        if active < set.replicas {
            let missing = (set.replicas - active).min(BURST);
            let pod = new_pod(owner, set.workload, set.template, now);
            expectations.expect(key, missing, Vec::new(), now);
            plan.slow_start((0..missing).map(|_| create_pod(pod.clone(), set.template)).collect());
        } else if active > set.replicas {
            let victims = victims(caches, set.workload, pods.clone(), (active - set.replicas).min(BURST));
            expectations.expect(key, 0, victims.iter().map(|kv| kv.key).collect(), now);
            plan.all(victims.iter().map(|kv| delete_pod(kv)).collect());
        }
    }
    plan.finally = status(kv, set, &pods);
    plan
}

/// kubernetes pkg/controller/controller_utils.go#ActivePodsWithRanks: which pods go first. Not yet bound before bound,
/// pending before running, unready before ready, crowded nodes first, then those ready for less long, restarted more
/// often, younger.
fn victims<'a>(
    caches: &Caches,
    workload: WorkloadId,
    mut pods: Vec<(&'a KeyValue, &'a Pod)>,
    count: u32,
) -> Vec<&'a KeyValue> {
    let mut crowd: BTreeMap<NodeId, u32> = BTreeMap::new();
    for (_, pod) in caches.pods_of(workload).filter(|(_, pod)| pod.is_active()) {
        if let Some(node) = pod.node {
            *crowd.entry(node).or_default() += 1;
        }
    }
    pods.sort_by_key(|(kv, pod)| {
        let crowd = pod.node.and_then(|node| crowd.get(&node)).copied().unwrap_or(0);
        let ready_since = if pod.ready { pod.ready_transition } else { LocalTime::ZERO };
        let (bound, running) = (pod.node.is_some(), pod.phase != Phase::Pending);
        let age = (Reverse(ready_since), Reverse(pod.restarts), Reverse(pod.created), kv.key);
        (bound, running, pod.ready, Reverse(crowd), age)
    });
    pods.iter().take(count as usize).map(|(kv, _)| *kv).collect()
}

/// The write of its status, if that changed.
fn status(kv: &KeyValue, set: &ReplicaSet, pods: &[(&KeyValue, &Pod)]) -> Option<Request> {
    let ready = pods.iter().filter(|(_, pod)| pod.ready).count() as u32;
    let now = ReplicaSet {
        observed_generation: set.generation,
        status_replicas: pods.len() as u32,
        ready,
        available: ready, // minReadySeconds is 0.
        ..set.clone()
    };
    (now != *set).then(|| {
        let value = Object::ReplicaSet(Arc::new(now)).value();
        Request::update(kv.key, kv.mod_revision, value, Level::WorkloadHigh)
    })
}
