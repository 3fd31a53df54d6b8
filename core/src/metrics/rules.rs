//! The conditions of the alerts, over gauges as they are and counters as the ring of samples has them.
//!
//! Prometheus extrapolates a rate to the edges of its range; here it is taken over the time between the first and the
//! last sample in it. A range that reaches back before the run's beginning is as long as there is history.

use super::alerts::{Alert, Alerts, INSTANCES};
use super::collect::is_up;
use super::families::Family;
use super::window::{Windows, node_flaps, unchanged};
use crate::actor::ProgramId;
use crate::actor::role::Role;
use crate::engine::{Span, Time};
use crate::etcd::kv::Store;
use crate::inspect;
use crate::object::{Condition, Kind, Object, Phase, Pod};
use crate::sim::{Program, Sim};
use alloc::vec::Vec;

/// The range of rates of calls, round trips and syncs. Sourced: etcd
/// contrib/mixin/alerts/alerts.libsonnet#etcdGRPCRequestsSlow.
const FIVE_MINUTES: Span = Span::from_secs(300);
/// The range of requests given up, and of replicas that were not updated. Sourced: kubernetes-mixin
/// alerts/kube_apiserver.libsonnet#KubeAPITerminatedRequests; kubernetes-mixin
/// alerts/apps_alerts.libsonnet#KubeDeploymentReplicasMismatch.
const TEN_MINUTES: Span = Span::from_secs(600);
/// The range of leader changes and failed proposals, and of a node's flapping. Sourced: etcd
/// contrib/mixin/alerts/alerts.libsonnet#etcdHighNumberOfLeaderChanges; kubernetes-mixin
/// alerts/kubelet.libsonnet#KubeNodeReadinessFlapping.
const QUARTER: Span = Span::from_secs(900);
/// The range of failures to send to a peer: four scrape intervals of 30 s. Sourced: etcd
/// contrib/mixin/config.libsonnet#scrape_interval_seconds.
const NETWORK_FAILURE_RANGE: Span = Span::from_secs(120);
/// The ranges of KubeAPIErrorBudgetBurn at 14.4 times the budget's rate. Sourced: kubernetes-mixin
/// config.libsonnet#SLOs.apiserver.windows.
const BURN_1H: (Span, Span) = (Span::from_secs(3_600), Span::from_secs(300));
/// The ranges of KubeAPIErrorBudgetBurn at 6 times the budget's rate. Sourced: kubernetes-mixin
/// config.libsonnet#SLOs.apiserver.windows.
const BURN_6H: (Span, Span) = (Span::from_secs(6 * 3_600), Span::from_secs(1_800));
/// The ranges of KubeAPIErrorBudgetBurn at 3 times the budget's rate. Sourced: kubernetes-mixin
/// config.libsonnet#SLOs.apiserver.windows.
const BURN_1D: (Span, Span) = (Span::from_secs(24 * 3_600), Span::from_secs(2 * 3_600));
/// The ranges of KubeAPIErrorBudgetBurn at 1 times the budget's rate. Sourced: kubernetes-mixin
/// config.libsonnet#SLOs.apiserver.windows.
const BURN_3D: (Span, Span) = (Span::from_secs(72 * 3_600), Span::from_secs(6 * 3_600));
/// Failures to send to a peer that are one too many, in a thousandth of one a second. Unit: thousandths a second.
/// Sourced: etcd contrib/mixin/alerts/alerts.libsonnet#etcdMembersDown.
const SEND_FAILURES: u64 = 10;
/// The codes that etcdHighNumberOfFailedGRPCRequests counts, by [`Family::GrpcHandled`]'s second label. Code: indices.
const FAILED_CODES: [usize; 3] = [1, 2, 3];
/// Methods of etcd's gRPC that are told apart. Code: a count of labels.
const METHODS: usize = 2;

/// Instances for which a condition holds, with their numbers.
type Holds = Vec<(u64, u64)>;

