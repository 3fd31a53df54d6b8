//! What a run's milestones are, read off the run itself: what was hurt first, and in which order things came back.
//!
//! An onlooker keeps them; no program can see them. It hears every note and looks at the programs every
//! [`LOOK_EVERY`] of simulated time. What was hurt, and when, comes from notes and is exact; what is well again comes
//! from looking and is exact to [`LOOK_EVERY`].
//!
//! **Episodes.** Nothing counts before everything was well for the first time. Then the first fault, moved network
//! dial or hurt begins an episode. A fault that is injected while one is under way belongs to it and takes the
//! recovery steps back. An episode is over when no fault is in force, no packet is lost on purpose and every step of
//! recovery is reached; what it measured stays to be read until the next one begins.

mod harm;
pub mod look;
mod phases;

pub use harm::{Harm, Harms, Sort};
pub use look::{calm, look};
pub use phases::{FAILURE, Phase, RECOVERY};

use crate::actor::ProgramId;
use crate::actor::role::{Directory, Note, NoteKind, Place};
use crate::api::rpc::{Level, Verb};
use crate::engine::{Span, Time};
use crate::load::Kind;
use RecoveryStep as Step;

/// How often the onlooker looks at the programs. Chosen: finer than the eye needs, far coarser than events.
pub const LOOK_EVERY: Span = Span::from_ms(100);
/// A request that took longer counts as hurt. Sourced: kubernetes-mixin
/// rules/kube_apiserver-config.libsonnet#kubeApiserverReadResourceLatency: a read of one object or a write that takes
/// longer spends error budget.
pub const SLOW_REQUEST: Span = Span::from_secs(1);
/// A call of etcd that took longer counts as hurt. Chosen: half of what the API server's health check waits; etcd
/// itself warns of every call over 100 ms.
pub const SLOW_CALL: Span = Span::from_secs(1);
/// How long no request may have failed before users are well again. Chosen: several requests of each kind.
pub const QUIET: Span = Span::from_secs(3);
/// The most kinds of users' requests that are told apart. Code: a table's size.
pub const KINDS: usize = 16;

/// The kind of requests to Services among them. Code: an index.
pub const SERVICE: usize = KINDS - 1;

/// A layer of the system, from the bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Rung {
    /// Links and hosts.
    Network,
    /// etcd.
    Etcd,
    /// API servers.
    ApiServers,
    /// The Leases of kube-controller-manager and kube-scheduler.
    LeaderElection,
    /// Controllers and scheduler.
    Controllers,
    /// Nodes and workloads.
    Nodes,
    /// Users: of the API, and of the Services.
    Users,
}

impl Rung {
    /// Every rung, from the bottom. Code: a list.
    pub const ALL: [Self; 7] = [
        Self::Network,
        Self::Etcd,
        Self::ApiServers,
        Self::LeaderElection,
        Self::Controllers,
        Self::Nodes,
        Self::Users,
    ];
    /// Its name, for the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Etcd => "etcd",
            Self::ApiServers => "api",
            Self::LeaderElection => "election",
            Self::Controllers => "controllers",
            Self::Nodes => "nodes",
            Self::Users => "users",
        }
    }
}

/// What showed that a rung is hurt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Sign {
    /// A link dropped a packet.
    PacketLost,
    /// A packet came to a host without power.
    HostDown,
    /// A member of etcd lost its leader.
    LeaderLost,
    /// A call of etcd failed.
    CallFailed,
    /// A call of etcd took longer than [`SLOW_CALL`].
    CallSlow,
    /// A process ended.
    ProcessEnded,
    /// An API server's check of etcd failed.
    CheckFailed,
    /// An API server answered 429, 500 or 504.
    RequestFailed,
    /// An API server took longer than [`SLOW_REQUEST`].
    RequestSlow,
    /// A holder's renewal failed.
    RenewalFailed,
    /// A holder gave its Lease up.
    LeaseLost,
    /// A pod that should be ready is not.
    PodNotReady,
    /// A node is not ready.
    NodeNotReady,
    /// A user's request failed.
    UserFailed,
}

