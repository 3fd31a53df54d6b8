//! The DaemonSet controller: kubernetes pkg/controller/daemon.
//!
//! Its pods tolerate whatever a node may be tainted with, so every node is eligible. Left out: node selectors, surge.

use super::caches::Caches;
use super::controller::Plan;
use super::expectations::Expectations;
use super::replica_set::{create_pod, delete_pod, new_pod};
use crate::api::rpc::{Level, Request};
use crate::engine::{LocalTime, Span};
use crate::object::{DaemonSet, Key, KeyValue, NodeId, Object, Owner, Phase, Pod, WorkloadId};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The most pods that one sync of a DaemonSet creates or deletes. Unit: pods. Sourced: kubernetes
/// pkg/controller/daemon/daemon_controller.go#BurstReplicas.
const BURST: usize = 250;
/// The most pods of a DaemonSet that an update takes away at once. Unit: pods. Sourced: kubernetes
/// pkg/apis/apps/v1/defaults.go#SetDefaults_DaemonSet.
const MAX_UNAVAILABLE: u32 = 1;
/// The first wait before a DaemonSet's failed pod is replaced. Sourced: kubernetes
/// cmd/kube-controller-manager/app/apps.go#newDaemonSetController.
const BACKOFF_FIRST: Span = Span::from_secs(1);
/// The longest wait; twice as long without a failure forgets it. Sourced: kubernetes
/// cmd/kube-controller-manager/app/apps.go#newDaemonSetController.
const BACKOFF_MAX: Span = Span::from_secs(15 * 60);

/// The controller's memory: one entry per set, and one per node with a failed pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct DaemonSets {
    /// What it waits to see.
    pub expectations: Expectations,
    backoff: BTreeMap<(WorkloadId, NodeId), (Span, LocalTime)>,
}

impl DaemonSets {
    /// Whether a failed pod of this node must stay for now: client-go util/flowcontrol/backoff.go#IsInBackOffSinceUpdate,
    /// Next. Returns how long.
    fn holds(&mut self, set: WorkloadId, node: NodeId, now: LocalTime) -> Option<Span> {
        let (wait, since) = self.backoff.get(&(set, node)).copied().unwrap_or_default();
        let passed = now.since(since);
        if passed < wait {
            return Some(wait.saturating_sub(passed));
        }
        let next = if wait.is_zero() || passed > BACKOFF_MAX.scale(2, 1) { BACKOFF_FIRST } else { wait.scale(2, 1) };
        self.backoff.insert((set, node), (next.min(BACKOFF_MAX), now));
        None
    }
}

/// A set's pods by node: those bound, and those that will be.
type Pods<'a> = Vec<(NodeId, &'a KeyValue, &'a Pod)>;

