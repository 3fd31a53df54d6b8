//! LIST 7: scenarios. Each is a file that says what it shows, and promises it; `tests` holds it to that.

mod api_down;
mod api_hangs;
mod follower_lossy;
mod leader_crash;
mod leader_cut;
mod lossy_everywhere;
mod member_cut;
mod minority_cut;
mod node_lost;
mod nodes_silent;
pub mod population;
mod quiet;
mod quorum_lost;

use crate::actor::ProgramId;
use crate::actor::role::{Directory, Place, Role};
use crate::api::ApiServer;
use crate::balancer::Balancer;
use crate::control::Control;
use crate::engine::Time;
use crate::etcd::Etcd;
use crate::etcd::kv::Store;
use crate::knob::{Knob, Knobs};
use crate::kubelet::Kubelet;
use crate::load::Load;
use crate::load::etcd_user::EtcdUser;
use crate::net::packet::HostId;
use crate::object::{Key, NodeId, Pod};
use crate::operator::Operator;
use crate::prober::Prober;
use crate::proxy::Proxy;
use crate::sim::{Command, Sim};
use crate::timeline::Entry;
use alloc::boxed::Box;
use alloc::vec::Vec;
use population::Population;

/// A beginning, and what is done to it.
#[derive(Debug)]
pub struct Scenario {
    /// Its name in links.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it shows, in a sentence or two.
    pub summary: &'static str,
    /// What there is.
    pub directory: Directory,
    /// Dials that stand elsewhere than their defaults.
    pub knobs: &'static [(Knob, u32)],
    /// What is done, and when.
    pub script: fn() -> Vec<(Time, Command)>,
}

/// Every scenario, in the order of the page's list. Code: a list.
pub const ALL: &[&Scenario] = &[
    &quiet::SCENARIO,
    &leader_crash::SCENARIO,
    &leader_cut::SCENARIO,
    &minority_cut::SCENARIO,
    &follower_lossy::SCENARIO,
    &lossy_everywhere::SCENARIO,
    &api_hangs::SCENARIO,
    &quorum_lost::SCENARIO,
    &member_cut::CUT,
    &member_cut::CRASH,
    &api_down::SCENARIO,
    &node_lost::SCENARIO,
    &nodes_silent::SCENARIO,
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
        self.start_with(self.directory, seed)
    }
    /// The world it begins with, on another cluster.
    pub fn start_with(&self, directory: Directory, seed: u64) -> Sim {
        let knobs = Knobs::default().with_all(self.knobs).expect("a scenario's dials are allowed: tests start each");
        Sim::new(seed, directory, knobs)
    }
    /// Its script as the beginning of a journal.
    pub fn journal(&self) -> Vec<Entry> {
        let mut script = (self.script)();
        script.sort_by_key(|(at, _)| *at);
        script.into_iter().map(|(at, command)| Entry { step: 0, at, command, scripted: true }).collect()
    }
}

/// Every program of a cluster, in the order of their ids.
pub fn programs(directory: Directory, knobs: &Knobs, seed: u64) -> Vec<(HostId, Role)> {
    let population = Population::new(directory, seed);
    let store = Store::preload(population.objects);
    let mut running: Vec<Vec<(Key, Pod)>> = Vec::new();
    running.resize_with(usize::from(directory.nodes), Vec::new);
    for (node, key, pod) in population.running {
        running[usize::from(node)].push((key, pod));
    }
    let mut role = |id: ProgramId| match directory.place(id) {
        Place::Etcd(n) => Role::Etcd(Box::new(Etcd::new(n, directory, knobs, seed).restored(store.clone()))),
        Place::Api(n) => Role::Api(Box::new(ApiServer::new(n, directory))),
        Place::Control(n, component) => Role::Control(Box::new(Control::new(component, n, directory))),
        Place::Prober(n) => Role::Prober(Box::new(Prober::new(n, directory))),
        Place::Balancer => Role::Balancer(Box::new(Balancer::new(directory))),
        Place::Load => Role::Load(Box::new(Load::new(directory))),
        Place::Operator => Role::Operator(Box::new(Operator::new(directory))),
        Place::EtcdUser(n) => Role::EtcdUser(Box::new(EtcdUser::new(n, directory))),
        Place::Kubelet(node) => {
            let running = core::mem::take(&mut running[usize::from(node)]);
            Role::Kubelet(Box::new(Kubelet::new(node, directory, running)))
        }
        Place::Proxy(node) => Role::Proxy(Box::new(Proxy::new(node, directory))),
    };
    (0..directory.programs()).map(ProgramId).map(|id| (directory.host(id), role(id))).collect()
}

/// The programs of one more node: nothing runs there yet.
pub fn node_programs(directory: Directory, node: NodeId) -> [(ProgramId, Role); 2] {
    [
        (directory.kubelet(node), Role::Kubelet(Box::new(Kubelet::fresh(node, directory)))),
        (directory.proxy(node), Role::Proxy(Box::new(Proxy::new(node, directory)))),
    ]
}
