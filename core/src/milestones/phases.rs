//! What a written incident analysis claims about times: drawn beside what the run measured, never used by it.

/// A phase that the analysis names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Its name, for the page.
    pub name: &'static str,
    /// From how many seconds after the fault, or after the heal.
    pub from_s: u32,
    /// Until how many; none: without end.
    pub to_s: Option<u32>,
}

const fn phase(name: &'static str, from_s: u32, to_s: Option<u32>) -> Phase {
    Phase { name, from_s, to_s }
}

/// The written analysis's timeline, from the fault on. Code: a list of its claims.
pub const FAILURE: [Phase; 4] = [
    phase("client_detection", 0, Some(2)),
    phase("api_degradation", 2, Some(15)),
    phase("leases_expire", 15, Some(30)),
    phase("elections_fail", 30, None),
];

/// The written analysis's table of recovery, from the heal on. Code: a list of its claims.
pub const RECOVERY: [Phase; 5] = [
    phase("etcd_connections", 0, Some(5)),
    phase("leader_elections", 5, Some(15)),
    phase("watch_caches", 15, Some(30)),
    phase("workloads_reconcile", 30, Some(60)),
    phase("full_function", 60, None),
];
