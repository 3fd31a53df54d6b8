//! Two of three etcd members are gone for three minutes.

use super::Scenario;
use crate::actor::role::Directory;
use crate::engine::Time;
use crate::fault::Fault;
use crate::net::packet::HostId;
use crate::sim::Command;
use alloc::vec::Vec;

/// Ten nodes with the standard workloads. Code: a cluster.
const DIRECTORY: Directory = Directory::stacked(3, 10);

/// What the written analysis describes: the cascade, when quorum is really lost. Code: a scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "quorum-lost",
    title: "etcd loses its quorum",
    summary: "From 20 s to 200 s two of three etcd members are dead. Writes and quorum reads hang; controller manager and \
              scheduler give their Leases up; watch caches give up after half a minute; kubelets kill the API servers \
              after 70 to 82 s. The pods run on all the while.",
    directory: DIRECTORY,
    knobs: &[],
    script: || {
        let kill = |n: u32| (Time::from_secs(20), Command::Inject(Fault::KillEtcd { host: HostId(n) }));
        Vec::from([kill(0), kill(1), (Time::from_secs(200), Command::HealAll)])
    },
};
