//! Questions that two runs of one luck answer. Each is a pair of beginnings and scripts; `tests` holds what is promised of
//! them. A new one is an entry of [`ALL`].

use crate::actor::role::Directory;
use crate::engine::{Ppm, Span, Time};
use crate::fault::Fault;
use crate::inspect;
use crate::knob::Knob;
use crate::net::packet::HostId;
use crate::sim::{Command, Refused, Sim};
use crate::timeline::Timeline;
use alloc::vec;
use alloc::vec::Vec;

/// The scenario that both sides of every preset begin with. Chosen: nothing is wrong, and nothing is done but what a
/// side's script says.
pub const SCENARIO: &str = "quiet";
/// When the script begins to be known; the page opens here. Chosen: everybody is elected, and nothing has been done.
pub const OPENS: Time = Time::from_secs(32);
/// When a script breaks something. Chosen: three seconds to look at the two being the same.
pub const BREAKS: Time = Time::from_secs(35);

/// One of the two runs.
#[derive(Debug)]
pub struct Side {
    /// What is special about it, in a few words.
    pub label: &'static str,
    /// What there is.
    pub directory: Directory,
    /// Flags it starts with.
    pub knobs: &'static [(Knob, u32)],
    /// What is done to it, in the world as it is when it [`OPENS`]: who leads depends on the luck.
    pub script: fn(&Sim) -> Vec<(Time, Command)>,
}

/// Two runs and the question that they answer.
#[derive(Debug)]
pub struct Preset {
    /// Its name in links.
    pub name: &'static str,
    /// The question.
    pub question: &'static str,
    /// What is done, in a sentence or two, and where to look.
    pub about: &'static str,
    /// The two runs: A and B.
    pub sides: [Side; 2],
}

/// How long a leader's host is gone. Chosen: an election and a minute to see what it did.
const LEADER_GONE: Span = Span::from_secs(60);
/// How long a follower is away. Chosen: long enough for many elections of its own.
const FOLLOWER_AWAY: Span = Span::from_secs(30);
/// How long a member is dead. Chosen: a minute of writes, to count those that fail.
const MEMBER_DEAD: Span = Span::from_secs(60);
/// How long there is no quorum. Chosen: longer than the default renew deadline, shorter than the long one.
const NO_QUORUM: Span = Span::from_secs(20);
/// How long the holder's host is dead. Chosen: twice the long lease.
const HOLDER_DEAD: Span = Span::from_secs(120);
/// How long packets are lost. Chosen: enough for a count.
const LOSSY: Span = Span::from_secs(90);
/// And how many. Chosen: what the written analysis is about.
const LOSS: Ppm = Ppm::new(300_000);
/// Ten nodes with the standard workloads. Code: a cluster.
const STACKED: Directory = Directory::stacked(3, 10);
/// The same with etcd on three hosts of its own. Code: a cluster.
const EXTERNAL: Directory = Directory { external: true, ..STACKED };

/// Every preset, in the order of the page's cards. Code: a list.
pub const ALL: &[Preset] = &[
    Preset {
        name: "cut-or-crashed",
        question: "Is a member that is cut off worse than one that crashed?",
        about: "After three seconds the leader's host is lost for a minute: in A it can't reach the other two but users \
                reach it, in B it has no power.",
        sides: [
            Side { label: "cut off", script: |sim| lost(sim, |host| Fault::Isolate { host }), ..PLAIN },
            Side { label: "crashed", script: |sim| lost(sim, |host| Fault::Crash { host }), ..PLAIN },
        ],
    },
    Preset {
        name: "pre-vote",
        question: "What does PreVote prevent?",
        about: "After three seconds a follower is cut off; half a minute later it comes back. A asks before it \
                campaigns, B does not: watch the term, and who leads when it returns.",
        sides: [
            Side { label: "PreVote on", script: rejoins, ..PLAIN },
            Side { label: "PreVote off", knobs: &[(Knob::PreVote, 0)], script: rejoins, ..PLAIN },
        ],
    },
    Preset {
        name: "stacked-or-external",
        question: "Who suffers when one etcd member dies?",
        about: "After three seconds one follower's etcd is dead for a minute. In A each API server has only the member \
                beside it, in B every API server may ask all three.",
        sides: [
            Side { label: "stacked etcd", script: member_dies, ..PLAIN },
            Side { label: "external etcd", directory: EXTERNAL, script: member_dies, ..PLAIN },
        ],
    },
    Preset {
        name: "lease-outage",
        question: "Does a longer lease survive a short outage?",
        about: "After three seconds two of three members are dead for 20 seconds. In A a holder gives up after 10 \
                seconds without renewing (15/10/2), in B after 40 (60/40/10).",
        sides: [
            Side { label: "lease 15/10/2", script: quorum_lost, ..PLAIN },
            Side { label: "lease 60/40/10", knobs: LONG_LEASE, script: quorum_lost, ..PLAIN },
        ],
    },
    Preset {
        name: "lease-takeover",
        question: "And when the holder dies: what does a longer lease cost?",
        about: "After three seconds the host of the controller manager that holds the lease is lost for two minutes. \
                Others may take over when its lease runs out: in A after 15 seconds, in B after 60.",
        sides: [
            Side { label: "lease 15/10/2", script: holder_dies, ..PLAIN },
            Side { label: "lease 60/40/10", knobs: LONG_LEASE, script: holder_dies, ..PLAIN },
        ],
    },
    Preset {
        name: "follower-or-leader",
        question: "Does it matter which member loses packets?",
        about: "After three seconds 30 % of the packets between one member's host and the other two are lost, for a \
                minute and a half: in A at a follower, in B at the leader.",
        sides: [
            Side { label: "loss at a follower", script: |sim| lossy(follower(sim)), ..PLAIN },
            Side { label: "loss at the leader", script: |sim| lossy(leader(sim)), ..PLAIN },
        ],
    },
];

