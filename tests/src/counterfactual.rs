//! What makes a why honest: the same run again without the input or the draw that an answer ends at. If the effect is there
//! all the same, at the same moment, the answer named a bystander.

use brownout_core::actor::role::NoteKind;
use brownout_core::engine::{Row, Time, Trace};
use brownout_core::knob::Knob;
use brownout_core::scenario::Scenario;
use brownout_core::sim::event::PacketId;
use brownout_core::sim::{Code, Command, MAX_SPARED};
use brownout_core::timeline::{Timeline, WhatIf};
use brownout_core::why::{End, Question};
use std::collections::BTreeMap;

/// How often an effect was gone or came at another time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    /// Of so many.
    pub of: u32,
    /// So many moved or went away.
    pub moved: u32,
}

impl Share {
    fn add(&mut self, moved: bool) {
        self.of += 1;
        self.moved += u32::from(moved);
    }
    /// In percent.
    pub fn percent(self) -> f64 {
        100.0 * f64::from(self.moved) / f64::from(self.of.max(1))
    }
}

/// What came of it, for one kind of question.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Without the command that the answer ends at.
    pub input: Share,
    /// With better luck for the packets that the answer names.
    pub draw: Share,
    /// With better luck for as many other packets that were lost in the same stretch of time.
    pub bystander: Share,
}

/// The questions.
pub const ASKED: [NoteKind; 7] = [
    NoteKind::LosesLeader,
    NoteKind::StepsDown,
    NoteKind::PreCampaigns,
    NoteKind::Unhealthy,
    NoteKind::RenewalFails,
    NoteKind::LeaseLost,
    NoteKind::UserRequest,
];
/// When the loss begins, and how long each run is.
const FROM: Time = Time::from_secs(15);
const UNTIL: Time = Time::from_secs(45);
/// The most questions of one kind in one run: others are much the same.
const MOST: usize = 3;

/// A run in which all members' hosts lose packets.
fn lossy(seed: u64, trace: Trace) -> Timeline {
    let scenario = Scenario::named("quiet").expect("there is one");
    let mut run = Timeline::of(scenario, seed, trace);
    run.seek(FROM, u32::MAX);
    let ppm = 250_000 + (seed % 4) as u32 * 50_000;
    run.command(Command::Set(vec![(Knob::LossPlace, 5), (Knob::Loss, ppm)])).expect("it is allowed");
    run.seek(UNTIL, u32::MAX);
    run
}
fn kind_of(row: &Row) -> Option<NoteKind> {
    Code::note(row.code)
}
fn asks(row: &Row) -> bool {
    row.at > FROM
        && kind_of(row).is_some_and(|kind| match kind {
            NoteKind::UserRequest => !(100..429).contains(&(row.a >> 16)),
            kind => ASKED.contains(&kind),
        })
}
fn packet(row: &Row) -> PacketId {
    PacketId::of_row(row.process, row.a, row.b)
}
/// Whether the same thing happened to the same program at the same moment.
pub fn happened(run: &mut Timeline, effect: &Row) -> bool {
    run.seek(effect.at, u32::MAX);
    let same = |row: &&Row| {
        (row.at, row.code, row.process, row.a, row.b) == (effect.at, effect.code, effect.process, effect.a, effect.b)
    };
    let rows = run.trace().rows();
    rows.before(rows.end()).take_while(|row| row.at >= effect.at).any(|row| same(&row))
}
/// Whether the effect moves when these packets are luckier, the oldest first.
fn moves_with(run: &Timeline, effect: &Row, packets: &[(PacketId, Time)]) -> bool {
    let mut other = run.clone();
    other.what_if(WhatIf::Arrive(packets.to_vec())).expect("there is room");
    !happened(&mut other, effect)
}

/// Asks every question of so many runs.
pub fn measure(seeds: impl Iterator<Item = u64>) -> BTreeMap<&'static str, Outcome> {
    let mut outcomes: BTreeMap<&'static str, Outcome> = BTreeMap::new();
    for seed in seeds {
        let run = lossy(seed, Trace::new(1 << 20));
        // What is played again and again carries no long record along.
        let light = lossy(seed, Trace::new(1 << 14));
        let mut asked: BTreeMap<u16, usize> = BTreeMap::new();
        let rows: Vec<Row> = run.trace().rows().since(0).filter(|row| asks(row)).copied().collect();
        for effect in rows {
            let count = asked.entry(effect.code).or_default();
            *count += 1;
            if *count > MOST {
                continue;
            }
            let why = run.why(&Question::Event(effect.id));
            let outcome = outcomes.entry(Code::name(effect.code)).or_default();
            if let End::Input(place) = why.end {
                let mut other = light.clone();
                other.what_if(WhatIf::Without(place)).expect("there is room");
                outcome.input.add(!happened(&mut other, &effect));
            }
            let draws: Vec<(PacketId, Time)> = why.draws.iter().take(MAX_SPARED).copied().collect();
            let Some(first) = draws.iter().map(|(_, at)| *at).min() else { continue };
            outcome.draw.add(moves_with(&light, &effect, &draws));
            let named: Vec<(u16, u16)> = draws.iter().map(|(packet, _)| pair(*packet)).collect();
            let others: Vec<(PacketId, Time)> = run
                .trace()
                .rows()
                .since(0)
                .filter(|row| row.code == Code::Drop as u16 && row.at >= first && row.at < effect.at)
                .map(|row| (packet(row), row.at))
                .filter(|(packet, _)| !named.contains(&pair(*packet)))
                .collect();
            if !others.is_empty() {
                let step = (others.len() / draws.len()).max(1);
                let chosen: Vec<_> = others.iter().step_by(step).take(draws.len()).rev().copied().collect();
                outcome.bystander.add(moves_with(&light, &effect, &chosen));
            }
        }
    }
    outcomes
}
/// The two programs, whoever dialled.
fn pair(packet: PacketId) -> (u16, u16) {
    (packet.from.0.min(packet.to.0), packet.from.0.max(packet.to.0))
}
