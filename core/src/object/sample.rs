//! Objects for tests to begin with.

use super::{Condition, Key, Kind, Node, NodeId, Owner, Phase, Pod, Taints, WorkloadId};
use crate::engine::LocalTime;

/// A pod of a ReplicaSet, as it was just created.
pub fn pod(workload: WorkloadId) -> Pod {
    Pod {
        owner: Owner { key: Key::of_workload(Kind::ReplicaSet, workload), uid: 1 },
        workload,
        template: 1,
        created: LocalTime::ZERO,
        deleted: None,
        grace_s: 30,
        node: None,
        only_node: None,
        toleration_s: Some(300),
        claim: None,
        phase: Phase::Pending,
        ready: false,
        ready_transition: LocalTime::ZERO,
        unschedulable: false,
        restarts: 0,
    }
}

/// A ready node of one of three zones, with room for ten pods.
pub fn node(id: NodeId) -> Node {
    Node {
        id,
        zone: (id % 3) as u8,
        capacity: 10,
        ready: Condition::True,
        heartbeat: LocalTime::ZERO,
        transition: LocalTime::ZERO,
        unschedulable: false,
        taints: Taints::default(),
    }
}
