//! LIST 2: every program, with its timers, and every note a program can make.

use super::{Actor, Cx, Input, ProgramId};
use crate::net::packet::HostId;
use crate::object::NodeId;
use crate::{api, balancer, control, etcd, kubelet, load, operator, prober, proxy};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

/// A timer of a program: setting it again replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// etcd's.
    Etcd(etcd::Timer),
    /// The API server's.
    Api(api::Timer),
    /// The controller manager's and the scheduler's.
    Control(control::Timer),
    /// The users'.
    Load(load::Timer),
    /// A node's kubelet's.
    Kubelet(kubelet::Timer),
    /// A node's kube-proxy's.
    Proxy(proxy::Timer),
    /// A control-plane host's kubelet's.
    Prober(prober::Timer),
    /// The load balancer's.
    Balancer(balancer::Timer),
    /// The operator's.
    Operator(operator::Timer),
    /// The users' of etcd itself.
    EtcdUser(load::etcd_user::Timer),
}

impl Timer {
    /// Names of timers, by code. Code: a list.
    pub const NAMES: [&'static str; 27] = [
        "etcd_tick",
        "etcd_adjust",
        "etcd_calls",
        "etcd_read_index",
        "etcd_link_heartbeat",
        "etcd_reader",
        "etcd_writer",
        "etcd_drain",
        "etcd_post",
        "etcd_probe",
        "api",
        "control",
        "load",
        "kubelet",
        "proxy",
        "prober",
        "balancer",
        "operator",
        "etcd_watch_sync",
        "etcd_watch_progress",
        "etcd_watch_drain",
        "etcd_leader_check",
        "etcd_leases",
        "etcd_relief",
        "etcd_commit",
        "etcd_writeback",
        "etcd_user",
    ];
    /// Which name it has.
    pub const fn code(self) -> u32 {
        match self {
            Self::Etcd(timer) => match timer {
                etcd::Timer::Tick => 0,
                etcd::Timer::Adjust => 1,
                etcd::Timer::Calls => 2,
                etcd::Timer::ReadIndex => 3,
                etcd::Timer::LinkHeartbeat => 4,
                etcd::Timer::Reader(..) => 5,
                etcd::Timer::Writer(..) => 6,
                etcd::Timer::Drain(..) => 7,
                etcd::Timer::Post(..) => 8,
                etcd::Timer::Probe(_) => 9,
                etcd::Timer::WatchSync => 18,
                etcd::Timer::WatchProgress => 19,
                etcd::Timer::WatchDrain => 20,
                etcd::Timer::LeaderCheck => 21,
                etcd::Timer::Leases => 22,
                etcd::Timer::Relief => 23,
                etcd::Timer::Commit => 24,
                etcd::Timer::Writeback => 25,
            },
            Self::Api(_) => 10,
            Self::Control(_) => 11,
            Self::Load(_) => 12,
            Self::Kubelet(_) => 13,
            Self::Proxy(_) => 14,
            Self::Prober(_) => 15,
            Self::Balancer(_) => 16,
            Self::Operator(_) => 17,
            Self::EtcdUser(_) => 26,
        }
    }
}

/// A program of a host. What is large is behind a pointer: of the small ones there may be ten thousand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// An etcd member.
    Etcd(Box<etcd::Etcd>),
    /// An API server.
    Api(Box<api::ApiServer>),
    /// kube-controller-manager or kube-scheduler.
    Control(Box<control::Control>),
    /// Users of the API and of the Services.
    Load(Box<load::Load>),
    /// A node's kubelet with its containers.
    Kubelet(Box<kubelet::Kubelet>),
    /// A node's kube-proxy.
    Proxy(Box<proxy::Proxy>),
    /// A control-plane host's kubelet, as far as it probes the static pods there.
    Prober(Box<prober::Prober>),
    /// The load balancer before the API servers.
    Balancer(Box<balancer::Balancer>),
    /// Whoever uses kubectl.
    Operator(Box<operator::Operator>),
    /// Users of etcd itself.
    EtcdUser(Box<load::etcd_user::EtcdUser>),
}

