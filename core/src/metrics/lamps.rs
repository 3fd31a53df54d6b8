//! The early warnings of a written incident analysis, as lamps. They are no alerts: nobody upstream has such rules.

use crate::engine::Time;

/// A lamp as the page needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LampSpec {
    /// Its name, for the page.
    pub name: &'static str,
    /// What its number counts.
    pub unit: &'static str,
    /// It is lit from this number on.
    pub threshold: u64,
    /// Where the threshold comes from: its kind, then a source or a reason.
    pub source: &'static str,
    /// What its number is.
    pub help: &'static str,
}

macro_rules! lamps {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal $unit:literal from $threshold:literal, $source:literal;)+) => {
        /// An early warning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Lamp { $($(#[doc = $doc])+ $variant),+ }

        impl Lamp {
            /// Every lamp. Code: a list.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];
            /// What the page needs to know of it.
            pub const fn spec(self) -> LampSpec {
                match self { $(Self::$variant => LampSpec {
                    name: $name, unit: $unit, threshold: $threshold, source: $source,
                    help: concat!($($doc),+).trim_ascii(),
                }),+ }
            }
        }
    };
}

lamps! {
    /// The slowest API server's 99th percentile of calls of etcd, since the sample before.
    StorageLatency "storage_latency" "us" from 100000, "Chosen: the analysis says 100 ms, which is etcd's own --warning-apply-duration, too";
    /// Failed renewals by holders of Leases, since the sample before.
    RenewalFailures "renewal_failures" "count" from 1, "Chosen: any, for the analysis names no number";
    /// API servers that ended watches early, since the sample before.
    WatchDrops "watch_drops" "count" from 2, "Chosen: the analysis says several API servers";
    /// Keys waiting in the work queues of the leading kube-controller-manager and kube-scheduler.
    QueueBacklog "queue_backlog" "count" from 100, "Chosen: 5 s of work at a controller's 20 requests a second, for the analysis names no number";
    /// Members that know no leader.
    NoLeader "no_leader" "count" from 1, "Chosen: any, for the analysis names no number";
    /// Revisions by which the stalest API server's watch caches are behind the store or each other.
    EventsDelayed "events_delayed" "count" from 50, "Chosen: a few seconds of changes, for the analysis names no number";
}

/// What a lamp shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct LampState {
    /// Since when it has been lit; none: it is dark.
    pub lit: Option<Time>,
    /// The newest number.
    pub value: u64,
}

/// The lamps' states.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Lamps([LampState; Lamp::ALL.len()]);

impl Lamps {
    /// What a lamp shows.
    pub const fn state(&self, lamp: Lamp) -> LampState {
        self.0[lamp as usize]
    }
    /// A new number.
    pub fn show(&mut self, now: Time, lamp: Lamp, value: u64) {
        let state = &mut self.0[lamp as usize];
        state.value = value;
        if value < lamp.spec().threshold {
            state.lit = None;
        } else {
            state.lit.get_or_insert(now);
        }
    }
}
