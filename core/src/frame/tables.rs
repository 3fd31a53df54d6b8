//! What a frame shows: every table with its columns. Large tables come last.

use super::Read::{F32, U32};
use super::{Table, cluster, control, signs, users, work};

/// Every table, in the order of the buffer. Spans are in milliseconds unless the name says otherwise. Code: a list.
pub const TABLES: &[Table] = &[
    // One row. now: milliseconds and the microseconds beyond them; step: events executed, low and high half.
    Table {
        name: "world",
        large: false,
        fill: control::world,
        columns: &[
            ("now_ms", U32),
            ("now_us", U32),
            ("step_low", U32),
            ("step_high", U32),
            ("members", U32),
            ("api_servers", U32),
            ("external", U32), // 1: etcd has hosts of its own
            ("nodes", U32),
            ("control_hosts", U32), // hosts of members and API servers; the next one is the edge, then come the nodes'
            ("notes_end", U32),     // number of notes made so far
            ("samples_end", U32),   // number of history samples made so far
            ("packets_in_flight", U32),
            ("events_pending", U32),
            ("faults", U32),
            ("violations", U32), // invariants found broken so far
        ],
    },
    // One row per host but the nodes'; the control-plane hosts first, then the edge with the users.
    Table {
        name: "host",
        large: false,
        fill: control::hosts,
        columns: &[("up", U32), ("paused", U32), ("disk_times", U32), ("clock_ppm", U32), ("disk_busy", U32)],
    },
    // One row per etcd member.
    Table {
        name: "member",
        large: false,
        fill: control::members,
        columns: &[
            ("running", U32), // 1 running, 0 not
            ("role", U32),    // 0 follower, 1 pre-candidate, 2 candidate, 3 leader
            ("term", U32),
            ("leader", U32), // member id (from 1), 0: none known
            ("vote", U32),
            ("last_index", U32),
            ("commit_index", U32),
            ("applied_index", U32),
            ("revision", U32),
            ("election_elapsed", F32), // ticks since a leader was heard, in ms
            ("election_timeout", F32), // this follower's randomised timeout
            ("leaderless", F32),       // how long it has known no leader
            ("syncing", U32),          // a WAL sync is under way
            ("pending", U32),          // calls waiting
            ("streams", U32),          // incoming streams that stand, of 2 per peer
        ],
    },
    // One row per API server.
    Table {
        name: "api",
        large: false,
        fill: control::apis,
        columns: &[
            ("host", U32),
            ("running", U32),
            ("hung", U32),
            ("etcd_state", U32), // 0 idle or backing off, 1 connecting, 2 ready
            ("healthy", U32),    // its 2 s etcd health check
            ("in_flight", U32),
            ("requests", U32), // answered so far, low half
            ("failures", U32), // answered with an error so far
            ("oldest", F32),   // age of the oldest request in flight
            ("stale", F32),    // for how long at least its users' watcher has missed a write
        ],
    },
    // One row per elector: API server by API server, kube-controller-manager then kube-scheduler.
    Table {
        name: "elector",
        large: false,
        fill: control::electors,
        columns: &[
            ("api", U32),       // the API server that it uses, on its own host
            ("component", U32), // 0 kube-controller-manager, 1 kube-scheduler
            ("running", U32),
            ("believes", U32),   // it believes that it leads
            ("can_act", U32),    // and the Lease in the store still names it and has not run out by its own clock
            ("observed", U32),   // API server beside the holder it last saw, NONE: nobody
            ("lease_left", F32), // until the Lease it saw expires by its own clock; 0 when expired
            ("renew_left", F32), // holders: until the renew deadline
            ("next_try", F32),   // until the next try
            ("restart_in", F32), // exited: until the kubelet starts it again
            ("exits", U32),
            ("calling", U32), // a call is under way
        ],
    },
    // One row per Lease object: kube-controller-manager's, kube-scheduler's; as the most advanced member has it.
    Table {
        name: "lease",
        large: false,
        fill: control::leases,
        columns: &[
            ("holder", U32), // API server beside the holder
            ("renewed_ago", F32),
            ("transitions", U32),
            ("resource_version", U32),
            ("left", F32),
        ],
    },
    // One row per directed link between hosts other than the nodes', loopbacks included.
    Table {
        name: "link",
        large: false,
        fill: control::links,
        columns: &[
            ("from", U32),
            ("to", U32),
            ("loss_ppm", U32),
            ("cut", U32),
            ("delay_us", U32),
            ("packets", U32), // offered so far
            ("dropped", U32), // lost, cut or overflowed so far
        ],
    },
    // One row per etcd stream between members (2 per ordered pair): the connection that carries `from`'s messages to `to`.
    Table {
        name: "stream",
        large: false,
        fill: control::streams,
        columns: &[
            ("from", U32), // member index, from 0
            ("to", U32),
            ("kind", U32), // 0 MsgApp, 1 the rest
            ("up", U32),
            ("cwnd", U32), // segments
            ("rto", F32),
            ("backoff", U32), // times the timer doubled
            ("backlog", U32), // bytes written and not acknowledged
            ("queue", U32),   // messages waiting in etcd's own queue
        ],
    },
    // The newest flights (at most 512), numbered so that the page can tell new ones.
    Table {
        name: "flight",
        large: false,
        fill: control::flights,
        columns: &[
            ("number", U32),
            ("from", U32), // host index
            ("to", U32),
            ("class", U32),
            ("lost", U32), // 0 delivered, else one more than the drop reason: cut, queue full, loss, burst
            ("sent", F32), // ms before now; negative never
            ("progress", F32), // 0 to 1 of the way; beyond 1: landed
        ],
    },
    // Faults in force.
    Table {
        name: "fault",
        large: false,
        fill: control::faults,
        columns: &[("id", U32), ("kind", U32), ("host", U32), ("to", U32), ("value", U32), ("since", F32)],
    },
    // API users' requests by API server and kind, in the order of `load::Kind::ALL`.
    Table {
        name: "load",
        large: false,
        fill: users::load,
        columns: &[
            ("api", U32),
            ("kind", U32),
            ("sent", U32), // so far
            ("ok", U32),
            ("failed", U32),
            ("waiting", U32),
            ("ended", U32),   // in the last 10 s
            ("success", F32), // share of those; -1: none ended
            ("p50", F32),     // latency of successes in the last 10 s; -1: none
            ("p99", F32),
        ],
    },
    // One row per Service that has users, by its workload's number.
    Table {
        name: "service",
        large: false,
        fill: users::services,
        columns: &[
            ("workload", U32),
            ("sent", U32), // so far
            ("ok", U32),
            ("failed", U32),
            ("waiting", U32),
            ("ended", U32),   // in the last 10 s
            ("success", F32), // share of those; -1: none ended
            ("p50", F32),     // latency of successes in the last 10 s; -1: none
            ("p99", F32),
            ("refused", U32), // of those that failed so far
            ("timeouts", U32),
            ("broken", U32),
        ],
    },
    // One row: the kube-controller-manager that leads. api: NONE: nobody does.
    Table {
        name: "manager",
        large: false,
        fill: work::managers,
        columns: &[
            ("api", U32),
            ("phase", U32), // 0 off, 1 starting, 2 failed, 3 candidate, 4 waiting, 5 discovering, 6 working
            ("paced", U32), // requests that its clients' rate limits hold back
        ],
    },
    // One row per controller of it, in the order of `control::controller::Name::ALL`.
    Table {
        name: "controller",
        large: false,
        fill: work::controllers,
        columns: &[
            ("synced", U32),  // its informers have listed
            ("depth", U32),   // keys that wait for a worker
            ("busy", U32),    // keys being worked on
            ("backoff", U32), // keys that wait for their back-off
            ("retries", U32), // so far
            ("longest", F32), // how long the oldest has been worked on
            ("adds", U32),    // so far
        ],
    },
    // One row: the kube-scheduler that leads.
    Table {
        name: "scheduler",
        large: false,
        fill: work::schedulers,
        columns: &[
            ("api", U32),
            ("works", U32),
            ("synced", U32),
            ("active", U32), // pods in activeQ
            ("backoff", U32),
            ("unschedulable", U32),
            ("binding", U32),
        ],
    },
    // One row per API server and priority level, in the order of `api::rpc::Level::ALL`.
    Table {
        name: "level",
        large: false,
        fill: work::levels,
        columns: &[
            ("api", U32),
            ("level", U32),
            ("seats", U32),
            ("taken", U32),
            ("queued", U32),
            ("rejected", U32), // so far
        ],
    },
    // One row: the newest episode of trouble. Moments are in ms of the run; NONE: not yet.
    Table {
        name: "episode",
        large: false,
        fill: signs::episode,
        columns: &[
            ("episode", U32), // how many there were
            ("settled", U32), // everything was well once
            ("began_ms", U32),
            ("healed_ms", U32),
            ("over", U32),
        ],
    },
    // One row per rung from the bottom: when it was first hurt in this episode.
    Table {
        name: "hurt",
        large: false,
        fill: signs::hurts,
        columns: &[("at_ms", U32), ("sign", U32), ("program", U32)],
    },
    // One row per kind of API users' requests: when the first failed in this episode.
    Table { name: "kind_hurt", large: false, fill: signs::kinds, columns: &[("at_ms", U32)] },
    // One row per step of recovery: 0 not hurt, 1 waiting, 2 reached, and when.
    Table { name: "step", large: false, fill: signs::steps, columns: &[("state", U32), ("at_ms", U32)] },
    // One row per type of workload, over the whole run: Deployments, StatefulSets, DaemonSets.
    Table {
        name: "harm",
        large: false,
        fill: signs::harms,
        columns: &[
            ("desired", U32),
            ("serving", U32),
            ("missing_ms", U32), // pod-milliseconds
            ("blocked", U32),
            ("blocked_ms", U32),
            ("requests", U32),
            ("failed", U32),
        ],
    },
    // One row per alert: 0 inactive, 1 pending, 2 firing.
    Table {
        name: "alert",
        large: false,
        fill: signs::alerts,
        columns: &[("state", U32), ("since_ms", U32), ("value", U32), ("instances", U32)],
    },
    // One row per early warning. lit_ms: since when; NONE: dark.
    Table { name: "lamp", large: false, fill: signs::lamps, columns: &[("lit_ms", U32), ("value", U32)] },
    // One row per rule of `invariant::Verdict::ALL`. What the numbers are, `Verdict::numbers` says.
    Table {
        name: "verdict",
        large: false,
        fill: signs::verdicts,
        columns: &[
            ("state", U32),    // 0 not checked yet, 1 holds, 2 broken
            ("checks", U32),   // so far
            ("broken", U32),   // how often
            ("first_ms", U32), // when first; NONE: never
            ("n0", U32),       // the numbers of that
            ("n1", U32),
            ("n2", U32),
            ("n3", U32),
        ],
    },
    // One row per API server and kind that it has a watch cache of.
    Table {
        name: "cache",
        large: true,
        fill: work::caches,
        columns: &[
            ("api", U32),
            ("kind", U32), // place in `object::Kind::ALL`
            ("ready", U32),
            ("revision", U32),
            ("behind", U32), // changes of this kind that the store has and the cache has not seen
            ("heard", F32),  // since etcd last told it something
            ("objects", U32),
            ("initializations", U32), // how often it was filled from etcd
            ("watchers", U32),        // clients' watches
        ],
    },
    // One row per workload that the store has an object of, by number.
    Table {
        name: "workload",
        large: true,
        fill: cluster::workloads,
        columns: &[
            ("id", U32),
            ("kind", U32), // 0 Deployment, 1 StatefulSet, 2 DaemonSet
            ("desired", U32),
            ("current", U32), // status: pods that exist
            ("updated", U32), // status: of the newest template
            ("ready", U32),   // status: ready
            ("template", U32),
            ("pods", U32),            // pod objects, those being deleted included
            ("pods_ready", U32),      // of them ready and not being deleted
            ("endpoints", U32),       // addresses in its EndpointSlices
            ("endpoints_ready", U32), // of them ready
            ("claims", U32),          // PersistentVolumeClaims
            ("claims_bound", U32),
            ("stuck", U32), // a Deployment whose progress deadline passed
        ],
    },
    // One row per node that has a machine, by number.
    Table {
        name: "node",
        large: true,
        fill: cluster::nodes,
        columns: &[
            ("registered", U32), // the store has a Node object
            ("ready", U32),      // its Ready condition: 0 True, 1 False, 2 Unknown
            ("cordoned", U32),
            ("taints", U32),    // 1 not-ready:NoExecute, 2 unreachable:NoExecute, 4 NoSchedule of either
            ("up", U32),        // its host has power
            ("kubelet", U32),   // its kubelet runs
            ("pods", U32),      // pod objects bound to it that have not ended
            ("running", U32),   // containers that really run there
            ("lease_age", F32), // since its Lease was renewed, by its own clock; -1: there is none
            ("rules_behind", U32), // changes of EndpointSlices that its kube-proxy has not seen
        ],
    },
    // One row per pod object, by key; at most 4,096.
    Table {
        name: "pod",
        large: true,
        fill: cluster::pods,
        columns: &[
            ("workload", U32),
            ("template", U32),
            ("number", U32), // suffix or ordinal
            ("node", U32),   // NONE: not bound
            ("phase", U32),  // 0 Pending, 1 Running, 2 Succeeded, 3 Failed
            ("ready", U32),
            ("deleting", U32),
            ("unschedulable", U32),
            ("restarts", U32),
            ("runs", U32),   // its container really runs
            ("serves", U32), // and is ready, as its kubelet knows
        ],
    },
];
