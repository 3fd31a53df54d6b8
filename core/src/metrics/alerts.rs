//! The alerts of etcd-mixin and kubernetes-mixin: conditions over samples of metrics, and how long they must hold.
//!
//! Sources: etcd contrib/mixin/alerts/alerts.libsonnet; kubernetes-mixin alerts/*.libsonnet and config.libsonnet. Left
//! out, because nothing in the model could justify their numbers: KubePodCrashLooping (a Pod doesn't say why its
//! container waits), and everything about quotas, certificates, jobs and autoscalers.

use crate::engine::{Span, Time};
use alloc::collections::BTreeMap;

/// How often conditions of alerts are looked at. Chosen: as kube-prometheus has it; the mixins leave it to Prometheus,
/// whose own default is a minute.
pub const EVALUATE_EVERY: Span = Span::from_secs(30);
/// The most instances of one alert that are followed; what is beyond is not looked at. Unit: instances. Chosen: more
/// than a page can list.
pub const INSTANCES: usize = 256;

/// How bad an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// severity: warning.
    Warning,
    /// severity: critical.
    Critical,
}

impl Severity {
    /// The label's value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What an alert's number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Things.
    Count,
    /// Thousandths of a percent.
    MilliPercent,
    /// Microseconds.
    Us,
    /// Thousandths of one a second.
    MilliPerSecond,
    /// Thousandths of the error budget's even rate.
    MilliBurn,
}

/// An alert as the page needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertSpec {
    /// Its name in the mixin.
    pub name: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// `for:`, how long its condition must hold before it fires.
    pub hold: Span,
    /// What its number counts.
    pub unit: Unit,
    /// The number beyond which its condition holds; see [`AlertSpec::help`] for the direction.
    pub threshold: u64,
    /// Its condition, in words.
    pub help: &'static str,
}

macro_rules! alerts {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal $severity:ident for $hold:literal s: $unit:ident $threshold:literal;)+) => {
        /// An alert. Its doc comment is its condition.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Alert { $($(#[doc = $doc])+ $variant),+ }

        impl Alert {
            /// Every alert, in the order of the mixins. Code: a list.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
            /// What the page needs to know of it.
            pub const fn spec(self) -> AlertSpec {
                let table = const { &[$(AlertSpec {
                    name: $name, severity: Severity::$severity, hold: Span::from_secs($hold), unit: Unit::$unit,
                    threshold: $threshold, help: concat!($($doc),+).trim_ascii(),
                }),+] };
                table[self as usize]
            }
        }
    };
}

