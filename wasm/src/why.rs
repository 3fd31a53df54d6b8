//! Questions and answers, for JavaScript.

use crate::{dto, us};
use brownout_core::actor::ProgramId;
use brownout_core::actor::role::Timer;
use brownout_core::actor::wire::Class;
use brownout_core::engine::EventId;
use brownout_core::journal::{PacketSpec, PodSpec};
use brownout_core::load::Kind;
use brownout_core::sim::Code;
use brownout_core::sim::event::PacketId;
use brownout_core::timeline::Timeline;
use brownout_core::why::{self, End, Step, What, Why};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::JsError;

/// A question about a run.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// Why did this happen?
    Event(f64),
    /// Why has no leader been elected, or why does this one lead?
    Leader,
    /// Why does this member know no leader, or whence does it know one?
    Member(u8),
    /// Why is a component's Lease not renewed, or how did its holder come by it?
    Lease(u8),
    /// Why is what the watchers of an API server see behind?
    Watch(u8),
    /// Why is an API server not well?
    Api(u8),
    /// Why do requests of this kind to an API server fail, or succeed?
    Requests { api: u8, kind: usize },
    /// Why do requests to a Service fail?
    Service(u16),
    /// Why has a workload too few pods?
    Workload(u16),
    /// Why is this pod not replaced?
    Pod(PodSpec),
    /// Why is a node not ready?
    Node(u16),
}

impl Question {
    /// As the engine has it. What it names must be there.
    pub fn read(self, run: &Timeline) -> Result<why::Question, JsError> {
        let directory = run.sim().directory();
        let below = |field: &str, value: usize, count: usize| {
            if value < count {
                return Ok(());
            }
            Err(JsError::new(&format!("{field} = {value} is not there: there are {count}, numbered from 0")))
        };
        let (members, apis) = (usize::from(directory.members), usize::from(directory.api_servers));
        Ok(match self {
            Self::Event(id) => why::Question::Event(EventId::new(id as u64)),
            Self::Leader => why::Question::Leader,
            Self::Member(n) => below("member", n.into(), members).map(|()| why::Question::Member(n))?,
            Self::Lease(n) => below("lease", n.into(), 2).map(|()| why::Question::Lease(n))?,
            Self::Watch(n) => below("watch", n.into(), apis).map(|()| why::Question::Watch(n))?,
            Self::Api(n) => below("api", n.into(), apis).map(|()| why::Question::Api(n))?,
            Self::Requests { api, kind } => {
                below("api", api.into(), apis)?;
                below("kind", kind, Kind::ALL.len())?;
                why::Question::Requests(api, Kind::ALL[kind])
            }
            Self::Service(n) => why::Question::Service(n),
            Self::Workload(n) => why::Question::Workload(n),
            Self::Pod(pod) => why::Question::Pod(pod.key()),
            Self::Node(n) => below("node", n.into(), directory.nodes.into()).map(|()| why::Question::Node(n))?,
        })
    }
}

/// An answer.
#[derive(Serialize)]
pub struct Answer {
    steps: Vec<StepDto>,
    end: &'static str,
    /// The command it ends at, by its place in the journal.
    command: Option<u32>,
    /// The packets that the dice lost, so that they can be spared.
    draws: Vec<Lost>,
}
#[derive(Serialize)]
struct Lost {
    packet: PacketSpec,
    at_us: f64,
}

/// One step, a sentence for whoever reads it.
#[derive(Serialize)]
struct StepDto {
    what: &'static str,
    at_us: f64,
    since_us: Option<f64>,
    program: Option<u16>,
    other: Option<u16>,
    count: u32,
    took_us: f64,
    id: Option<f64>,
    /// The note's kind, the timer's name or the message's class.
    kind: Option<&'static str>,
    a: u32,
    b: f64,
}

impl Answer {
    /// As the page reads it.
    pub fn of(why: &Why) -> Self {
        let (end, command) = match why.end {
            End::Input(place) => ("input", Some(place as u32)),
            End::Draw => ("draw", None),
            End::Start => ("start", None),
            End::Record => ("record", None),
        };
        let draws = why.draws.iter().map(|(packet, at)| Lost { packet: PacketSpec::of(*packet), at_us: us(*at) });
        Self { steps: why.steps.iter().map(step).collect(), end, command, draws: draws.collect() }
    }
}

fn step(step: &Step) -> StepDto {
    let Step { what, at, since, program, other, count, took, row } = *step;
    let id = |program: Option<ProgramId>| program.map(|program| program.0);
    let named = |names: &[&'static str], n: u32| names.get(n as usize).copied();
    let kind = row.and_then(|row| match what {
        What::Note => Some(Code::name(row.code)),
        What::Timer => named(&Timer::NAMES, row.a),
        What::Message | What::Late => named(&Class::NAMES, row.a & 0xff),
        What::Lost | What::Cut | What::QueueFull | What::NoPower => {
            named(&Class::NAMES, PacketId::reason_and_class(row.b).1.into())
        }
        _ => None,
    });
    StepDto {
        what: what.name(),
        at_us: us(at),
        since_us: since.map(us),
        program: id(program),
        other: id(other),
        count,
        took_us: took.us() as f64,
        id: row.map(|row| row.id.get() as f64),
        kind,
        a: row.map_or(0, |row| row.a),
        b: row.map_or(0.0, |row| dto::exact(row.b)),
    }
}
