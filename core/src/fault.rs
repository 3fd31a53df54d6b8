//! LIST 3: faults as data. Two pure functions are their only effect: what a link becomes, and what a host becomes.

use crate::engine::{Ppm, Span};
use crate::net::link::Params;
use crate::net::packet::HostId;

/// The name of an injected fault, for healing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(pub u32);

/// One injected fault, in force until healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nothing passes from `from` to `to`. The other direction still works.
    Cut {
        /// Where packets would leave.
        from: HostId,
        /// Where they would arrive.
        to: HostId,
    },
    /// Nothing passes between `host` and the other control-plane hosts, in either direction; a node is cut off from all.
    Isolate {
        /// The host cut off.
        host: HostId,
    },
    /// Every packet between `host` and the other control-plane hosts is lost with this chance, beside what else may
    /// happen to it; of a node, every packet.
    Lossy {
        /// The host.
        host: HostId,
        /// Chance per packet and direction.
        loss: Ppm,
    },
    /// Packets between `host` and the other control-plane hosts are lost in bursts.
    Bursty {
        /// The host.
        host: HostId,
        /// Chance per packet to enter a burst.
        enter: Ppm,
        /// Chance per packet to leave it.
        leave: Ppm,
        /// Chance per packet to be lost within it.
        loss: Ppm,
    },
    /// Packets into or out of `host` take this much longer.
    Slow {
        /// The host.
        host: HostId,
        /// How much longer, one way.
        extra: Span,
    },
    /// The host loses its power; healing boots it.
    Crash {
        /// The host.
        host: HostId,
    },
    /// The host's etcd is killed; healing starts it again.
    KillEtcd {
        /// The host.
        host: HostId,
    },
    /// The programs of the host stand still; its kernel goes on.
    Pause {
        /// The host.
        host: HostId,
    },
    /// The API server of the host stands still: it accepts connections and answers nothing.
    HangApi {
        /// The host.
        host: HostId,
    },
    /// Writes to the host's disk take this many times as long.
    SlowDisk {
        /// The host.
        host: HostId,
        /// How many times.
        times: u32,
    },
    /// The host's clock runs at this rate.
    ClockRate {
        /// The host.
        host: HostId,
        /// Local microseconds in a true second.
        rate_ppm: u32,
    },
    /// Nothing passes between any node and any control-plane host.
    CutNodes,
}

/// What faults make of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostShape {
    /// Whether it has power.
    pub up: bool,
    /// Whether its programs stand still.
    pub paused: bool,
    /// Whether its etcd is kept from running.
    pub etcd_killed: bool,
    /// Whether its API server stands still.
    pub api_hung: bool,
    /// How many times as long its disk takes.
    pub disk_times: u32,
    /// How fast its clock runs, in local microseconds per true second.
    pub clock_ppm: u32,
}

impl HostShape {
    /// A host without faults. Code: a beginning.
    pub const HEALTHY: Self =
        Self { up: true, paused: false, etcd_killed: false, api_hung: false, disk_times: 1, clock_ppm: 1_000_000 };
}

impl Fault {
    /// What the link `from → to` becomes under this fault. The lowest `control` numbers are control-plane hosts.
    pub fn shape_link(&self, from: HostId, to: HostId, control: u32, link: Params) -> Params {
        // A control-plane host's trouble is with its peers; any other host's with everybody.
        let between = from != to && from.0 < control && to.0 < control;
        let touches = |host: HostId| host == from || host == to;
        let hits = |host: HostId| touches(host) && if host.0 < control { between } else { from != to };
        match *self {
            Self::Cut { from: f, to: t } if (f, t) == (from, to) => Params { cut: true, ..link },
            Self::Isolate { host } if hits(host) => Params { cut: true, ..link },
            Self::Lossy { host, loss } if hits(host) => Params { loss: link.loss.or(loss), ..link },
            Self::Bursty { host, enter, leave, loss } if hits(host) => {
                Params { burst_enter: enter, burst_leave: leave, burst_loss: loss, ..link }
            }
            Self::CutNodes if (from.0 < control && to.0 > control) || (from.0 > control && to.0 < control) => {
                Params { cut: true, ..link }
            }
            Self::Slow { host, extra } if from != to && touches(host) => Params { delay: link.delay + extra, ..link },
            _ => link,
        }
    }
    /// What `host` becomes under this fault.
    pub const fn shape_host(&self, host: HostId, shape: HostShape) -> HostShape {
        match *self {
            Self::Crash { host: h } if h.0 == host.0 => HostShape { up: false, ..shape },
            Self::KillEtcd { host: h } if h.0 == host.0 => HostShape { etcd_killed: true, ..shape },
            Self::Pause { host: h } if h.0 == host.0 => HostShape { paused: true, ..shape },
            Self::HangApi { host: h } if h.0 == host.0 => HostShape { api_hung: true, ..shape },
            Self::SlowDisk { host: h, times } if h.0 == host.0 => HostShape { disk_times: times, ..shape },
            Self::ClockRate { host: h, rate_ppm } if h.0 == host.0 => HostShape { clock_ppm: rate_ppm, ..shape },
            _ => shape,
        }
    }
    /// Every fault's name. Code: a list.
    pub const NAMES: [&'static str; 12] = [
        "cut",
        "isolate",
        "lossy",
        "bursty",
        "slow",
        "crash",
        "kill-etcd",
        "pause",
        "hang-api",
        "slow-disk",
        "clock-rate",
        "cut-nodes",
    ];
    /// The fault's name in links and journals.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Cut { .. } => "cut",
            Self::Isolate { .. } => "isolate",
            Self::Lossy { .. } => "lossy",
            Self::Bursty { .. } => "bursty",
            Self::Slow { .. } => "slow",
            Self::Crash { .. } => "crash",
            Self::KillEtcd { .. } => "kill-etcd",
            Self::Pause { .. } => "pause",
            Self::HangApi { .. } => "hang-api",
            Self::SlowDisk { .. } => "slow-disk",
            Self::ClockRate { .. } => "clock-rate",
            Self::CutNodes => "cut-nodes",
        }
    }
}