alerts! {
    /// A member is down, or sending to a peer failed more than once in 100 s.
    MembersDown "etcdMembersDown" Warning for 1200 s: Count 0;
    /// Fewer members are up than a majority.
    InsufficientMembers "etcdInsufficientMembers" Critical for 180 s: Count 0;
    /// A member that is up has no leader.
    NoLeader "etcdNoLeader" Critical for 60 s: Count 0;
    /// Four or more changes of leader were seen in 15 minutes.
    LeaderChanges "etcdHighNumberOfLeaderChanges" Warning for 300 s: Count 3;
    /// More than 1 % of a member's calls of one method failed in 5 minutes.
    FailedGrpc "etcdHighNumberOfFailedGRPCRequests" Warning for 600 s: MilliPercent 1000;
    /// More than 5 % of a member's calls of one method failed in 5 minutes.
    FailedGrpcCritical "etcdHighNumberOfFailedGRPCRequests" Critical for 300 s: MilliPercent 5000;
    /// One in a hundred of a member's calls of one method took longer than 0.15 s, over 5 minutes.
    GrpcSlow "etcdGRPCRequestsSlow" Critical for 600 s: Us 150000;
    /// One in a hundred round trips to a peer took longer than 0.15 s, over 5 minutes.
    PeerSlow "etcdMemberCommunicationSlow" Warning for 600 s: Us 150000;
    /// More than 5 proposals a second failed, over 15 minutes.
    FailedProposals "etcdHighNumberOfFailedProposals" Warning for 900 s: MilliPerSecond 5000;
    /// One in a hundred syncs of the write-ahead log took longer than 0.5 s, over 5 minutes.
    FsyncSlow "etcdHighFsyncDurations" Warning for 600 s: Us 500000;
    /// One in a hundred syncs of the write-ahead log took longer than 1 s, over 5 minutes.
    FsyncSlowCritical "etcdHighFsyncDurations" Critical for 600 s: Us 1000000;
    /// One in a hundred commits of the store's file took longer than 0.25 s, over 5 minutes.
    CommitSlow "etcdHighCommitDurations" Warning for 600 s: Us 250000;
    /// The error budget of 30 days burns 14.4 times too fast, over an hour and over 5 minutes.
    Burn1h "KubeAPIErrorBudgetBurn" Critical for 120 s: MilliBurn 14400;
    /// The error budget of 30 days burns 6 times too fast, over 6 hours and over 30 minutes.
    Burn6h "KubeAPIErrorBudgetBurn" Critical for 900 s: MilliBurn 6000;
    /// The error budget of 30 days burns 3 times too fast, over a day and over 2 hours.
    Burn1d "KubeAPIErrorBudgetBurn" Warning for 3600 s: MilliBurn 3000;
    /// The error budget of 30 days burns too fast, over 3 days and over 6 hours.
    Burn3d "KubeAPIErrorBudgetBurn" Warning for 10800 s: MilliBurn 1000;
    /// The API servers gave up more than 20 % of their requests in 10 minutes.
    TerminatedRequests "KubeAPITerminatedRequests" Warning for 300 s: MilliPercent 20000;
    /// No API server is up.
    ApiDown "KubeAPIDown" Critical for 900 s: Count 0;
    /// No kube-controller-manager is up.
    ManagerDown "KubeControllerManagerDown" Critical for 900 s: Count 0;
    /// No kube-scheduler is up.
    SchedulerDown "KubeSchedulerDown" Critical for 900 s: Count 0;
    /// No kubelet is up.
    KubeletDown "KubeletDown" Critical for 900 s: Count 0;
    /// No kube-proxy is up.
    ProxyDown "KubeProxyDown" Critical for 900 s: Count 0;
    /// An API server is not up.
    ApiUnreachable "KubeAPIInstanceUnreachable" Warning for 900 s: Count 0;
    /// A kube-controller-manager is not up.
    ManagerUnreachable "KubeControllerManagerInstanceUnreachable" Warning for 900 s: Count 0;
    /// A kube-scheduler is not up.
    SchedulerUnreachable "KubeSchedulerInstanceUnreachable" Warning for 900 s: Count 0;
    /// A kube-proxy is not up.
    ProxyUnreachable "KubeProxyInstanceUnreachable" Warning for 900 s: Count 0;
    /// More than 1 % of a client's requests were answered with 5xx, over 5 minutes.
    ClientErrors "KubeClientErrors" Warning for 900 s: MilliPercent 1000;
    /// A node's Ready condition is not True.
    NodeNotReady "KubeNodeNotReady" Warning for 900 s: Count 0;
    /// A node has the unreachable taint.
    NodeUnreachable "KubeNodeUnreachable" Warning for 900 s: Count 0;
    /// A node's readiness changed more than twice in 15 minutes.
    NodeFlapping "KubeNodeReadinessFlapping" Warning for 900 s: Count 2;
    /// A pod is Pending.
    PodNotReady "KubePodNotReady" Warning for 900 s: Count 0;
    /// Fewer pods of a Deployment are available than it should have, and none was updated for 10 minutes.
    DeploymentMismatch "KubeDeploymentReplicasMismatch" Warning for 900 s: Count 0;
    /// A Deployment's Progressing condition is False.
    RolloutStuck "KubeDeploymentRolloutStuck" Warning for 900 s: Count 0;
    /// Not all pods of a StatefulSet are ready, and none was updated for 10 minutes.
    StatefulSetMismatch "KubeStatefulSetReplicasMismatch" Warning for 900 s: Count 0;
    /// A StatefulSet has two revisions, and none of its pods was updated for 5 minutes.
    StatefulSetNotRolledOut "KubeStatefulSetUpdateNotRolledOut" Warning for 900 s: Count 0;
    /// Some pods of a DaemonSet are missing, old or not available, and none was updated for 5 minutes.
    DaemonSetStuck "KubeDaemonSetRolloutStuck" Warning for 900 s: Count 0;
}

