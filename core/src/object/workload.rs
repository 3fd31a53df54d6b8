//! Workloads and what belongs to them.

use super::{Key, NodeId, Owner, Wall, WorkloadId};
use alloc::vec::Vec;

/// A Deployment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Deployment {
    /// Which workload.
    pub workload: WorkloadId,
    /// metadata.generation: one more for each change of the spec.
    pub generation: u32,
    /// spec.replicas.
    pub replicas: u32,
    /// The revision of its pod template.
    pub template: u16,
    /// strategy.rollingUpdate.maxSurge, in percent.
    pub max_surge_pct: u8,
    /// strategy.rollingUpdate.maxUnavailable, in percent.
    pub max_unavailable_pct: u8,
    /// spec.progressDeadlineSeconds.
    pub progress_deadline_s: u32,
    /// status.observedGeneration.
    pub observed_generation: u32,
    /// status.replicas.
    pub status_replicas: u32,
    /// status.updatedReplicas.
    pub updated: u32,
    /// status.readyReplicas.
    pub ready: u32,
    /// status.availableReplicas.
    pub available: u32,
    /// lastUpdateTime of the Progressing condition.
    pub progressed: Wall,
    /// The Progressing condition is False: ProgressDeadlineExceeded.
    pub deadline_exceeded: bool,
}

/// A ReplicaSet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReplicaSet {
    /// Its Deployment.
    pub owner: Owner,
    /// Which workload.
    pub workload: WorkloadId,
    /// The revision of its pod template.
    pub template: u16,
    /// creationTimestamp.
    pub created: Wall,
    /// metadata.generation.
    pub generation: u32,
    /// spec.replicas.
    pub replicas: u32,
    /// status.observedGeneration.
    pub observed_generation: u32,
    /// status.replicas.
    pub status_replicas: u32,
    /// status.readyReplicas.
    pub ready: u32,
    /// status.availableReplicas.
    pub available: u32,
}

/// A StatefulSet, podManagementPolicy OrderedReady.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StatefulSet {
    /// Which workload.
    pub workload: WorkloadId,
    /// metadata.generation.
    pub generation: u32,
    /// spec.replicas.
    pub replicas: u32,
    /// The revision of its pod template: status.updateRevision.
    pub template: u16,
    /// Whether each pod has a claim of its own.
    pub claims: bool,
    /// status.observedGeneration.
    pub observed_generation: u32,
    /// status.replicas.
    pub status_replicas: u32,
    /// status.readyReplicas.
    pub ready: u32,
    /// status.updatedReplicas.
    pub updated: u32,
    /// status.currentRevision: the template that pods not yet updated have.
    pub current_template: u16,
}

/// A DaemonSet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DaemonSet {
    /// Which workload.
    pub workload: WorkloadId,
    /// metadata.generation.
    pub generation: u32,
    /// The revision of its pod template.
    pub template: u16,
    /// status.observedGeneration.
    pub observed_generation: u32,
    /// status.desiredNumberScheduled.
    pub desired: u32,
    /// status.currentNumberScheduled.
    pub current: u32,
    /// status.numberReady.
    pub ready: u32,
    /// status.updatedNumberScheduled.
    pub updated: u32,
}

/// A Service: it selects the pods of its workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Service {
    /// Which workload.
    pub workload: WorkloadId,
}

/// One address of an EndpointSlice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The pod behind it.
    pub pod: Key,
    /// The pod's node.
    pub node: NodeId,
    /// conditions.ready.
    pub ready: bool,
    /// conditions.terminating.
    pub terminating: bool,
}

/// An EndpointSlice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EndpointSlice {
    /// Whose Service.
    pub workload: WorkloadId,
    /// Its endpoints, by pod.
    pub endpoints: Vec<Endpoint>,
}

/// A PersistentVolumeClaim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PersistentVolumeClaim {
    /// Which workload.
    pub workload: WorkloadId,
    /// Of which ordinal.
    pub ordinal: u32,
    /// Whether a volume is bound to it.
    pub bound: bool,
}

/// A VolumeAttachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VolumeAttachment {
    /// The claim whose volume it is.
    pub claim: Key,
    /// To which node.
    pub node: NodeId,
    /// status.attached.
    pub attached: bool,
    /// When its detaching was asked for.
    pub detaching: Option<Wall>,
}
