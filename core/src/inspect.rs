//! The cold path: what somebody wants to know of one thing now.

use crate::actor::ProgramId;
use crate::actor::role::Role;
use crate::client::elector::{Record, lease_key};
use crate::control::manager::Manager;
use crate::control::{Control, Work};
use crate::engine::{LocalTime, Span};
use crate::etcd::Etcd;
use crate::etcd::kv::Store;
use crate::knob::Knob;
use crate::load::{Stream, WINDOW};
use crate::object::{Key, Kind, Object, Pod, WorkloadId};
use crate::scheduler::Scheduler;
use crate::sim::{Sim, State};
use alloc::vec::Vec;

/// A Lease object as the store has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub holder: Option<ProgramId>,
    /// How often it went to another.
    pub transitions: u32,
    /// Its revision.
    pub resource_version: u64,
    /// When its holder says it renewed it, on the holder's clock, in ns.
    pub renew_time_ns: u64,
}

/// The member that has applied most.
pub fn most_advanced(sim: &Sim) -> Option<&Etcd> {
    let members = sim.programs().iter().filter_map(|program| match &program.role {
        Role::Etcd(etcd) => Some(&**etcd),
        _ => None,
    });
    members.max_by_key(|etcd| etcd.store().revision())
}

/// Every workload's Deployment, StatefulSet or DaemonSet, by the workload's number.
pub fn workloads(store: &Store) -> Vec<(WorkloadId, &Object)> {
    let mut found: Vec<_> = [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet]
        .into_iter()
        .flat_map(|kind| store.range(kind.first(), kind.end()))
        .map(|kv| (kv.key.group(), &kv.value.object))
        .collect();
    found.sort_by_key(|(workload, _)| *workload);
    found
}

/// Every pod, by key.
pub fn pods(store: &Store) -> impl Iterator<Item = (Key, &Pod)> {
    store.range(Kind::Pod.first(), Kind::Pod.end()).filter_map(|kv| Some((kv.key, kv.value.object.pod()?)))
}

/// The pods of a workload.
pub fn pods_of(store: &Store, workload: WorkloadId) -> impl Iterator<Item = (Key, &Pod)> {
    let end = Key(Key::pod(workload, u16::MAX, Key::MAX_NUMBER).0 + 1);
    store.range(Key::pod(workload, 0, 0), end).filter_map(|kv| Some((kv.key, kv.value.object.pod()?)))
}

/// How many pods are ready and not being deleted, and how many the workloads ask for.
pub fn pods_ready(sim: &Sim) -> [u32; 2] {
    let Some(etcd) = most_advanced(sim) else { return [0; 2] };
    let ready = pods(etcd.store()).filter(|(_, pod)| pod.ready && pod.deleted.is_none()).count() as u32;
    let wanted = workloads(etcd.store()).into_iter().map(|(_, object)| match object {
        Object::Deployment(it) => it.replicas,
        Object::StatefulSet(it) => it.replicas,
        Object::DaemonSet(it) => it.desired,
        _ => 0,
    });
    [ready, wanted.sum()]
}

/// A component's Lease object (0 kube-controller-manager, 1 kube-scheduler).
pub fn lease(sim: &Sim, component: u8) -> Option<Lease> {
    let kv = most_advanced(sim)?.store().get(lease_key(component))?;
    let record = Record::decode(&kv.value);
    Some(Lease {
        holder: record.holder.map(|holder| holder.program),
        transitions: record.transitions.into(),
        resource_version: kv.mod_revision,
        renew_time_ns: record.renew_time.ns(),
    })
}

/// Who holds a component's Lease, as the store has it.
pub fn holder(sim: &Sim, component: u8) -> Option<ProgramId> {
    lease(sim, component)?.holder
}

/// Whether a component's process believes that it leads, and whether it can act: the Lease in the store still names it and
/// has not run out by its own clock.
pub fn leads(sim: &Sim, api: u8, component: u8) -> [bool; 2] {
    let id = sim.directory().control(api, component);
    let program = &sim.programs()[id.ix()];
    let Role::Control(control) = &program.role else { return [false; 2] };
    let believes = program.state == State::Running && control.believes();
    let lasts = || control.elector().lease_expiry().is_some_and(|at| at > sim.local(id));
    [believes, believes && holder(sim, component) == Some(id) && lasts()]
}

/// How long ago the holder renewed, by its own clock.
pub fn renewed_ago(sim: &Sim, component: u8) -> Span {
    let Some(lease) = lease(sim, component) else { return Span::ZERO };
    let Some(holder) = lease.holder else { return Span::ZERO };
    sim.local(holder).since(LocalTime::from_ns(lease.renew_time_ns))
}

