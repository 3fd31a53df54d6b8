//! The StatefulSet controller, podManagementPolicy OrderedReady: kubernetes pkg/controller/statefulset.
//!
//! One ordinal at a time, and only if all lower ones run and are ready. A pod that is being deleted blocks its ordinal
//! until it is gone; nothing here ever deletes one by force. Left out: partitions, minReadySeconds, maxUnavailable, the
//! retention policy of claims; one revision before the newest is remembered, not ten.

use super::caches::Caches;
use super::controller::Plan;
use super::replica_set::{delete_pod, new_pod};
use crate::api::rpc::{Level, Request};
use crate::engine::LocalTime;
use crate::object::{Key, KeyValue, Object, Owner, PersistentVolumeClaim, Phase, Pod, StatefulSet};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;

type Pods<'a> = BTreeMap<u32, (&'a KeyValue, &'a Pod)>;

/// kubernetes pkg/controller/statefulset/stateful_set_utils.go#isRunningAndReady.
const fn is_running_and_ready(pod: &Pod) -> bool {
    matches!(pod.phase, Phase::Running) && pod.ready
}
const fn is_healthy(pod: &Pod) -> bool {
    is_running_and_ready(pod) && pod.deleted.is_none()
}

/// Takes one StatefulSet a step further.
pub fn sync(caches: &Caches, key: Key, now: LocalTime) -> Plan {
    let mut plan = Plan::default();
    let Some((kv, set)) = caches.stateful_set(key) else { return plan };
    let owner = Owner { key, uid: kv.create_revision };
    let pods: Pods<'_> = caches
        .pods_of(set.workload)
        .filter(|(_, pod)| pod.owner == owner)
        .map(|(kv, pod)| (kv.key.number(), (kv, pod)))
        .collect();
    let waits = process_replicas(caches, set, owner, &pods, now, &mut plan);
    if !waits && !process_condemned(set, &pods, &mut plan) {
        update_one(set, &pods, &mut plan);
    }
    plan.finally = status(kv, set, &pods);
    plan
}

/// kubernetes pkg/controller/statefulset/stateful_set_control.go#processReplica, from the lowest ordinal up. Returns
/// whether the rest has to wait.
fn process_replicas(
    caches: &Caches,
    set: &StatefulSet,
    owner: Owner,
    pods: &Pods<'_>,
    now: LocalTime,
    plan: &mut Plan,
) -> bool {
    for ordinal in 0..set.replicas {
        match pods.get(&ordinal) {
            None => {
                create(caches, set, owner, pods, ordinal, now, plan);
                return true;
            }
            Some((kv, pod)) if pod.is_terminal() => {
                if pod.deleted.is_none() {
                    plan.then(delete_pod(kv));
                }
                return true;
            }
            Some((_, pod)) if !is_healthy(pod) => return true,
            Some(_) => {}
        }
    }
    false
}

/// kubernetes pkg/controller/statefulset/stateful_pod_control.go#CreateStatefulPod: the claim first.
fn create(
    caches: &Caches,
    set: &StatefulSet,
    owner: Owner,
    pods: &Pods<'_>,
    ordinal: u32,
    now: LocalTime,
    plan: &mut Plan,
) {
    let claim = set.claims.then(|| Key::claim(set.workload, ordinal));
    if let Some(key) = claim.filter(|key| caches.claim(*key).is_none()) {
        let claim = PersistentVolumeClaim { workload: set.workload, ordinal, bound: false };
        plan.then(Request::create(key, Object::PersistentVolumeClaim(claim).value(), Level::WorkloadHigh));
    }
    let pod = Pod { claim, ..new_pod(owner, set.workload, revision_for(set, pods, ordinal), now) };
    let key = Key::pod(set.workload, 0, ordinal);
    plan.then(Request::create(key, Object::Pod(Arc::new(pod)).value(), Level::WorkloadHigh));
}

/// kubernetes pkg/controller/statefulset/stateful_set_utils.go#newVersionedStatefulSetPod: during an update, which goes
/// from the highest ordinal down, an ordinal that is not yet its turn is made again as it was.
fn revision_for(set: &StatefulSet, pods: &Pods<'_>, ordinal: u32) -> u16 {
    let old = pods.iter().rev().find(|(_, (_, pod))| pod.template != set.template && pod.deleted.is_none());
    match old {
        Some((highest, _)) if ordinal < *highest && set.current_template != set.template => set.current_template,
        _ => set.template,
    }
}

/// kubernetes pkg/controller/statefulset/stateful_set_control.go#processCondemned: pods beyond spec.replicas, from the
/// highest ordinal down. Returns whether the rest has to wait.
fn process_condemned(set: &StatefulSet, pods: &Pods<'_>, plan: &mut Plan) -> bool {
    let first_unhealthy = pods.iter().find(|(_, (_, pod))| !is_healthy(pod)).map(|(ordinal, _)| *ordinal);
    let Some((ordinal, (kv, pod))) = pods.range(set.replicas..).next_back() else { return false };
    let may = is_running_and_ready(pod) || first_unhealthy == Some(*ordinal);
    if pod.deleted.is_none() && may {
        plan.then(delete_pod(kv));
    }
    true
}

/// kubernetes pkg/controller/statefulset/stateful_set_control.go#updateStatefulSetAfterInvariantEstablished: the highest
/// ordinal that isn't of the newest revision, once all above it are healthy.
fn update_one(set: &StatefulSet, pods: &Pods<'_>, plan: &mut Plan) {
    for (kv, pod) in pods.range(..set.replicas).rev().map(|(_, it)| it) {
        if pod.template != set.template && pod.deleted.is_none() {
            plan.then(delete_pod(kv));
            return;
        }
        if !is_healthy(pod) {
            return;
        }
    }
}

/// The write of its status, if that changed.
fn status(kv: &KeyValue, set: &StatefulSet, pods: &Pods<'_>) -> Option<Request> {
    let count = |fits: &dyn Fn(&Pod) -> bool| pods.values().filter(|(_, pod)| fits(pod)).count() as u32;
    let mut now = StatefulSet {
        observed_generation: set.generation,
        status_replicas: pods.len() as u32,
        ready: count(&is_running_and_ready),
        updated: count(&|pod| pod.template == set.template && pod.deleted.is_none()),
        ..set.clone()
    };
    // completeRollingUpdate.
    if now.updated == now.status_replicas && now.ready == now.status_replicas {
        now.current_template = set.template;
    }
    (now != *set).then(|| {
        let value = Object::StatefulSet(Arc::new(now)).value();
        Request::update(kv.key, kv.mod_revision, value, Level::WorkloadHigh)
    })
}
