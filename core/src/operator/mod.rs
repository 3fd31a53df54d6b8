//! Whoever uses kubectl: does what the learner asks, through the API.

use crate::actor::role::Directory;
use crate::actor::{Actor, Cx, Input, role};
use crate::object::{Key, NodeId, WorkloadId};

/// What a workload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum WorkloadKind {
    /// A Deployment.
    Deployment,
    /// A StatefulSet, each of whose pods has a volume.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
}

impl WorkloadKind {
    /// Every kind's name, in order.
    pub const NAMES: [&'static str; 3] = ["deployment", "statefulset", "daemonset"];

    /// Its name in links and journals.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Deployment, Self::StatefulSet, Self::DaemonSet].into_iter().find(|kind| kind.name() == name)
    }
}

/// What the learner wants done with kubectl.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// kubectl create: a workload and the Service of the same name.
    Create {
        /// Its number: the next free one.
        workload: WorkloadId,
        /// What it is.
        kind: WorkloadKind,
        /// How many pods; a DaemonSet has one on each node, whatever this says.
        replicas: u32,
    },
    /// kubectl scale.
    Scale {
        /// Which workload.
        workload: WorkloadId,
        /// How many pods.
        replicas: u32,
    },
    /// kubectl rollout restart.
    Rollout(WorkloadId),
    /// kubectl delete pod.
    DeletePod(Key),
    /// kubectl delete pod --force --grace-period=0.
    ForceDeletePod(Key),
    /// kubectl cordon (true) or uncordon.
    Cordon(NodeId, bool),
    /// kubectl drain: cordon, then evict every pod that no DaemonSet owns.
    Drain(NodeId),
    /// kubectl delete node.
    DeleteNode(NodeId),
}

/// Its timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Its HTTP client's next deadline.
    Http,
}

impl From<Timer> for role::Timer {
    fn from(timer: Timer) -> Self {
        Self::Operator(timer)
    }
}

/// Whoever uses kubectl: does what the learner asks, through the API.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operator {
    directory: Directory,
}

impl Operator {
    /// At the beginning of a run.
    pub fn new(directory: Directory) -> Self {
        Self { directory }
    }
}

impl Actor for Operator {
    fn handle(&mut self, _cx: &mut Cx<'_>, _input: Input) {}
}
