//! The objects that cross the border.

use super::compare::PresetSpec;
use super::us;
use brownout_core::actor::role::{NoteKind, Timer};
use brownout_core::actor::wire::Class;
use brownout_core::api::rpc::Level;
use brownout_core::control::controller::Name;
use brownout_core::engine::{Row, Time};
use brownout_core::fault::Fault;
use brownout_core::frame::{Read, TABLES};
use brownout_core::history::{KINDS, Lanes, Sample};
use brownout_core::invariant::Verdict;
use brownout_core::journal::ENGINE_VERSION;
use brownout_core::knob::{Knob, Knobs, Place};
use brownout_core::load::Kind;
use brownout_core::metrics::alerts::{AlertSpec, Unit};
use brownout_core::metrics::lamps::LampSpec;
use brownout_core::metrics::{Alert, Lamp};
use brownout_core::milestones::{FAILURE, Phase, RECOVERY, RecoveryStep, Rung, Sign};
use brownout_core::object;
use brownout_core::scenario;
use brownout_core::sim::Code;
use brownout_core::sim::event::PacketId;
use serde::Serialize;

/// Everything the engine has names for.
#[derive(Serialize)]
pub struct Catalog {
    engine_version: &'static str,
    scenarios: Vec<ScenarioSpec>,
    knobs: Vec<KnobSpec>,
    places: Vec<&'static str>,
    faults: &'static [&'static str],
    notes: Vec<NoteSpec>,
    classes: &'static [&'static str],
    tables: Vec<TableSpec>,
    request_kinds: Vec<String>,
    object_kinds: Vec<&'static str>,
    controllers: Vec<&'static str>,
    levels: Vec<&'static str>,
    rungs: Vec<&'static str>,
    signs: Vec<&'static str>,
    steps: Vec<&'static str>,
    phases: Phases,
    alerts: Vec<AlertDto>,
    lamps: Vec<LampDto>,
    verdicts: Vec<VerdictDto>,
    presets: Vec<PresetSpec>,
}
#[derive(Serialize)]
struct Phases {
    failure: Vec<PhaseDto>,
    recovery: Vec<PhaseDto>,
}
#[derive(Serialize)]
struct PhaseDto {
    name: &'static str,
    from_s: u32,
    to_s: Option<u32>,
}
#[derive(Serialize)]
struct AlertDto {
    name: &'static str,
    severity: &'static str,
    hold_ms: f64,
    unit: &'static str,
    help: &'static str,
}
#[derive(Serialize)]
struct LampDto {
    name: &'static str,
    unit: &'static str,
    threshold: f64,
    help: &'static str,
}
#[derive(Serialize)]
struct VerdictDto {
    name: &'static str,
    help: &'static str,
}
#[derive(Serialize)]
struct ScenarioSpec {
    name: &'static str,
    title: &'static str,
    summary: &'static str,
    members: u8,
    api_servers: u8,
    external: bool,
    nodes: u16,
}
#[derive(Serialize)]
struct KnobSpec {
    name: &'static str,
    flag: &'static str,
    unit: &'static str,
    default: u32,
    min: u32,
    max: u32,
    help: &'static str,
    source: &'static str,
}
#[derive(Serialize)]
struct NoteSpec {
    name: &'static str,
    notable: bool,
    help: &'static str,
}
#[derive(Serialize)]
struct TableSpec {
    name: &'static str,
    columns: Vec<(&'static str, &'static str)>,
}

