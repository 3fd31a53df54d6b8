//! The rows of what runs on the cluster: workloads, nodes and pods. The objects are read from the member whose store is
//! the most advanced: what the cluster has agreed on.

use super::{NONE, Rows, Scene, float, ms};
use crate::actor::role::Role;
use crate::engine::LocalTime;
use crate::etcd::kv::Store;
use crate::inspect;
use crate::kubelet::Container;
use crate::kubelet::pod::Step;
use crate::object::{Key, Kind, NodeId, Object, Pod, Revision, Taints, WorkloadId};
use crate::sim::{Sim, State};
use alloc::vec;
use alloc::vec::Vec;

/// How many pods a frame shows at most; the first by key. Unit: pods. Chosen: more than a page can draw.
const PODS: usize = 4096;
/// How many of the store's newest changes are looked at for EndpointSlices that kube-proxies have not seen. Unit:
/// changes. Chosen: far more than a proxy that works is behind.
const RULES_BEHIND: Revision = 4096;

pub(super) fn workloads(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    let Some(etcd) = inspect::most_advanced(sim) else { return };
    let store = etcd.store();
    for (workload, owner) in inspect::workloads(store) {
        let (kind, desired, current, updated, ready, template, stuck) = match owner {
            Object::Deployment(it) => {
                (0, it.replicas, it.status_replicas, it.updated, it.ready, it.template, it.deadline_exceeded)
            }
            Object::StatefulSet(it) => (1, it.replicas, it.status_replicas, it.updated, it.ready, it.template, false),
            Object::DaemonSet(it) => (2, it.desired, it.current, it.updated, it.ready, it.template, false),
            _ => continue,
        };
        let (mut pods, mut pods_ready) = (0, 0);
        for (_, pod) in inspect::pods_of(store, workload) {
            pods += 1;
            pods_ready += u32::from(pod.ready && pod.deleted.is_none());
        }
        let (endpoints, endpoints_ready) = endpoints(store, workload);
        let (claims, claims_bound) = claims(store, workload);
        rows.push(&[
            workload.into(),
            kind,
            desired,
            current,
            updated,
            ready,
            template.into(),
            pods,
            pods_ready,
            endpoints,
            endpoints_ready,
            claims,
            claims_bound,
            stuck.into(),
        ]);
    }
}
/// How many addresses a Service's slices have, and how many of them are ready.
fn endpoints(store: &Store, workload: WorkloadId) -> (u32, u32) {
    let (from, to) = (Key::endpoint_slice(workload, 0), Key::new(Kind::EndpointSlice, workload + 1, 0, 0));
    let slices = store.range(from, to).filter_map(|kv| kv.value.object.endpoint_slice());
    slices
        .flat_map(|slice| &slice.endpoints)
        .fold((0, 0), |(all, ready), endpoint| (all + 1, ready + u32::from(endpoint.ready)))
}
/// How many claims a workload has, and how many of them are bound.
fn claims(store: &Store, workload: WorkloadId) -> (u32, u32) {
    store.range(Key::claim(workload, 0), Key::claim(workload + 1, 0)).fold((0, 0), |(all, bound), kv| {
        match kv.value.object {
            Object::PersistentVolumeClaim(claim) => (all + 1, bound + u32::from(claim.bound)),
            _ => (all, bound),
        }
    })
}

pub(super) fn nodes(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    let directory = sim.directory();
    let store = inspect::most_advanced(sim).map(|etcd| etcd.store());
    let mut bound = vec![0u32; usize::from(directory.nodes)];
    for (_, pod) in store.into_iter().flat_map(inspect::pods) {
        if let (Some(node), false) = (pod.node, pod.is_terminal())
            && let Some(count) = bound.get_mut(usize::from(node))
        {
            *count += 1;
        }
    }
    let slices = endpoint_changes(store);
    for node in 0..directory.nodes {
        let object = store.and_then(|store| store.get(Key::node(node))?.value.object.node());
        let kubelet = &sim.programs()[directory.kubelet(node).ix()];
        rows.push(&[
            object.is_some().into(),
            object.map_or(2, |node| node.ready as u32),
            object.is_some_and(|node| node.unschedulable).into(),
            object.map_or(0, |node| taints(&node.taints)),
            sim.hosts()[directory.node_host(node).ix()].shape.up.into(),
            (kubelet.state == State::Running && !kubelet.paused && matches!(kubelet.role, Role::Kubelet(_))).into(),
            bound[usize::from(node)],
            containers(sim, node).filter(runs).count() as u32,
            lease_age(sim, store, node),
            match &sim.programs()[directory.proxy(node).ix()].role {
                Role::Proxy(proxy) => {
                    (slices.len() - slices.partition_point(|revision| *revision <= proxy.revision())) as u32
                }
                _ => 0,
            },
        ]);
    }
}
/// The revisions of the newest changes of EndpointSlices, in order.
fn endpoint_changes(store: Option<&Store>) -> Vec<Revision> {
    let Some(store) = store else { return Vec::new() };
    let oldest = store.revision().saturating_sub(RULES_BEHIND);
    let changes = store.since(oldest).filter(|event| event.kv.key.kind() == Kind::EndpointSlice);
    changes.map(|event| event.kv.mod_revision).collect()
}
/// How long ago a node's Lease was renewed, by the node's own clock, in ms.
fn lease_age(sim: &Sim, store: Option<&Store>, node: NodeId) -> u32 {
    let Some(kv) = store.and_then(|store| store.get(Key::node_lease(node))) else { return float(-1) };
    let [renewed, ..] = kv.value.object.words();
    ms(sim.local(sim.directory().kubelet(node)).since(LocalTime::from_ns(renewed)))
}
/// The containers of a node.
fn containers(sim: &Sim, node: NodeId) -> impl Iterator<Item = Container> {
    let kubelet = match &sim.programs()[sim.directory().kubelet(node).ix()].role {
        Role::Kubelet(kubelet) if sim.hosts()[sim.directory().node_host(node).ix()].shape.up => Some(kubelet),
        _ => None,
    };
    kubelet.into_iter().flat_map(|kubelet| kubelet.containers())
}
fn runs(container: &Container) -> bool {
    matches!(container.step, Step::Running { .. } | Step::Stopping(_))
}
fn taints(taints: &Taints) -> u32 {
    u32::from(taints.not_ready.is_some())
        | u32::from(taints.unreachable.is_some()) << 1
        | u32::from(taints.no_schedule) << 2
}

pub(super) fn pods(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    let store = inspect::most_advanced(sim).map(|etcd| etcd.store());
    for (key, pod) in store.into_iter().flat_map(inspect::pods).take(PODS) {
        let container = pod.node.and_then(|node| containers(sim, node).find(|container| container.pod == key));
        let Pod { workload, template, node, phase, ready, deleted, unschedulable, restarts, .. } = pod;
        rows.push(&[
            (*workload).into(),
            (*template).into(),
            key.number(),
            node.map_or(NONE, u32::from),
            *phase as u32,
            (*ready).into(),
            deleted.is_some().into(),
            (*unschedulable).into(),
            (*restarts).into(),
            container.as_ref().is_some_and(runs).into(),
            container.is_some_and(|container| container.ready).into(),
        ]);
    }
}
