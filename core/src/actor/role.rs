//! LIST 2: every program, with its timers, and every note a program can make.

use super::{Actor, Cx, Input, ProgramId};
use crate::{api, control, etcd, load};

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
}

impl Timer {
    /// Names of timers, by code.
    pub const NAMES: [&'static str; 13] = [
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
            },
            Self::Api(_) => 10,
            Self::Control(_) => 11,
            Self::Load(_) => 12,
        }
    }
}

/// A program of a host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::large_enum_variant, reason = "there is one per program, and it never moves")]
pub enum Role {
    /// An etcd member.
    Etcd(etcd::Etcd),
    /// An API server.
    Api(api::ApiServer),
    /// kube-controller-manager or kube-scheduler.
    Control(control::Control),
    /// Users of the API.
    Load(load::Load),
}

impl Actor for Role {
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        match self {
            Self::Etcd(program) => program.handle(cx, input),
            Self::Api(program) => program.handle(cx, input),
            Self::Control(program) => program.handle(cx, input),
            Self::Load(program) => program.handle(cx, input),
        }
    }
}

/// Which program serves what, so that programs can find each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Directory {
    /// How many members, which is also how many API servers and control-plane hosts there are.
    pub members: u8,
}

impl Directory {
    /// How many programs each control-plane host runs: etcd, API server, controller manager, scheduler.
    pub const PER_HOST: u16 = 4;

    /// The etcd member of control-plane host `n` (from 0).
    pub const fn etcd(self, n: u8) -> ProgramId {
        ProgramId(n as u16 * Self::PER_HOST)
    }
    /// The API server of control-plane host `n`.
    pub const fn api(self, n: u8) -> ProgramId {
        ProgramId(n as u16 * Self::PER_HOST + 1)
    }
    /// The controller manager (0) or scheduler (1) of control-plane host `n`.
    pub const fn control(self, n: u8, component: u8) -> ProgramId {
        ProgramId(n as u16 * Self::PER_HOST + 2 + component as u16)
    }
    /// The users, on a host of their own.
    pub const fn load(self) -> ProgramId {
        ProgramId(self.members as u16 * Self::PER_HOST)
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
            /// Every kind, in the order of its number.
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
    /// API server: a request ended. a: verb + 256 times status, b: latency in us.
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
}

impl Note {
    /// A note.
    pub const fn new(kind: NoteKind, a: u32, b: u64) -> Self {
        Self { kind, a, b }
    }
}
