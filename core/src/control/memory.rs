//! What the controllers remember beside their caches, and which change is whose work.

use super::caches::Caches;
use super::controller::{Answer, Controller, Name, Plan};
use super::daemon_set::DaemonSets;
use super::deployment::Rolling;
use super::endpoint_slice::{SLICE_CHANGE_DELAY, Tracker, endpoint};
use super::expectations::Expectations;
use super::garbage::{PodGc, dependents};
use super::node_lifecycle::NodeLifecycle;
use super::taint_eviction::TaintEviction;
use super::volumes::{AttachDetach, PROVISION};
use super::{daemon_set, deployment, endpoint_slice, garbage, replica_set, stateful_set, volumes};
use crate::api::rpc::Verb;
use crate::client::earlier;
use crate::client::informer::Delta;
use crate::engine::LocalTime;
use crate::object::{Key, KeyValue, Kind, NodeId, Object, Pod};

/// Every controller's memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Memory {
    /// The node lifecycle controller's.
    pub nodes: NodeLifecycle,
    /// The taint eviction controller's.
    pub evictions: TaintEviction,
    replica_sets: Expectations,
    daemon_sets: DaemonSets,
    rolling: Rolling,
    slices: Tracker,
    volumes: AttachDetach,
    /// PodGC's.
    pub pod_gc: PodGc,
}

/// The work queues, by controller.
pub struct Queues<'a>(pub &'a mut [Controller]);

impl Queues<'_> {
    fn add(&mut self, name: Name, now: LocalTime, key: Key) {
        self.0[name as usize].queue_mut().add(now, key);
    }
}

