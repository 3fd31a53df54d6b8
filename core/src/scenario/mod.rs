//! LIST 7: scenarios. Each is a file that says what it shows, and promises it; `tests` holds it to that.

mod api_hangs;
mod follower_lossy;
mod leader_crash;
mod leader_cut;
mod lossy_everywhere;
mod minority_cut;
mod quiet;

use crate::actor::role::{Directory, Role};
use crate::api::ApiServer;
use crate::control::Control;
use crate::engine::Time;
use crate::etcd::Etcd;
use crate::knob::{Knob, Knobs};
use crate::load::Load;
use crate::net::packet::HostId;
use crate::sim::{Command, Sim};
use crate::timeline::Entry;
use alloc::vec::Vec;

/// A beginning, and what is done to it.
#[derive(Debug)]
pub struct Scenario {
    /// Its name in links.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it shows, in a sentence or two.
    pub summary: &'static str,
    /// How many members, API servers and control-plane hosts there are.
    pub members: u8,
    /// Dials that stand elsewhere than their defaults.
    pub knobs: &'static [(Knob, u32)],
    /// What is done, and when.
    pub script: fn() -> Vec<(Time, Command)>,
}

/// Every scenario, in the order of the page's list.
pub const ALL: &[&Scenario] = &[
    &quiet::SCENARIO,
    &leader_crash::SCENARIO,
    &leader_cut::SCENARIO,
    &minority_cut::SCENARIO,
    &follower_lossy::SCENARIO,
    &lossy_everywhere::SCENARIO,
    &api_hangs::SCENARIO,
    &quiet::SINGLE,
    &quiet::FIVE,
];

impl Scenario {
    /// The scenario of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|scenario| scenario.name == name)
    }
    /// The world it begins with.
    pub fn start(&self, seed: u64) -> Sim {
        let knobs = Knobs::default().with_all(self.knobs).expect("a scenario's dials are allowed: tests start each");
        Sim::new(seed, self.members, knobs)
    }
    /// Its script as the beginning of a journal.
    pub fn journal(&self) -> Vec<Entry> {
        let mut script = (self.script)();
        script.sort_by_key(|(at, _)| *at);
        script.into_iter().map(|(at, command)| Entry { step: 0, at, command, scripted: true }).collect()
    }
}

/// Every program of a cluster of this size with its host, in the order of [`Directory`].
pub fn programs(directory: Directory, knobs: &Knobs, seed: u64) -> Vec<(HostId, Role)> {
    let mut programs = Vec::new();
    for n in 0..directory.members {
        let host = HostId(u32::from(n));
        programs.push((host, Role::Etcd(Etcd::new(n, directory, knobs, seed))));
        programs.push((host, Role::Api(ApiServer::new(n, directory))));
        programs.push((host, Role::Control(Control::new(0, n, directory))));
        programs.push((host, Role::Control(Control::new(1, n, directory))));
    }
    programs.push((HostId(u32::from(directory.members)), Role::Load(Load::new(directory))));
    programs
}
