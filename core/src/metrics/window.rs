//! What Prometheus remembers for `rate` and `increase`: a bounded ring of samples, not a query engine.
//!
//! A sample is never changed once taken, so that checkpoints of the world share it.

use super::book::{Book, p99};
use super::families::{Family, Type};
use super::{Metrics, SCRAPE_EVERY};
use crate::actor::ProgramId;
use crate::actor::role::{Place, Role};
use crate::engine::{Span, Time};
use crate::etcd::kv::Store;
use crate::inspect;
use crate::object::{Condition, Key, Kind, NodeId, Object};
use crate::sim::Sim;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// How far back the ring of every sample reaches. Chosen: etcd-mixin's longest range.
pub const RING: Span = Span::from_secs(15 * 60);
/// How far apart the points of the error budget are. Chosen: the shortest burn window, 5 minutes, is five of them.
pub const BUDGET_EVERY: Span = Span::from_secs(60);
/// How many points of the error budget are kept that close. Unit: points. Chosen: two hours.
const BUDGET_FINE: usize = 121;
/// How far apart older points of the error budget are. Chosen: the windows beyond two hours begin at six.
pub const BUDGET_COARSE_EVERY: Span = Span::from_secs(1800);
/// How many of those are kept. Unit: points. Chosen: three days, kubernetes-mixin's longest window.
const BUDGET_COARSE: usize = 145;
/// Requests slower than this spend error budget: a read of one object and a write; and a LIST of a cluster's objects.
/// Unit: us. Sourced: kubernetes-mixin rules/kube_apiserver-config.libsonnet#kubeApiserverReadClusterLatency.
const SLOW_US: (u64, u64) = (1_000_000, 30_000_000);

/// What is remembered of one process: counters of [`WINDOWED`], or of [`CLIENT`], or of an API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Numbers {
    /// Which process of its program: counters of another began at zero.
    process: u32,
    numbers: Vec<u32>,
}

/// What one scrape of all targets came to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sample {
    /// When.
    pub at: Time,
    /// By program; none: it was down.
    processes: Vec<Option<Numbers>>,
    /// Each workload's status.updatedReplicas, or what its kind calls it.
    updated: Vec<(Key, u32)>,
    /// The nodes that are not ready.
    not_ready: Vec<NodeId>,
}

/// The metrics of etcd that some alert wants the rate of. Code: a list.
const WINDOWED: [Family; 8] = [
    Family::LeaderChanges,
    Family::ProposalsFailed,
    Family::WalFsync,
    Family::BackendCommit,
    Family::PeerRtt,
    Family::PeerSentFailures,
    Family::GrpcHandled,
    Family::GrpcHandling,
];
/// What is remembered of an API server: requests answered. Code: an index.
const REQUESTS: usize = 0;
/// Requests it gave up. Code: an index.
const TERMINATIONS: usize = 1;
/// Watches it ended because their client did not read. Code: an index.
const WATCHES_ENDED: usize = 2;
/// And the buckets of its calls of etcd. Code: an index.
const ETCD_CALLS: usize = 3;
/// What is remembered of a client: requests. Code: an index.
const CLIENT: usize = 0;
/// And those that came to 5xx. Code: an index.
const CLIENT_5XX: usize = 1;

/// Where a family's numbers begin among those of [`WINDOWED`].
fn offset(family: Family) -> usize {
    let size = |family: Family| family.combinations() * family.numbers();
    WINDOWED.iter().take_while(|it| **it != family).map(|it| size(*it)).sum()
}

/// How much error budget was spent: requests that failed or were slow, and all. It only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Spent {
    /// Reads.
    read: (u64, u64),
    /// Writes.
    write: (u64, u64),
}

/// The rings.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Windows {
    samples: VecDeque<Arc<Sample>>,
    /// What each API server's process had spent at the newest sample: which process, and how much.
    seen: Vec<(u32, Spent)>,
    spent: Spent,
    fine: VecDeque<(Time, Spent)>,
    coarse: VecDeque<(Time, Spent)>,
}

