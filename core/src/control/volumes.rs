//! Volumes: the claim binder (kubernetes pkg/controller/volume/persistentvolume) and attach/detach (pkg/controller/
//! volume/attachdetach).
//!
//! Simplified: the external provisioner and the CSI attacher are folded into the controllers, each as a time that its
//! work takes; a claim is bound, not matched with a volume object. A volume of a node that is ready counts as unmounted
//! once its pod is gone; of a node that isn't, nobody can say, so that it is detached by force after six minutes.
//! Every claim is ReadWriteOnce and belongs to one ordinal of a StatefulSet.

use super::caches::Caches;
use super::controller::Plan;
use crate::api::rpc::{Level, Request};
use crate::engine::{LocalTime, Span};
use crate::object::{Condition, Key, KeyValue, NodeId, Object, PersistentVolumeClaim, VolumeAttachment};
use alloc::collections::BTreeMap;

/// How long a volume takes to be made. Chosen: about what an external provisioner takes; it is folded into the
/// controller.
pub const PROVISION: Span = Span::from_secs(2);
/// How long a volume takes to be attached or detached. Chosen: about what a CSI driver takes; it is folded into the
/// controller.
const ATTACH: Span = Span::from_secs(1);
/// So long after a detach is wanted it is forced, of a node that is not ready. Sourced: kubernetes
/// pkg/controller/volume/attachdetach/attach_detach_controller.go#ReconcilerMaxWaitForUnmountDuration.
const MAX_WAIT_FOR_UNMOUNT: Span = Span::from_secs(6 * 60);

/// Binds a claim whose volume has had the time to be made.
pub fn bind(caches: &Caches, key: Key) -> Plan {
    let mut plan = Plan::default();
    if let Some((kv, claim)) = caches.claim(key).filter(|(_, claim)| !claim.bound) {
        let value = Object::PersistentVolumeClaim(PersistentVolumeClaim { bound: true, ..claim }).value();
        plan.then(Request::update(key, kv.mod_revision, value, Level::WorkloadHigh));
    }
    plan
}

/// The attach/detach controller's memory: since when each attachment is not wanted, and since when the attacher works
/// on it. One entry per attachment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct AttachDetach {
    unwanted: BTreeMap<Key, LocalTime>,
    attaching: BTreeMap<Key, LocalTime>,
}

impl AttachDetach {
    /// An attachment is gone.
    pub fn on_gone(&mut self, key: Key) {
        self.unwanted.remove(&key);
        self.attaching.remove(&key);
    }
    /// Brings the attachments of one claim's volume to where its pod is.
    pub fn sync(&mut self, caches: &Caches, claim: Key, now: LocalTime) -> Plan {
        let mut plan = Plan::default();
        let pod = caches.pod(Key::pod(claim.group(), 0, claim.number()));
        let pod = pod.filter(|(_, pod)| pod.claim == Some(claim) && !pod.is_terminal());
        let wanted = pod.and_then(|(_, pod)| pod.node);
        let mut elsewhere = false;
        let mut here = false;
        for (kv, it) in caches.attachments_of(claim) {
            if Some(it.node) == wanted && it.detaching.is_none() {
                here = true;
                self.unwanted.remove(&kv.key);
                self.attach(kv, it, now, &mut plan);
            } else {
                // Somebody else still has it: a multi-attach error, until that one lets go.
                elsewhere = true;
                self.detach(caches, kv, it, now, &mut plan);
            }
        }
        let bound = caches.claim(claim).is_some_and(|(_, claim)| claim.bound);
        if let Some(node) = wanted.filter(|_| !here && !elsewhere && bound) {
            let it = VolumeAttachment { claim, node, attached: false, detaching: None };
            let key = Key::attachment(claim, node);
            plan.then(Request::create(key, Object::VolumeAttachment(it).value(), Level::WorkloadHigh));
        }
        plan
    }
    fn attach(&mut self, kv: &KeyValue, it: VolumeAttachment, now: LocalTime, plan: &mut Plan) {
        if it.attached {
            self.attaching.remove(&kv.key);
            return;
        }
        let since = *self.attaching.entry(kv.key).or_insert(now);
        match ATTACH.saturating_sub(now.since(since)) {
            Span::ZERO => plan.then(update(kv, VolumeAttachment { attached: true, ..it })),
            wait => plan.again = Some(wait),
        }
    }
    fn detach(&mut self, caches: &Caches, kv: &KeyValue, it: VolumeAttachment, now: LocalTime, plan: &mut Plan) {
        let since = *self.unwanted.entry(kv.key).or_insert(now);
        let Some(asked) = it.detaching else {
            match self.unmount_wait(caches, it.node, since, now) {
                Span::ZERO => plan.then(update(kv, VolumeAttachment { detaching: Some(now), ..it })),
                wait => plan.again = Some(wait),
            }
            return;
        };
        match ATTACH.saturating_sub(now.since(asked)) {
            Span::ZERO => plan.then(Request::delete(kv.key, None, kv.create_revision, Level::WorkloadHigh)),
            wait => plan.again = Some(wait),
        }
    }
    /// How long it still waits for the node to unmount the volume.
    fn unmount_wait(&self, caches: &Caches, node: NodeId, since: LocalTime, now: LocalTime) -> Span {
        let well = caches.node(node).is_none_or(|node| node.ready == Condition::True);
        if well { Span::ZERO } else { MAX_WAIT_FOR_UNMOUNT.saturating_sub(now.since(since)) }
    }
}

fn update(kv: &KeyValue, it: VolumeAttachment) -> Request {
    Request::update(kv.key, kv.mod_revision, Object::VolumeAttachment(it).value(), Level::WorkloadHigh)
}
