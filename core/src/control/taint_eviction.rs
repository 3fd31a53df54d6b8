//! The taint eviction controller: kubernetes pkg/controller/tainteviction.
//!
//! From when this process sees a NoExecute taint, a pod has the seconds it tolerates; then it is deleted. A new process
//! starts counting anew. Left out: taints other than not-ready and unreachable.

use super::caches::Caches;
use super::controller::Plan;
use super::replica_set::delete_pod;
use crate::actor::role::{Note, NoteKind};
use crate::engine::{LocalTime, Span};
use crate::object::{Key, Node, NodeId, Pod};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Pods whose deletion is planned: one entry per pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct TaintEviction {
    planned: BTreeMap<Key, LocalTime>,
    due: BTreeSet<(LocalTime, Key)>,
    evicted: u64,
}

impl TaintEviction {
    /// How many deletions are planned.
    pub fn planned(&self) -> u32 {
        self.planned.len() as u32
    }
    /// How many pods it evicted.
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }
    /// When it wants [`TaintEviction::on_timer`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        self.due.first().map(|(at, _)| *at)
    }
    /// The pods whose time has come.
    pub fn on_timer(&mut self, now: LocalTime) -> Vec<Key> {
        let mut ripe = Vec::new();
        while let Some((_, key)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.cancel(key);
            ripe.push(key);
        }
        ripe
    }
    /// A node changed.
    pub fn on_node(
        &mut self,
        caches: &Caches,
        id: NodeId,
        before: Option<&Node>,
        after: Option<&Node>,
        now: LocalTime,
    ) {
        let tainted = |node: Option<&Node>| node.is_some_and(|node| node.taints.no_execute().is_some());
        match (tainted(before), tainted(after)) {
            (false, true) => caches.pods_on(id).for_each(|(kv, pod)| self.plan(kv.key, pod, now)),
            (true, false) => caches.pods_on(id).for_each(|(kv, _)| self.cancel(kv.key)),
            _ => {}
        }
    }
    /// A pod appeared, changed or is gone.
    pub fn on_pod(&mut self, caches: &Caches, key: Key, before: Option<&Pod>, after: Option<&Pod>, now: LocalTime) {
        let Some(pod) = after else { return self.cancel(key) };
        let bound = pod.node.filter(|_| before.and_then(|pod| pod.node) != pod.node);
        if bound.and_then(|node| caches.node(node)).is_some_and(|node| node.taints.no_execute().is_some()) {
            self.plan(key, pod, now);
        }
    }
    fn plan(&mut self, key: Key, pod: &Pod, now: LocalTime) {
        let Some(tolerates) = pod.toleration_s else { return };
        let at = now + Span::from_secs(u64::from(tolerates));
        if *self.planned.entry(key).or_insert(at) == at {
            self.due.insert((at, key));
        }
    }
    fn cancel(&mut self, key: Key) {
        if let Some(at) = self.planned.remove(&key) {
            self.due.remove(&(at, key));
        }
    }
    /// Deletes a pod whose time had come.
    pub fn sync(&mut self, caches: &Caches, key: Key) -> Plan {
        let mut plan = Plan::default();
        if let Some((kv, pod)) = caches.pod(key).filter(|(_, pod)| pod.deleted.is_none()) {
            self.evicted += 1;
            plan.then(delete_pod(kv));
            plan.note = Some(Note::new(NoteKind::PodEvicted, u32::from(pod.node.unwrap_or_default()), key.name_bits()));
        }
        plan
    }
}