impl Windows {
    /// Takes a sample.
    pub fn sample(&mut self, sim: &Sim, metrics: &Metrics, now: Time) {
        let end = sim.directory().balancer();
        let processes = (0..end.0).map(|n| numbers(sim, metrics, ProgramId(n))).collect();
        let store = inspect::most_advanced(sim).map(|etcd| etcd.store());
        let (updated, not_ready) = (store.map(updated).unwrap_or_default(), store.map(not_ready).unwrap_or_default());
        self.samples.push_back(Arc::new(Sample { at: now, processes, updated, not_ready }));
        while self.samples.front().is_some_and(|oldest| now.since(oldest.at) > RING) {
            self.samples.pop_front();
        }
        self.spend(sim, metrics, now);
    }
    /// Adds what API servers spent since the sample before. A process that ended takes what it spent since then along.
    fn spend(&mut self, sim: &Sim, metrics: &Metrics, now: Time) {
        let apis = sim.directory().api_servers;
        self.seen.resize(usize::from(apis), (0, Spent::default()));
        for n in 0..apis {
            let program = sim.directory().api(n);
            let process = sim.programs()[program.ix()].processes;
            let spent = metrics.registry().book(program).map(spent_by).unwrap_or_default();
            let (before, old) = core::mem::replace(&mut self.seen[usize::from(n)], (process, spent));
            let base = if before == process { old } else { Spent::default() };
            for (sum, new, old) in
                [(&mut self.spent.read, spent.read, base.read), (&mut self.spent.write, spent.write, base.write)]
            {
                sum.0 += new.0.saturating_sub(old.0);
                sum.1 += new.1.saturating_sub(old.1);
            }
        }
        push(&mut self.fine, now, self.spent, BUDGET_EVERY, BUDGET_FINE);
        push(&mut self.coarse, now, self.spent, BUDGET_COARSE_EVERY, BUDGET_COARSE);
    }
    /// How fast the error budget burns, in thousandths of the rate that would use it up in its 30 days, over a span,
    /// or over what there is of it: kubernetes-mixin rules/kube_apiserver-burnrate.libsonnet, reads and writes added up.
    pub fn burn(&self, now: Time, over: Span) -> u64 {
        let ring = if over.ns() <= BUDGET_EVERY.ns() * (BUDGET_FINE as u64 - 1) { &self.fine } else { &self.coarse };
        let inside = |(at, _): &&(Time, Spent)| now.since(*at) <= over;
        let Some((_, base)) = ring.iter().find(inside) else { return 0 };
        // One percent of the requests may fail: a share of 1 in 100 is a burn of one.
        let share = |(bad, all): (u64, u64), (was_bad, was_all): (u64, u64)| {
            if all == was_all { 0 } else { (bad - was_bad) * 100_000 / (all - was_all) }
        };
        share(self.spent.read, base.read) + share(self.spent.write, base.write)
    }
    /// When the newest sample was taken.
    pub fn newest(&self) -> Option<Time> {
        self.samples.back().map(|sample| sample.at)
    }
    /// By how much the numbers from..from+len of a program grew over a span, and over how long that was seen.
    fn increase(&self, program: ProgramId, from: usize, len: usize, over: Span) -> Option<(Vec<u64>, Span)> {
        let now = self.newest()?;
        let mut grown = alloc::vec![0; len];
        let (mut first, mut last): (Option<Time>, Option<(Time, &Numbers)>) = (None, None);
        for sample in self.samples.iter().filter(|sample| now.since(sample.at) <= over) {
            let Some(new) = sample.processes.get(program.ix()).and_then(Option::as_ref) else { continue };
            if let Some((_, old)) = last {
                let reset = old.process != new.process;
                for (n, grown) in grown.iter_mut().enumerate() {
                    let base = if reset { 0 } else { old.numbers.get(from + n).copied().unwrap_or(0) };
                    *grown += u64::from(new.numbers.get(from + n).copied().unwrap_or(0).saturating_sub(base));
                }
            }
            first.get_or_insert(sample.at);
            last = Some((sample.at, new));
        }
        let seen = last?.0.since(first?);
        (seen >= SCRAPE_EVERY).then_some((grown, seen))
    }
    /// By how much a counter of a member grew over a span, and over how long that was seen.
    pub fn counter(&self, program: ProgramId, family: Family, combination: usize, over: Span) -> Option<(u64, Span)> {
        let (grown, seen) = self.increase(program, offset(family) + combination, 1, over)?;
        Some((grown[0], seen))
    }
    /// The 99th percentile of a member's histogram over a span.
    pub fn p99(&self, program: ProgramId, family: Family, combination: usize, over: Span) -> Option<u64> {
        let Type::Histogram(bounds) = family.spec().kind else { return None };
        let from = offset(family) + combination * family.numbers();
        let (grown, _) = self.increase(program, from, bounds.len() + 1, over)?;
        p99(&grown, bounds)
    }
    /// How many requests an API server answered, and gave up, over a span.
    pub fn terminated(&self, program: ProgramId, over: Span) -> Option<(u64, u64)> {
        let (grown, _) = self.increase(program, REQUESTS, TERMINATIONS + 1, over)?;
        Some((grown[REQUESTS], grown[TERMINATIONS]))
    }
    /// How many watches an API server ended because their client did not read, over a span.
    pub fn watches_ended(&self, program: ProgramId, over: Span) -> Option<u64> {
        Some(self.increase(program, WATCHES_ENDED, 1, over)?.0[0])
    }
    /// The 99th percentile of an API server's calls of etcd over a span, in microseconds.
    pub fn etcd_p99(&self, program: ProgramId, over: Span) -> Option<u64> {
        let Type::Histogram(bounds) = Family::EtcdRequestDuration.spec().kind else { return None };
        let (grown, _) = self.increase(program, ETCD_CALLS, bounds.len() + 1, over)?;
        p99(&grown, bounds)
    }
    /// How many requests a client made, and how many came to 5xx, over a span.
    pub fn client(&self, program: ProgramId, over: Span) -> Option<(u64, u64)> {
        let (grown, _) = self.increase(program, CLIENT, CLIENT_5XX + 1, over)?;
        Some((grown[CLIENT], grown[CLIENT_5XX]))
    }
}

