//! Every node is cut off from the control plane for ten minutes.

use super::Scenario;
use crate::actor::role::Directory;
use crate::engine::Time;
use crate::fault::Fault;
use crate::sim::Command;
use alloc::vec::Vec;

/// Ten nodes with the standard workloads. Code: a cluster.
const DIRECTORY: Directory = Directory::stacked(3, 10);

/// When nobody can be heard, the silence is more likely one's own. Code: a scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "nodes-silent",
    title: "Every node goes silent",
    summary: "From 20 s to 620 s no node reaches an API server. All are marked Unknown, yet no pod is evicted: a node \
              lifecycle controller that hears of no node at all stops evictions.",
    directory: DIRECTORY,
    knobs: &[],
    script: || {
        let cut = (Time::from_secs(20), Command::Inject(Fault::CutNodes));
        Vec::from([cut, (Time::from_secs(620), Command::HealAll)])
    },
};
