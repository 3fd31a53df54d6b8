//! The rows of what works inside: watch caches and priority levels of the API servers, controllers, the scheduler.

use super::{NONE, Rows, Scene, low, ms};
use crate::actor::role::Role;
use crate::api::ApiServer;
use crate::api::flow;
use crate::api::rpc::Level;
use crate::control::manager;
use crate::engine::Span;
use crate::inspect;
use crate::object::{Kind, Revision};
use crate::sim::{Sim, State};
use alloc::vec::Vec;

/// How many changes a cache can be shown to be behind. Unit: changes. Chosen: beyond it nobody counts.
const BEHIND: usize = 10_000;

/// An API server's program, if it is one.
fn api(sim: &Sim, n: u8) -> Option<&ApiServer> {
    match &sim.programs()[sim.directory().api(n).ix()].role {
        Role::Api(api) => Some(api),
        _ => None,
    }
}

pub(super) fn caches(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    let Some(etcd) = inspect::most_advanced(sim) else { return };
    let oldest = etcd.store().revision().saturating_sub(BEHIND as Revision);
    // The newest changes by kind, in the order of their revisions.
    let mut changes: [Vec<Revision>; Kind::ALL.len()] = Default::default();
    for event in etcd.store().since(oldest) {
        changes[event.kv.key.kind() as usize].push(event.kv.mod_revision);
    }
    for n in 0..sim.directory().api_servers {
        let Some(api) = api(sim, n) else { continue };
        let running = sim.programs()[sim.directory().api(n).ix()].state == State::Running;
        let now = sim.local(sim.directory().api(n));
        for kind in Kind::ALL {
            let Some(cache) = api.cache(kind) else { continue };
            let of_kind = &changes[kind as usize];
            let behind = of_kind.len() - of_kind.partition_point(|revision| *revision <= cache.revision());
            let ready = running && cache.ready();
            rows.push(&[
                n.into(),
                kind as u32,
                ready.into(),
                low(cache.revision()),
                behind as u32,
                ms(cache.heard().map_or(Span::ZERO, |at| now.since(at))),
                cache.len() as u32,
                cache.initializations(),
                api.fan_out().of_kind(kind) as u32,
            ]);
        }
    }
}
pub(super) fn levels(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    for n in 0..sim.directory().api_servers {
        let Some(api) = api(sim, n) else { continue };
        for level in Level::ALL {
            let stats = api.flow().stats(level);
            rows.push(&[
                n.into(),
                level as u32,
                flow::seats(level),
                api.flow().taken(level),
                api.flow().queued(level),
                low(stats.queue_full + stats.time_out),
            ]);
        }
    }
}

pub(super) fn managers(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    let Some((n, manager)) = inspect::leading_manager(sim) else { return rows.push(&[NONE, 0, 0]) };
    let phase = match manager.phase() {
        manager::Phase::Off => 0,
        manager::Phase::Starting => 1,
        manager::Phase::Failed(_) => 2,
        manager::Phase::Candidate => 3,
        manager::Phase::Waiting(_) => 4,
        manager::Phase::Discovering(_) => 5,
        manager::Phase::Working => 6,
    };
    rows.push(&[n.into(), phase, manager.paced()]);
}
pub(super) fn controllers(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    let found = inspect::leading_manager(sim);
    for name in crate::control::controller::Name::ALL {
        let Some((n, manager)) = found else {
            rows.push(&[0, 0, 0, 0, 0, ms(Span::ZERO), 0]);
            continue;
        };
        let now = sim.local(sim.directory().control(n, 0));
        let controller = &manager.controllers()[name as usize];
        let (queue, stats) = (controller.queue(), controller.queue().stats());
        rows.push(&[
            manager.caches().synced(name.needs()).into(),
            queue.depth(),
            controller.busy(),
            queue.waiting(),
            low(stats.retries),
            ms(controller.longest_running(now)),
            low(stats.adds),
        ]);
    }
}
pub(super) fn schedulers(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    let Some((n, scheduler)) = inspect::leading_scheduler(sim) else { return rows.push(&[NONE, 0, 0, 0, 0, 0, 0]) };
    let (active, backoff, unschedulable) = scheduler.pending();
    rows.push(&[
        n.into(),
        scheduler.works().into(),
        scheduler.synced().into(),
        active,
        backoff,
        unschedulable,
        scheduler.binding(),
    ]);
}
