//! The standard runs: every kind of command, clusters of other shapes, branches. What they come to is the engine's
//! fingerprint, and what a published engine made of them stays in `data/links` for ever.

use brownout_core::actor::role::Directory;
use brownout_core::engine::{Digest, Time};
use brownout_core::journal::{Act, Run};
use brownout_core::timeline::{Timeline, WhatIf};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a learner does.
enum Deed {
    /// Goes to this moment, in ms.
    To(u64),
    /// Lets so many events happen.
    Steps(u32),
    /// Gives a command, as links write it.
    Do(&'static str),
    /// Asks what would be without the command at this place.
    Without(usize),
    /// Plays the branch of this number.
    Switch(u32),
}
use Deed::{Do, Steps, Switch, To, Without};

/// A standard run.
pub struct Recipe {
    /// Its name, and that of its file.
    pub name: &'static str,
    scenario: &'static str,
    seed: u64,
    cluster: Option<Directory>,
    deeds: &'static [Deed],
}

const fn recipe(name: &'static str, scenario: &'static str, seed: u64, deeds: &'static [Deed]) -> Recipe {
    Recipe { name, scenario, seed, cluster: None, deeds }
}
const fn cluster(members: u8, api_servers: u8, external: bool, nodes: u16) -> Option<Directory> {
    Some(Directory { members, api_servers, external, nodes })
}

/// All of them. Short, for each is played in every test of links. Code: a list.
pub const ALL: &[Recipe] = &[
    recipe("beginning", "quiet", 1, &[To(32_000)]),
    recipe(
        "dials",
        "quiet",
        7,
        &[
            Do(r#"{"set":[{"name":"lease_duration_ms","value":8000},{"name":"renew_deadline_ms","value":5000}]}"#),
            To(6_000),
            Do(r#"{"set":[{"name":"loss_place","value":5},{"name":"loss_ppm","value":200000}]}"#),
            To(9_000),
            Do(r#"{"set":[{"name":"link_delay_us","value":20000},{"name":"link_jitter_us","value":5000}]}"#),
            To(14_000),
            Do(r#"{"set":[{"name":"fsync_us","value":50000},{"name":"loss_ppm","value":0}]}"#),
            To(20_000),
        ],
    ),
    recipe(
        "faults-of-links",
        "quiet",
        2,
        &[
            To(5_000),
            Do(r#"{"inject":{"name":"cut","host":0,"to":1}}"#),
            Do(r#"{"inject":{"name":"lossy","host":1,"value":300000}}"#),
            To(7_000),
            Do(r#"{"inject":{"name":"bursty","host":2,"enter":20000,"leave":200000,"value":900000}}"#),
            Do(r#"{"inject":{"name":"slow","host":0,"value":80000}}"#),
            To(10_000),
            Do(r#"{"heal":1}"#),
            Do(r#"{"inject":{"name":"isolate","host":2}}"#),
            To(14_000),
            Do(r#""heal_all""#),
            To(18_000),
        ],
    ),
    recipe(
        "faults-of-hosts",
        "quiet",
        3,
        &[
            To(5_000),
            Do(r#"{"inject":{"name":"kill-etcd","host":0}}"#),
            Do(r#"{"inject":{"name":"hang-api","host":1}}"#),
            To(8_000),
            Do(r#"{"inject":{"name":"slow-disk","host":2,"value":50}}"#),
            Do(r#"{"inject":{"name":"clock-rate","host":1,"value":1250000}}"#),
            Do(r#"{"inject":{"name":"pause","host":0}}"#),
            To(12_000),
            Do(r#""heal_all""#),
            Do(r#"{"inject":{"name":"crash","host":2}}"#),
            Do(r#"{"inject":{"name":"cut-nodes"}}"#),
            To(18_000),
        ],
    ),
    recipe(
        "workloads",
        "quiet",
        4,
        &[
            To(6_000),
            Do(r#"{"create":{"name":"shop","kind":"deployment","replicas":4}}"#),
            Do(r#"{"scale":{"workload":1,"replicas":3}}"#),
            To(9_000),
            Do(r#"{"rollout":0}"#),
            Do(r#"{"delete_pod":{"workload":1,"number":0,"force":true}}"#),
            Do(r#"{"delete_pod":{"workload":1,"number":1}}"#),
            To(14_000),
        ],
    ),
    recipe(
        "nodes",
        "quiet",
        5,
        &[
            To(6_000),
            Do(r#"{"cordon":1}"#),
            Do(r#""add_node""#),
            To(8_000),
            Do(r#"{"drain":2}"#),
            Do(r#"{"uncordon":1}"#),
            To(11_000),
            Do(r#"{"delete_node":3}"#),
            To(16_000),
        ],
    ),
    Recipe {
        cluster: cluster(5, 3, true, 6),
        ..recipe("five-external", "quiet", 8, &[To(5_000), Do(r#"{"inject":{"name":"isolate","host":0}}"#), To(15_000)])
    },
    Recipe {
        cluster: cluster(1, 1, false, 20),
        ..recipe("one-member", "quiet", 9, &[To(5_000), Do(r#"{"inject":{"name":"slow-disk","host":0}}"#), To(12_000)])
    },
    recipe(
        "script-and-learner",
        "leader-crash",
        4,
        &[To(10_000), Do(r#"{"set":[{"name":"link_delay_us","value":2000}]}"#), To(45_000)],
    ),
    // Long enough for watch caches to be given up, and to be filled again.
    recipe(
        "caches-lost",
        "quiet",
        13,
        &[To(5_000), Do(r#"{"inject":{"name":"isolate","host":0}}"#), To(45_000), Do(r#""heal_all""#), To(60_000)],
    ),
    // The future that was left stays as it was; the link is of the branch that is played.
    recipe(
        "branch",
        "quiet",
        10,
        &[
            To(6_000),
            Do(r#"{"inject":{"name":"crash","host":0}}"#),
            To(12_000),
            To(9_000),
            Do(r#"{"inject":{"name":"crash","host":1}}"#),
            To(15_000),
        ],
    ),
    recipe(
        "what-if",
        "quiet",
        11,
        &[
            To(6_000),
            Do(r#"{"inject":{"name":"crash","host":0}}"#),
            To(8_000),
            Do(r#"{"inject":{"name":"crash","host":1}}"#),
            To(12_000),
            Without(0),
            To(12_000),
        ],
    ),
    recipe(
        "went-back",
        "quiet",
        12,
        &[
            To(6_000),
            Do(r#"{"inject":{"name":"isolate","host":1}}"#),
            To(12_000),
            To(9_000),
            Do(r#"{"set":[{"name":"loss_place","value":5},{"name":"loss_ppm","value":100000}]}"#),
            To(10_000),
            Switch(0),
            // The command is still to come, and the moment lies between two events of one instant.
            To(5_000),
            Steps(7),
        ],
    ),
];

impl Recipe {
    /// The run.
    pub fn run(&self) -> Timeline {
        let run = match self.cluster {
            None => Timeline::new(self.scenario, self.seed),
            Some(cluster) => Timeline::with(self.scenario, cluster, self.seed),
        };
        let mut run = run.expect("there are such a scenario and such a cluster");
        for deed in self.deeds {
            self.perform(deed, &mut run);
        }
        run
    }
    fn perform(&self, deed: &Deed, run: &mut Timeline) {
        let to = match deed {
            To(ms) => Time::from_ms(*ms),
            Steps(count) => return (0..*count).for_each(|_| run.step_event()),
            Do(act) => {
                let act: Act = serde_json::from_str(act).unwrap_or_else(|why| panic!("{}: {act}: {why}", self.name));
                let given = act.command().and_then(|command| run.command(command));
                given.unwrap_or_else(|why| panic!("{}: {act:?}: {why}", self.name));
                return;
            }
            Without(place) => run.what_if(WhatIf::Without(*place)).expect("there is such a command"),
            Switch(branch) => run.switch(*branch).expect("there is such a branch"),
        };
        assert!(run.seek(to, u32::MAX));
    }
}

/// What an engine is recognised by: the runs that it makes of the standard ones.
pub fn fingerprint(runs: &[Run]) -> String {
    let digests: Vec<Option<&str>> = runs.iter().map(|run| run.digest.as_deref()).collect();
    format!("{:016x}", Digest::of(&digests))[..8].to_owned()
}

/// Where the links of published engines lie, a folder for each.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/links")
}

/// Every link that was ever published, by its engine's folder and its name.
pub fn published() -> BTreeMap<String, Run> {
    let mut found = BTreeMap::new();
    for engine in std::fs::read_dir(folder()).expect("data/links is there") {
        let engine = engine.expect("it can be read").path();
        if !engine.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&engine).expect("it can be read") {
            let file = file.expect("it can be read").path();
            // Packed they are the browser's to read.
            if file.extension().is_none_or(|end| end != "json") {
                continue;
            }
            let text = std::fs::read_to_string(&file).expect("a link can be read");
            let run = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
            found.insert(file.strip_prefix(folder()).expect("it lies there").display().to_string(), run);
        }
    }
    found
}
