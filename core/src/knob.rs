//! LIST 4: every dial. A dial changes the network or a real flag, never an outcome.

use crate::engine::{Ppm, Span};
use alloc::string::String;
use core::fmt;

/// What a dial's number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Parts per million.
    Ppm,
    /// Microseconds.
    Us,
    /// Milliseconds.
    Ms,
    /// Megabits a second.
    Mbps,
    /// Requests a second to each API server or Service, in thousandths.
    MilliPerSecond,
    /// Events an hour, in thousandths.
    MilliPerHour,
    /// 0 is off, 1 is on.
    Switch,
    /// A place of [`Place::ALL`], by number.
    Place,
}

impl Unit {
    /// The unit as the page and messages spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ppm => "ppm",
            Self::Us => "us",
            Self::Ms => "ms",
            Self::Mbps => "Mbit/s",
            Self::MilliPerSecond => "1/1000 per second",
            Self::MilliPerHour => "1/1000 per hour",
            Self::Switch => "switch",
            Self::Place => "place",
        }
    }
}

/// A dial as the page needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnobSpec {
    /// Its name in links and scenario files.
    pub name: &'static str,
    /// The real flag or field behind it, or what it changes.
    pub flag: &'static str,
    /// What its number counts.
    pub unit: Unit,
    /// Where it stands at first.
    pub default: u32,
    /// The least value allowed.
    pub min: u32,
    /// The greatest value allowed.
    pub max: u32,
    /// What it is, in a sentence.
    pub help: &'static str,
    /// Where the default comes from: its kind, then a source or a reason, as constants' docs have it.
    pub source: &'static str,
}