/// What is left of a component's Lease, counted from its renewal.
pub fn lease_left(sim: &Sim, component: u8) -> Span {
    if holder(sim, component).is_none() {
        return Span::ZERO;
    }
    sim.knobs().ms(Knob::LeaseDuration).saturating_sub(renewed_ago(sim, component))
}

/// What became of one kind of requests in the newest ten seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How many ended.
    pub ended: u32,
    /// How many of them succeeded.
    pub ok: u32,
    /// The share that succeeded, if any ended.
    pub success_ppm: Option<u32>,
    /// Median latency of the successes; zero if there were none.
    pub p50_us: u32,
    /// Their 99th percentile.
    pub p99_us: u32,
}

/// The newest ten seconds of one kind of requests. Of more than the ring holds, the newest that it holds.
pub fn window(stream: &Stream, now: LocalTime) -> Window {
    let newest = stream.recent.iter().rev().take_while(|ended| now.since(ended.at) <= WINDOW);
    let (mut ended, mut latencies) = (0u64, Vec::new());
    for request in newest {
        ended += 1;
        if request.ok {
            latencies.push(request.latency_us);
        }
    }
    latencies.sort();
    let ok = latencies.len();
    let quantile = |share: usize| if ok == 0 { 0 } else { latencies[(ok - 1) * share / 100] };
    let success_ppm = (ended > 0).then(|| (ok as u64 * 1_000_000 / ended) as u32);
    Window { ended: ended as u32, ok: ok as u32, success_ppm, p50_us: quantile(50), p99_us: quantile(99) }
}

/// The index of the member that leads in the newest term, if it still runs and believes so.
pub fn leader(sim: &Sim) -> Option<u8> {
    let leads = |n: &u8| match &sim.programs()[sim.directory().etcd(*n).ix()] {
        program if program.state != crate::sim::State::Running => None,
        program => match &program.role {
            Role::Etcd(etcd) if etcd.raft().role() == crate::etcd::raft::Role::Leader => Some(etcd.raft().term()),
            _ => None,
        },
    };
    (0..sim.directory().members).filter(|n| leads(n).is_some()).max_by_key(|n| leads(n))
}

/// For how long at least the watcher among the users of an API server has missed a write that somebody was told of.
pub fn watch_behind(sim: &Sim, api: u8) -> Span {
    let id = sim.directory().load();
    match &sim.programs()[id.ix()].role {
        Role::Load(load) => load.sight(api).behind(sim.local(id)),
        _ => Span::ZERO,
    }
}

/// The process of a component that leads: the one that the store's Lease names, else one that believes it does.
fn leading(sim: &Sim, component: u8) -> Option<(u8, &Control)> {
    let holder = holder(sim, component);
    let believing = (0..sim.directory().api_servers).filter_map(|n| {
        let id = sim.directory().control(n, component);
        let program = &sim.programs()[id.ix()];
        match &program.role {
            Role::Control(control) if program.state == State::Running && control.believes() => {
                Some((n, id, &**control))
            }
            _ => None,
        }
    });
    let named = |(_, id, _): &(u8, ProgramId, &Control)| Some(*id) == holder;
    believing.max_by_key(named).map(|(n, _, control)| (n, control))
}
/// The controllers of the process that leads.
pub fn leading_manager(sim: &Sim) -> Option<(u8, &Manager)> {
    let (n, control) = leading(sim, 0)?;
    match control.work() {
        Work::Manager(manager) => Some((n, manager)),
        Work::Scheduler(_) => None,
    }
}
/// The scheduler of the process that leads.
pub fn leading_scheduler(sim: &Sim) -> Option<(u8, &Scheduler)> {
    let (n, control) = leading(sim, 1)?;
    match control.work() {
        Work::Scheduler(scheduler) => Some((n, scheduler)),
        Work::Manager(_) => None,
    }
}
/// What waits in the queues of whoever leads: the controllers' and the scheduler's.
pub fn backlog(sim: &Sim) -> [u32; 2] {
    let controllers = leading_manager(sim).map_or(0, |(_, manager)| {
        manager.controllers().iter().map(|controller| controller.queue().depth() + controller.busy()).sum()
    });
    let pods = leading_scheduler(sim).map_or(0, |(_, scheduler)| {
        let (active, backoff, unschedulable) = scheduler.pending();
        active + backoff + unschedulable
    });
    [controllers, pods]
}
