//! LIST 5: every metric, under the name, type, labels and buckets that the real component has.
//!
//! Sources: etcd server/etcdserver/metrics.go, server/etcdserver/api/rafthttp/metrics.go, server/storage/wal/metrics.go,
//! server/storage/mvcc/metrics.go, server/etcdserver/api/etcdhttp/health.go, go-grpc-prometheus server_metrics.go;
//! apiserver pkg/endpoints/metrics/metrics.go, pkg/storage/etcd3/metrics/metrics.go,
//! pkg/storage/cacher/metrics/metrics.go, pkg/util/flowcontrol/metrics/metrics.go; kubernetes
//! staging/src/k8s.io/component-base/metrics/prometheus/**, pkg/controller/nodelifecycle/metrics.go,
//! pkg/scheduler/metrics/metrics.go; kube-state-metrics
//! docs/metrics. Labels that have one value here (dry_run, component, grpc_service, flow_schema) are written out.

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// It only grows, until its process ends.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How many times fell under each bound, in its unit.
    Histogram(&'static [u64]),
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things, or 0 and 1.
    Count,
    /// Microseconds, which are written as seconds.
    Us,
    /// Nanoseconds, which are written as seconds.
    Ns,
}

/// A label, or labels that go together: each value as it is written out. The number of a value is its place here.
pub type Label = &'static [&'static str];

/// A metric as the exposition needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its name.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Type,
    /// What the number counts.
    pub unit: Unit,
    /// Its labels.
    pub labels: &'static [Label],
    /// What it is.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal $unit:ident $kind:ident $(($bounds:ident))? [$($label:ident),*];)+) => {
        /// A metric.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Family { $($(#[doc = $doc])+ $variant),+ }

        impl Family {
            /// Every metric, in the order of the exposition. Code: a list.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
            /// What the exposition needs to know of it.
            pub const fn spec(self) -> Spec {
                match self { $(Self::$variant => Spec {
                    name: $name, kind: Type::$kind $(($bounds))?, unit: Unit::$unit, labels: &[$($label),*],
                    help: concat!($($doc),+).trim_ascii(),
                }),+ }
            }
        }
    };
}