macro_rules! knobs {
    ($($(#[doc = $doc:literal])+ $variant:ident: $unit:ident $name:literal ($flag:literal) = $default:literal in $min:literal..=$max:literal, $source:literal;)+) => {
        /// A dial.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u32)]
        pub enum Knob { $($(#[doc = $doc])+ $variant),+ }

        impl Knob {
            /// Every dial, in the order in which the page shows them. Code: a list.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
            /// What the page and the messages need to know of it.
            pub const fn spec(self) -> KnobSpec {
                // A table: the code of so many cases is ten times as large.
                let table = const { &[$(KnobSpec {
                    name: $name, flag: $flag, unit: Unit::$unit, default: $default, min: $min, max: $max,
                    help: concat!($($doc),+).trim_ascii(), source: $source,
                }),+] };
                table[self as usize]
            }
        }
    };
}

knobs! {
    /// Chance that one packet is lost, in each direction, at the chosen place.
    Loss: Ppm "loss_ppm" ("packet loss") = 0 in 0..=900000, "Chosen: a healthy network to start from";
    /// Where packets are lost.
    LossPlace: Place "loss_place" ("where packets are lost") = 0 in 0..=13, "Chosen: the question most asked is about one member";
    /// How long a holder's Lease lasts for those who watch it.
    LeaseDuration: Ms "lease_duration_ms" ("--leader-elect-lease-duration") = 15000 in 1000..=300000, "Sourced: component-base config/v1alpha1/defaults.go#RecommendedDefaultLeaderElectionConfiguration";
    /// How long a holder goes on trying to renew before its process exits.
    RenewDeadline: Ms "renew_deadline_ms" ("--leader-elect-renew-deadline") = 10000 in 500..=200000, "Sourced: component-base config/v1alpha1/defaults.go#RecommendedDefaultLeaderElectionConfiguration";
    /// How long a client waits between two tries to take or renew a Lease.
    RetryPeriod: Ms "retry_period_ms" ("--leader-elect-retry-period") = 2000 in 100..=60000, "Sourced: component-base config/v1alpha1/defaults.go#RecommendedDefaultLeaderElectionConfiguration";
    /// One-way delay between two hosts.
    LinkDelay: Us "link_delay_us" ("one-way latency") = 250 in 10..=500000, "Chosen: hosts of one zone";
    /// Mean of the exponential delay that each packet between two hosts meets on top.
    LinkJitter: Us "link_jitter_us" ("jitter") = 20 in 0..=200000, "Chosen: a quiet switch";
    /// How often an etcd leader sends heartbeats; one tick of Raft.
    HeartbeatInterval: Ms "heartbeat_interval_ms" ("--heartbeat-interval") = 100 in 5..=10000, "Sourced: etcd server/embed/config.go#NewConfig.TickMs";
    /// How long an etcd follower waits for its leader, at least.
    ElectionTimeout: Ms "election_timeout_ms" ("--election-timeout") = 1000 in 50..=50000, "Sourced: etcd server/embed/config.go#NewConfig.ElectionMs";
    /// Mean time of a write-ahead log sync.
    Fsync: Us "fsync_us" ("WAL fsync") = 1500 in 50..=2000000, "Measured: etcd_disk_wal_fsync_duration_seconds of the reference runs";
    /// Rate of every link between two hosts.
    LinkRate: Mbps "link_rate_mbps" ("bandwidth") = 1000 in 1..=100000, "Chosen: gigabit Ethernet";
    /// Reads that users send to each API server.
    ReadRate: MilliPerSecond "read_rate_milli" ("reads per API server") = 4000 in 0..=200000, "Chosen: enough to see a quantile";
    /// Writes that users send to each API server.
    WriteRate: MilliPerSecond "write_rate_milli" ("writes per API server") = 4000 in 0..=200000, "Chosen: enough to see a quantile";
    /// Whether members ask before they campaign.
    PreVote: Switch "pre_vote" ("--pre-vote") = 1 in 0..=1, "Sourced: etcd server/embed/config.go#NewConfig.PreVote";
    /// Whether a leader that hears no majority steps down.
    CheckQuorum: Switch "check_quorum" ("raft CheckQuorum") = 1 in 0..=1, "Sourced: etcd server/etcdserver/bootstrap.go#raftConfig";
    /// How often each node loses its power by itself; it boots again after two to five minutes.
    NodeFailures: MilliPerHour "node_failures_milli" ("failures per node") = 0 in 0..=60000, "Chosen: nothing fails by itself until asked to";
    /// How often each running container exits by itself.
    PodFailureRate: MilliPerHour "pod_failure_rate_milli" ("container failures") = 0 in 0..=100000, "Chosen: nothing fails by itself until asked to";
    /// GETs from the cache that users send to each API server.
    CachedRate: MilliPerSecond "cached_rate_milli" ("cached reads per API server") = 1000 in 0..=200000, "Chosen: a few, beside those by quorum";
    /// LISTs that users send to each API server.
    ListRate: MilliPerSecond "list_rate_milli" ("lists per API server") = 500 in 0..=50000, "Chosen: somebody looks now and then";
    /// Whether users' LISTs ask for the newest, or take what is in the cache.
    ListConsistent: Switch "list_consistent" ("lists without resourceVersion") = 0 in 0..=1, "Chosen: most list from the cache, as informers do";
    /// Objects that users create, update and delete again at each API server.
    CycleRate: MilliPerSecond "cycle_rate_milli" ("objects that come and go per API server") = 500 in 0..=50000, "Chosen: each is three writes";
    /// Requests that users send to each Service.
    ServiceRate: MilliPerSecond "service_rate_milli" ("requests per Service") = 5000 in 0..=100000, "Chosen: a gap of a second shows";
    /// How long a program that a message wakes waits for a processor, on average: half of it always, half by chance.
    CpuWait: Us "cpu_wait_us" ("run queue") = 0 in 0..=100000, "Chosen: hosts with idle processors";
    /// How long an API server opens a watch of etcd that ended with "no leader" again before it gives its cache up. Kubernetes 1.20 had no such patience.
    CachePatience: Ms "cache_patience_ms" ("cacher's MaxInternalErrorRetryDuration") = 30000 in 0..=600000, "Sourced: apiserver pkg/storage/cacher/cacher.go#NewCacherFromConfig: MaxInternalErrorRetryDuration";
    /// Whether an API server whose watch cache is not ready turns LISTs and WATCHes away for a while. Kubernetes up to 1.30 asked etcd for LISTs that any state would do for, and let the others wait.
    ResilientCache: Switch "resilient_cache" ("ResilientWatchCacheInitialization") = 1 in 0..=1, "Sourced: apiserver pkg/features/kube_features.go#ResilientWatchCacheInitialization, on since 1.31";
    /// Whether hosts use BBR, which takes a loss for no sign that the path is full, in place of CUBIC: every connection dialled from then on.
    Bbr: Switch "bbr" ("net.ipv4.tcp_congestion_control") = 0 in 0..=1, "Sourced: linux net/ipv4/Kconfig#DEFAULT_CUBIC";
    /// Whether users are administrators of the group system:masters, whose requests wait in no queue.
    UsersExempt: Switch "users_exempt" ("system:masters") = 0 in 0..=1, "Chosen: most users are not";
    /// Whether an API server's client of etcd tries again what failed. Kubernetes up to 1.22 did not: the counting of calls had taken the place of the retries.
    EtcdRetries: Switch "etcd_retries" ("etcd client's retry interceptor") = 1 in 0..=1, "Sourced: apiserver pkg/storage/storagebackend/factory/etcd3.go#newETCD3Client, which chains its interceptors since 1.23";
    /// Whether the kubelet kills an API server whose liveness probe fails.
    LivenessProbes: Switch "liveness_probes" ("livenessProbe") = 1 in 0..=1, "Sourced: kubernetes cmd/kubeadm/app/util/staticpod/utils.go#LivenessProbe";
    /// How long a supervisor waits before it starts a process of the control plane again; at nothing the kubelet's back-off does it.
    RestartSec: Ms "restart_sec_ms" ("systemd RestartSec=") = 0 in 0..=600000, "Chosen: static pods, as kubeadm has them";
    /// Whether etcd's streams between members break after 5 s without a byte, as they did up to etcd 3.4. Since 3.5 they stay, for Go prefers another dial function to the one with the deadline, and after a long cut wait for TCP to try again.
    StreamReadDeadline: Switch "stream_read_deadline" ("rafthttp ConnReadTimeout") = 1 in 0..=1, "Measured: etcd 3.4.23 lost every stream within 5 s of a cut, etcd 3.5.30 none in 60 s; the reference runs had 3.4.23";
    /// A deliberate bug: etcd syncs nothing. It promises and answers at once; what the kernel has not written by itself is gone when the power is.
    BugNoFsync: Switch "bug_no_fsync" ("--unsafe-no-fsync") = 0 in 0..=1, "Sourced: etcd server/embed/config.go#Config.UnsafeNoFsync; off, as by default";
    /// A deliberate bug: a Lease lasts half as long as its holder goes on trying to renew it, as if client-go did not refuse that.
    BugShortLease: Switch "bug_short_lease" ("Lease shorter than its renewal") = 0 in 0..=1, "Chosen: a bug for teaching, off";
    /// A deliberate bug: a member answers linearizable reads from what it has, without asking the leader how far it must be.
    BugStaleReads: Switch "bug_stale_reads" ("reads without ReadIndex") = 0 in 0..=1, "Chosen: a bug for teaching, off";
    /// A deliberate bug: a member that starts again has forgotten whom it voted for.
    BugForgetsVote: Switch "bug_forgets_vote" ("vote forgotten at restart") = 0 in 0..=1, "Chosen: a bug for teaching, off";
}

/// Where the loss dial acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The links between one member's host and the other members' hosts, both directions.
    Member(u8),
    /// Every link between two members' hosts, both directions.
    AllMembers,
    /// The loopback of one host, between its API server and its etcd member.
    ApiToEtcd(u8),
    /// The link from member 1's host to member 2's, one direction only.
    OneWay,
    /// Every link there is but the loopbacks.
    Everything,
    /// Every link between a node and the rest, both directions.
    Nodes,
}

impl Place {
    /// Every place, in the order of the dial's numbers. Code: a list.
    pub const ALL: [Self; 14] = [
        Self::Member(1),
        Self::Member(2),
        Self::Member(3),
        Self::Member(4),
        Self::Member(5),
        Self::AllMembers,
        Self::ApiToEtcd(1),
        Self::ApiToEtcd(2),
        Self::ApiToEtcd(3),
        Self::ApiToEtcd(4),
        Self::ApiToEtcd(5),
        Self::OneWay,
        Self::Everything,
        Self::Nodes,
    ];
    /// The name the page and links use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Member(1) => "member-1",
            Self::Member(2) => "member-2",
            Self::Member(3) => "member-3",
            Self::Member(4) => "member-4",
            Self::Member(_) => "member-5",
            Self::AllMembers => "all-members",
            Self::ApiToEtcd(1) => "api-etcd-1",
            Self::ApiToEtcd(2) => "api-etcd-2",
            Self::ApiToEtcd(3) => "api-etcd-3",
            Self::ApiToEtcd(4) => "api-etcd-4",
            Self::ApiToEtcd(_) => "api-etcd-5",
            Self::OneWay => "one-way-1-2",
            Self::Everything => "everything",
            Self::Nodes => "nodes",
        }
    }
}

/// Where every dial stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Knobs([u32; Knob::ALL.len()]);

impl Default for Knobs {
    fn default() -> Self {
        let mut values = [0; Knob::ALL.len()];
        for knob in Knob::ALL {
            values[*knob as usize] = knob.spec().default;
        }
        Self(values)
    }
}

/// A renew deadline must be greater than so many retry periods. Unit: ratio. Sourced: client-go
/// tools/leaderelection/leaderelection.go#NewLeaderElector.
const JITTER: (u64, u64) = (12, 10);
/// An election timeout must be at least so many heartbeat intervals. Unit: intervals. Sourced: etcd
/// server/embed/config.go#Validate.
const HEARTBEATS: u32 = 5;

/// Why a dial may not stand there. Its text names the dial, the value and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfRange(pub String);

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Knobs {
    /// Where this dial stands.
    pub const fn get(&self, knob: Knob) -> u32 {
        self.0[knob as usize]
    }
    /// The dial in milliseconds.
    pub const fn ms(&self, knob: Knob) -> Span {
        Span::from_ms(self.get(knob) as u64)
    }
    /// The dial in microseconds.
    pub const fn us(&self, knob: Knob) -> Span {
        Span::from_us(self.get(knob) as u64)
    }
    /// The dial as a probability.
    pub const fn ppm(&self, knob: Knob) -> Ppm {
        Ppm::new(self.get(knob))
    }
    /// Whether the switch is on.
    pub const fn on(&self, knob: Knob) -> bool {
        self.get(knob) != 0
    }
    /// Where packets are lost.
    pub const fn place(&self) -> Place {
        Place::ALL[self.get(Knob::LossPlace) as usize]
    }
    /// How many ticks of a heartbeat interval an election timeout has, as etcd computes it.
    pub const fn election_ticks(&self) -> u32 {
        self.get(Knob::ElectionTimeout) / self.get(Knob::HeartbeatInterval)
    }
    /// The same dials with one of them moved.
    ///
    /// # Errors
    /// If the value is outside the dial's limits, or etcd or client-go would refuse to start with it.
    pub fn with(&self, knob: Knob, value: u32) -> Result<Self, OutOfRange> {
        self.with_all(&[(knob, value)])
    }
    /// The same dials with several of them moved at once, so that a set that only fits together can be reached.
    ///
    /// # Errors
    /// As [`Knobs::with`].
    pub fn with_all(&self, changes: &[(Knob, u32)]) -> Result<Self, OutOfRange> {
        let mut moved = *self;
        for (knob, value) in changes {
            let KnobSpec { name, min, max, unit, .. } = knob.spec();
            if !(min..=max).contains(value) {
                return Err(OutOfRange(alloc::format!("{name} = {value} is outside {min}..={max} ({})", unit.name())));
            }
            moved.0[*knob as usize] = *value;
        }
        moved.consistent()?;
        Ok(moved)
    }

    /// The rules by which client-go and etcd refuse to start.
    fn consistent(&self) -> Result<(), OutOfRange> {
        let (lease, renew, retry) =
            (self.get(Knob::LeaseDuration), self.get(Knob::RenewDeadline), self.get(Knob::RetryPeriod));
        if lease <= renew {
            return Err(OutOfRange(alloc::format!(
                "lease_duration_ms = {lease} must be greater than renew_deadline_ms = {renew}: client-go refuses \
                 leaseDuration <= renewDeadline, for the holder would stop after others may take over"
            )));
        }
        if u64::from(renew) * JITTER.1 <= u64::from(retry) * JITTER.0 {
            return Err(OutOfRange(alloc::format!(
                "renew_deadline_ms = {renew} must be greater than retry_period_ms = {retry} times 1.2: client-go \
                 refuses renewDeadline <= retryPeriod * JitterFactor, for no second try would fit"
            )));
        }
        let (election, heartbeat) = (self.get(Knob::ElectionTimeout), self.get(Knob::HeartbeatInterval));
        if election < HEARTBEATS * heartbeat {
            return Err(OutOfRange(alloc::format!(
                "election_timeout_ms = {election} must be at least 5 times heartbeat_interval_ms = {heartbeat}: \
                 etcd refuses to start otherwise"
            )));
        }
        Ok(())
    }
}

impl Knob {
    /// Whether it is a deliberate bug, which breaks a rule that real systems keep.
    pub const fn is_bug(self) -> bool {
        matches!(self, Self::BugNoFsync | Self::BugShortLease | Self::BugStaleReads | Self::BugForgetsVote)
    }
    /// The dial of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|knob| knob.spec().name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_within_their_own_limits_and_fit_together() {
        let knobs = Knobs::default();
        for knob in Knob::ALL {
            assert_eq!(knobs.with(*knob, knob.spec().default), Ok(knobs));
        }
        assert_eq!(knobs.election_ticks(), 10);
    }

    #[test]
    fn bugs_are_switches_that_are_off_stand_last_and_are_called_so() {
        let bugs: alloc::vec::Vec<bool> = Knob::ALL.iter().map(|knob| knob.is_bug()).collect();
        assert!(bugs.is_sorted());
        for knob in Knob::ALL {
            let KnobSpec { name, unit, default, .. } = knob.spec();
            assert_eq!(name.starts_with("bug_"), knob.is_bug());
            assert!(!knob.is_bug() || (unit, default) == (Unit::Switch, 0));
        }
    }

    #[test]
    fn refusals_name_the_field_the_value_and_the_range() {
        let knobs = Knobs::default();
        let text = |knob, value| knobs.with(knob, value).expect_err("out of range").0;
        assert_eq!(text(Knob::Loss, 999_999), "loss_ppm = 999999 is outside 0..=900000 (ppm)");
        assert!(text(Knob::LeaseDuration, 10_000).contains("greater than renew_deadline_ms = 10000"));
        assert!(text(Knob::ElectionTimeout, 400).contains("at least 5 times heartbeat_interval_ms = 100"));
        assert!(text(Knob::RetryPeriod, 9_000).contains("times 1.2"));
    }

    #[test]
    fn a_set_that_only_fits_together_is_reached_in_one_move() {
        let knobs = Knobs::default();
        assert!(knobs.with(Knob::RenewDeadline, 40_000).is_err());
        let both = knobs.with_all(&[(Knob::RenewDeadline, 40_000), (Knob::LeaseDuration, 60_000)]);
        assert!(both.is_ok());
    }
}