impl Actor for Role {
    /// Each program's `handle` stays a function of its own: all of them in one is so large that a browser's compiler
    /// hardly optimises it any more.
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        match self {
            Self::Etcd(program) => program.handle(cx, input),
            Self::Api(program) => program.handle(cx, input),
            Self::Control(program) => program.handle(cx, input),
            Self::Load(program) => program.handle(cx, input),
            Self::Kubelet(program) => program.handle(cx, input),
            Self::Proxy(program) => program.handle(cx, input),
            Self::Prober(program) => program.handle(cx, input),
            Self::Balancer(program) => program.handle(cx, input),
            Self::Operator(program) => program.handle(cx, input),
            Self::EtcdUser(program) => program.handle(cx, input),
        }
    }
}

/// What there is: which hosts, which programs, and so where programs find each other.
///
/// Hosts: the etcd members' (in the stacked topology the API servers run there, too), then in the external topology
/// the API servers', then the edge (users, balancer, operator), then the nodes'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Directory {
    /// How many etcd members.
    pub members: u8,
    /// How many API servers, each with a controller manager and a scheduler beside it.
    pub api_servers: u8,
    /// Whether etcd has hosts of its own, and API servers use all members: kubeadm's external topology.
    pub external: bool,
    /// How many nodes.
    pub nodes: NodeId,
}

/// A program's place in the [`Directory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// An etcd member, from 0.
    Etcd(u8),
    /// An API server, from 0.
    Api(u8),
    /// The component (0: kube-controller-manager, 1: kube-scheduler) beside an API server.
    Control(u8, u8),
    /// The kubelet of an API server's host.
    Prober(u8),
    /// The load balancer.
    Balancer,
    /// The users.
    Load,
    /// The operator.
    Operator,
    /// A node's kubelet.
    Kubelet(NodeId),
    /// A node's kube-proxy.
    Proxy(NodeId),
    /// The users of an etcd member, where there is etcd alone.
    EtcdUser(u8),
}

impl Directory {
    /// The most nodes. Unit: nodes. Sourced: website content/en/docs/setup/best-practices/cluster-large.md#5,000: what
    /// Kubernetes says a cluster can have.
    pub const MAX_NODES: NodeId = 5_000;
    /// The fewest nodes, if there are any. Unit: nodes. Chosen: a drained node's pods need somewhere to go.
    pub const MIN_NODES: NodeId = 3;
    /// The most API servers of the external topology. Unit: servers. Chosen: as many as there can be members.
    pub const MAX_API_SERVERS: u8 = 5;
    /// Programs per API server: itself, kube-controller-manager, kube-scheduler, the host's kubelet. Code: a count of
    /// ids.
    const PER_API: u16 = 4;
    /// The edge's programs: balancer, users, operator. Code: a count of ids.
    const EDGE: u16 = 3;

