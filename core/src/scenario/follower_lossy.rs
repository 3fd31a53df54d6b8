//! One member of three loses 30 % of its packets.

use super::Scenario;
use crate::actor::role::Directory;
use crate::engine::Time;
use crate::knob::Knob;
use crate::sim::Command;
use alloc::vec;

/// The question the playground grew out of. Code: a scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "lossy-member",
    title: "One member loses 30 % of its packets",
    summary: "From 20 s to 110 s every packet between member 1 and the others is lost with 30 %. Its own API server's clients \
              starve; the other two hosts serve on.",
    directory: Directory::stacked(3, 10),
    knobs: &[],
    script: || {
        vec![
            (Time::from_secs(20), Command::Set(vec![(Knob::LossPlace, 0), (Knob::Loss, 300_000)])),
            (Time::from_secs(110), Command::Set(vec![(Knob::Loss, 0)])),
        ]
    },
};
