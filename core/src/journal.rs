//! A run as data: what a link, a bug report and a replay have in common. Everything in it comes from outside, so
//! everything is checked, and a refusal names the field, the value and what is allowed.

use crate::actor::ProgramId;
use crate::actor::role::Directory;
use crate::engine::{Ppm, Span, Time};
use crate::fault::{Fault, FaultId};
use crate::knob::Knob;
use crate::net::packet::HostId;
use crate::object::{Key, NodeId, WorkloadId};
use crate::operator::{Operation, WorkloadKind};
use crate::scenario::Scenario;
use crate::sim::event::{PacketId, Taken};
use crate::sim::{Command, Refused};
use crate::timeline::{Entry, MAX_JOURNAL, Timeline, Until, shown};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The version of this format. A change that older readers would misread raises it. Code: a version.
pub const SCHEMA: u32 = 1;
/// The engine's version, as its links carry it: the package's, and after the plus sign what the standard runs come to.
/// A test holds it to them, so that two engines of one version make the same of every link. Code: a version.
pub const ENGINE_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+", "961703b4");
/// Loss of a lossy host, if a link or a script does not say. Unit: ppm. Chosen: what the written analysis is about.
const LOSS: u32 = 300_000;
/// Chance that a packet begins a burst of losses, likewise. Unit: ppm. Chosen: a burst every hundred packets.
const BURST_ENTER: u32 = 10_000;
/// Chance that a packet ends it. Unit: ppm. Chosen: bursts of five packets on average.
const BURST_LEAVE: u32 = 200_000;
/// Loss within it. Unit: ppm. Chosen: nearly all, for a burst in which nothing is lost shows nothing.
const BURST_LOSS: u32 = 900_000;
/// What a slow link adds, likewise. Unit: us. Chosen: a transatlantic round trip.
const EXTRA_US: u32 = 100_000;
/// How many times as long a slow disk takes, likewise. Unit: times. Chosen: a sync of 150 ms, as on a disk that fails.
const TIMES: u32 = 100;
/// The rate of a wrong clock, likewise. Unit: ppm. Chosen: a quarter fast, where client-go's election begins to err.
const RATE: u32 = 1_250_000;
/// Numbers above this are not exact in JavaScript. Code: a limit of the format, two to the power of 53.
const MAX_EXACT: u64 = 1 << 53;

/// A whole run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The format's version.
    pub schema: u32,
    /// The version of the engine that made it.
    pub engine: String,
    /// The scenario's name.
    pub scenario: String,
    /// The cluster, if it is not the scenario's own.
    #[serde(default)]
    pub cluster: Option<Cluster>,
    /// The seed.
    pub seed: u64,
    /// How far it went, in us.
    pub until_us: u64,
    /// Where exactly it ended: many events share an instant.
    #[serde(default)]
    pub end: Option<Stop>,
    /// What was done, scenario's script included.
    pub journal: Vec<Line>,
    /// The digest there, in hex, if it is known.
    #[serde(default)]
    pub digest: Option<String>,
}

/// What there is at the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// How many etcd members.
    pub members: u8,
    /// How many API servers.
    pub api_servers: u8,
    /// Whether etcd has hosts of its own.
    #[serde(default)]
    pub external: bool,
    /// How many nodes.
    pub nodes: u16,
}

impl Cluster {
    /// The directory of such a cluster.
    ///
    /// # Errors
    /// If there can be none.
    pub fn directory(self) -> Result<Directory, Refused> {
        let Self { members, api_servers, external, nodes } = self;
        Directory { members, api_servers, external, nodes }.checked().map_err(Refused::Field)
    }
    /// A cluster as data.
    pub const fn of(directory: Directory) -> Self {
        let Directory { members, api_servers, external, nodes } = directory;
        Self { members, api_servers, external, nodes }
    }
}

/// Where exactly a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// After how many events.
    pub step: u64,
    /// When, in ns.
    pub at_ns: u64,
    /// After how many commands of the journal.
    pub commands: u32,
}

/// One command of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// After how many events.
    pub step: u64,
    /// When, in ns.
    pub at_ns: u64,
    /// What.
    #[serde(rename = "do")]
    pub what: Act,
    /// Whether the scenario does it.
    #[serde(default)]
    pub scripted: bool,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Moves dials.
    Set(Vec<Dial>),
    /// Injects a fault.
    Inject(FaultSpec),
    /// Heals the fault of this number.
    Heal(u32),
    /// Heals all.
    HealAll,
    /// Scales a workload.
    Scale(Scale),
    /// Begins a rollout of the workload of this number.
    Rollout(WorkloadId),
    /// Creates a workload and its Service.
    Create(NewWorkload),
    /// Deletes a pod.
    DeletePod(PodSpec),
    /// Cordons a node.
    Cordon(NodeId),
    /// Uncordons it.
    Uncordon(NodeId),
    /// Drains a node.
    Drain(NodeId),
    /// Deletes a node's object.
    DeleteNode(NodeId),
    /// Plugs one more machine in.
    AddNode,
    /// The dice of one packet fall otherwise.
    Spare(PacketSpec),
    /// A command that was taken out: `fault`, `workload` or `other`.
    Nothing(String),
}