metrics! {
    /// Whether the last scrape reached the process. Prometheus's own.
    Up "up" Count Gauge [];
    /// Whether the member knows a leader.
    HasLeader "etcd_server_has_leader" Count Gauge [];
    /// Whether the member leads.
    IsLeader "etcd_server_is_leader" Count Gauge [];
    /// How often the member came to know a leader that it did not know before.
    LeaderChanges "etcd_server_leader_changes_seen_total" Count Counter [];
    /// The index up to which entries are committed, as far as the member knows.
    ProposalsCommitted "etcd_server_proposals_committed_total" Count Gauge [];
    /// The index up to which the member has applied entries.
    ProposalsApplied "etcd_server_proposals_applied_total" Count Gauge [];
    /// Proposals of the member's clients that wait to be committed and applied.
    ProposalsPending "etcd_server_proposals_pending" Count Gauge [];
    /// Proposals of the member's clients that failed.
    ProposalsFailed "etcd_server_proposals_failed_total" Count Counter [];
    /// Entries that took longer than 100 ms to apply.
    SlowApply "etcd_server_slow_apply_total" Count Counter [];
    /// Rounds of ReadIndex that were asked for again.
    SlowReadIndexes "etcd_server_slow_read_indexes_total" Count Counter [];
    /// Rounds of ReadIndex that failed.
    ReadIndexesFailed "etcd_server_read_indexes_failed_total" Count Counter [];
    /// Heartbeats that the member sent late while it led.
    HeartbeatFailures "etcd_server_heartbeat_send_failures_total" Count Counter [];
    /// Answers of the member's health endpoints that said it is well.
    HealthSuccesses "etcd_server_health_success" Count Counter [];
    /// Answers of the member's health endpoints that said it is not.
    HealthFailures "etcd_server_health_failures" Count Counter [];
    /// How long a sync of the write-ahead log took.
    WalFsync "etcd_disk_wal_fsync_duration_seconds" Us Histogram(FSYNC) [];
    /// How long a commit of the store's file took.
    BackendCommit "etcd_disk_backend_commit_duration_seconds" Us Histogram(FSYNC) [];
    /// How long the prober's round trip to a peer took.
    PeerRtt "etcd_network_peer_round_trip_time_seconds" Us Histogram(RTT) [TO];
    /// Raft messages that could not be sent to a peer.
    PeerSentFailures "etcd_network_peer_sent_failures_total" Count Counter [TO];
    /// Peers whose streams stand.
    ActivePeers "etcd_network_active_peers" Count Gauge [LOCAL, REMOTE];
    /// How often a peer's streams broke.
    DisconnectedPeers "etcd_network_disconnected_peers_total" Count Counter [LOCAL, REMOTE];
    /// The revision of the member's store.
    CurrentRevision "etcd_debugging_mvcc_current_revision" Count Gauge [];
    /// Keys in the member's store.
    KeysTotal "etcd_debugging_mvcc_keys_total" Count Gauge [];
    /// The revision up to which the member's store is compacted.
    CompactRevision "etcd_debugging_mvcc_compact_revision" Count Gauge [];
    /// Bytes in use by the member's store.
    DbInUse "etcd_mvcc_db_total_size_in_use_in_bytes" Count Gauge [];
    /// Watches of the member's clients.
    Watchers "etcd_debugging_mvcc_watcher_total" Count Gauge [];
    /// Watches of the member's clients that are not synced.
    SlowWatchers "etcd_debugging_mvcc_slow_watcher_total" Count Gauge [];
    /// Calls that the member answered, by code.
    GrpcHandled "grpc_server_handled_total" Count Counter [GRPC_METHOD, GRPC_CODE];
    /// How long the member took to answer a call.
    GrpcHandling "grpc_server_handling_seconds" Us Histogram(GRPC) [GRPC_METHOD];
    /// Requests that the API server answered.
    RequestTotal "apiserver_request_total" Count Counter [VERB, RESOURCE, CODE];
    /// How long the API server took to answer a request, its wait for a seat included.
    RequestDuration "apiserver_request_duration_seconds" Us Histogram(API) [VERB, RESOURCE];
    /// Requests that the API server gave up to protect itself: it was too busy, or the request's deadline passed.
    RequestTerminations "apiserver_request_terminations_total" Count Counter [VERB, RESOURCE, CODE];
    /// How long the API server's calls of etcd took.
    EtcdRequestDuration "etcd_request_duration_seconds" Us Histogram(API) [OPERATION, GROUP];
    /// The API server's calls of etcd.
    EtcdRequests "etcd_requests_total" Count Counter [OPERATION, GROUP];
    /// The API server's calls of etcd that failed.
    EtcdRequestErrors "etcd_request_errors_total" Count Counter [OPERATION, GROUP];
    /// Requests under way, watches and probes not counted.
    InFlight "apiserver_current_inflight_requests" Count Gauge [REQUEST_KIND];
    /// Watches that clients have.
    LongRunning "apiserver_longrunning_requests" Count Gauge [WATCH, RESOURCE];
    /// Watches that the API server ended because their client did not read.
    TerminatedWatchers "apiserver_terminated_watchers_total" Count Counter [GROUP];
    /// How often a watch cache was filled.
    CacheInitializations "apiserver_watch_cache_initializations_total" Count Counter [GROUP];
    /// The revision that a watch cache has reached.
    CacheRevision "apiserver_watch_cache_resource_version" Count Gauge [GROUP];
    /// Requests that got a seat.
    FlowDispatched "apiserver_flowcontrol_dispatched_requests_total" Count Counter [LEVEL];
    /// Requests that were turned away.
    FlowRejected "apiserver_flowcontrol_rejected_requests_total" Count Counter [LEVEL, REASON];
    /// Requests that wait for a seat.
    FlowQueued "apiserver_flowcontrol_current_inqueue_requests" Count Gauge [LEVEL];
    /// Requests that have a seat.
    FlowExecuting "apiserver_flowcontrol_current_executing_requests" Count Gauge [LEVEL];
    /// Whether the newest check of a component succeeded.
    HealthCheck "kubernetes_healthcheck" Count Gauge [CHECK];
    /// Whether the process holds the Lease of this name.
    MasterStatus "leader_election_master_status" Count Gauge [LEASE];
    /// Keys that wait in a work queue.
    QueueDepth "workqueue_depth" Count Gauge [QUEUE];
    /// Keys that were added to a work queue.
    QueueAdds "workqueue_adds_total" Count Counter [QUEUE];
    /// How long keys waited in a work queue.
    QueueDuration "workqueue_queue_duration_seconds" Ns Histogram(WORK) [QUEUE];
    /// How long working on a key took.
    WorkDuration "workqueue_work_duration_seconds" Ns Histogram(WORK) [QUEUE];
    /// How long the work under way has taken, together.
    UnfinishedWork "workqueue_unfinished_work_seconds" Us Gauge [QUEUE];
    /// How long the work under way longest has taken.
    LongestRunning "workqueue_longest_running_processor_seconds" Us Gauge [QUEUE];
    /// Keys that were put back after a failure.
    QueueRetries "workqueue_retries_total" Count Counter [QUEUE];
    /// Pods that wait to be scheduled, by queue.
    PendingPods "scheduler_pending_pods" Count Gauge [POD_QUEUE];
    /// Attempts to schedule a pod, by what came of them.
    ScheduleAttempts "scheduler_schedule_attempts_total" Count Counter [RESULT];
    /// The share of a zone's nodes that are ready, in percent.
    ZoneHealth "node_collector_zone_health" Count Gauge [ZONE];
    /// A zone's nodes.
    ZoneSize "node_collector_zone_size" Count Gauge [ZONE];
    /// A zone's nodes that are not ready.
    ZoneUnhealthy "node_collector_unhealthy_nodes_in_zone" Count Gauge [ZONE];
    /// Nodes of a zone that were tainted so that their pods are evicted.
    Evictions "node_collector_evictions_total" Count Counter [ZONE];
    /// HTTP requests of the client library, by what came of them.
    RestClient "rest_client_requests_total" Count Counter [METHOD, HTTP_CODE];
}

