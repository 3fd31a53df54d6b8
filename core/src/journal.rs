//! A run as data: what a link, a bug report and a replay have in common. Everything in it comes from outside, so
//! everything is checked, and a refusal names the field, the value and what is allowed.

use crate::engine::{Ppm, Span, Time};
use crate::fault::{Fault, FaultId};
use crate::knob::Knob;
use crate::net::packet::HostId;
use crate::scenario::Scenario;
use crate::sim::{Command, Refused};
use crate::timeline::{Entry, MAX_JOURNAL, Timeline, shown};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The version of this format. A change that older readers would misread raises it.
pub const SCHEMA: u32 = 1;
/// The engine's version, as its links carry it.
pub const ENGINE_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Numbers above this are not exact in JavaScript.
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
    /// The seed.
    pub seed: u64,
    /// How far it went, in us.
    pub until_us: u64,
    /// What was done, scenario's script included.
    pub journal: Vec<Line>,
    /// The digest there, in hex, if it is known.
    #[serde(default)]
    pub digest: Option<String>,
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
            "lossy" => Fault::Lossy { host, loss: ppm("value", self.value, 300_000)? },
            "bursty" => Fault::Bursty {
                host,
                enter: ppm("enter", self.enter, 10_000)?,
                leave: ppm("leave", self.leave, 200_000)?,
                loss: ppm("value", self.value, 900_000)?,
            },
            "slow" => Fault::Slow { host, extra: Span::from_us(self.value.unwrap_or(100_000).into()) },
            "crash" => Fault::Crash { host },
            "kill-etcd" => Fault::KillEtcd { host },
            "pause" => Fault::Pause { host },
            "hang-api" => Fault::HangApi { host },
            "slow-disk" => Fault::SlowDisk { host, times: self.value.unwrap_or(100) },
            "clock-rate" => Fault::ClockRate { host, rate_ppm: self.value.unwrap_or(1_250_000) },
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
    fn command(&self) -> Result<Command, Refused> {
        Ok(match self {
            Self::Set(dials) => Command::Set(dials.iter().map(Dial::knob).collect::<Result<_, _>>()?),
            Self::Inject(fault) => Command::Inject(fault.fault()?),
            Self::Heal(id) => Command::Heal(FaultId(*id)),
            Self::HealAll => Command::HealAll,
        })
    }
    fn of(command: &Command) -> Self {
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
        }
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
            seed: sim.seed(),
            until_us: sim.now().ns() / 1000,
            journal: timeline.journal().iter().map(line).collect(),
            digest: Some(format!("{:016x}", sim.history())),
        }
    }
    /// The beginning of the run this describes; seeking to `until_us` plays it.
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
        if self.journal.len() > MAX_JOURNAL {
            let count = self.journal.len();
            return Err(Refused::Field(format!("journal has {count} commands; at most {MAX_JOURNAL} are allowed")));
        }
        let mut entries = Vec::with_capacity(self.journal.len());
        for (n, line) in self.journal.iter().enumerate() {
            limit("journal.at_ns", line.at_ns)?;
            let command = line.what.command().map_err(|why| Refused::Field(format!("journal[{n}]: {why}")))?;
            let (step, at, scripted) = (line.step, Time::from_ns(line.at_ns), line.scripted);
            entries.push(Entry { step, at, command, scripted });
        }
        if let Some(n) = entries.windows(2).position(|pair| (pair[0].at, pair[0].step) > (pair[1].at, pair[1].step)) {
            return Err(Refused::Field(format!("journal[{}] comes before the command that precedes it", n + 1)));
        }
        let scenario = Scenario::named(&self.scenario);
        let Some(scenario) = scenario else { return Timeline::new(&self.scenario, self.seed) };
        Ok(Timeline::replay(scenario, self.seed, entries))
    }
}