/// A packet: of which connection, in which direction, the how-manieth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketSpec {
    /// The program that dialled.
    pub from: u16,
    /// The program that it dialled.
    pub to: u16,
    /// What for.
    pub port: u8,
    /// The how-manieth connection of these two for that, from 1.
    pub connection: u32,
    /// Whether it goes from the one that was dialled to the one that dialled.
    #[serde(default)]
    pub back: bool,
    /// The how-manieth packet of that direction, from 0.
    pub number: u32,
}

impl PacketSpec {
    /// The packet it describes. One that is never sent changes nothing.
    pub const fn packet(self) -> PacketId {
        let Self { from, to, port, connection, back, number } = self;
        PacketId { from: ProgramId(from), to: ProgramId(to), port, connection, back, number }
    }
    /// A packet as data.
    pub const fn of(packet: PacketId) -> Self {
        let PacketId { from, to, port, connection, back, number } = packet;
        Self { from: from.0, to: to.0, port, connection, back, number }
    }
}

fn taken(name: &str) -> Result<Taken, Refused> {
    let place = Taken::NAMES.iter().position(|known| *known == name);
    place.map(|place| Taken::ALL[place]).ok_or_else(|| {
        Refused::Field(format!("nothing = {} is not known; there are: {}", shown(name), Taken::NAMES.join(", ")))
    })
}

/// A workload and how many pods it should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// The workload, by number.
    pub workload: WorkloadId,
    /// How many pods.
    pub replicas: u32,
}

/// A workload to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewWorkload {
    /// Its name.
    pub name: String,
    /// `deployment`, `statefulset` or `daemonset`.
    pub kind: String,
    /// How many pods.
    #[serde(default)]
    pub replicas: u32,
}

/// A pod, by the parts of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodSpec {
    /// Its workload.
    pub workload: WorkloadId,
    /// Its template's number; 0 for pods of a StatefulSet or DaemonSet.
    #[serde(default)]
    pub template: u16,
    /// Its number.
    pub number: u32,
    /// Whether its object goes at once, without waiting for its kubelet.
    #[serde(default)]
    pub force: bool,
}

impl NewWorkload {
    fn command(&self) -> Result<Command, Refused> {
        let kind = WorkloadKind::named(&self.kind).ok_or_else(|| {
            let names = WorkloadKind::NAMES.join(", ");
            Refused::Field(format!("kind = {} is not known; there are: {names}", shown(&self.kind)))
        })?;
        Ok(Command::Create { name: self.name.clone(), kind, replicas: self.replicas })
    }
}

impl PodSpec {
    /// Its key.
    pub const fn key(self) -> Key {
        Key::pod(self.workload, self.template, self.number)
    }
    fn operation(self) -> Operation {
        let pod = self.key();
        if self.force { Operation::ForceDeletePod(pod) } else { Operation::DeletePod(pod) }
    }
    const fn of(pod: Key, force: bool) -> Self {
        Self { workload: pod.group(), template: pod.template(), number: pod.number(), force }
    }
}

/// A dial and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dial {
    /// Its name.
    pub name: String,
    /// Its value, in its unit.
    pub value: u32,
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultSpec {
    /// Its name.
    pub name: String,
    /// The host it hits, from 0.
    #[serde(default)]
    pub host: u32,
    /// The other host, for `cut`.
    #[serde(default)]
    pub to: Option<u32>,
    /// Loss in ppm, extra delay in us, how many times as slow, or the clock's rate in ppm.
    #[serde(default)]
    pub value: Option<u32>,
    /// `bursty`: chance per packet to enter a burst, in ppm.
    #[serde(default)]
    pub enter: Option<u32>,
    /// `bursty`: chance per packet to leave it, in ppm.
    #[serde(default)]
    pub leave: Option<u32>,
}

impl Dial {
    /// The dial it names.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn knob(&self) -> Result<(Knob, u32), Refused> {
        let knob = Knob::named(&self.name).ok_or_else(|| {
            let names: Vec<&str> = Knob::ALL.iter().map(|knob| knob.spec().name).collect();
            Refused::Field(format!("dial = {} is not known; there are: {}", shown(&self.name), names.join(", ")))
        })?;
        Ok((knob, self.value))
    }
}

