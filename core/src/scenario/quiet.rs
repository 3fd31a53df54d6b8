//! Nothing is wrong. What follows is up to whoever watches.

use super::Scenario;
use crate::actor::role::Directory;
use alloc::vec::Vec;

/// Three members, three API servers, no fault. Code: a scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "quiet",
    title: "A healthy cluster",
    summary: "Three members, three API servers, a controller manager and a scheduler on each host. Nothing is wrong yet.",
    directory: Directory::stacked(3, 10),
    knobs: &[],
    script: Vec::new,
};

/// One member: no quorum to lose, and none to save it. Code: a scenario.
pub const SINGLE: Scenario = Scenario {
    name: "single",
    title: "A single member",
    summary: "One host with everything on it: no elections, no replication, and nothing left when it fails.",
    directory: Directory::stacked(1, 3),
    knobs: &[],
    script: Vec::new,
};

/// Five members. Code: a scenario.
pub const FIVE: Scenario = Scenario {
    name: "five",
    title: "Five members",
    summary: "Five members tolerate two failures. Every write waits for the second fastest of four followers.",
    directory: Directory::stacked(5, 10),
    knobs: &[],
    script: Vec::new,
};