/// Buckets of syncs and commits: 1 ms, doubled, 14 of them. Unit: us. Sourced: etcd
/// server/storage/wal/metrics.go#walFsyncSec; etcd server/storage/backend/metrics.go#commitSec.
const FSYNC: &[u64] = &doubled::<14>(1000);
/// Buckets of round trips between members: 0.1 ms, doubled, 16 of them. Unit: us. Sourced: etcd
/// server/etcdserver/api/rafthttp/metrics.go#rttSec.
const RTT: &[u64] = &doubled::<16>(100);
/// Buckets of etcd's calls, which go-grpc-prometheus takes from here. Unit: us. Sourced: client_golang
/// prometheus/histogram.go#DefBuckets.
const GRPC: &[u64] =
    &[5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000];
/// Buckets of API requests and of their calls of etcd. Unit: us. Sourced: apiserver
/// pkg/endpoints/metrics/metrics.go#requestLatencies; apiserver
/// pkg/storage/etcd3/metrics/metrics.go#etcdRequestLatency.
const API: &[u64] = &[
    5_000, 25_000, 50_000, 100_000, 200_000, 400_000, 600_000, 800_000, 1_000_000, 1_250_000, 1_500_000, 2_000_000,
    3_000_000, 4_000_000, 5_000_000, 6_000_000, 8_000_000, 10_000_000, 15_000_000, 20_000_000, 30_000_000, 45_000_000,
    60_000_000,
];

/// Buckets of work queues: ten bounds from 10 ns up, each ten times the one before. Unit: ns. Sourced: component-base
/// metrics/prometheus/workqueue/metrics.go#ExponentialBuckets.
const WORK: &[u64] =
    &[10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000];

const fn doubled<const N: usize>(first: u64) -> [u64; N] {
    let mut bounds = [first; N];
    let mut n = 1;
    while n < N {
        bounds[n] = bounds[n - 1] * 2;
        n += 1;
    }
    bounds
}