impl FaultSpec {
    /// The fault it describes. Whether its host exists the world knows.
    ///
    /// # Errors
    /// If there is none of that name, or a field it needs is missing or out of range.
    pub fn fault(&self) -> Result<Fault, Refused> {
        let host = HostId(self.host);
        let ppm = |field: &str, value: Option<u32>, default: u32| match value.unwrap_or(default) {
            value @ 0..=1_000_000 => Ok(Ppm::new(value)),
            value => Err(Refused::Field(format!("{field} = {value} is outside 0..=1000000 (ppm)"))),
        };
        Ok(match self.name.as_str() {
            "cut" => {
                let to = self.to.ok_or_else(|| Refused::Field("to is missing: a cut needs the other host".into()))?;
                Fault::Cut { from: host, to: HostId(to) }
            }
            "isolate" => Fault::Isolate { host },
            "lossy" => Fault::Lossy { host, loss: ppm("value", self.value, LOSS)? },
            "bursty" => Fault::Bursty {
                host,
                enter: ppm("enter", self.enter, BURST_ENTER)?,
                leave: ppm("leave", self.leave, BURST_LEAVE)?,
                loss: ppm("value", self.value, BURST_LOSS)?,
            },
            "slow" => Fault::Slow { host, extra: Span::from_us(self.value.unwrap_or(EXTRA_US).into()) },
            "crash" => Fault::Crash { host },
            "kill-etcd" => Fault::KillEtcd { host },
            "pause" => Fault::Pause { host },
            "hang-api" => Fault::HangApi { host },
            "slow-disk" => Fault::SlowDisk { host, times: self.value.unwrap_or(TIMES) },
            "cut-nodes" => Fault::CutNodes,
            "clock-rate" => Fault::ClockRate { host, rate_ppm: self.value.unwrap_or(RATE) },
            other => {
                let names = Fault::NAMES.join(", ");
                return Err(Refused::Field(format!("fault = {} is not known; there are: {names}", shown(other))));
            }
        })
    }
    /// A fault as data.
    pub fn of(fault: &Fault) -> Self {
        let (_, host, to, value) = crate::frame::fault_row(fault);
        let (enter, leave) = match fault {
            Fault::Bursty { enter, leave, .. } => (Some(enter.get()), Some(leave.get())),
            _ => (None, None),
        };
        let value = (value > 0 || matches!(fault, Fault::Lossy { .. })).then_some(value);
        Self { name: fault.name().to_string(), host: host.0, to: to.map(|to| to.0), value, enter, leave }
    }
}

impl Act {
    /// The command it describes.
    ///
    /// # Errors
    /// If a field is not allowed, whatever the world is like.
    pub fn command(&self) -> Result<Command, Refused> {
        Ok(match self {
            Self::Set(dials) => Command::Set(dials.iter().map(Dial::knob).collect::<Result<_, _>>()?),
            Self::Inject(fault) => Command::Inject(fault.fault()?),
            Self::Heal(id) => Command::Heal(FaultId(*id)),
            Self::HealAll => Command::HealAll,
            Self::Scale(Scale { workload, replicas }) => {
                Command::Operate(Operation::Scale { workload: *workload, replicas: *replicas })
            }
            Self::Rollout(workload) => Command::Operate(Operation::Rollout(*workload)),
            Self::Create(workload) => workload.command()?,
            Self::DeletePod(pod) => Command::Operate(pod.operation()),
            Self::Cordon(node) => Command::Operate(Operation::Cordon(*node, true)),
            Self::Uncordon(node) => Command::Operate(Operation::Cordon(*node, false)),
            Self::Drain(node) => Command::Operate(Operation::Drain(*node)),
            Self::DeleteNode(node) => Command::Operate(Operation::DeleteNode(*node)),
            Self::AddNode => Command::AddNode,
            Self::Spare(packet) => Command::Spare(packet.packet()),
            Self::Nothing(what) => Command::Nothing(taken(what)?),
        })
    }
    /// A command as data.
    pub fn of(command: &Command) -> Self {
        match command {
            Command::Set(changes) => Self::Set(
                changes
                    .iter()
                    .map(|(knob, value)| Dial { name: knob.spec().name.to_string(), value: *value })
                    .collect(),
            ),
            Command::Inject(fault) => Self::Inject(FaultSpec::of(fault)),
            Command::Heal(id) => Self::Heal(id.0),
            Command::HealAll => Self::HealAll,
            Command::Operate(operation) => Self::of_operation(operation),
            Command::Create { name, kind, replicas } => {
                let (name, kind) = (name.clone(), kind.name().to_string());
                Self::Create(NewWorkload { name, kind, replicas: *replicas })
            }
            Command::AddNode => Self::AddNode,
            Command::Spare(packet) => Self::Spare(PacketSpec::of(*packet)),
            Command::Nothing(taken) => Self::Nothing(Taken::NAMES[*taken as usize].to_string()),
        }
    }
    fn of_operation(operation: &Operation) -> Self {
        match *operation {
            // Only a Create makes one, and that is written as itself.
            Operation::Create { workload, replicas, .. } | Operation::Scale { workload, replicas } => {
                Self::Scale(Scale { workload, replicas })
            }
            Operation::Rollout(workload) => Self::Rollout(workload),
            Operation::DeletePod(pod) => Self::DeletePod(PodSpec::of(pod, false)),
            Operation::ForceDeletePod(pod) => Self::DeletePod(PodSpec::of(pod, true)),
            Operation::Cordon(node, true) => Self::Cordon(node),
            Operation::Cordon(node, false) => Self::Uncordon(node),
            Operation::Drain(node) => Self::Drain(node),
            Operation::DeleteNode(node) => Self::DeleteNode(node),
        }
    }
}

