//! Nodes.

use super::{NodeId, Wall};

/// A condition's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Condition {
    /// It holds.
    #[default]
    True,
    /// It does not.
    False,
    /// Nobody has said so for too long.
    Unknown,
}

/// The taints a node can have, each with when it was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Taints {
    /// node.kubernetes.io/not-ready:NoExecute, since when.
    pub not_ready: Option<Wall>,
    /// node.kubernetes.io/unreachable:NoExecute, since when.
    pub unreachable: Option<Wall>,
    /// node.kubernetes.io/not-ready or unreachable:NoSchedule: the scheduler leaves the node out.
    pub no_schedule: bool,
}

impl Taints {
    /// Since when it has a NoExecute taint.
    pub fn no_execute(&self) -> Option<Wall> {
        match (self.not_ready, self.unreachable) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

/// A Node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// Which.
    pub id: NodeId,
    /// topology.kubernetes.io/zone, by number.
    pub zone: u8,
    /// How many pods it takes.
    pub capacity: u16,
    /// The Ready condition.
    pub ready: Condition,
    /// Its lastHeartbeatTime.
    pub heartbeat: Wall,
    /// Its lastTransitionTime.
    pub transition: Wall,
    /// Whether it was cordoned.
    pub unschedulable: bool,
    /// Its taints.
    pub taints: Taints,
}