impl Sign {
    /// Every sign, in the order of their numbers. Code: a list.
    pub const ALL: [Self; 14] = [
        Self::PacketLost,
        Self::HostDown,
        Self::LeaderLost,
        Self::CallFailed,
        Self::CallSlow,
        Self::ProcessEnded,
        Self::CheckFailed,
        Self::RequestFailed,
        Self::RequestSlow,
        Self::RenewalFailed,
        Self::LeaseLost,
        Self::PodNotReady,
        Self::NodeNotReady,
        Self::UserFailed,
    ];
    /// Its name, for the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PacketLost => "packet_lost",
            Self::HostDown => "host_down",
            Self::LeaderLost => "leader_lost",
            Self::CallFailed => "call_failed",
            Self::CallSlow => "call_slow",
            Self::ProcessEnded => "process_ended",
            Self::CheckFailed => "check_failed",
            Self::RequestFailed => "request_failed",
            Self::RequestSlow => "request_slow",
            Self::RenewalFailed => "renewal_failed",
            Self::LeaseLost => "lease_lost",
            Self::PodNotReady => "pod_not_ready",
            Self::NodeNotReady => "node_not_ready",
            Self::UserFailed => "user_failed",
        }
    }
}

/// When something was hurt for the first time in an episode, and what showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hurt {
    /// When.
    pub at: Time,
    /// What showed it.
    pub sign: Sign,
    /// In which program it showed; none: in none, or in the whole.
    pub program: Option<ProgramId>,
}

/// A step of recovery after the last heal, in the order in which it usually comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RecoveryStep {
    /// Every member has both streams from every other, and every API server its connection to etcd.
    Connections,
    /// One member leads, and every member knows it.
    EtcdLeader,
    /// Every member has applied all but the newest [`look::BEHIND`] entries that are committed.
    MemberCaughtUp,
    /// etcd acknowledged a write that came after the heal.
    EtcdCommits,
    /// One API server runs and its newest check of etcd succeeded.
    FirstApiReady,
    /// Every one does.
    ApiReady,
    /// Every watch cache of every API server is ready and at most [`look::STALE`] revisions behind the store.
    CachesFresh,
    /// kube-controller-manager's and kube-scheduler's Leases are valid, and their holders work.
    LeasesHeld,
    /// A controller or the scheduler wrote something, after the heal, that is no Lease.
    FirstControllerWrite,
    /// The work queues of the leading controller manager and the scheduler are empty, and their informers are synced.
    BacklogReconciled,
    /// As many pods of each workload are ready as it should have.
    PodsReady,
    /// No user's request failed for [`QUIET`]: reached when the last failure was over.
    UsersWell,
}

impl RecoveryStep {
    /// Every step of recovery, in the order in which they usually come. Code: a list.
    pub const ALL: [Self; 12] = [
        Self::Connections,
        Self::EtcdLeader,
        Self::MemberCaughtUp,
        Self::EtcdCommits,
        Self::FirstApiReady,
        Self::ApiReady,
        Self::CachesFresh,
        Self::LeasesHeld,
        Self::FirstControllerWrite,
        Self::BacklogReconciled,
        Self::PodsReady,
        Self::UsersWell,
    ];
    /// Its name, for the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::EtcdLeader => "etcd_leader",
            Self::MemberCaughtUp => "member_caught_up",
            Self::EtcdCommits => "etcd_commits",
            Self::FirstApiReady => "first_api_ready",
            Self::ApiReady => "api_ready",
            Self::CachesFresh => "caches_fresh",
            Self::LeasesHeld => "leases_held",
            Self::FirstControllerWrite => "first_controller_write",
            Self::BacklogReconciled => "backlog_reconciled",
            Self::PodsReady => "pods_ready",
            Self::UsersWell => "users_well",
        }
    }
    /// Whether it is something that happens once after the heal, and not a state that lasts.
    pub const fn happens_once(self) -> bool {
        matches!(self, Self::EtcdCommits | Self::FirstControllerWrite)
    }
}

