//! Plays a run and hears every row of it.

use brownout_core::actor::ProgramId;
use brownout_core::actor::role::{Directory, NoteKind, Role};
use brownout_core::engine::{Row, Span, Time, Trace};
use brownout_core::fault::{Fault, FaultId};
use brownout_core::inspect;
use brownout_core::knob::Knob;
use brownout_core::net::packet::HostId;
use brownout_core::scenario::Scenario;
use brownout_core::sim::{Code, Command, Sim};

/// How often somebody looks whether a cluster has recovered, and how long it must stay so. Chosen: several heartbeats,
/// probes and renewals.
const STEADY: Span = Span::from_secs(10);

/// Whether the tests should take few seeds: what a developer runs all day.
pub fn quick() -> bool {
    std::env::var_os("BROWNOUT_QUICK").is_some_and(|value| value == "1")
}

/// `full` seeds, or a few of them in a quick run. Never fewer than `few`.
pub fn seeds(few: u64, full: u64) -> std::ops::Range<u64> {
    1..1 + if quick() { few } else { full }
}

/// A note with its moment and maker.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// When.
    pub at: Time,
    /// Who.
    pub program: ProgramId,
    /// What.
    pub kind: NoteKind,
    /// About what.
    pub a: u32,
    /// More about it.
    pub b: u64,
}

/// A run that remembers every note.
pub struct Play {
    /// The world.
    pub sim: Sim,
    trace: Trace,
    seen: u64,
    /// Every note so far.
    pub notes: Vec<Heard>,
    drops: Vec<Time>,
}

impl Play {
    /// The beginning of a scenario, without its script.
    pub fn new(scenario: &str, seed: u64) -> Self {
        let scenario = Scenario::named(scenario).expect("the test names a scenario");
        Self { sim: scenario.start(seed), trace: Trace::new(1 << 17), seen: 0, notes: Vec::new(), drops: Vec::new() }
    }
    /// A cluster with these dials.
    pub fn with(members: u8, seed: u64, dials: &[(Knob, u32)]) -> Self {
        let knobs = brownout_core::knob::Knobs::default().with_all(dials).expect("the test's dials are allowed");
        Self {
            sim: Sim::new(seed, Directory::stacked(members, 0), knobs),
            trace: Trace::new(1 << 17),
            seen: 0,
            notes: Vec::new(),
            drops: Vec::new(),
        }
    }
    /// Goes on for this long, hearing everything.
    pub fn run(&mut self, span: Span) -> &mut Self {
        let end = self.sim.now() + span;
        while self.sim.now() < end {
            let stop = (self.sim.now() + Span::from_ms(100)).min(end);
            while self.sim.step(stop, &mut self.trace) {}
            self.hear();
        }
        self
    }
    /// Goes on for so many seconds.
    pub fn secs(&mut self, secs: u64) -> &mut Self {
        self.run(Span::from_secs(secs))
    }
    fn hear(&mut self) {
        assert!(self.trace.rows().oldest() <= self.seen, "the trace forgot rows before the test heard them");
        for row in self.trace.rows().since(self.seen) {
            let Row { at, code, process, a, b, .. } = *row;
            if code == Code::Drop as u16 {
                self.drops.push(at);
            }
            if let Some(kind) = Code::note(code) {
                self.notes.push(Heard { at, program: ProgramId(process), kind, a, b });
            }
        }
        self.seen = self.trace.rows().end();
    }
    /// Gives a command.
    pub fn command(&mut self, command: Command) -> Option<FaultId> {
        let done = self.sim.command(&command, &mut self.trace).expect("the test's command is allowed");
        self.hear();
        done
    }
    /// Injects a fault.
    pub fn inject(&mut self, fault: Fault) {
        self.command(Command::Inject(fault));
    }
    /// Heals everything.
    pub fn heal(&mut self) {
        self.command(Command::HealAll);
    }
    /// Moves dials.
    pub fn set(&mut self, dials: &[(Knob, u32)]) {
        self.command(Command::Set(dials.to_vec()));
    }
    /// The member that leads.
    pub fn leader(&self) -> u8 {
        inspect::leader(&self.sim).unwrap_or_else(|| panic!("nobody leads at {:?}", self.sim.now()))
    }
    /// A member that follows.
    pub fn follower(&self) -> u8 {
        (self.leader() + 1) % self.sim.directory().members
    }
    /// The host of a member.
    pub fn host(&self, n: u8) -> HostId {
        HostId(u32::from(n))
    }
    /// The notes of a kind since a moment.
    pub fn since(&self, from: Time, kind: NoteKind) -> impl Iterator<Item = &Heard> {
        self.notes.iter().filter(move |note| note.at >= from && note.kind == kind)
    }
    /// When the first packet was dropped since a moment.
    pub fn first_drop(&self, from: Time) -> Option<Time> {
        self.drops.iter().copied().find(|at| *at >= from)
    }
    /// The first note of a kind since a moment that fits.
    pub fn first(&self, from: Time, kind: NoteKind, fits: impl Fn(&Heard) -> bool) -> Option<Heard> {
        self.since(from, kind).find(|note| fits(note)).copied()
    }
    /// Users' requests that ended in a window: to which API server, of which kind (0 read, 1 write), with which status,
    /// after how many us.
    pub fn requests(&self, from: Time, to: Time) -> Vec<UserRequest> {
        self.since(from, NoteKind::UserRequest).filter(|note| note.at < to).map(UserRequest::of).collect()
    }
    /// The share of users' requests of a kind to an API server that succeeded in a window.
    pub fn success(&self, api: u8, kind: u8, from: Time, to: Time) -> f64 {
        let all: Vec<_> = self.requests(from, to).into_iter().filter(|r| r.api == api && r.kind == kind).collect();
        assert!(!all.is_empty(), "no request of kind {kind} to API server {api} ended");
        all.iter().filter(|r| r.ok()).count() as f64 / all.len() as f64
    }
    /// What is wrong with the cluster now, in words; nothing if all is well.
    pub fn complaints(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let members = self.sim.directory().members;
        if inspect::leader(&self.sim).is_none() {
            wrong.push("nobody leads".to_string());
        }
        for program in self.sim.programs() {
            let n = program.host.0 + 1;
            match &program.role {
                Role::Etcd(etcd) if etcd.raft().leader().is_none() => wrong.push(format!("member {n} knows no leader")),
                Role::Etcd(etcd) if etcd.peers().iter().any(|peer| peer.streams() < 2) => {
                    wrong.push(format!("member {n} lacks a stream"));
                }
                Role::Api(api) if !api.healthy() => wrong.push(format!("API server {n} is not healthy")),
                _ => {}
            }
        }
        for component in 0..2 {
            let holder = inspect::holder(&self.sim, component);
            let left = inspect::lease_left(&self.sim, component);
            if holder.is_none() || left == Span::ZERO {
                wrong.push(format!("component {component} has no holder"));
            }
        }
        let revisions: Vec<u64> = (0..members).map(|n| self.etcd(n).store().revision()).collect();
        let (least, most) = (revisions.iter().min(), revisions.iter().max());
        if most.zip(least).is_some_and(|(most, least)| most - least > 20) {
            wrong.push(format!("revisions are apart: {revisions:?}"));
        }
        if self.sim.observer().violations() > 0 {
            wrong.push(format!("a rule was broken: {:?}", self.sim.observer().first_violation()));
        }
        wrong
    }
    /// Goes on until nothing is wrong with the cluster any more, for so long at most, and ten seconds beyond. Returns what
    /// is wrong then: nothing, if it recovered by itself and stayed so.
    pub fn recovers(&mut self, within: Span) -> Vec<String> {
        let until = self.sim.now() + within;
        loop {
            self.run(STEADY.min(until.since(self.sim.now())));
            if self.complaints().is_empty() || self.sim.now() >= until {
                break;
            }
        }
        self.run(STEADY);
        self.complaints()
    }
    /// A member.
    pub fn etcd(&self, n: u8) -> &brownout_core::etcd::Etcd {
        match &self.sim.programs()[self.sim.directory().etcd(n).ix()].role {
            Role::Etcd(etcd) => etcd,
            _ => unreachable!("the directory names members"),
        }
    }
    /// The users.
    pub fn load(&self) -> &brownout_core::load::Load {
        match &self.sim.programs()[self.sim.directory().load().ix()].role {
            Role::Load(load) => load,
            _ => unreachable!("the directory names the users"),
        }
    }
}

