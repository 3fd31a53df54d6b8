//! The rows of the onlookers: milestones, harm, alerts, early warnings and verdicts.

use super::{NONE, Rows, Scene, low};
use crate::actor::ProgramId;
use crate::engine::Time;
use crate::invariant::Verdict;
use crate::load::Kind;
use crate::metrics::{Alert, AlertState, Lamp};
use crate::milestones::{Progress, RecoveryStep, Rung, Sort};

/// A moment in ms of the run; none: NONE.
fn moment(at: Option<Time>) -> u32 {
    at.map_or(NONE, |at| low(at.ns() / 1_000_000))
}

pub(super) fn episode(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    let it = sim.observer().milestones();
    rows.push(&[it.episode(), it.settled().into(), moment(it.began()), moment(it.healed()), it.over().into()]);
}
pub(super) fn hurts(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    for rung in Rung::ALL {
        match sim.observer().milestones().hurt(rung) {
            None => rows.push(&[NONE, 0, NONE]),
            Some(hurt) => {
                let program = hurt.program.map_or(NONE, |ProgramId(id)| id.into());
                rows.push(&[moment(Some(hurt.at)), hurt.sign as u32, program]);
            }
        }
    }
}
pub(super) fn kinds(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    for kind in Kind::ALL {
        rows.push(&[moment(sim.observer().milestones().kind_hurt(kind as usize))]);
    }
}
pub(super) fn steps(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    for step in RecoveryStep::ALL {
        rows.push(&match sim.observer().milestones().step(step) {
            Progress::NotHurt => [0, NONE],
            Progress::Waiting => [1, NONE],
            Progress::Reached(at) => [2, moment(Some(at))],
        });
    }
}
pub(super) fn harms(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    for sort in Sort::ALL {
        let harm = sim.observer().milestones().harms().of(sort);
        rows.push(&[
            harm.desired,
            harm.serving,
            low(harm.missing_ms),
            harm.blocked,
            low(harm.blocked_ms),
            low(harm.requests),
            low(harm.failed),
        ]);
    }
}
pub(super) fn alerts(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    let alerts = sim.observer().metrics().alerts();
    for alert in Alert::ALL {
        let (state, since) = match alerts.state(*alert) {
            AlertState::Inactive => (0, None),
            AlertState::Pending(at) => (1, Some(at)),
            AlertState::Firing(at) => (2, Some(at)),
        };
        let value = low(alerts.value(*alert).unwrap_or_default());
        rows.push(&[state, moment(since), value, alerts.instances(*alert).count() as u32]);
    }
}
pub(super) fn lamps(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    for lamp in Lamp::ALL {
        let state = sim.observer().metrics().lamps().state(lamp);
        rows.push(&[moment(state.lit), low(state.value)]);
    }
}
pub(super) fn verdicts(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    for verdict in Verdict::ALL {
        let finding = sim.observer().finding(verdict);
        let state = if finding.broken > 0 { 2 } else { u32::from(finding.checks > 0) };
        let numbers = finding.first.map_or([0; 4], |(_, numbers)| numbers).map(low);
        let first = moment(finding.first.map(|(at, _)| at));
        rows.push(&[state, finding.checks, finding.broken, first]);
        rows.push(&numbers);
    }
}
