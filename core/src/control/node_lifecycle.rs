//! The node lifecycle controller: kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go.
//!
//! Every five seconds it looks at every node. One whose status and Lease have not changed for 50 s, by this process's
//! clock and since this process saw them change, is marked Unknown and its pods not ready; it waits for a NoExecute taint,
//! which its zone's bucket grants. A new process has seen nothing yet and gives every node another 50 s.
//!
//! Simplified: the loops of the real one (monitor, NoExecute, NoSchedule) share one queue of nodes, so a failed write is
//! tried again by the queue's back-off, a NoSchedule taint follows the next look and not at once, and the zone's bucket
//! is looked at when it has a token, not every 100 ms.

use super::caches::Caches;
use super::controller::Plan;
use super::zones::{Census, Disruption, Zone, handle_disruption};
use crate::actor::role::{Note, NoteKind};
use crate::api::rpc::{Level, Request};
use crate::client::earlier;
use crate::engine::{LocalTime, Span};
use crate::object::{Change, Condition, Key, Kind, Node, NodeId, Revision, Taints};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// How often nodes are looked at. Flag: --node-monitor-period. Sourced: kubernetes
/// staging/src/k8s.io/cloud-provider/config/v1alpha1/defaults.go#NodeMonitorPeriod.
const MONITOR_PERIOD: Span = Span::from_secs(5);
/// After so long without a heartbeat, by the process's own clock, a node is taken for lost; 40 s up to 1.31. Flag:
/// --node-monitor-grace-period. Sourced: kubernetes
/// pkg/controller/nodelifecycle/config/v1alpha1/defaults.go#NodeMonitorGracePeriod.
pub const GRACE_PERIOD: Span = Span::from_secs(50);

/// What this process knows of a node's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Seen {
    zone: u8,
    /// The version of its Lease, and its status' heartbeat.
    lease: Revision,
    heartbeat: LocalTime,
    /// When one of them was last seen to change.
    at: LocalTime,
    /// Its condition as this process has it: what it wrote, until the cache says the same or something newer.
    condition: Condition,
    /// Its pods are to be marked not ready.
    marks_pods: bool,
    /// Since when it shall have a NoExecute taint.
    tainted: Option<LocalTime>,
}

/// The controller's memory: one entry per node, one per zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct NodeLifecycle {
    nodes: BTreeMap<NodeId, Seen>,
    zones: BTreeMap<u8, Zone>,
    monitor_at: Option<LocalTime>,
}