/// A request of a user that ended.
#[derive(Clone, Copy, Debug)]
pub struct UserRequest {
    /// When it ended.
    pub at: Time,
    /// 0 read, 1 write.
    pub kind: u8,
    /// To which API server, from 0.
    pub api: u8,
    /// Its status.
    pub status: u16,
    /// How long it took.
    pub latency_us: u64,
}

impl UserRequest {
    /// The request that a note tells of.
    pub const fn of(note: &Heard) -> Self {
        Self {
            at: note.at,
            kind: (note.a & 0xff) as u8,
            api: (note.a >> 8 & 0xff) as u8,
            status: (note.a >> 16) as u16,
            latency_us: note.b,
        }
    }
    /// Whether it succeeded.
    pub const fn ok(&self) -> bool {
        matches!(self.status, 200 | 201) || (self.kind == 0 && self.status == 404)
    }
}

/// A distribution of seconds, printed and held to limits.
pub struct Spread {
    name: String,
    values: Vec<f64>,
}

impl Spread {
    /// Values in any order.
    pub fn new(name: &str, mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "{name}: nothing was measured");
        values.sort_by(f64::total_cmp);
        let spread = Self { name: name.to_string(), values };
        println!(
            "{name}: n {} min {:.3} p10 {:.3} p50 {:.3} p90 {:.3} max {:.3}",
            spread.values.len(),
            spread.at(0.0),
            spread.at(0.1),
            spread.at(0.5),
            spread.at(0.9),
            spread.at(1.0)
        );
        spread
    }
    /// A quantile.
    pub fn at(&self, q: f64) -> f64 {
        self.values[((self.values.len() - 1) as f64 * q).round() as usize]
    }
    /// Promises that all values lie within.
    pub fn all_within(&self, from: f64, to: f64) -> &Self {
        let (min, max) = (self.at(0.0), self.at(1.0));
        assert!(min >= from && max <= to, "{}: {min:.3}..{max:.3} is not within {from}..{to}", self.name);
        self
    }
    /// Promises that the median lies within.
    pub fn median_within(&self, from: f64, to: f64) -> &Self {
        let median = self.at(0.5);
        assert!((from..=to).contains(&median), "{}: the median {median:.3} is not within {from}..{to}", self.name);
        self
    }
    /// Promises that at least this share of the values lies within.
    pub fn most_within(&self, share: f64, from: f64, to: f64) -> &Self {
        let inside = self.values.iter().filter(|value| (from..=to).contains(*value)).count();
        let found = inside as f64 / self.values.len() as f64;
        assert!(found >= share, "{}: only {found:.2} within {from}..{to}, not {share}", self.name);
        self
    }
}

/// Seconds between two moments.
pub fn secs(from: Time, to: Time) -> f64 {
    to.since(from).ns() as f64 / 1e9
}
