//! How much each type of workload suffers: measured, so that "critical" is a number and not an adjective.

use crate::engine::{Span, Time};
use crate::etcd::kv::Store;
use crate::object::{Key, Kind, Object, Pod, WorkloadId};
use crate::sim::Sim;
use alloc::vec::Vec;

/// How often pods are counted. Chosen: a second is less than any of the times that move pods.
pub const COUNT_EVERY: Span = Span::from_secs(1);

/// A type of workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Sort {
    /// Deployments.
    Deployment,
    /// StatefulSets.
    StatefulSet,
    /// DaemonSets.
    DaemonSet,
}

impl Sort {
    /// Every kind of workload. Code: a list.
    pub const ALL: [Self; 3] = [Self::Deployment, Self::StatefulSet, Self::DaemonSet];
    /// The kind of its objects.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Deployment => Kind::Deployment,
            Self::StatefulSet => Kind::StatefulSet,
            Self::DaemonSet => Kind::DaemonSet,
        }
    }
}

/// What the workloads of one type suffered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Harm {
    /// Pods there should be, now.
    pub desired: u32,
    /// Pods of them that serve now: ready, not ending, and their node has power.
    pub serving: u32,
    /// Pod-milliseconds by which less served than should have.
    pub missing_ms: u64,
    /// StatefulSet ordinals that nothing may replace now: their pod ends or its node has no power, and it still exists.
    pub blocked: u32,
    /// Ordinal-milliseconds of that.
    pub blocked_ms: u64,
    /// Users' requests to its Services that ended.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
}

/// What workloads suffered, by type, since everything was well for the first time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Harms {
    sorts: [Harm; Sort::ALL.len()],
    /// Of which type each workload is, as of the newest count.
    workloads: Vec<(WorkloadId, Sort)>,
    counted: Option<Time>,
}

impl Harms {
    /// Of one type.
    pub const fn of(&self, sort: Sort) -> &Harm {
        &self.sorts[sort as usize]
    }
    /// Whether as many pods serve as should.
    pub fn whole(&self) -> bool {
        self.sorts.iter().all(|harm| harm.serving >= harm.desired)
    }
    /// Nothing has been suffered yet.
    pub(super) fn begin(&mut self) {
        for harm in &mut self.sorts {
            *harm = Harm { desired: harm.desired, serving: harm.serving, blocked: harm.blocked, ..Harm::default() };
        }
    }
    /// Whether there was a count.
    pub const fn counted(&self) -> bool {
        self.counted.is_some()
    }
    /// Whether a count is due.
    pub fn due(&self, now: Time) -> bool {
        self.counted.is_none_or(|at| now.since(at) >= COUNT_EVERY)
    }
    /// A user's request to a Service ended.
    pub fn request(&mut self, workload: WorkloadId, ok: bool) {
        let Some((_, sort)) = self.workloads.iter().find(|(it, _)| *it == workload) else { return };
        let harm = &mut self.sorts[*sort as usize];
        harm.requests += 1;
        harm.failed += u64::from(!ok);
    }
    /// Takes a count: what was missing since the count before counts for the time between.
    pub(super) fn count(&mut self, now: Time, counts: [Count; Sort::ALL.len()], workloads: Vec<(WorkloadId, Sort)>) {
        self.workloads = workloads;
        let since = self.counted.map_or(0, |at| now.since(at).ms());
        self.counted = Some(now);
        for (harm, count) in self.sorts.iter_mut().zip(counts) {
            (harm.desired, harm.serving, harm.blocked) = (count.desired, count.serving, count.blocked);
            harm.missing_ms += since * u64::from(count.missing);
            harm.blocked_ms += since * u64::from(count.blocked);
        }
    }
}

/// How the workloads of a type stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Count {
    desired: u32,
    serving: u32,
    missing: u32,
    blocked: u32,
}

/// Counts pods, by what the store says and which machines run.
pub(super) fn count(sim: &Sim, store: &Store) -> ([Count; Sort::ALL.len()], Vec<(WorkloadId, Sort)>) {
    let (mut counts, mut workloads) = ([Count::default(); Sort::ALL.len()], Vec::new());
    for sort in Sort::ALL {
        let count = &mut counts[sort as usize];
        for kv in store.range(sort.kind().first(), sort.kind().end()) {
            let (workload, desired) = match &kv.value.object {
                Object::Deployment(it) => (it.workload, it.replicas),
                Object::StatefulSet(it) => (it.workload, it.replicas),
                Object::DaemonSet(it) => (it.workload, it.desired),
                _ => continue,
            };
            workloads.push((workload, sort));
            let pods: Vec<&Pod> = pods(store, workload).collect();
            let serving = pods.iter().filter(|pod| serves(sim, pod)).count() as u32;
            count.desired += desired;
            count.serving += serving.min(desired);
            count.missing += desired.saturating_sub(serving);
            if sort == Sort::StatefulSet {
                let stuck = |pod: &&&Pod| pod.deleted.is_some() || !has_power(sim, pod);
                count.blocked += pods.iter().filter(stuck).count() as u32;
            }
        }
    }
    (counts, workloads)
}

fn pods(store: &Store, workload: WorkloadId) -> impl Iterator<Item = &Pod> {
    let (from, to) = (Key::pod(workload, 0, 0), Key::new(Kind::Pod, workload, u16::MAX, Key::MAX_NUMBER));
    store.range(from, to).filter_map(|kv| kv.value.object.pod())
}
fn has_power(sim: &Sim, pod: &Pod) -> bool {
    let host = pod.node.map(|node| sim.directory().node_host(node));
    host.and_then(|host| sim.hosts().get(host.ix())).is_none_or(|host| host.shape.up)
}
fn serves(sim: &Sim, pod: &Pod) -> bool {
    pod.ready && pod.is_active() && has_power(sim, pod)
}