    /// Itself, if there can be such a cluster.
    ///
    /// # Errors
    /// A sentence that names the field, the value and what is allowed.
    pub fn checked(self) -> Result<Self, String> {
        let Self { members, api_servers, external, nodes } = self;
        if !matches!(members, 1 | 3 | 5) {
            return Err(format!("members = {members} is not allowed: 1, 3 or 5 are"));
        }
        let most = if external { Self::MAX_API_SERVERS } else { members };
        if !(1..=most).contains(&api_servers) {
            let why = if external { "" } else { ", for in the stacked topology each has a member of its own" };
            return Err(format!("api_servers = {api_servers} is outside 1..={most}{why}"));
        }
        if nodes > Self::MAX_NODES || (1..Self::MIN_NODES).contains(&nodes) {
            return Err(format!("nodes = {nodes} is not allowed: 0, or {}..={}", Self::MIN_NODES, Self::MAX_NODES));
        }
        Ok(self)
    }
    /// kubeadm's stacked topology: every member has an API server that knows it alone.
    pub const fn stacked(members: u8, nodes: NodeId) -> Self {
        Self { members, api_servers: members, external: false, nodes }
    }
    /// etcd without a control plane, its users on the members' own hosts: how etcd is measured by itself.
    pub const fn etcd_alone(members: u8) -> Self {
        Self { members, api_servers: 0, external: false, nodes: 0 }
    }
    /// Whether users speak with etcd itself, for there is nobody else.
    const fn alone(self) -> bool {
        self.api_servers == 0
    }
    /// The etcd member `n` (from 0).
    pub const fn etcd(self, n: u8) -> ProgramId {
        ProgramId(n as u16)
    }
    /// The API server `n`.
    pub const fn api(self, n: u8) -> ProgramId {
        ProgramId(self.members as u16 + n as u16)
    }
    /// The controller manager (0) or scheduler (1) beside API server `n`.
    pub const fn control(self, n: u8, component: u8) -> ProgramId {
        ProgramId(self.members as u16 + self.api_servers as u16 + n as u16 * 2 + component as u16)
    }
    /// The kubelet of API server `n`'s host.
    pub const fn prober(self, n: u8) -> ProgramId {
        ProgramId(self.members as u16 + self.api_servers as u16 * (Self::PER_API - 1) + n as u16)
    }
    const fn edge_program(self, n: u16) -> ProgramId {
        ProgramId(self.members as u16 + self.api_servers as u16 * Self::PER_API + n)
    }
    /// The load balancer before the API servers.
    pub const fn balancer(self) -> ProgramId {
        self.edge_program(0)
    }
    /// The users, on the edge.
    pub const fn load(self) -> ProgramId {
        self.edge_program(1)
    }
    /// The operator, on the edge.
    pub const fn operator(self) -> ProgramId {
        self.edge_program(2)
    }
    /// A node's kubelet.
    pub const fn kubelet(self, node: NodeId) -> ProgramId {
        self.edge_program(Self::EDGE + node * 2)
    }
    /// A node's kube-proxy.
    pub const fn proxy(self, node: NodeId) -> ProgramId {
        self.edge_program(Self::EDGE + node * 2 + 1)
    }
    /// The users of etcd member `n`, where there is etcd alone.
    pub const fn etcd_user(self, n: u8) -> ProgramId {
        self.edge_program(Self::EDGE + self.nodes * 2 + n as u16)
    }
    /// How many programs there are.
    pub const fn programs(self) -> u16 {
        self.etcd_user(if self.alone() { self.members } else { 0 }).0
    }
    /// What a program is.
    pub const fn place(self, program: ProgramId) -> Place {
        let (members, apis) = (self.members as u16, self.api_servers as u16);
        let n = program.0;
        if n < members {
            return Place::Etcd(n as u8);
        }
        let n = n - members;
        if n < apis {
            return Place::Api(n as u8);
        }
        if n < apis * 3 {
            return Place::Control(((n - apis) / 2) as u8, ((n - apis) % 2) as u8);
        }
        if n < apis * Self::PER_API {
            return Place::Prober((n - apis * 3) as u8);
        }
        match n - apis * Self::PER_API {
            0 => Place::Balancer,
            1 => Place::Load,
            2 => Place::Operator,
            n if n >= Self::EDGE + self.nodes * 2 => Place::EtcdUser((n - Self::EDGE - self.nodes * 2) as u8),
            n if n % 2 == 1 => Place::Kubelet((n - Self::EDGE) / 2),
            n => Place::Proxy((n - Self::EDGE) / 2),
        }
    }
    /// How many hosts run etcd members or API servers.
    pub const fn control_hosts(self) -> u32 {
        if self.external { self.members as u32 + self.api_servers as u32 } else { self.members as u32 }
    }
    /// The host of etcd member `n`.
    pub const fn etcd_host(self, n: u8) -> HostId {
        HostId(n as u32)
    }
    /// The host of API server `n`.
    pub const fn api_host(self, n: u8) -> HostId {
        HostId(if self.external { self.members as u32 + n as u32 } else { n as u32 })
    }
    /// The host of users, balancer and operator.
    pub const fn edge_host(self) -> HostId {
        HostId(self.control_hosts())
    }
    /// The host of a node.
    pub const fn node_host(self, node: NodeId) -> HostId {
        HostId(self.control_hosts() + 1 + node as u32)
    }
    /// How many hosts there are.
    pub const fn hosts(self) -> u32 {
        self.control_hosts() + 1 + self.nodes as u32
    }
    /// The host of a program.
    pub const fn host(self, program: ProgramId) -> HostId {
        match self.place(program) {
            Place::Etcd(n) | Place::EtcdUser(n) => self.etcd_host(n),
            Place::Api(n) | Place::Control(n, _) | Place::Prober(n) => self.api_host(n),
            Place::Balancer | Place::Load | Place::Operator => self.edge_host(),
            Place::Kubelet(node) | Place::Proxy(node) => self.node_host(node),
        }
    }
    /// The programs of a host.
    pub fn programs_on(self, host: HostId) -> impl Iterator<Item = ProgramId> + use<> {
        let mut found = [None; 6];
        let control = self.control_hosts();
        if host.0 < control {
            let (n, external) = (host.0 as u8, self.external);
            let etcd = (n < self.members).then(|| self.etcd(n));
            let api = if external { n.checked_sub(self.members) } else { Some(n) };
            let api = api.filter(|api| *api < self.api_servers);
            found[0] = etcd;
            if self.alone() {
                found[1] = Some(self.etcd_user(n));
            }
            if let Some(n) = api {
                found[1] = Some(self.api(n));
                found[2] = Some(self.control(n, 0));
                found[3] = Some(self.control(n, 1));
                found[4] = Some(self.prober(n));
            }
        } else if host.0 == control {
            found[..3].copy_from_slice(&[Some(self.balancer()), Some(self.load()), Some(self.operator())]);
        } else {
            let node = (host.0 - control - 1) as NodeId;
            found[..2].copy_from_slice(&[Some(self.kubelet(node)), Some(self.proxy(node))]);
        }
        found.into_iter().flatten()
    }
    /// The node of a host, if it is one's.
    pub const fn node_of(self, host: HostId) -> Option<NodeId> {
        match host.0.checked_sub(self.control_hosts() + 1) {
            Some(node) if node < self.nodes as u32 => Some(node as NodeId),
            _ => None,
        }
    }
    /// The members whose client port an API server knows: its own, or all.
    pub fn endpoints(self, api: u8) -> core::ops::Range<u8> {
        if self.external { 0..self.members } else { api..api + 1 }
    }
}