impl Stop {
    fn of(timeline: &Timeline) -> Option<Self> {
        let Until { at, exactly } = timeline.until();
        let (step, commands) = exactly?;
        Some(Self { step, at_ns: at.ns(), commands: u32::try_from(commands).ok()? })
    }
}

impl Run {
    /// A run as data.
    pub fn of(timeline: &Timeline) -> Self {
        let sim = timeline.sim();
        let line = |entry: &Entry| Line {
            step: entry.step,
            at_ns: entry.at.ns(),
            what: Act::of(&entry.command),
            scripted: entry.scripted,
        };
        Self {
            schema: SCHEMA,
            engine: ENGINE_VERSION.to_string(),
            scenario: timeline.scenario().name.to_string(),
            cluster: (timeline.directory() != timeline.scenario().directory).then(|| Cluster::of(timeline.directory())),
            seed: sim.seed(),
            until_us: sim.now().ns() / 1000,
            end: Stop::of(timeline),
            journal: timeline.journal().iter().map(line).collect(),
            digest: Some(format!("{:016x}", sim.history())),
        }
    }
    /// Where it ends. Only the engine that made it knows its events.
    pub fn until(&self) -> Until {
        match self.end.filter(|_| self.is_ours()) {
            None => Until { at: Time::from_ns(self.until_us.saturating_mul(1000)), exactly: None },
            Some(Stop { step, at_ns, commands }) => {
                Until { at: Time::from_ns(at_ns), exactly: Some((step, commands as usize)) }
            }
        }
    }
    /// Whether this very engine made it.
    pub fn is_ours(&self) -> bool {
        self.engine == ENGINE_VERSION
    }
    /// The beginning of the run this describes; `play_on` to its `until` plays it. The commands of another engine's run go by
    /// their times alone, for the events of this one are others.
    ///
    /// # Errors
    /// If a field is not allowed. A command that its moment's world would refuse is found when it is played.
    pub fn timeline(&self) -> Result<Timeline, Refused> {
        if self.schema != SCHEMA {
            return Err(Refused::Field(format!("schema = {} is not known; this engine reads {SCHEMA}", self.schema)));
        }
        let limit = |field: &str, value: u64| {
            if value < MAX_EXACT {
                return Ok(());
            }
            Err(Refused::Field(format!("{field} = {value} must be less than {MAX_EXACT}")))
        };
        limit("seed", self.seed)?;
        limit("until_us", self.until_us)?;
        limit("end.at_ns", self.end.map_or(0, |end| end.at_ns))?;
        if self.journal.len() > MAX_JOURNAL {
            let count = self.journal.len();
            return Err(Refused::Field(format!("journal has {count} commands; at most {MAX_JOURNAL} are allowed")));
        }
        let mut entries = Vec::with_capacity(self.journal.len());
        for (n, line) in self.journal.iter().enumerate() {
            limit("journal.at_ns", line.at_ns)?;
            let command = line.what.command().map_err(|why| Refused::Field(format!("journal[{n}]: {why}")))?;
            let step = if self.is_ours() { line.step } else { 0 };
            let (at, scripted) = (Time::from_ns(line.at_ns), line.scripted);
            entries.push(Entry { step, at, command, scripted });
        }
        if let Some(n) = entries.windows(2).position(|pair| (pair[0].at, pair[0].step) > (pair[1].at, pair[1].step)) {
            return Err(Refused::Field(format!("journal[{}] comes before the command that precedes it", n + 1)));
        }
        let scenario = Scenario::named(&self.scenario);
        let Some(scenario) = scenario else { return Timeline::new(&self.scenario, self.seed) };
        let directory = self.cluster.map_or(Ok(scenario.directory), Cluster::directory)?;
        Ok(Timeline::replay(scenario, directory, self.seed, entries))
    }
}
