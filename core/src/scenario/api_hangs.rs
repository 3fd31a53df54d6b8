//! Each API server stands still in turn.

use super::Scenario;
use crate::actor::role::Directory;
use crate::engine::Time;
use crate::fault::Fault;
use crate::net::packet::HostId;
use crate::sim::Command;
use alloc::vec;

/// When it is the holder's turn, the holder exits and a standby takes over. Code: a scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "api-hangs",
    title: "Each API server hangs in turn",
    summary: "Every ninety seconds another host's API server stops answering for a minute. A controller manager that held \
              its Lease through it gives up ten to twelve seconds after its last renewal and exits; another takes over.",
    directory: Directory::stacked(3, 10),
    knobs: &[],
    script: || {
        let turn = |n: u32| {
            let at = 20 + u64::from(n) * 90;
            let hang = Command::Inject(Fault::HangApi { host: HostId(n) });
            vec![(Time::from_secs(at), hang), (Time::from_secs(at + 60), Command::HealAll)]
        };
        (0..3).flat_map(turn).collect()
    },
};