/// Adds a point if the newest is old enough.
fn push(ring: &mut VecDeque<(Time, Spent)>, now: Time, spent: Spent, every: Span, limit: usize) {
    if ring.back().is_none_or(|(at, _)| now.since(*at) >= every) {
        ring.push_back((now, spent));
        if ring.len() > limit {
            ring.pop_front();
        }
    }
}

/// What is remembered of a program now; none: it is down.
fn numbers(sim: &Sim, metrics: &Metrics, id: ProgramId) -> Option<Numbers> {
    let program = &sim.programs()[id.ix()];
    let book = &metrics.registry().scrape(sim, id)?;
    let numbers = match (sim.directory().place(id), &program.role) {
        (Place::Etcd(_), _) => windowed(book),
        (Place::Api(_), Role::Api(api)) => {
            let mut numbers: Vec<u32> = [Family::RequestTotal, Family::RequestTerminations]
                .map(|family| book.sum(family, |_| true) as u32)
                .into();
            numbers.push(Kind::ALL.iter().map(|kind| api.fan_out().terminated(*kind)).sum());
            numbers.resize(ETCD_CALLS + Family::EtcdRequestDuration.numbers() - 1, 0);
            for (_, series) in book.of(Family::EtcdRequestDuration) {
                numbers[ETCD_CALLS..].iter_mut().zip(series).for_each(|(sum, n)| *sum += *n as u32);
            }
            numbers
        }
        (_, Role::Control(control)) => {
            let all = control.http().counted();
            let failed = all.iter().filter(|it| (500..600).contains(&(it.status as u32)));
            [all.iter().map(|it| it.count).sum(), failed.map(|it| it.count).sum()].into()
        }
        _ => return None,
    };
    Some(Numbers { process: program.processes, numbers })
}
fn windowed(book: &Book) -> Vec<u32> {
    let mut numbers = Vec::new();
    for family in WINDOWED {
        for combination in 0..family.combinations() {
            match book.get(family, combination) {
                Some(series) => numbers.extend(series.iter().map(|n| *n as u32)),
                None => numbers.resize(numbers.len() + family.numbers(), 0),
            }
        }
    }
    numbers
}

/// How much error budget an API server's process has spent. Verbs are known by what is written out for them.
fn spent_by(book: &Book) -> Spent {
    let mut spent = Spent::default();
    let is = |written: &str, verb: &str| written.starts_with(verb);
    for family in [Family::RequestTotal, Family::RequestDuration] {
        let Type::Histogram(bounds) = Family::RequestDuration.spec().kind else { return spent };
        for (combination, numbers) in book.of(family) {
            let mut written = family.written(combination);
            let verb = written.next().unwrap_or("");
            if is(verb, "verb=\"WATCH\"") || verb.contains("scope=\"\"") {
                continue;
            }
            let list = is(verb, "verb=\"LIST\"");
            let class = if list || is(verb, "verb=\"GET\"") { &mut spent.read } else { &mut spent.write };
            if family == Family::RequestTotal {
                class.1 += numbers[0];
                class.0 += numbers[0] * u64::from(written.last().is_some_and(|code| is(code, "code=\"5")));
            } else {
                let limit = if list { SLOW_US.1 } else { SLOW_US.0 };
                let slow = bounds.partition_point(|bound| *bound <= limit);
                class.0 += numbers[slow..=bounds.len()].iter().sum::<u64>();
            }
        }
    }
    spent
}

fn updated(store: &Store) -> Vec<(Key, u32)> {
    let workloads = store.range(Kind::Deployment.first(), Kind::DaemonSet.end());
    let updated = |object: &Object| match object {
        Object::Deployment(it) => Some(it.updated),
        Object::StatefulSet(it) => Some(it.updated),
        Object::DaemonSet(it) => Some(it.updated),
        _ => None,
    };
    workloads.filter_map(|kv| Some((kv.key, updated(&kv.value.object)?))).collect()
}
fn not_ready(store: &Store) -> Vec<NodeId> {
    let nodes = store.range(Kind::Node.first(), Kind::Node.end()).filter_map(|kv| kv.value.object.node());
    nodes.filter(|node| node.ready != Condition::True).map(|node| node.id).collect()
}

/// Whether as many replicas of a workload were updated in every sample of a span: `changes(..) == 0`.
pub fn unchanged(windows: &Windows, now: Time, workload: Key, over: Span) -> bool {
    let samples = windows.samples.iter().filter(|sample| now.since(sample.at) <= over);
    let mut seen = samples.filter_map(|sample| sample.updated.iter().find(|(key, _)| *key == workload));
    let first = seen.next().map(|(_, updated)| *updated);
    seen.all(|(_, updated)| Some(*updated) == first)
}
/// How often a node became ready or not ready in the samples of a span.
pub fn node_flaps(windows: &Windows, now: Time, node: NodeId, over: Span) -> u64 {
    let samples = windows.samples.iter().filter(|sample| now.since(sample.at) <= over);
    let ready: Vec<bool> = samples.map(|sample| !sample.not_ready.contains(&node)).collect();
    ready.windows(2).filter(|pair| pair[0] != pair[1]).count() as u64
}