/// How far a step of recovery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// It was never needed in this episode.
    NotHurt,
    /// It is not reached, or not any more.
    Waiting,
    /// It was reached then, and has held since.
    Reached(Time),
}

/// How things stand now: for each step of recovery whether it holds; none: it doesn't apply to this cluster.
pub type Standing = [Option<bool>; RecoveryStep::ALL.len()];

/// The milestones of the newest episode, and the harm of the whole run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Milestones {
    directory: Directory,
    /// Whether everything was well once.
    settled: bool,
    episode: u32,
    began: Option<Time>,
    over: bool,
    healed: Option<Time>,
    calm: bool,
    hurts: [Option<Hurt>; Rung::ALL.len()],
    kinds: [Option<Time>; KINDS],
    steps: [Progress; RecoveryStep::ALL.len()],
    /// When the last user's request failed.
    user_failed: Option<Time>,
    /// When the first succeeded after that.
    user_ok: Option<Time>,
    harms: Harms,
    next_look: Time,
}

impl Milestones {
    /// Of a cluster that is about to start.
    pub fn new(directory: Directory) -> Self {
        Self {
            directory,
            settled: false,
            episode: 0,
            began: None,
            over: true,
            healed: None,
            calm: true,
            hurts: [None; Rung::ALL.len()],
            kinds: [None; KINDS],
            steps: [Progress::NotHurt; RecoveryStep::ALL.len()],
            user_failed: None,
            user_ok: None,
            harms: Harms::default(),
            next_look: Time::ZERO,
        }
    }
    /// How many episodes there were, the newest included.
    pub const fn episode(&self) -> u32 {
        self.episode
    }
    /// Whether everything was well once: nothing counts before that.
    pub const fn settled(&self) -> bool {
        self.settled
    }
    /// When the newest episode began, with the first fault, moved dial or hurt.
    pub const fn began(&self) -> Option<Time> {
        self.began
    }
    /// Whether the newest episode is over, or there was none.
    pub const fn over(&self) -> bool {
        self.over
    }
    /// Since when no fault has been in force and no packet been lost on purpose, in the newest episode.
    pub const fn healed(&self) -> Option<Time> {
        self.healed
    }
    /// When a rung was first hurt in the newest episode.
    pub const fn hurt(&self, rung: Rung) -> Option<Hurt> {
        self.hurts[rung as usize]
    }
    /// When a request of this kind (`UserRequest`'s number) first failed in the newest episode.
    pub fn kind_hurt(&self, kind: usize) -> Option<Time> {
        self.kinds.get(kind).copied().flatten()
    }
    /// How far a step of recovery is.
    pub const fn step(&self, step: RecoveryStep) -> Progress {
        self.steps[step as usize]
    }
    /// How long after the heal a step of recovery was reached.
    pub fn since_heal(&self, step: RecoveryStep) -> Option<Span> {
        match (self.step(step), self.healed) {
            (Progress::Reached(at), Some(healed)) => Some(at.since(healed)),
            _ => None,
        }
    }
    /// What workloads suffered in the whole run.
    pub const fn harms(&self) -> &Harms {
        &self.harms
    }
    /// For counting pods.
    pub const fn harms_mut(&mut self) -> &mut Harms {
        &mut self.harms
    }
    /// When the onlooker looks next.
    pub const fn next_look(&self) -> Time {
        self.next_look
    }