/// What a condition is looked at with.
pub struct Rules<'a> {
    /// The world.
    pub sim: &'a Sim,
    /// What Prometheus remembers.
    pub windows: &'a Windows,
    /// Now.
    pub now: Time,
}

impl Rules<'_> {
    /// Looks at every alert's condition.
    pub fn evaluate(&self, alerts: &mut Alerts) {
        let newest = inspect::most_advanced(self.sim);
        let store = newest.map(|etcd| etcd.store());
        for alert in Alert::ALL {
            let mut holds = self.control_plane(*alert);
            if let Some(store) = store {
                holds.extend(self.objects(*alert, store));
            }
            holds.truncate(INSTANCES);
            alerts.evaluate(self.now, *alert, &holds);
        }
    }

    fn control_plane(&self, alert: Alert) -> Holds {
        let threshold = alert.spec().threshold;
        let over = |(_, value): &(u64, u64)| *value > threshold;
        match alert {
            Alert::MembersDown | Alert::InsufficientMembers | Alert::NoLeader => self.members_up(alert),
            Alert::LeaderChanges => {
                let changes = |n| Some(self.windows.counter(n, Family::LeaderChanges, 0, QUARTER)?.0);
                let most = self.members().filter_map(|(_, id)| changes(id)).max();
                most.map(|changes| (0, changes)).into_iter().filter(over).collect()
            }
            Alert::FailedGrpc | Alert::FailedGrpcCritical => {
                self.per_method(|id, method| self.failed(id, method), over)
            }
            Alert::GrpcSlow => {
                self.per_method(|id, m| self.windows.p99(id, Family::GrpcHandling, m, FIVE_MINUTES), over)
            }
            Alert::PeerSlow => {
                let rtt = |id, peer| self.windows.p99(id, Family::PeerRtt, peer, FIVE_MINUTES);
                let pairs = self.members().flat_map(|(n, id)| (0..5).map(move |peer| (n, id, peer)));
                pairs.filter_map(|(n, id, peer)| Some((n * 8 + peer as u64, rtt(id, peer)?))).filter(over).collect()
            }
            Alert::FailedProposals => self.per_member(
                |id| {
                    let (failed, seen) = self.windows.counter(id, Family::ProposalsFailed, 0, QUARTER)?;
                    Some(failed * 1_000_000 / seen.ms().max(1))
                },
                over,
            ),
            Alert::FsyncSlow | Alert::FsyncSlowCritical => {
                self.per_member(|id| self.windows.p99(id, Family::WalFsync, 0, FIVE_MINUTES), over)
            }
            Alert::CommitSlow => {
                self.per_member(|id| self.windows.p99(id, Family::BackendCommit, 0, FIVE_MINUTES), over)
            }
            Alert::Burn1h => self.burns(alert, BURN_1H),
            Alert::Burn6h => self.burns(alert, BURN_6H),
            Alert::Burn1d => self.burns(alert, BURN_1D),
            Alert::Burn3d => self.burns(alert, BURN_3D),
            Alert::TerminatedRequests => {
                let all = self.apis().filter_map(|(_, id)| self.windows.terminated(id, TEN_MINUTES));
                let (answered, given_up) = all.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
                let share = (given_up * 100_000).checked_div(answered + given_up);
                share.map(|share| (0, share)).into_iter().filter(over).collect()
            }
            Alert::ClientErrors => {
                let share = |id| {
                    let (all, failed) = self.windows.client(id, FIVE_MINUTES)?;
                    (failed * 100_000).checked_div(all)
                };
                let clients = self.controls(0).chain(self.controls(1));
                clients.filter_map(|id| Some((u64::from(id.0), share(id)?))).filter(over).collect()
            }
            _ => self.targets(alert),
        }
    }
    /// The alerts about `up`.
    fn targets(&self, alert: Alert) -> Holds {
        let directory = self.sim.directory();
        let nodes = || 0..directory.nodes;
        let none = |ids: Vec<ProgramId>| -> Holds {
            if ids.is_empty() || ids.iter().any(|id| self.up(*id)) { Vec::new() } else { alloc::vec![(0, 1)] }
        };
        let down = |ids: Vec<ProgramId>| -> Holds {
            ids.into_iter().filter(|id| !self.up(*id)).map(|id| (u64::from(id.0), 1)).collect()
        };
        let apis = || self.apis().map(|(_, id)| id).collect();
        let proxies = || nodes().map(|node| directory.proxy(node)).collect();
        match alert {
            Alert::ApiDown => none(apis()),
            Alert::ApiUnreachable => down(apis()),
            Alert::ManagerDown => none(self.controls(0).collect()),
            Alert::ManagerUnreachable => down(self.controls(0).collect()),
            Alert::SchedulerDown => none(self.controls(1).collect()),
            Alert::SchedulerUnreachable => down(self.controls(1).collect()),
            Alert::KubeletDown => none(nodes().map(|node| directory.kubelet(node)).collect()),
            Alert::ProxyDown => none(proxies()),
            Alert::ProxyUnreachable => down(proxies()),
            _ => Vec::new(),
        }
    }

    fn program(&self, id: ProgramId) -> &Program {
        &self.sim.programs()[id.ix()]
    }
    fn up(&self, id: ProgramId) -> bool {
        is_up(self.program(id))
    }
    fn members(&self) -> impl Iterator<Item = (u64, ProgramId)> + '_ {
        (0..self.sim.directory().members).map(|n| (u64::from(n), self.sim.directory().etcd(n)))
    }
    fn apis(&self) -> impl Iterator<Item = (u64, ProgramId)> + '_ {
        (0..self.sim.directory().api_servers).map(|n| (u64::from(n), self.sim.directory().api(n)))
    }
    fn controls(&self, component: u8) -> impl Iterator<Item = ProgramId> + '_ {
        (0..self.sim.directory().api_servers).map(move |n| self.sim.directory().control(n, component))
    }
    fn per_member(&self, value: impl Fn(ProgramId) -> Option<u64>, over: impl Fn(&(u64, u64)) -> bool) -> Holds {
        self.members().filter_map(|(n, id)| Some((n, value(id)?))).filter(over).collect()
    }
    fn per_method(&self, value: impl Fn(ProgramId, usize) -> Option<u64>, over: impl Fn(&(u64, u64)) -> bool) -> Holds {
        let pairs = self.members().flat_map(|(n, id)| (0..METHODS).map(move |method| (n, id, method)));
        pairs.filter_map(|(n, id, method)| Some((n * 8 + method as u64, value(id, method)?))).filter(over).collect()
    }
    /// The share of a member's calls of a method that failed, in thousandths of a percent.
    fn failed(&self, id: ProgramId, method: usize) -> Option<u64> {
        let codes = Family::GrpcHandled.spec().labels[1].len();
        let of = |code: usize| {
            let combination = Family::GrpcHandled.combination(&[method, code]);
            Some(self.windows.counter(id, Family::GrpcHandled, combination, FIVE_MINUTES)?.0)
        };
        let all: u64 = (0..codes).filter_map(of).sum();
        let failed: u64 = FAILED_CODES.into_iter().filter_map(of).sum();
        (failed * 100_000).checked_div(all)
    }
    fn members_up(&self, alert: Alert) -> Holds {
        let all = u64::from(self.sim.directory().members);
        let up = self.members().filter(|(_, id)| self.up(*id)).count() as u64;
        let leaderless = |id: ProgramId| match &self.program(id).role {
            Role::Etcd(etcd) => self.up(id) && etcd.raft().leader().is_none(),
            _ => false,
        };
        match alert {
            Alert::InsufficientMembers if 2 * up < all + 1 => alloc::vec![(0, up)],
            Alert::NoLeader => self.members().filter(|(_, id)| leaderless(*id)).map(|(n, _)| (n, 1)).collect(),
            Alert::MembersDown => {
                // More than one failure in 100 s, to how many peers.
                let fails = |peer: usize| {
                    let grown = self.members().filter_map(|(_, id)| {
                        self.windows.counter(id, Family::PeerSentFailures, peer, NETWORK_FAILURE_RANGE)
                    });
                    grown.map(|(failures, seen)| failures * 1_000_000 / seen.ms().max(1)).sum::<u64>() > SEND_FAILURES
                };
                let down = (all - up).max((0..all as usize).filter(|peer| fails(*peer)).count() as u64);
                if down > 0 { alloc::vec![(0, down)] } else { Vec::new() }
            }
            _ => Vec::new(),
        }
    }
    /// Whether the error budget burns too fast over both windows.
    fn burns(&self, alert: Alert, ranges: (Span, Span)) -> Holds {
        let burn = |range| self.windows.burn(self.now, range);
        let (long, short) = (burn(ranges.0), burn(ranges.1));
        let threshold = alert.spec().threshold;
        if long > threshold && short > threshold { alloc::vec![(0, long)] } else { Vec::new() }
    }

    /// The alerts about objects, as kube-state-metrics has them.
    fn objects(&self, alert: Alert, store: &Store) -> Holds {
        let kind = match alert {
            Alert::NodeNotReady | Alert::NodeUnreachable | Alert::NodeFlapping => Kind::Node,
            Alert::PodNotReady => Kind::Pod,
            Alert::DeploymentMismatch | Alert::RolloutStuck => Kind::Deployment,
            Alert::StatefulSetMismatch | Alert::StatefulSetNotRolledOut => Kind::StatefulSet,
            Alert::DaemonSetStuck => Kind::DaemonSet,
            _ => return Vec::new(),
        };
        let still = |key, over| unchanged(self.windows, self.now, key, over);
        let value = |object: &Object, key| match (alert, object) {
            (Alert::NodeNotReady, Object::Node(node)) => u64::from(node.ready != Condition::True),
            (Alert::NodeUnreachable, Object::Node(node)) => u64::from(node.taints.unreachable.is_some()),
            (Alert::NodeFlapping, Object::Node(node)) => {
                let flaps = node_flaps(self.windows, self.now, node.id, QUARTER);
                if flaps > alert.spec().threshold { flaps } else { 0 }
            }
            (Alert::PodNotReady, Object::Pod(pod)) => u64::from(pending(pod)),
            (Alert::DeploymentMismatch, Object::Deployment(it)) if still(key, TEN_MINUTES) => {
                u64::from(it.replicas.saturating_sub(it.available))
            }
            (Alert::RolloutStuck, Object::Deployment(it)) => u64::from(it.deadline_exceeded),
            (Alert::StatefulSetMismatch, Object::StatefulSet(it)) if still(key, TEN_MINUTES) => {
                u64::from(it.status_replicas.abs_diff(it.ready))
            }
            (Alert::StatefulSetNotRolledOut, Object::StatefulSet(it)) if still(key, FIVE_MINUTES) => {
                if it.current_template == it.template { 0 } else { u64::from(it.replicas.abs_diff(it.updated)) }
            }
            (Alert::DaemonSetStuck, Object::DaemonSet(it)) if still(key, FIVE_MINUTES) => {
                u64::from(it.desired - it.desired.min(it.current).min(it.updated).min(it.ready))
            }
            _ => 0,
        };
        let objects = store.range(kind.first(), kind.end());
        objects.map(|kv| (kv.key.0, value(&kv.value.object, kv.key))).filter(|(_, value)| *value > 0).collect()
    }
}

/// kube_pod_status_phase is Pending or Unknown.
fn pending(pod: &Pod) -> bool {
    pod.phase == Phase::Pending
}
