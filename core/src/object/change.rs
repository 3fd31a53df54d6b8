//! Patches: what a client asks the API server to change in an object, whatever else the object says.

use super::{Condition, NodeId, Object, Phase, Taints, Value, Wall};
use alloc::sync::Arc;

/// A patch. The API server applies it to the object as it is, and again after a conflict.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// The whole object, whatever it was; creates it if it isn't there: a server-side apply.
    Apply(Value),
    /// pods/binding: the scheduler's choice. Refused with 409 if the pod has a node already.
    Bind(NodeId),
    /// pods/status, by the scheduler: no node takes it.
    Unschedulable,
    /// pods/status, by the kubelet.
    PodStatus {
        /// status.phase.
        phase: Phase,
        /// The Ready condition.
        ready: bool,
        /// restartCount.
        restarts: u16,
        /// lastTransitionTime, if the Ready condition changes.
        at: Wall,
    },
    /// pods/status, by the node lifecycle controller: Ready is False, at this moment.
    PodNotReady(Wall),
    /// nodes/status, by the kubelet.
    NodeStatus {
        /// The Ready condition.
        ready: Condition,
        /// lastHeartbeatTime, and lastTransitionTime if the condition changes.
        at: Wall,
    },
    /// nodes/status, by the node lifecycle controller: nobody has heard of it, at this moment.
    NodeUnknown(Wall),
    /// A node's taints, by the node lifecycle controller.
    Taint(Taints),
    /// kubectl cordon (true) and uncordon.
    Cordon(bool),
    /// The scale subresource: spec.replicas.
    Scale(u32),
    /// kubectl rollout restart, or a new image: the template's next revision.
    NewTemplate,
}

impl Change {
    /// What a patch of a pod's status weighs. Chosen: a typical strategic merge patch.
    const POD_STATUS_BYTES: u32 = 600;
    /// What a patch of a node's status weighs. Chosen: the same with its conditions.
    const NODE_STATUS_BYTES: u32 = 900;
    /// What any other patch weighs. Chosen: a few fields.
    const PATCH_BYTES: u32 = 200;

    /// Its size on the wire.
    pub fn bytes(&self) -> u32 {
        match self {
            Self::Apply(value) => value.bytes,
            Self::PodStatus { .. } => Self::POD_STATUS_BYTES,
            Self::NodeStatus { .. } => Self::NODE_STATUS_BYTES,
            _ => Self::PATCH_BYTES,
        }
    }
    /// Makes the change. Returns whether it may be made; false is a 409.
    pub fn apply(&self, object: &mut Object) -> bool {
        match (self, object) {
            (Self::Apply(value), object) => *object = value.object.clone(),
            (Self::Bind(node), Object::Pod(pod)) => {
                let pod = Arc::make_mut(pod);
                if pod.node.is_some() || pod.deleted.is_some() {
                    return false;
                }
                (pod.node, pod.unschedulable) = (Some(*node), false);
            }
            (Self::Unschedulable, Object::Pod(pod)) => Arc::make_mut(pod).unschedulable = true,
            (Self::PodStatus { phase, ready, restarts, at }, Object::Pod(pod)) => {
                let pod = Arc::make_mut(pod);
                if pod.ready != *ready {
                    (pod.ready, pod.ready_transition) = (*ready, *at);
                }
                (pod.phase, pod.restarts) = (*phase, *restarts);
            }
            (Self::PodNotReady(at), Object::Pod(pod)) => {
                let pod = Arc::make_mut(pod);
                if pod.ready {
                    (pod.ready, pod.ready_transition) = (false, *at);
                }
            }
            (Self::NodeStatus { ready, at }, Object::Node(node)) => {
                let node = Arc::make_mut(node);
                if node.ready != *ready {
                    node.transition = *at;
                }
                (node.ready, node.heartbeat) = (*ready, *at);
            }
            (Self::NodeUnknown(at), Object::Node(node)) => {
                let node = Arc::make_mut(node);
                (node.ready, node.transition) = (Condition::Unknown, *at);
            }
            (Self::Taint(taints), Object::Node(node)) => Arc::make_mut(node).taints = *taints,
            (Self::Cordon(on), Object::Node(node)) => Arc::make_mut(node).unschedulable = *on,
            (Self::Scale(replicas), Object::Deployment(it)) => {
                let it = Arc::make_mut(it);
                it.generation += u32::from(it.replicas != *replicas);
                it.replicas = *replicas;
            }
            (Self::Scale(replicas), Object::StatefulSet(it)) => {
                let it = Arc::make_mut(it);
                it.generation += u32::from(it.replicas != *replicas);
                it.replicas = *replicas;
            }
            (Self::Scale(replicas), Object::ReplicaSet(it)) => {
                let it = Arc::make_mut(it);
                it.generation += u32::from(it.replicas != *replicas);
                it.replicas = *replicas;
            }
            (Self::NewTemplate, Object::Deployment(it)) => {
                let it = Arc::make_mut(it);
                (it.generation, it.template) = (it.generation + 1, it.template + 1);
            }
            (Self::NewTemplate, Object::StatefulSet(it)) => {
                let it = Arc::make_mut(it);
                (it.generation, it.template) = (it.generation + 1, it.template + 1);
            }
            (Self::NewTemplate, Object::DaemonSet(it)) => {
                let it = Arc::make_mut(it);
                (it.generation, it.template) = (it.generation + 1, it.template + 1);
            }
            _ => return false,
        }
        true
    }
}
