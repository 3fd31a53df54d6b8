//! Two of five members are cut off.

use super::Scenario;
use crate::actor::role::Directory;
use crate::engine::Time;
use crate::fault::Fault;
use crate::net::packet::HostId;
use crate::sim::Command;
use alloc::vec;

/// The majority goes on. Code: a scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "minority-cut",
    title: "A minority is cut off",
    summary: "Two of five members are cut off from the rest, and from each other, for a minute. The majority goes on as if \
              nothing had happened; when the cut heals, the two catch up without an election.",
    directory: Directory::stacked(5, 10),
    knobs: &[],
    script: || {
        let cut = |n: u32| (Time::from_secs(20), Command::Inject(Fault::Isolate { host: HostId(n) }));
        vec![cut(3), cut(4), (Time::from_secs(80), Command::HealAll)]
    },
};