/// Whether an alert fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertState {
    /// Its condition does not hold.
    Inactive,
    /// Its condition has held since then, not yet for as long as it must.
    Pending(Time),
    /// It has fired since then.
    Firing(Time),
}

/// One instance for which a condition holds: a member, an API server, a node, whatever the alert is about, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instance {
    /// Since which evaluation the condition holds.
    pub since: Time,
    /// Since which evaluation it fires.
    pub firing: Option<Time>,
    /// The newest number.
    pub value: u64,
}

/// The alerts' states.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Alerts {
    active: BTreeMap<(Alert, u64), Instance>,
}

impl Alerts {
    /// The instances for which an alert's condition holds, by number.
    pub fn instances(&self, alert: Alert) -> impl Iterator<Item = (u64, &Instance)> {
        self.active.range((alert, 0)..=(alert, u64::MAX)).map(|((_, n), instance)| (*n, instance))
    }
    /// The state of an alert: of its instances, the worst and then the oldest.
    pub fn state(&self, alert: Alert) -> AlertState {
        let firing = self.instances(alert).filter_map(|(_, instance)| instance.firing).min();
        let pending = self.instances(alert).map(|(_, instance)| instance.since).min();
        match (firing, pending) {
            (Some(at), _) => AlertState::Firing(at),
            (None, Some(at)) => AlertState::Pending(at),
            (None, None) => AlertState::Inactive,
        }
    }
    /// The greatest of an alert's numbers, in its unit; none: its condition holds nowhere.
    pub fn value(&self, alert: Alert) -> Option<u64> {
        self.instances(alert).map(|(_, instance)| instance.value).max()
    }
    /// An evaluation: the instances for which an alert's condition holds now, by number, each with its value.
    pub fn evaluate(&mut self, now: Time, alert: Alert, holds: &[(u64, u64)]) {
        let hold = alert.spec().hold;
        self.active.retain(|(of, n), _| *of != alert || holds.iter().any(|(holding, _)| holding == n));
        for (n, value) in holds.iter().take(INSTANCES) {
            let fresh = Instance { since: now, firing: None, value: *value };
            let instance = self.active.entry((alert, *n)).or_insert(fresh);
            instance.value = *value;
            if instance.firing.is_none() && now.since(instance.since) >= hold {
                instance.firing = Some(now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_fires_at_the_first_evaluation_after_its_for_and_ends_with_its_condition() {
        let mut alerts = Alerts::default();
        let at = |s| Time::from_secs(s);
        for s in [0, 30, 60, 90] {
            alerts.evaluate(at(s), Alert::NoLeader, if s == 0 { &[] } else { &[(2, 1)] });
        }
        // It has held for 60 s at 90 s.
        assert_eq!(alerts.state(Alert::NoLeader), AlertState::Firing(at(90)));
        alerts.evaluate(at(120), Alert::NoLeader, &[(1, 1)]);
        assert_eq!(alerts.state(Alert::NoLeader), AlertState::Pending(at(120)));
        alerts.evaluate(at(150), Alert::NoLeader, &[]);
        assert_eq!(alerts.state(Alert::NoLeader), AlertState::Inactive);
    }
}
