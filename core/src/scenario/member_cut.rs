//! One member of three is cut off from its peers.

use super::Scenario;
use crate::actor::role::Directory;
use crate::engine::Time;
use crate::fault::Fault;
use crate::net::packet::HostId;
use crate::sim::Command;
use alloc::vec::Vec;

/// Ten nodes with the standard workloads. Code: a cluster.
const DIRECTORY: Directory = Directory::stacked(3, 10);

/// One control plane of three goes down, above Raft just as if its member had crashed. Code: a scenario.
pub const CUT: Scenario = Scenario {
    name: "member-cut",
    title: "One member is cut off",
    summary: "From 20 s to 140 s member 1's host is cut off from the other control-plane hosts. Its own API server \
              fails its health check, leaves the balancer and is killed by its kubelet; the others notice nothing.",
    directory: DIRECTORY,
    knobs: &[],
    script: || {
        let cut = (Time::from_secs(20), Command::Inject(Fault::Isolate { host: HostId(0) }));
        Vec::from([cut, (Time::from_secs(140), Command::HealAll)])
    },
};

/// The same member, dead: compare. Code: a scenario.
pub const CRASH: Scenario = Scenario {
    name: "member-crash",
    title: "One member is dead",
    summary: "From 20 s to 140 s member 1's etcd is dead, its API server alive. Beside \"One member is cut off\": above \
              Raft the two look alike.",
    directory: DIRECTORY,
    knobs: &[],
    script: || {
        let kill = (Time::from_secs(20), Command::Inject(Fault::KillEtcd { host: HostId(0) }));
        Vec::from([kill, (Time::from_secs(140), Command::HealAll)])
    },
};
