//! Each member is cut off from the others in turn.

use super::Scenario;
use crate::actor::role::Directory;
use crate::engine::Time;
use crate::fault::Fault;
use crate::net::packet::HostId;
use crate::sim::Command;
use alloc::vec;

/// When it is the leader's turn, it steps down. Code: a scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "leader-cut",
    title: "Each member is cut off in turn",
    summary: "Every half minute another member can't reach the others for fifteen seconds. A leader that is cut off steps \
              down within two seconds and commits nothing meanwhile; the others go on.",
    directory: Directory::stacked(3, 10),
    knobs: &[],
    script: || {
        let turn = |n: u32| {
            let at = 20 + u64::from(n) * 30;
            let cut = Command::Inject(Fault::Isolate { host: HostId(n) });
            vec![(Time::from_secs(at), cut), (Time::from_secs(at + 15), Command::HealAll)]
        };
        (0..3).flat_map(turn).collect()
    },
};