/// Member ids, in hexadecimal, as the target of a message. Code: labels.
const TO: Label = &["To=\"1\"", "To=\"2\"", "To=\"3\"", "To=\"4\"", "To=\"5\""];
/// Member ids, in hexadecimal, as oneself. Code: labels.
const LOCAL: Label = &["Local=\"1\"", "Local=\"2\"", "Local=\"3\"", "Local=\"4\"", "Local=\"5\""];
/// Member ids, in hexadecimal, as a peer. Code: labels.
const REMOTE: Label = &["Remote=\"1\"", "Remote=\"2\"", "Remote=\"3\"", "Remote=\"4\"", "Remote=\"5\""];
/// What an etcd call is: a write, which is a transaction in all but little that Kubernetes does, or a read. Code:
/// labels.
const GRPC_METHOD: Label = &[
    "grpc_method=\"Txn\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"",
    "grpc_method=\"Range\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"",
];
/// gRPC codes: the first is success; the others by `EtcdError`'s number. Code: labels.
const GRPC_CODE: Label = &[
    "grpc_code=\"OK\"",
    "grpc_code=\"Unavailable\"",
    "grpc_code=\"DeadlineExceeded\"",
    "grpc_code=\"ResourceExhausted\"",
    "grpc_code=\"OutOfRange\"",
    "grpc_code=\"NotFound\"",
];
/// What an API request is, by `Verb`'s number. Code: labels.
const VERB: Label = &[
    "verb=\"GET\",dry_run=\"\",subresource=\"\",scope=\"resource\",component=\"apiserver\"",
    "verb=\"POST\",dry_run=\"\",subresource=\"\",scope=\"resource\",component=\"apiserver\"",
    "verb=\"PUT\",dry_run=\"\",subresource=\"\",scope=\"resource\",component=\"apiserver\"",
    "verb=\"PATCH\",dry_run=\"\",subresource=\"\",scope=\"resource\",component=\"apiserver\"",
    "verb=\"DELETE\",dry_run=\"\",subresource=\"\",scope=\"resource\",component=\"apiserver\"",
    "verb=\"GET\",dry_run=\"\",subresource=\"/livez\",scope=\"\",component=\"apiserver\"",
    "verb=\"GET\",dry_run=\"\",subresource=\"/readyz\",scope=\"\",component=\"apiserver\"",
    "verb=\"LIST\",dry_run=\"\",subresource=\"\",scope=\"cluster\",component=\"apiserver\"",
    "verb=\"WATCH\",dry_run=\"\",subresource=\"\",scope=\"cluster\",component=\"apiserver\"",
];
/// Kinds, by `Kind`'s number; the last is for any that is newer than this list. Code: labels.
pub const RESOURCE: Label = &[
    "group=\"\",version=\"\",resource=\"\"",
    "group=\"coordination.k8s.io\",version=\"v1\",resource=\"leases\"",
    "group=\"\",version=\"v1\",resource=\"configmaps\"",
    "group=\"\",version=\"v1\",resource=\"nodes\"",
    "group=\"\",version=\"v1\",resource=\"pods\"",
    "group=\"apps\",version=\"v1\",resource=\"replicasets\"",
    "group=\"apps\",version=\"v1\",resource=\"deployments\"",
    "group=\"apps\",version=\"v1\",resource=\"statefulsets\"",
    "group=\"apps\",version=\"v1\",resource=\"daemonsets\"",
    "group=\"\",version=\"v1\",resource=\"services\"",
    "group=\"discovery.k8s.io\",version=\"v1\",resource=\"endpointslices\"",
    "group=\"\",version=\"v1\",resource=\"persistentvolumeclaims\"",
    "group=\"storage.k8s.io\",version=\"v1\",resource=\"volumeattachments\"",
    "group=\"\",version=\"v1\",resource=\"events\"",
    "group=\"other\",version=\"v1\",resource=\"others\"",
];
/// HTTP codes that the API server answers with; see [`code`]. Code: labels.
const CODE: Label = &[
    "code=\"200\"",
    "code=\"201\"",
    "code=\"404\"",
    "code=\"409\"",
    "code=\"410\"",
    "code=\"429\"",
    "code=\"500\"",
    "code=\"503\"",
    "code=\"504\"",
];
/// The same for a client, which may get no answer at all. Code: labels.
const HTTP_CODE: Label = &[
    "code=\"200\"",
    "code=\"201\"",
    "code=\"404\"",
    "code=\"409\"",
    "code=\"410\"",
    "code=\"429\"",
    "code=\"500\"",
    "code=\"503\"",
    "code=\"504\"",
    "code=\"<error>\"",
];
/// HTTP methods, by `Verb`'s number: a LIST and a WATCH are GETs. Code: labels.
const METHOD: Label = &["method=\"GET\"", "method=\"POST\"", "method=\"PUT\"", "method=\"PATCH\"", "method=\"DELETE\""];
/// Checks of an API server. Code: labels.
const CHECK: Label = &["name=\"etcd\",type=\"readyz\""];
/// What a call of etcd does, by `EtcdRequest`'s number. Code: labels.
const OPERATION: Label = &[
    "operation=\"get\"",
    "operation=\"list\"",
    "operation=\"create\"",
    "operation=\"update\"",
    "operation=\"delete\"",
];
/// Kinds, by `Kind`'s number, without their version. Code: labels.
const GROUP: Label = &[
    "group=\"\",resource=\"\"",
    "group=\"coordination.k8s.io\",resource=\"leases\"",
    "group=\"\",resource=\"configmaps\"",
    "group=\"\",resource=\"nodes\"",
    "group=\"\",resource=\"pods\"",
    "group=\"apps\",resource=\"replicasets\"",
    "group=\"apps\",resource=\"deployments\"",
    "group=\"apps\",resource=\"statefulsets\"",
    "group=\"apps\",resource=\"daemonsets\"",
    "group=\"\",resource=\"services\"",
    "group=\"discovery.k8s.io\",resource=\"endpointslices\"",
    "group=\"\",resource=\"persistentvolumeclaims\"",
    "group=\"storage.k8s.io\",resource=\"volumeattachments\"",
    "group=\"\",resource=\"events\"",
    "group=\"other\",resource=\"others\"",
];
/// Whether a request changes something. Code: labels.
const REQUEST_KIND: Label = &["request_kind=\"readOnly\"", "request_kind=\"mutating\""];
/// A watch. Code: labels.
const WATCH: Label = &["verb=\"WATCH\",subresource=\"\",scope=\"cluster\",component=\"apiserver\""];
/// Priority levels, by `Level`'s number, each with the flow schema that most of its requests have. Code: labels.
const LEVEL: Label = &[
    "priority_level=\"exempt\",flow_schema=\"probes\"",
    "priority_level=\"leader-election\",flow_schema=\"system-leader-election\"",
    "priority_level=\"system\",flow_schema=\"system-nodes\"",
    "priority_level=\"node-high\",flow_schema=\"system-node-high\"",
    "priority_level=\"workload-high\",flow_schema=\"kube-controller-manager\"",
    "priority_level=\"workload-low\",flow_schema=\"service-accounts\"",
    "priority_level=\"global-default\",flow_schema=\"global-default\"",
];
/// Why a request was turned away. Code: labels.
const REASON: Label = &["reason=\"queue-full\"", "reason=\"time-out\""];
/// Work queues of kube-controller-manager, by the controller's number. Code: labels.
pub const QUEUE: Label = &[
    "name=\"node_lifecycle_controller\"",
    "name=\"noexec_taint_pod\"",
    "name=\"deployment\"",
    "name=\"replicaset\"",
    "name=\"statefulset\"",
    "name=\"daemonset\"",
    "name=\"endpoint_slice\"",
    "name=\"claims\"",
    "name=\"attach_detach\"",
    "name=\"garbage_collector_attempt_to_delete\"",
    "name=\"orphaned_pods_nodes\"",
];
/// The scheduler's queues, as kubernetes pkg/scheduler/metrics/metrics.go has them. Code: labels.
const POD_QUEUE: Label = &["queue=\"active\"", "queue=\"backoff\"", "queue=\"unschedulable\""];
/// What comes of a try to schedule a pod, as the same file has it; the only profile is the default one. Code: labels.
const RESULT: Label = &[
    "result=\"scheduled\",profile=\"default-scheduler\"",
    "result=\"unschedulable\",profile=\"default-scheduler\"",
    "result=\"error\",profile=\"default-scheduler\"",
];
/// Zones; as many as the nodes are spread over, or less. Code: labels.
const ZONE: Label = &["zone=\"zone-1\"", "zone=\"zone-2\"", "zone=\"zone-3\"", "zone=\"others\""];
/// Leases of elections, by component. Code: labels.
const LEASE: Label = &["name=\"kube-controller-manager\"", "name=\"kube-scheduler\""];