impl Memory {
    /// When one of them wants to be woken.
    pub fn next_timer(&self) -> Option<LocalTime> {
        earlier(earlier(self.nodes.next_timer(), self.evictions.next_timer()), self.pod_gc.next_timer())
    }
    /// What a worker of the controller does with a key.
    pub fn sync(&mut self, name: Name, caches: &Caches, key: Key, now: LocalTime) -> Plan {
        match name {
            Name::NodeLifecycle => self.nodes.sync(caches, key, now),
            Name::TaintEviction => self.evictions.sync(caches, key),
            Name::Deployment => deployment::sync(caches, &mut self.rolling, key, now),
            Name::ReplicaSet => replica_set::sync(caches, &mut self.replica_sets, key, now),
            Name::StatefulSet => stateful_set::sync(caches, key, now),
            Name::DaemonSet => daemon_set::sync(caches, &mut self.daemon_sets, key, now),
            Name::EndpointSlice => endpoint_slice::sync(caches, &self.slices, key),
            Name::PersistentVolume => volumes::bind(caches, key),
            Name::AttachDetach => self.volumes.sync(caches, key, now),
            Name::GarbageCollector => garbage::collect(caches, key),
            Name::PodGc => PodGc::sync(caches, key),
        }
    }
    /// A controller's request was answered.
    pub fn on_answer(&mut self, name: Name, answer: &Answer, kv: Option<&KeyValue>) {
        if !answer.ok {
            self.on_failure(name, answer.item, answer.call);
        } else if name == Name::EndpointSlice {
            match kv.filter(|_| answer.call.0 != Verb::Delete) {
                Some(kv) => self.slices.wrote(kv),
                None => self.slices.gone(answer.call.1),
            }
        }
    }
    /// A controller's request failed, or was never made because another one did.
    pub fn on_failure(&mut self, name: Name, item: Key, (verb, key): (Verb, Key)) {
        let expectations = match name {
            Name::ReplicaSet => &mut self.replica_sets,
            Name::DaemonSet => &mut self.daemon_sets.expectations,
            Name::NodeLifecycle => return self.nodes.on_failure(item),
            _ => return,
        };
        match verb {
            Verb::Create => expectations.created(item),
            Verb::Delete => expectations.deleted(item, key),
            _ => {}
        }
    }
    /// A cache changed: the event handlers of every controller.
    pub fn on_delta(&mut self, caches: &Caches, queues: &mut Queues<'_>, delta: &Delta, now: LocalTime) {
        let Delta { key, before, after } = delta;
        let (added, gone) = (before.is_none(), after.is_none());
        match key.kind() {
            Kind::Pod => self.on_pod(caches, queues, delta, now),
            Kind::Node => self.on_node(caches, queues, delta, now),
            Kind::ReplicaSet => {
                queues.add(Name::ReplicaSet, now, *key);
                let owner = after.as_ref().or(before.as_ref()).and_then(|kv| garbage::owner(&kv.value.object));
                if let Some(owner) = owner {
                    queues.add(Name::Deployment, now, owner.key);
                    if added && caches.uid(owner.key) != Some(owner.uid) {
                        queues.add(Name::GarbageCollector, now, *key);
                    }
                }
            }
            Kind::Deployment => queues.add(Name::Deployment, now, *key),
            Kind::StatefulSet => queues.add(Name::StatefulSet, now, *key),
            Kind::DaemonSet => queues.add(Name::DaemonSet, now, *key),
            Kind::Service => queues.add(Name::EndpointSlice, now, *key),
            Kind::EndpointSlice => {
                if gone {
                    self.slices.gone(*key);
                }
                if after.as_ref().is_none_or(|kv| !self.slices.is_own(kv)) {
                    let service = Key::of_workload(Kind::Service, key.group());
                    queues.0[Name::EndpointSlice as usize].queue_mut().add_after(now, service, SLICE_CHANGE_DELAY);
                }
            }
            Kind::PersistentVolumeClaim => {
                if let Some((_, claim)) = caches.claim(*key) {
                    if claim.bound {
                        queues.add(Name::AttachDetach, now, *key);
                    } else if added {
                        queues.0[Name::PersistentVolume as usize].queue_mut().add_after(now, *key, PROVISION);
                    }
                }
            }
            Kind::VolumeAttachment => {
                if gone {
                    self.volumes.on_gone(*key);
                }
                queues.add(Name::AttachDetach, now, Key::claim(key.group(), key.number()));
            }
            _ => {}
        }
        if gone {
            dependents(caches, *key).into_iter().for_each(|key| queues.add(Name::GarbageCollector, now, key));
        }
    }
    fn on_pod(&mut self, caches: &Caches, queues: &mut Queues<'_>, delta: &Delta, now: LocalTime) {
        let key = delta.key;
        let before = delta.before.as_ref().and_then(|kv| kv.value.object.pod());
        let after = delta.after.as_ref().and_then(|kv| kv.value.object.pod());
        let Some(pod) = after.or(before) else { return };
        let owner = pod.owner;
        let going = |pod: Option<&Pod>| pod.is_none_or(|pod| pod.deleted.is_some());
        let (appears, goes) = (before.is_none(), before.is_some_and(|_| !going(before)) && going(after));
        let name = match owner.key.kind() {
            Kind::DaemonSet => Name::DaemonSet,
            Kind::StatefulSet => Name::StatefulSet,
            _ => Name::ReplicaSet,
        };
        let expectations = match name {
            Name::DaemonSet => &mut self.daemon_sets.expectations,
            _ => &mut self.replica_sets,
        };
        if appears {
            expectations.created(owner.key);
        }
        if goes || after.is_none() {
            expectations.deleted(owner.key, key);
        }
        queues.add(name, now, owner.key);
        let endpoint = |pod: Option<&Pod>| pod.and_then(|pod| endpoint(key, pod));
        if endpoint(before) != endpoint(after) {
            queues.add(Name::EndpointSlice, now, Key::of_workload(Kind::Service, pod.workload));
        }
        let place = |pod: Option<&Pod>| pod.filter(|pod| !pod.is_terminal()).and_then(|pod| pod.node);
        if let Some(claim) = pod.claim.filter(|_| place(before) != place(after)) {
            queues.add(Name::AttachDetach, now, claim);
        }
        if appears && caches.uid(owner.key) != Some(owner.uid) {
            queues.add(Name::GarbageCollector, now, key);
        }
        let bound = after.and_then(|pod| pod.node).filter(|_| place(before).is_none());
        if let Some(node) = bound.filter(|node| caches.synced(&[Kind::Node]) && caches.node(*node).is_none()) {
            self.pod_gc.on_gone(node, now);
        }
        self.evictions.on_pod(caches, key, before, after, now);
    }
    fn on_node(&mut self, caches: &Caches, queues: &mut Queues<'_>, delta: &Delta, now: LocalTime) {
        let id = delta.key.number() as NodeId;
        let before = delta.before.as_ref().and_then(|kv| kv.value.object.node());
        let after = delta.after.as_ref().and_then(|kv| kv.value.object.node());
        self.evictions.on_node(caches, id, before, after, now);
        if after.is_none() {
            self.nodes.on_gone(id);
            self.pod_gc.on_gone(id, now);
        }
        if before.is_none() || after.is_none() {
            for kv in caches.of(Kind::DaemonSet).iter() {
                queues.add(Name::DaemonSet, now, kv.key);
            }
        }
        if before.is_some() && before.map(|node| node.ready) != after.map(|node| node.ready) {
            for kv in caches.of(Kind::VolumeAttachment).iter() {
                if let Object::VolumeAttachment(it) = kv.value.object
                    && it.node == id
                {
                    queues.add(Name::AttachDetach, now, it.claim);
                }
            }
        }
    }
}