impl Catalog {
    /// The catalog of this build.
    pub fn new() -> Self {
        let scenario = |s: &&scenario::Scenario| ScenarioSpec {
            name: s.name,
            title: s.title,
            summary: s.summary,
            members: s.directory.members,
            api_servers: s.directory.api_servers,
            external: s.directory.external,
            nodes: s.directory.nodes,
        };
        let knob = |knob: &Knob| {
            let s = knob.spec();
            let (unit, default) = (s.unit.name(), s.default);
            KnobSpec {
                name: s.name,
                flag: s.flag,
                unit,
                default,
                min: s.min,
                max: s.max,
                help: s.help,
                source: s.source,
            }
        };
        let note = |kind: &NoteKind| NoteSpec { name: kind.name(), notable: kind.notable(), help: kind.help() };
        let read = |read: Read| match read {
            Read::U32 => "U32",
            Read::F32 => "F32",
        };
        let columns =
            |columns: &[(&'static str, Read)]| columns.iter().map(|(name, kind)| (*name, read(*kind))).collect();
        Self {
            engine_version: ENGINE_VERSION,
            scenarios: scenario::ALL.iter().map(scenario).collect(),
            knobs: Knob::ALL.iter().map(knob).collect(),
            places: Place::ALL.iter().map(|place| place.name()).collect(),
            faults: &Fault::NAMES,
            notes: NoteKind::ALL.iter().map(note).collect(),
            classes: &Class::NAMES,
            request_kinds: Kind::ALL.iter().map(|kind| format!("{kind:?}")).collect(),
            object_kinds: object::Kind::ALL.iter().map(|kind| kind.resource()).collect(),
            controllers: Name::ALL.iter().map(|name| name.queue_name()).collect(),
            levels: Level::ALL.iter().map(|level| level.name()).collect(),
            rungs: Rung::ALL.iter().map(|rung| rung.name()).collect(),
            signs: Sign::ALL.iter().map(|sign| sign.name()).collect(),
            steps: RecoveryStep::ALL.iter().map(|step| step.name()).collect(),
            phases: Phases { failure: phases(&FAILURE), recovery: phases(&RECOVERY) },
            alerts: Alert::ALL.iter().map(|alert| alert_dto(*alert)).collect(),
            lamps: Lamp::ALL.iter().map(|lamp| lamp_dto(*lamp)).collect(),
            verdicts: Verdict::ALL.map(|it| VerdictDto { name: it.name(), help: it.help() }).into(),
            presets: PresetSpec::all(),
            tables: TABLES.iter().map(|t| TableSpec { name: t.name, columns: columns(t.columns) }).collect(),
        }
    }
}

fn phases(phases: &[Phase]) -> Vec<PhaseDto> {
    phases.iter().map(|Phase { name, from_s, to_s }| PhaseDto { name, from_s: *from_s, to_s: *to_s }).collect()
}
fn alert_dto(alert: Alert) -> AlertDto {
    let AlertSpec { name, severity, hold, unit, help, .. } = alert.spec();
    let unit = match unit {
        Unit::Count => "count",
        Unit::MilliPercent => "milli_percent",
        Unit::Us => "us",
        Unit::MilliPerSecond => "milli_per_second",
        Unit::MilliBurn => "milli_burn",
    };
    AlertDto { name, severity: severity.name(), hold_ms: hold.ms() as f64, unit, help }
}
fn lamp_dto(lamp: Lamp) -> LampDto {
    let LampSpec { name, unit, threshold, help, .. } = lamp.spec();
    LampDto { name, unit, threshold: threshold as f64, help }
}

/// A dial and where it stands.
#[derive(Serialize)]
pub struct Value {
    name: &'static str,
    value: u32,
}
impl Value {
    /// Every dial.
    pub fn all(knobs: &Knobs) -> Vec<Self> {
        Knob::ALL.iter().map(|knob| Self { name: knob.spec().name, value: knobs.get(*knob) }).collect()
    }
}

/// A number as JavaScript counts. A key loses its kind, which the note's kind says anyway; what is left is exact.
pub const fn exact(b: u64) -> f64 {
    (if b >> 53 == 0 { b } else { b & ((1 << 56) - 1) }) as f64
}

/// A notable row.
#[derive(Serialize)]
pub struct Note {
    number: f64,
    id: f64,
    cause: f64,
    at_us: f64,
    program: u16,
    kind: &'static str,
    a: u32,
    b: f64,
}
impl Note {
    /// The row as the page reads it.
    pub fn new(number: u64, row: &Row) -> Self {
        Self {
            number: number as f64,
            id: row.id.get() as f64,
            cause: row.cause.get() as f64,
            at_us: us(row.at),
            program: row.process,
            kind: Code::name(row.code),
            a: row.a,
            b: exact(row.b),
        }
    }
}

/// A row of the record.
#[derive(Serialize)]
pub struct RecordRow {
    id: f64,
    cause: f64,
    at_us: f64,
    program: u16,
    what: &'static str,
    kind: Option<&'static str>,
    a: u32,
    b: f64,
    text: String,
}
impl RecordRow {
    /// The row as the page reads it.
    pub fn new(row: &Row) -> Self {
        let kind = Code::note(row.code).map(NoteKind::name);
        Self {
            id: row.id.get() as f64,
            cause: row.cause.get() as f64,
            at_us: us(row.at),
            program: row.process,
            what: Code::name(row.code),
            kind,
            a: row.a,
            b: exact(row.b),
            text: text(row),
        }
    }
}

/// The engine's own words for a row, where the page has none.
fn text(row: &Row) -> String {
    const DROPS: [&str; 5] =
        ["the link is cut", "the link's queue is full", "lost at random", "lost in a burst", "the host has no power"];
    let named = |names: &[&'static str], n: u32| names.get(n as usize).copied().unwrap_or("?");
    match row.code {
        code if code == Code::Boot as u16 => "process starts".to_owned(),
        code if code == Code::Timer as u16 => format!("timer {}", named(&Timer::NAMES, row.a)),
        code if code == Code::Kernel as u16 => "TCP timer".to_owned(),
        code if code == Code::Arrive as u16 => "packet arrives".to_owned(),
        code if code == Code::DiskDone as u16 => "write is durable".to_owned(),
        code if code == Code::Command as u16 => "a command was given".to_owned(),
        code if code == Code::Drop as u16 => {
            format!("packet dropped: {}", named(&DROPS, PacketId::reason_and_class(row.b).0.into()))
        }
        code if code == Code::Message as u16 => format!("message read: {}", named(&Class::NAMES, row.a & 0xff)),
        code => Code::name(code).to_owned(),
    }
}

/// The names of the series.
pub fn sample_columns(apis: u8) -> Vec<String> {
    let mut names = vec!["t_s".to_owned()];
    for api in 0..apis {
        names.extend((0..KINDS).map(|kind| format!("success_{api}_{kind}")));
    }
    names.extend(
        [
            "p50_ms",
            "p99_ms",
            "leader_changes",
            "leaderless",
            "lease_left_0_ms",
            "lease_left_1_ms",
            "pods_ready",
            "pods_wanted",
            "queue_controllers",
            "queue_scheduler",
            "stale_ms",
            "success_services",
            "term",
            "leader",
            "holder_0",
            "holder_1",
            "believes_0",
            "believes_1",
            "can_act_0",
            "can_act_1",
            "faults",
            "hurt",
            "began_s",
            "healed_s",
            "broken",
        ]
        .map(String::from),
    );
    names
}

/// The points' cells. A share that nobody measured, and a member, host or moment that there is none of, is NaN; latencies are the worst API server's and kind's.
#[expect(clippy::float_arithmetic, reason = "on the way out")]
pub fn sample_cells<'a>(samples: impl Iterator<Item = &'a Sample>, apis: u8) -> Vec<f64> {
    let mut cells = Vec::new();
    for sample in samples {
        cells.push(sample.at.ns() as f64 / 1e9);
        let (mut p50, mut p99) = (0, 0);
        for api in 0..usize::from(apis) {
            for kind in 0..KINDS {
                cells.push(sample.success_ppm[api][kind].map_or(f64::NAN, |ppm| f64::from(ppm) / 1e6));
                p50 = p50.max(sample.p50_us[api][kind]);
                p99 = p99.max(sample.p99_us[api][kind]);
            }
        }
        cells.extend([f64::from(p50) / 1e3, f64::from(p99) / 1e3, f64::from(sample.leader_changes)]);
        cells.push(f64::from(sample.leaderless.count_ones()));
        cells.extend(sample.lease_left_ms.map(f64::from));
        cells.extend(sample.pods.map(f64::from));
        cells.extend(sample.backlog.map(f64::from));
        cells.push(f64::from(sample.stale_ms));
        cells.push(sample.service_ppm.map_or(f64::NAN, |ppm| f64::from(ppm) / 1e6));
        let Lanes { leader, holder, believes, can_act, faults, hurt, began, healed, broken } = sample.lanes;
        let seconds = |time: Option<Time>| time.map_or(f64::NAN, |time| time.ns() as f64 / 1e9);
        cells.push(leader.map_or(f64::NAN, |(_, term)| term.into()));
        cells.push(leader.map_or(f64::NAN, |(member, _)| member.into()));
        cells.extend(holder.map(|api| api.map_or(f64::NAN, f64::from)));
        cells.extend(believes.map(f64::from));
        cells.extend(can_act.map(f64::from));
        cells.extend([faults.into(), hurt.into(), seconds(began), seconds(healed), broken.into()]);
    }
    cells
}
