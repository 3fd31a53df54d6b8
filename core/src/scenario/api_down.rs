//! Every API server stands still; later a node fails.

use super::Scenario;
use crate::actor::role::Directory;
use crate::engine::Time;
use crate::fault::Fault;
use crate::net::packet::HostId;
use crate::sim::Command;
use alloc::vec::Vec;

/// Ten nodes with the standard workloads. Code: a cluster.
const DIRECTORY: Directory = Directory::stacked(3, 10);
/// A node with a pod of the Deployment. Code: an id.
const LOST: u16 = 3;

/// Nobody is hurt until something changes. Code: a scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "api-down",
    title: "No API server answers",
    summary: "From 20 s to 200 s no API server answers anybody. Pods run on and users are served as before, until at 80 s a \
              node loses its power: nobody can take its pods out of the Services' rules, and their share of the \
              requests fails until the API is back.",
    directory: DIRECTORY,
    knobs: &[],
    script: || {
        let hang = |n: u32| (Time::from_secs(20), Command::Inject(Fault::HangApi { host: HostId(n) }));
        let crash = Fault::Crash { host: DIRECTORY.node_host(LOST) };
        let mut script: Vec<_> = (0..3).map(hang).collect();
        script.push((Time::from_secs(80), Command::Inject(crash)));
        script.push((Time::from_secs(200), Command::HealAll));
        script
    },
};
