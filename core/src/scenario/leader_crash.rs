//! The host that leads etcd loses its power.

use super::Scenario;
use crate::actor::role::Directory;
use crate::engine::Time;
use crate::fault::Fault;
use crate::net::packet::HostId;
use crate::sim::Command;
use alloc::vec;

/// Whoever leads at 20 s is one of three; so each host crashes in turn, half a minute each. Code: a scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "leader-crash",
    title: "Each host crashes in turn",
    summary: "Every half minute another host loses its power for fifteen seconds. When it is the leader's turn, the \
              others elect a new one and write again within one to three seconds.",
    directory: Directory::stacked(3, 10),
    knobs: &[],
    script: || {
        let turn = |n: u32| {
            let at = 20 + u64::from(n) * 30;
            let crash = Command::Inject(Fault::Crash { host: HostId(n) });
            vec![(Time::from_secs(at), crash), (Time::from_secs(at + 15), Command::HealAll)]
        };
        (0..3).flat_map(turn).collect()
    },
};