/// A side on which nothing is special, for the others to begin with. Code: a beginning.
const PLAIN: Side = Side { label: "", directory: STACKED, knobs: &[], script: |_| Vec::new() };
/// Leases four times as long and more. Chosen: as operators choose them for slow networks.
const LONG_LEASE: &[(Knob, u32)] =
    &[(Knob::LeaseDuration, 60_000), (Knob::RenewDeadline, 40_000), (Knob::RetryPeriod, 10_000)];

fn leader(sim: &Sim) -> HostId {
    HostId(inspect::leader(sim).unwrap_or(0).into())
}
fn follower(sim: &Sim) -> HostId {
    HostId((leader(sim).0 + 1) % u32::from(sim.directory().members))
}
/// A fault from the beginning of the trouble until it is healed.
fn trouble(faults: Vec<Fault>, span: Span) -> Vec<(Time, Command)> {
    let mut script: Vec<_> = faults.into_iter().map(|fault| (BREAKS, Command::Inject(fault))).collect();
    script.push((BREAKS + span, Command::HealAll));
    script
}
fn lost(sim: &Sim, fault: fn(HostId) -> Fault) -> Vec<(Time, Command)> {
    trouble(vec![fault(leader(sim))], LEADER_GONE)
}
fn rejoins(sim: &Sim) -> Vec<(Time, Command)> {
    trouble(vec![Fault::Isolate { host: follower(sim) }], FOLLOWER_AWAY)
}
fn member_dies(sim: &Sim) -> Vec<(Time, Command)> {
    trouble(vec![Fault::KillEtcd { host: follower(sim) }], MEMBER_DEAD)
}
fn quorum_lost(sim: &Sim) -> Vec<(Time, Command)> {
    let others = (0..u32::from(sim.directory().members)).map(HostId).filter(|host| *host != leader(sim));
    trouble(others.map(|host| Fault::KillEtcd { host }).collect(), NO_QUORUM)
}
fn holder_dies(sim: &Sim) -> Vec<(Time, Command)> {
    let host = inspect::holder(sim, 0).map_or(HostId(0), |holder| sim.programs()[holder.ix()].host);
    trouble(vec![Fault::Crash { host }], HOLDER_DEAD)
}
fn lossy(host: HostId) -> Vec<(Time, Command)> {
    trouble(vec![Fault::Lossy { host, loss: LOSS }], LOSSY)
}

impl Preset {
    /// The preset of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|preset| preset.name == name)
    }
    /// Both runs as they open: played to [`OPENS`], with their scripts ahead.
    ///
    /// # Errors
    /// If a flag is not allowed: a mistake in the preset.
    pub fn open(&self, seed: u64) -> Result<[Timeline; 2], Refused> {
        let open = |side: &Side| {
            let mut run = side.begin(seed)?;
            run.seek(OPENS, u32::MAX);
            side.prepare(&mut run)?;
            Ok(run)
        };
        let [a, b] = &self.sides;
        Ok([open(a)?, open(b)?])
    }
}

impl Side {
    /// The beginning of the run, for whoever plays it in slices up to [`OPENS`].
    ///
    /// # Errors
    /// If a flag is not allowed: a mistake in the preset.
    pub fn begin(&self, seed: u64) -> Result<Timeline, Refused> {
        let mut run = Timeline::with(SCENARIO, self.directory, seed)?;
        if !self.knobs.is_empty() {
            run.schedule(Time::ZERO, Command::Set(self.knobs.to_vec()))?;
        }
        Ok(run)
    }
    /// Puts the script ahead of a run that stands at [`OPENS`].
    ///
    /// # Errors
    /// If there are too many commands.
    pub fn prepare(&self, run: &mut Timeline) -> Result<(), Refused> {
        for (at, command) in (self.script)(run.sim()) {
            run.schedule(at, command)?;
        }
        Ok(())
    }
}