/// A thing worth recording. `a` and `b` mean what its kind says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Note {
    /// What happened.
    pub kind: NoteKind,
    /// About what.
    pub a: u32,
    /// More about it.
    pub b: u64,
}

macro_rules! notes {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal $audience:ident;)+) => {
        /// What happened. Notable ones appear in the list of events; quiet ones only count.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum NoteKind { $($(#[doc = $doc])+ $variant),+ }

        impl NoteKind {
            /// Every kind, in the order of its number. Code: a list.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
            /// The name by which the page finds its sentence.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
            /// Whether a person would want to hear of it.
            pub const fn notable(self) -> bool {
                match self { $(Self::$variant => notes!(@ $audience)),+ }
            }
            /// What it is, with the meaning of `a` and `b`.
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+)),+ }
            }
        }
    };
    (@ notable) => { true };
    (@ quiet) => { false };
}

notes! {
    /// The process started. a: how many processes this program had before.
    Started "started" notable;
    /// The process ended. a: its status.
    Exited "exited" notable;
    /// The kubelet will start it again. a: after how many milliseconds.
    RestartIn "restart_in" notable;
    /// etcd: a member follows. a: the leader's member id or 0, b: term.
    Follows "follows" quiet;
    /// etcd: a member asks whether it would win. a: ticks it had waited, b: its term.
    PreCampaigns "pre_campaigns" notable;
    /// etcd: a member campaigns. b: the new term.
    Campaigns "campaigns" notable;
    /// etcd: a member leads. b: term.
    Leads "leads" notable;
    /// etcd: a leader leads no more. b: its term now.
    StepsDown "steps_down" notable;
    /// etcd: a member knows no leader. a: the leader it lost, b: term.
    LosesLeader "loses_leader" notable;
    /// etcd: a member learns of a leader. a: member id, b: term.
    FindsLeader "finds_leader" notable;
    /// etcd: a member applied an entry. a: low half of the entry's digest, b: index.
    Applied "applied" quiet;
    /// etcd: a stream from a peer stands. a: peer's member id, b: 0 for MsgApp, 1 for the rest.
    StreamUp "stream_up" notable;
    /// etcd: a stream from a peer broke. a: peer's member id, b: 0 for MsgApp, 1 for the rest.
    StreamDown "stream_down" notable;
    /// etcd: a Raft message was dropped before it was sent. a: peer's member id, b: kind.
    PeerDrop "peer_drop" quiet;
    /// etcd: a snapshot was sent. a: peer's member id, b: index.
    SnapshotSent "snapshot_sent" notable;
    /// etcd: a call ended. a: 0 write, 1 linearizable read, 2 serializable read, plus 16 times one more than the error; b: latency in us.
    EtcdCall "etcd_call" quiet;
    /// etcd: a WAL sync took longer than a second. b: us.
    SlowFsync "slow_fsync" notable;
    /// etcd: the round trip to a peer. a: peer's member id, b: us.
    PeerRtt "peer_rtt" quiet;
    /// API server: its connection to etcd stands.
    EtcdConnected "etcd_connected" notable;
    /// API server: its connection to etcd is gone. a: the kernel's reason, or 64: etcd closed it, 65: no answer to a ping.
    EtcdDisconnected "etcd_disconnected" notable;
    /// API server: its etcd health check succeeds again.
    Healthy "healthy" notable;
    /// API server: its etcd health check fails.
    Unhealthy "unhealthy" notable;
    /// API server: a request ended. a: verb + 16 times kind + 256 times status + 2^24 times level, b: latency in us.
    ApiRequest "api_request" quiet;
    /// Elector: it holds the Lease. a: component, b: transitions.
    Acquired "acquired" notable;
    /// Elector: it sees another holder. a: component + 256 times the holder's program id, b: resourceVersion.
    ObservedHolder "observed_holder" notable;
    /// Elector: a renewal succeeded. a: component, b: us since the last.
    Renewed "renewed" quiet;
    /// Elector: one try to take or renew failed. a: component, b: status.
    TryFailed "try_failed" quiet;
    /// Elector: the first failed renewal of a holder after a good one. a: component, b: status.
    RenewalFails "renewal_fails" notable;
    /// Elector: the renew deadline passed; the process will exit. a: component, b: us since the last success.
    LeaseLost "lease_lost" notable;
    /// Users: a request ended. a: kind + 256 times API server + 65536 times status, b: latency in us.
    UserRequest "user_request" quiet;
    /// etcd: a stopping leader hands over. a: to which member id, b: term.
    HandsOver "hands_over" notable;
    /// etcd: a leader sent a heartbeat later than it should. a: to which member id, b: us beyond two intervals.
    HeartbeatLate "heartbeat_late" quiet;
    /// etcd: to apply an entry took longer than 100 ms. b: us.
    SlowApply "slow_apply" quiet;
    /// Kubelet: its Node is registered. a: node.
    NodeRegistered "node_registered" notable;
    /// Kubelet: a pod's container runs. a: node, b: the pod's key.
    PodStarted "pod_started" quiet;
    /// Kubelet: a pod's readiness probe succeeds. a: node, b: the pod's key.
    PodReady "pod_ready" quiet;
    /// Kubelet: a pod's container ended after SIGTERM. a: node, b: the pod's key.
    PodEnded "pod_ended" quiet;
    /// Kubelet: a pod's container exited by itself. a: node, b: the pod's key.
    ContainerExited "container_exited" quiet;
    /// Kubelet: a container will be made anew. a: after how many milliseconds, b: the pod's key.
    ContainerRestarts "container_restarts" quiet;
    /// Scheduler: a pod was bound. a: node, b: the pod's key.
    PodBound "pod_bound" quiet;
    /// Scheduler: no node takes a pod. a: how many nodes there are, b: the pod's key.
    PodUnschedulable "pod_unschedulable" notable;
    /// kube-controller-manager: it could not start and exits. a: 0 for want of its ConfigMap, 1 of a healthy API server, b: status.
    StartFails "start_fails" notable;
    /// kube-controller-manager: every informer has synced. b: us since it began to lead.
    InformersSynced "informers_synced" notable;
    /// kube-controller-manager: its first write since it leads. a: controller, b: us since it began to lead.
    FirstWrite "first_write" notable;
    /// kube-controller-manager: it drops an item that failed too often. a: controller, b: the key's group and number.
    ItemDropped "item_dropped" notable;
    /// Node lifecycle: a node is not ready or silent. a: node, b: 1 not ready, 2 unknown.
    NodeNotReady "node_not_ready" notable;
    /// Node lifecycle: a node is ready again. a: node.
    NodeReady "node_ready" notable;
    /// Node lifecycle: no node is tainted any more, as too many are not ready. a: how many, b: of how many.
    EvictionsStop "evictions_stop" notable;
    /// Node lifecycle: nodes are tainted again. a: how many are not ready, b: of how many.
    EvictionsResume "evictions_resume" notable;
    /// Taint eviction: it deletes a pod, which tolerated its node's taint no longer. a: node, b: the pod's workload and number.
    PodEvicted "pod_evicted" notable;
    /// Deployment: a rollout begins. a: workload, b: template.
    RolloutBegan "rollout_began" notable;
    /// Deployment: a rollout is complete. a: workload, b: template.
    RolloutComplete "rollout_complete" notable;
    /// Deployment: a rollout made no progress within its deadline. a: workload, b: template.
    RolloutDeadlineExceeded "rollout_deadline_exceeded" notable;
    /// API server: the watch cache of a kind is filled. a: kind, b: objects.
    CacheReady "cache_ready" quiet;
    /// API server: the watch cache of a kind is lost, and every watch of it with it. a: kind, b: watches.
    CacheLost "cache_lost" quiet;
    /// API server: every watch cache is filled.
    CachesReady "caches_ready" notable;
    /// API server: the first watch cache is lost after etcd had no leader for too long, or its history. a: kind.
    CachesLost "caches_lost" notable;
    /// API server: it was told to stop. a: requests under way, b: watches.
    Terminating "terminating" notable;
    /// Load balancer: it sends new connections to an API server no more. a: which.
    ServerOut "server_out" notable;
    /// Load balancer: it sends new connections to an API server again. a: which.
    ServerIn "server_in" notable;
    /// Control-plane kubelet: a static pod is not ready. a: its program.
    StaticPodUnready "static_pod_unready" notable;
    /// Control-plane kubelet: a static pod is ready again. a: its program.
    StaticPodReady "static_pod_ready" notable;
    /// Control-plane kubelet: a probe failed too often and the process is killed. a: its program, b: 0 liveness, 1 startup.
    ProbeKills "probe_kills" notable;
    /// Users: a request to a Service ended. a: Service + 65536 times (0 ok, 1 refused, 2 timeout, 3 broken), b: latency in us.
    ServiceRequest "service_request" quiet;
    /// API server: a call of etcd ended. a: 0 get, 1 list, 2 create, 3 update, 4 delete, plus 16 times kind, plus 256 if it failed; b: us.
    EtcdRequest "etcd_request" quiet;
    /// Operator: kubectl ended well. a: operation (0 create, 1 scale, 2 rollout, 3 delete pod, 4 force delete pod, 5 cordon, 6 uncordon, 7 drain, 8 delete node) + 256 times status, b: workload, pod's key or node.
    OperationDone "operation_done" notable;
    /// Operator: kubectl ended with an error. a, b: as above.
    OperationFailed "operation_failed" notable;
    /// Operator: too many operations are under way for another one. a: operation, b: as above.
    OperationRefused "operation_refused" notable;
    /// Users of etcd itself: a call ended. a: 0 put, 1 linearizable read, 2 serializable read, plus 256 times what came of it; b: us since it was due.
    EtcdCallEnded "etcd_call_ended" quiet;
    /// Users of etcd itself: a watch told of a put. a: whose, b: us since that was due.
    EtcdEventSeen "etcd_event_seen" quiet;
}

