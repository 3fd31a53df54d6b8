//! One node loses its power for ten minutes.

use super::Scenario;
use crate::actor::role::Directory;
use crate::engine::Time;
use crate::fault::Fault;
use crate::sim::Command;
use alloc::vec::Vec;

/// Ten nodes with the standard workloads. Code: a cluster.
const DIRECTORY: Directory = Directory::stacked(3, 10);
/// The node of the StatefulSet's ordinal 0. Code: an id.
const LOST: u16 = 1;

/// What becomes of each workload's pods on a lost node. Code: a scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "node-lost",
    title: "A node is lost",
    summary: "From 20 s to 620 s a node has no power. After 40 to 60 s it counts as unreachable and its pods leave the \
              Services; after about 350 s the Deployment's pods are replaced elsewhere. The StatefulSet's pod is not: \
              its object waits for a kubelet that cannot answer.",
    directory: DIRECTORY,
    knobs: &[],
    script: || {
        let crash = (Time::from_secs(20), Command::Inject(Fault::Crash { host: DIRECTORY.node_host(LOST) }));
        Vec::from([crash, (Time::from_secs(620), Command::HealAll)])
    },
};