impl NodeLifecycle {
    /// Its informers have synced: it begins to look.
    pub const fn start(&mut self, now: LocalTime) {
        self.monitor_at = Some(now);
    }
    /// Its zones, by number.
    pub fn zones(&self) -> impl Iterator<Item = (u8, &Zone)> {
        self.zones.iter().map(|(id, zone)| (*id, zone))
    }
    /// When it wants [`NodeLifecycle::on_timer`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        self.zones.values().map(Zone::next_timer).fold(self.monitor_at, earlier)
    }
    /// Its next look, or a zone's next token. Returns the nodes there is something to do about.
    pub fn on_timer(&mut self, caches: &Caches, now: LocalTime, notes: &mut Vec<Note>) -> Vec<Key> {
        let mut work = Vec::new();
        if self.monitor_at.is_some_and(|at| at <= now) {
            self.monitor_at = Some(now + MONITOR_PERIOD);
            self.monitor(caches, now, &mut work, notes);
        }
        for zone in self.zones.values_mut() {
            while let Some(node) = zone.take(now) {
                if let Some(seen) = self.nodes.get_mut(&node) {
                    seen.tainted = Some(now);
                    work.push(Key::node(node));
                }
            }
        }
        work
    }
    /// A node is gone.
    pub fn on_gone(&mut self, id: NodeId) {
        if let Some(seen) = self.nodes.remove(&id) {
            self.zones.entry(seen.zone).or_default().remove(id);
        }
    }

    fn monitor(&mut self, caches: &Caches, now: LocalTime, work: &mut Vec<Key>, notes: &mut Vec<Note>) {
        let mut census = Census::new();
        // Both lists are in the order of nodes.
        let mut leases = caches.of(Kind::Lease).range(Key::node_lease(0), Key::node_lease(NodeId::MAX)).peekable();
        for node in caches.nodes() {
            let key = Key::node_lease(node.id);
            while leases.next_if(|kv| kv.key < key).is_some() {}
            let lease = leases.next_if(|kv| kv.key == key).map_or(0, |kv| kv.mod_revision);
            let condition = self.look(node, lease, now, work, notes);
            let counts = census.entry(node.zone).or_default();
            if condition == Condition::True { counts.0 += 1 } else { counts.1 += 1 }
        }
        let (first, could) = (self.zones.values().all(|zone| zone.nodes == 0), self.evicts());
        match handle_disruption(&mut self.zones, &census, now) {
            Disruption::None => {}
            Disruption::Begins => {
                for (id, seen) in &mut self.nodes {
                    self.zones.entry(seen.zone).or_default().remove(*id);
                    seen.tainted = None;
                    work.push(Key::node(*id));
                }
            }
            Disruption::Ends => self.nodes.values_mut().for_each(|seen| seen.at = now),
        }
        let can = self.evicts();
        if could != can && !(first && can) {
            let unready = self.zones.values().map(|zone| zone.unready).sum();
            let kind = if can { NoteKind::EvictionsResume } else { NoteKind::EvictionsStop };
            notes.push(Note::new(kind, unready, self.nodes.len() as u64));
        }
    }
    fn evicts(&self) -> bool {
        self.zones.values().any(Zone::evicts)
    }
    /// kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go#tryUpdateNodeHealth,
    /// processTaintBaseEviction: one node. Returns its condition as it is or will be.
    fn look(
        &mut self,
        node: &Node,
        lease: Revision,
        now: LocalTime,
        work: &mut Vec<Key>,
        notes: &mut Vec<Note>,
    ) -> Condition {
        let fresh = Seen {
            zone: node.zone,
            lease,
            heartbeat: node.heartbeat,
            at: now,
            condition: node.ready,
            marks_pods: false,
            tainted: node.taints.no_execute(),
        };
        let seen = self.nodes.entry(node.id).or_insert(fresh);
        if node.heartbeat != seen.heartbeat || lease != seen.lease {
            (seen.heartbeat, seen.lease, seen.at) = (node.heartbeat, lease, now);
        }
        let observed = seen.condition;
        let silent = now.since(seen.at) > GRACE_PERIOD;
        let condition = if silent { Condition::Unknown } else { node.ready };
        // The write of Unknown may not have come back yet.
        if condition != observed {
            seen.condition = condition;
            let kind = if condition == Condition::True { NoteKind::NodeReady } else { NoteKind::NodeNotReady };
            notes.push(Note::new(kind, u32::from(node.id), condition as u64));
        }
        if silent && observed == Condition::True {
            seen.marks_pods = true;
        }
        let zone = self.zones.entry(node.zone).or_default();
        if condition == Condition::True {
            zone.remove(node.id);
            seen.tainted = None;
        } else if seen.tainted.is_none() && zone.evicts() {
            zone.add(node.id);
        }
        if (silent && node.ready != Condition::Unknown) || seen.marks_pods || seen.taints(node) != node.taints {
            work.push(Key::node(node.id));
        }
        condition
    }
    /// What there is to write about a node.
    pub fn sync(&mut self, caches: &Caches, key: Key, now: LocalTime) -> Plan {
        let mut plan = Plan::default();
        let id = key.number() as NodeId;
        let (Some(node), Some(seen)) = (caches.node(id), self.nodes.get_mut(&id)) else { return plan };
        let silent = seen.condition == Condition::Unknown;
        if silent && node.ready != Condition::Unknown && now.since(seen.at) > GRACE_PERIOD {
            plan.then(Request::patch(key, Change::NodeUnknown(now), Level::WorkloadHigh));
        }
        if core::mem::take(&mut seen.marks_pods) {
            let ready = caches.pods_on(id).filter(|(_, pod)| pod.ready);
            let mark = |key| Request::patch(key, Change::PodNotReady(now), Level::WorkloadHigh);
            ready.for_each(|(kv, _)| plan.then(mark(kv.key)));
        }
        let taints = seen.taints(node);
        if taints != node.taints {
            plan.then(Request::patch(key, Change::Taint(taints), Level::WorkloadHigh));
        }
        plan
    }
    /// A write about a node failed: its pods may not all be marked.
    pub fn on_failure(&mut self, key: Key) {
        if let Some(seen) = self.nodes.get_mut(&(key.number() as NodeId)) {
            seen.marks_pods = seen.condition != Condition::True;
        }
    }
}

impl Seen {
    /// The taints it shall have.
    fn taints(&self, node: &Node) -> Taints {
        if self.condition == Condition::True {
            return Taints::default();
        }
        let since = |had: Option<LocalTime>| self.tainted.map(|at| had.unwrap_or(at));
        let no_schedule = true;
        match self.condition {
            Condition::Unknown => Taints { not_ready: None, unreachable: since(node.taints.unreachable), no_schedule },
            _ => Taints { not_ready: since(node.taints.not_ready), unreachable: None, no_schedule },
        }
    }
}