impl Note {
    /// A note.
    pub const fn new(kind: NoteKind, a: u32, b: u64) -> Self {
        Self { kind, a, b }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_one_place_and_one_host() {
        let external = Directory { members: 3, api_servers: 2, external: true, nodes: 4 };
        let fewer = Directory { members: 5, api_servers: 2, external: false, nodes: 3 };
        let alone = Directory::etcd_alone(3);
        for directory in [external, fewer, alone, Directory::stacked(1, 0), Directory::stacked(3, 10)] {
            let mut seen = alloc::vec::Vec::new();
            for host in (0..directory.hosts()).map(HostId) {
                for program in directory.programs_on(host) {
                    assert_eq!(directory.host(program), host, "{directory:?}: {program:?}");
                    let again = match directory.place(program) {
                        Place::Etcd(n) => directory.etcd(n),
                        Place::Api(n) => directory.api(n),
                        Place::Control(n, component) => directory.control(n, component),
                        Place::Prober(n) => directory.prober(n),
                        Place::Balancer => directory.balancer(),
                        Place::Load => directory.load(),
                        Place::Operator => directory.operator(),
                        Place::Kubelet(node) => directory.kubelet(node),
                        Place::Proxy(node) => directory.proxy(node),
                        Place::EtcdUser(n) => directory.etcd_user(n),
                    };
                    assert_eq!(again, program);
                    seen.push(program.0);
                }
            }
            seen.sort();
            assert_eq!(seen, (0..directory.programs()).collect::<alloc::vec::Vec<_>>(), "{directory:?}");
        }
    }
}
