//! Pods.

use super::{Key, NodeId, Revision, Wall, WorkloadId};

/// How long a pod has between SIGTERM and SIGKILL. Flag: terminationGracePeriodSeconds. Sourced: kubernetes
/// staging/src/k8s.io/api/core/v1/types.go#DefaultTerminationGracePeriodSeconds.
pub const GRACE_PERIOD_S: u32 = 30;
/// How long a pod tolerates a NoExecute taint of its node, counted by the manager from when it saw it. Flag:
/// --default-not-ready-toleration-seconds and --default-unreachable-toleration-seconds. Sourced: kubernetes
/// plugin/pkg/admission/defaulttolerationseconds/admission.go#defaultNotReadyTolerationSeconds.
pub const TOLERATION_S: u32 = 300;

/// status.phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Phase {
    /// Not all containers have started.
    #[default]
    Pending,
    /// It runs.
    Running,
    /// It ended well.
    Succeeded,
    /// It ended badly, or was evicted.
    Failed,
}

/// An ownerReference with `controller: true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The owner.
    pub key: Key,
    /// Its uid.
    pub uid: Revision,
}

/// A Pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pod {
    /// Its controller.
    pub owner: Owner,
    /// The workload whose label it carries, and whose Service selects it.
    pub workload: WorkloadId,
    /// The revision of the template it was made from: pod-template-hash or controller-revision-hash.
    pub template: u16,
    /// creationTimestamp.
    pub created: Wall,
    /// deletionTimestamp less the grace period: when its deletion was asked for.
    pub deleted: Option<Wall>,
    /// deletionGracePeriodSeconds.
    pub grace_s: u32,
    /// spec.nodeName.
    pub node: Option<NodeId>,
    /// The one node that its affinity allows: pods of a DaemonSet.
    pub only_node: Option<NodeId>,
    /// How many seconds it tolerates the NoExecute taints not-ready and unreachable; none: for ever.
    pub toleration_s: Option<u32>,
    /// The claim it mounts.
    pub claim: Option<Key>,
    /// status.phase.
    pub phase: Phase,
    /// The Ready condition.
    pub ready: bool,
    /// lastTransitionTime of the Ready condition.
    pub ready_transition: Wall,
    /// The PodScheduled condition is False: no node takes it.
    pub unschedulable: bool,
    /// restartCount of its container.
    pub restarts: u16,
}

impl Pod {
    /// kubernetes pkg/controller/controller_utils.go#IsPodActive.
    pub const fn is_active(&self) -> bool {
        !self.is_terminal() && self.deleted.is_none()
    }
    /// Whether it has ended for good.
    pub const fn is_terminal(&self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }
}
