//! How long a follower of an idle etcd cluster that was cut off takes to hear its leader again, by version of etcd.

use super::{Line, Unit};
use brownout_core::actor::role::{Directory, NoteKind};
use brownout_core::engine::{Span, Time, Trace};
use brownout_core::fault::Fault;
use brownout_core::knob::{Knob, Knobs};
use brownout_core::net::packet::HostId;
use brownout_core::sim::{Code, Command, Sim};
use serde::Deserialize;

/// One measured run. See `tests/reference/README.md`.
#[derive(Clone, Debug, Deserialize)]
struct Row {
    etcd: String,
    cut_s: u64,
    leader_known_after_heal_s: f64,
    streams_lost_during_cut: f64,
}

/// What a cut of so many seconds did: how long after it the member knew its leader, and how many streams broke at whom
/// during it: both ends of a stream say so.
fn simulate(cut_s: u64, deadline: bool, seed: u64) -> (f64, f64) {
    let dials = [
        (Knob::LinkDelay, 50),
        (Knob::LinkJitter, 10),
        (Knob::WriteRate, 0),
        (Knob::ReadRate, 0),
        (Knob::CachedRate, 0),
        (Knob::StreamReadDeadline, deadline.into()),
    ];
    let knobs = Knobs::default().with_all(&dials).expect("the dials are allowed");
    let mut sim = Sim::new(seed, Directory::etcd_alone(3), knobs);
    let mut trace = Trace::new(1 << 16);
    let (mut seen, mut found, mut lost) = (0, Vec::new(), 0);
    let mut go = |sim: &mut Sim, trace: &mut Trace, span: Span, faulty: Option<u8>| {
        let end = sim.now() + span;
        while sim.now() < end {
            let stop = (sim.now() + Span::from_secs(1)).min(end);
            while sim.step(stop, trace) {}
            for row in trace.rows().since(seen) {
                match Code::note(row.code) {
                    Some(NoteKind::FindsLeader) if Some(row.process as u8) == faulty => found.push(row.at),
                    Some(NoteKind::StreamDown) => lost += 1,
                    _ => {}
                }
            }
            seen = trace.rows().end();
        }
        (found.clone(), lost)
    };
    go(&mut sim, &mut trace, Span::from_secs(12), None);
    let led = brownout_core::inspect::leader(&sim).expect("an undisturbed cluster has a leader");
    let faulty = (led + 1) % 3;
    let cut = Command::Inject(Fault::Isolate { host: HostId(faulty.into()) });
    sim.command(&cut, &mut trace).expect("the fault is allowed");
    let (_, lost) = go(&mut sim, &mut trace, Span::from_secs(cut_s), Some(faulty));
    let healed = sim.now();
    sim.command(&Command::HealAll, &mut trace).expect("healing is allowed");
    let (found, _) = go(&mut sim, &mut trace, Span::from_secs(75), Some(faulty));
    let known = found.iter().find(|at| **at >= healed);
    let secs = |at: &Time| at.since(healed).ns() as f64 / 1e9;
    (known.map_or(f64::INFINITY, secs), f64::from(lost))
}

/// Every line.
///
/// # Panics
/// If the reference does not parse: it is part of the repository.
pub fn lines(seeds: u64) -> Vec<Line> {
    let rows: Vec<Row> = serde_json::from_str(include_str!("../../reference/etcd_cut.json")).expect("it parses");
    let mut settings: Vec<(&str, u64)> = rows.iter().map(|row| (row.etcd.as_str(), row.cut_s)).collect();
    settings.dedup();
    let mut lines = Vec::new();
    for (version, cut_s) in settings {
        let measured = rows.iter().filter(|row| row.etcd == version && row.cut_s == cut_s);
        let deadline = version.starts_with("3.4");
        let runs: Vec<(f64, f64)> = (1..=seeds).map(|seed| simulate(cut_s, deadline, seed)).collect();
        let mut line = |name: &str, unit, measured: Vec<f64>, mut simulated: Vec<f64>| {
            simulated.sort_by(f64::total_cmp);
            let setting = format!("etcd {version}, cut for {cut_s} s");
            let (place, name) = ("the cut member".into(), name.into());
            lines.push(Line { setting, place, name, unit, input: false, measured, simulated });
        };
        let known = measured.clone().map(|row| row.leader_known_after_heal_s).collect();
        line("knows its leader again", Unit::Seconds, known, runs.iter().map(|run| run.0).collect());
        // Every reader of four streams in each direction breaks; its writer says so only if it writes again.
        let streams = measured.map(|row| f64::from(u8::from(row.streams_lost_during_cut > 0.0))).collect();
        let broke = runs.iter().map(|run| f64::from(u8::from(run.1 > 0.0))).collect();
        line("streams break", Unit::Share, streams, broke);
    }
    lines
}
