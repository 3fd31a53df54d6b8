//! Every member loses 30 % of its packets.

use super::Scenario;
use crate::actor::role::Directory;
use crate::engine::{Ppm, Time};
use crate::fault::Fault;
use crate::net::packet::HostId;
use crate::sim::Command;
use alloc::vec;

/// Between two lossy hosts a packet is at risk twice, as in the measurement it is compared with. Code: a scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "lossy-everywhere",
    title: "All members lose 30 % of their packets",
    summary: "From 20 s to 110 s each host's peer traffic is lost with 30 % in each direction, so that a packet between two \
              members is at risk twice. Elections flap and hardly a write commits.",
    directory: Directory::stacked(3, 10),
    knobs: &[],
    script: || {
        let lossy = |n: u32| {
            let fault = Fault::Lossy { host: HostId(n), loss: Ppm::new(300_000) };
            (Time::from_secs(20), Command::Inject(fault))
        };
        vec![lossy(0), lossy(1), lossy(2), (Time::from_secs(110), Command::HealAll)]
    },
};