/// Brings one DaemonSet's pods to one per node, and one of them to the newest template.
pub fn sync(caches: &Caches, memory: &mut DaemonSets, key: Key, now: LocalTime) -> Plan {
    let mut plan = Plan::default();
    let Some((kv, set)) = caches.daemon_set(key) else {
        memory.expectations.forget(key);
        return plan;
    };
    let owner = Owner { key, uid: kv.create_revision };
    let mut pods: Pods<'_> = caches
        .pods_of(set.workload)
        .filter(|(_, pod)| pod.owner == owner)
        .filter_map(|(kv, pod)| Some((pod.node.or(pod.only_node)?, kv, pod)))
        .collect();
    pods.sort_by_key(|(node, kv, pod)| (*node, pod.created, kv.key));
    let mut status =
        DaemonSet { observed_generation: set.generation, desired: 0, current: 0, ready: 0, updated: 0, ..set.clone() };
    let looks = memory.expectations.satisfied(key, now);
    let (mut creations, mut deletions) = (Vec::new(), Vec::new());
    let mut update = Update::default();
    let mut rest = &pods[..];
    for node in caches.nodes() {
        // Pods of nodes that aren't there are PodGC's to delete.
        rest = &rest[rest.partition_point(|(id, ..)| *id < node.id)..];
        let (here, after) = rest.split_at(rest.partition_point(|(id, ..)| *id == node.id));
        rest = after;
        count(&mut status, here, set.template);
        if !looks {
            continue;
        }
        if here.is_empty() {
            creations.push(node.id);
        } else if let Some(wait) = surplus(memory, set.workload, node.id, here, now, &mut deletions) {
            plan.again = Some(plan.again.map_or(wait, |other| other.min(wait)));
        }
        update.look(here, set.template);
    }
    if looks && creations.is_empty() && deletions.is_empty() {
        deletions = update.deletions();
    }
    creations.truncate(BURST);
    deletions.truncate(BURST);
    if !creations.is_empty() || !deletions.is_empty() {
        let keys = deletions.iter().map(|kv| kv.key).collect();
        memory.expectations.expect(key, creations.len() as u32, keys, now);
    }
    let template = new_pod(owner, set.workload, set.template, now);
    let pod = |node| Pod { only_node: Some(node), toleration_s: None, ..template.clone() };
    plan.slow_start(creations.into_iter().map(|node| create_pod(pod(node), 0)).collect());
    plan.all(deletions.iter().map(|kv| delete_pod(kv)).collect());
    plan.finally = (status != *set).then(|| {
        let value = Object::DaemonSet(Arc::new(status)).value();
        Request::update(kv.key, kv.mod_revision, value, Level::WorkloadHigh)
    });
    plan
}

fn count(status: &mut DaemonSet, here: &[(NodeId, &KeyValue, &Pod)], template: u16) {
    status.desired += 1;
    // The oldest one stands for the node.
    if let Some((_, _, pod)) = here.first() {
        status.current += 1;
        status.ready += u32::from(pod.ready);
        status.updated += u32::from(pod.template == template);
    }
}

/// kubernetes pkg/controller/daemon/daemon_controller.go#podsShouldBeOnNode: failed pods, and all but the oldest.
/// Returns how long a failed one must stay.
fn surplus<'a>(
    memory: &mut DaemonSets,
    set: WorkloadId,
    node: NodeId,
    here: &[(NodeId, &'a KeyValue, &'a Pod)],
    now: LocalTime,
    deletions: &mut Vec<&'a KeyValue>,
) -> Option<Span> {
    let mut wait = None;
    let mut running = 0;
    for (_, kv, pod) in here.iter().filter(|(_, _, pod)| pod.deleted.is_none()) {
        if pod.phase == Phase::Failed {
            wait = memory.holds(set, node, now);
            if wait.is_some() {
                continue;
            }
        } else if pod.phase != Phase::Succeeded {
            running += 1;
            if running == 1 {
                continue;
            }
        }
        deletions.push(kv);
    }
    wait
}

/// kubernetes pkg/controller/daemon/update.go#rollingUpdate: what may be deleted so that it comes back updated.
#[derive(Default)]
struct Update<'a> {
    unavailable: u32,
    replace: Vec<&'a KeyValue>,
    candidates: Vec<&'a KeyValue>,
}

impl<'a> Update<'a> {
    fn look(&mut self, here: &[(NodeId, &'a KeyValue, &'a Pod)], template: u16) {
        let mut alive = here.iter().filter(|(_, _, pod)| pod.deleted.is_none());
        match (alive.next(), alive.next()) {
            (Some((_, _, pod)), None) if pod.template == template => self.unavailable += u32::from(!pod.ready),
            (Some((_, kv, pod)), None) if !pod.ready => {
                self.replace.push(kv);
                self.unavailable += 1;
            }
            (Some((_, kv, _)), None) => self.candidates.push(kv),
            _ => self.unavailable += 1,
        }
    }
    fn deletions(mut self) -> Vec<&'a KeyValue> {
        self.candidates.truncate(MAX_UNAVAILABLE.saturating_sub(self.unavailable) as usize);
        self.replace.extend(self.candidates);
        self.replace
    }
}