    /// A command was carried out. `calm`: no fault is in force now and no dial loses packets.
    pub fn commanded(&mut self, now: Time, calm: bool) {
        let worse = !calm;
        self.calm = calm;
        if worse && self.settled {
            self.begin(now);
            self.healed = None;
            for step in &mut self.steps {
                if matches!(step, Progress::Reached(_)) {
                    *step = Progress::Waiting;
                }
            }
        } else if calm && !self.over && self.healed.is_none() {
            self.heal(now);
        }
    }
    fn heal(&mut self, now: Time) {
        self.healed = Some(now);
        for step in RecoveryStep::ALL.into_iter().filter(|step| step.happens_once()) {
            self.steps[step as usize] = Progress::Waiting;
        }
    }
    /// An episode begins, unless one is under way.
    fn begin(&mut self, now: Time) {
        if !self.over {
            return;
        }
        let fresh = Self::new(self.directory);
        self.episode += 1;
        self.began = Some(now);
        self.over = false;
        self.healed = None;
        (self.hurts, self.kinds, self.steps) = (fresh.hurts, fresh.kinds, fresh.steps);
        (self.user_failed, self.user_ok) = (None, None);
        if self.calm {
            self.heal(now); // Nobody's fault is behind it: recovery counts from its beginning.
        }
    }
    /// A rung is hurt.
    fn hurts(&mut self, now: Time, rung: Rung, sign: Sign, program: Option<ProgramId>) {
        if self.settled && self.hurts[rung as usize].is_none_or(|_| self.over) {
            self.begin(now);
            self.hurts[rung as usize] = Some(Hurt { at: now, sign, program });
        }
    }
    /// A link dropped a packet.
    pub fn dropped(&mut self, now: Time) {
        // A healthy link drops what its queue has no room for; that alone begins no episode.
        if !self.over {
            self.hurts(now, Rung::Network, Sign::PacketLost, None);
        }
    }
    /// A packet came to a host without power.
    pub fn met_no_power(&mut self, now: Time) {
        self.hurts(now, Rung::Network, Sign::HostDown, None);
    }
    /// A process ended.
    pub fn process_ended(&mut self, now: Time, program: ProgramId) {
        let rung = match self.directory.place(program) {
            Place::Etcd(_) => Rung::Etcd,
            Place::Api(_) | Place::Balancer => Rung::ApiServers,
            Place::Control(..) => Rung::Controllers,
            Place::Kubelet(_) | Place::Proxy(_) | Place::Prober(_) => Rung::Nodes,
            Place::Load | Place::Operator | Place::EtcdUser(_) => return,
        };
        self.hurts(now, rung, Sign::ProcessEnded, Some(program));
    }
    /// A program made a note.
    pub fn note(&mut self, now: Time, program: ProgramId, note: &Note) {
        let (rung, sign) = match note.kind {
            NoteKind::UserRequest => {
                let (kind, status) = (note.a & 0xff, note.a >> 16);
                return self.user_request(now, program, kind as usize, user_ok(kind, status));
            }
            NoteKind::ServiceRequest => {
                let ok = note.a >> 16 == 0;
                self.harms.request(note.a as u16, ok);
                return self.user_request(now, program, SERVICE, ok);
            }
            NoteKind::LosesLeader => (Rung::Etcd, Sign::LeaderLost),
            NoteKind::EtcdCall if note.a >= 16 => (Rung::Etcd, Sign::CallFailed),
            NoteKind::EtcdCall if note.b > SLOW_CALL.us() => (Rung::Etcd, Sign::CallSlow),
            NoteKind::EtcdCall if note.a.is_multiple_of(16) => return self.once(now, RecoveryStep::EtcdCommits),
            NoteKind::ApiRequest if controller_wrote(note) => {
                return self.once(now, RecoveryStep::FirstControllerWrite);
            }
            NoteKind::NodeNotReady => (Rung::Nodes, Sign::NodeNotReady),
            NoteKind::Unhealthy => (Rung::ApiServers, Sign::CheckFailed),
            NoteKind::ApiRequest if matches!(note.a >> 8 & 0xffff, 429 | 500 | 503 | 504) => {
                (Rung::ApiServers, Sign::RequestFailed)
            }
            NoteKind::ApiRequest if note.b > SLOW_REQUEST.us() => (Rung::ApiServers, Sign::RequestSlow),
            NoteKind::RenewalFails => (Rung::LeaderElection, Sign::RenewalFailed),
            NoteKind::LeaseLost => (Rung::LeaderElection, Sign::LeaseLost),
            _ => return,
        };
        self.hurts(now, rung, sign, Some(program));
    }
    /// A user's request of this kind ended.
    fn user_request(&mut self, now: Time, program: ProgramId, kind: usize, ok: bool) {
        if ok {
            if self.user_failed.is_some() {
                self.user_ok.get_or_insert(now);
            }
            return;
        }
        self.hurts(now, Rung::Users, Sign::UserFailed, Some(program));
        (self.user_failed, self.user_ok) = (Some(now), None);
        if let Some(first) = self.kinds.get_mut(kind).filter(|_| self.settled) {
            first.get_or_insert(now);
        }
    }
    /// Something that happens once after the heal happened.
    fn once(&mut self, now: Time, step: RecoveryStep) {
        if self.healed.is_some() && self.steps[step as usize] == Progress::Waiting {
            self.steps[step as usize] = Progress::Reached(now);
        }
    }
    /// What the onlooker saw: how things stand.
    pub fn stands(&mut self, now: Time, mut standing: Standing) {
        self.next_look = now + LOOK_EVERY;
        let quiet = self.user_failed.is_none_or(|at| now.since(at) >= QUIET);
        standing[RecoveryStep::PodsReady as usize] = self.harms.counted().then(|| self.harms.whole());
        standing[RecoveryStep::UsersWell as usize] =
            Some(quiet && (self.user_failed.is_none() || self.user_ok.is_some()));
        if !self.settled {
            self.settled = standing.iter().all(|holds| holds.unwrap_or(true));
            // What users and pods lacked while the cluster started is nobody's harm.
            self.harms.begin();
            return;
        }
        if self.over {
            return;
        }
        if standing[RecoveryStep::PodsReady as usize] == Some(false) {
            self.hurts(now, Rung::Nodes, Sign::PodNotReady, None);
        }
        for step in RecoveryStep::ALL {
            let at = if step == RecoveryStep::UsersWell { self.user_ok.unwrap_or(now) } else { now };
            let progress = &mut self.steps[step as usize];
            match (standing[step as usize], *progress) {
                (Some(false), _) => *progress = Progress::Waiting,
                (Some(true), Progress::Waiting) if self.healed.is_some() => *progress = Progress::Reached(at),
                _ => {}
            }
        }
        // Where there is nothing to write, a controller's first write never comes.
        let waits = |step: &Step| *step != Step::FirstControllerWrite && self.step(*step) == Progress::Waiting;
        let waits = Step::ALL.iter().any(waits);
        self.over = self.healed.is_some_and(|healed| now.since(healed) >= QUIET) && !waits;
    }
}

/// An API server answered a write of a controller or the scheduler: what kube-controller-manager and kube-scheduler
/// write at their own level, for their Leases have another. At once is soon enough: a slow one counts, too.
fn controller_wrote(note: &Note) -> bool {
    let writes = (Verb::Create as u32..=Verb::Delete as u32).contains(&(note.a % 16));
    writes && note.a >> 24 == Level::WorkloadHigh as u32 && matches!(note.a >> 8 & 0xffff, 200 | 201)
}

/// Whether the API did its part for a user, whatever the status: `load::Kind` says which errors are no failures.
fn user_ok(kind: u32, status: u32) -> bool {
    let is = |kinds: &[Kind]| kinds.iter().any(|it| *it as u32 == kind);
    match status {
        200 | 201 => true,
        404 => is(&[Kind::Read, Kind::GetCached, Kind::Delete]),
        409 => is(&[Kind::Create]),
        _ => false,
    }
}