/// The number of an HTTP status as a label; one that is none counts as an error.
pub const fn code(status: u32) -> usize {
    match status {
        200 => 0,
        201 => 1,
        404 => 2,
        409 => 3,
        410 => 4,
        429 => 5,
        500 => 6,
        503 => 7,
        504 => 8,
        _ => 9,
    }
}

/// The number of the gRPC code of an error, by one more than `EtcdError`'s number; 0 is success.
pub const fn grpc_code(error: u32) -> usize {
    match error {
        0 => 0,
        4 => 2,
        6 => 3,
        8 | 9 => 4,
        10 => 5,
        _ => 1,
    }
}

impl Family {
    /// How many combinations of label values there are.
    pub fn combinations(self) -> usize {
        self.spec().labels.iter().map(|label| label.len()).product()
    }
    /// The number of a combination; values beyond a label's last count as its last.
    pub fn combination(self, values: &[usize]) -> usize {
        let labels = self.spec().labels;
        labels.iter().zip(values).fold(0, |at, (label, value)| at * label.len() + (*value).min(label.len() - 1))
    }
    /// The label values of a combination, as they are written out.
    pub fn written(self, combination: usize) -> impl Iterator<Item = &'static str> {
        let labels = self.spec().labels;
        let value = move |n: usize| {
            let below: usize = labels[n + 1..].iter().map(|label| label.len()).product();
            labels[n][combination / below % labels[n].len()]
        };
        (0..labels.len()).map(value)
    }
    /// How many numbers one combination has: one, or of a histogram its buckets, the last one, and the sum.
    pub const fn numbers(self) -> usize {
        match self.spec().kind {
            Type::Histogram(bounds) => bounds.len() + 2,
            _ => 1,
        }
    }
}
