//! Sampled series for charts: a point every quarter of a simulated second, beside the world, cut on a branch.

use crate::actor::role::{Directory, Place, Role};
use crate::engine::{Ring, Span, Time};
use crate::inspect;
use crate::invariant::Verdict;
use crate::knob::Knob;
use crate::load::Kind;
use crate::milestones::Rung;
use crate::sim::Sim;

/// How often the charts get a point. Chosen: finer than an eye tells apart in half an hour.
pub const SAMPLE_EVERY: Span = Span::from_ms(250);
/// How many points share a look back over ten seconds. Unit: points. Chosen: a second is a tenth of what it shows.
const WINDOWS_EVERY: u64 = 4;
/// How many points are kept; the oldest give way. Unit: points. Chosen: half an hour and some.
const SAMPLES: u32 = 8192;
/// The most API servers there are. Code: a table's size.
pub const MAX_APIS: usize = 5;
/// How many kinds of requests there are. Code: a table's size.
pub const KINDS: usize = Kind::ALL.len();

/// Something for each API server and kind of request.
pub type PerKind<T> = [[T; KINDS]; MAX_APIS];
/// A running count of each.
pub type Counts = PerKind<u64>;

/// One point of every series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Sample {
    /// When.
    pub at: Time,
    /// Requests that succeeded since the point before, by API server and kind.
    pub ok: PerKind<u32>,
    /// Requests that failed since the point before.
    pub failed: PerKind<u32>,
    /// Share of the requests ended in the last ten seconds that succeeded, in ppm; none: none ended.
    pub success_ppm: PerKind<Option<u32>>,
    /// Median latency of the successes of the last ten seconds, in us; 0: none.
    pub p50_us: PerKind<u32>,
    /// Their 99th percentile.
    pub p99_us: PerKind<u32>,
    /// Elections won so far.
    pub leader_changes: u32,
    /// Bit n: member n knows no leader.
    pub leaderless: u32,
    /// What is left of each component's Lease, as the store has it, in ms.
    pub lease_left_ms: [u32; 2],
    /// Pods that are ready and not being deleted, and pods that workloads ask for.
    pub pods: [u32; 2],
    /// Keys in the controllers' work queues, and pods in the scheduler's.
    pub backlog: [u32; 2],
    /// The most that a watcher among an API server's users has missed a write for, in ms.
    pub stale_ms: u32,
    /// Share of the requests to Services ended in the last ten seconds that succeeded, in ppm; none: none ended.
    pub service_ppm: Option<u32>,
    /// What the timeline's lanes are painted by.
    pub lanes: Lanes,
}

/// How things stood at a point, for the lanes of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Lanes {
    /// The member that leads in the newest term, and that term.
    pub leader: Option<(u8, u32)>,
    /// Of each component: the API server beside which the holder of the Lease runs, as the store has it.
    pub holder: [Option<u8>; 2],
    /// Bit n: the process beside API server n believes that it leads.
    pub believes: [u8; 2],
    /// Bit n: and it can act.
    pub can_act: [u8; 2],
    /// How many faults are in force; a dial that loses packets is one.
    pub faults: u8,
    /// Bit n: rung n has been hurt in the episode under way.
    pub hurt: u8,
    /// When the episode under way began.
    pub began: Option<Time>,
    /// When it was healed.
    pub healed: Option<Time>,
    /// Bit n: verdict n has been found broken.
    pub broken: u16,
}

impl Lanes {
    fn of(sim: &Sim) -> Self {
        let milestones = sim.observer().milestones();
        let mut lanes = Self { faults: sim.faults().len() as u8, ..Self::default() };
        lanes.faults += u8::from(sim.knobs().get(Knob::Loss) > 0);
        lanes.leader =
            inspect::leader(sim).map(|n| (n, sim.observer().newest_leader().map_or(0, |(term, ..)| term as u32)));
        for component in 0..2 {
            let holder = inspect::holder(sim, component).map(|id| sim.directory().place(id));
            let place = usize::from(component);
            if let Some(Place::Control(api, _)) = holder {
                lanes.holder[place] = Some(api);
            }
            for api in 0..sim.directory().api_servers {
                let [believes, can_act] = inspect::leads(sim, api, component);
                lanes.believes[place] |= u8::from(believes) << api;
                lanes.can_act[place] |= u8::from(can_act) << api;
            }
        }
        for verdict in Verdict::ALL {
            let broken = sim.observer().finding(verdict).broken > 0;
            lanes.broken |= u16::from(broken) << verdict as u8;
        }
        if !milestones.over() {
            let hurt = |rung: &Rung| u8::from(milestones.hurt(*rung).is_some()) << *rung as u8;
            lanes.hurt = Rung::ALL.iter().map(hurt).sum();
            (lanes.began, lanes.healed) = (milestones.began(), milestones.healed());
        }
        lanes
    }
}

/// The series.
#[derive(Clone, Debug)]
pub struct History {
    samples: Ring<Sample>,
    members: usize,
    apis: usize,
    ok: Counts,
    failed: Counts,
    next: u64,
}

impl History {
    /// No points yet, for a cluster of this size.
    pub fn new(directory: Directory) -> Self {
        Self {
            samples: Ring::new(SAMPLES),
            members: usize::from(directory.members),
            apis: usize::from(directory.api_servers),
            ok: Default::default(),
            failed: Default::default(),
            next: 0,
        }
    }
    /// The points still here from number `from` on.
    pub fn since(&self, from: u64) -> impl Iterator<Item = &Sample> {
        self.samples.since(from)
    }
    /// One more than the number of the newest point.
    pub fn end(&self) -> u64 {
        self.samples.end()
    }
    /// The number of the oldest point still here.
    pub const fn oldest(&self) -> u64 {
        self.samples.oldest()
    }
    /// When the next point is due, after `now`.
    pub fn next_at(&self, now: Time) -> Time {
        let every = SAMPLE_EVERY.ns();
        Time::from_ns((self.next * every).max(now.ns() / every * every).max(now.ns()))
    }
    /// Takes a point if one is due at `at`.
    pub fn sample(&mut self, sim: &Sim, at: Time) {
        let due = Time::from_ns(self.next * SAMPLE_EVERY.ns());
        if at < due {
            return;
        }
        let number = self.next;
        self.next = at.ns() / SAMPLE_EVERY.ns() + 1;
        if number < self.samples.end() {
            // A replay takes the points again that are here already; only what they are measured from must follow.
            return self.count(sim, &mut Sample::default());
        }
        let mut sample = Sample { at, leader_changes: sim.observer().leader_changes(), ..Sample::default() };
        for n in 0..self.members {
            let known = sim.observer().members()[n].leaderless_since.is_some();
            sample.leaderless |= u32::from(known) << n;
        }
        sample.lease_left_ms = [0, 1].map(|component| inspect::lease_left(sim, component).ms() as u32);
        sample.lanes = Lanes::of(sim);
        sample.pods = inspect::pods_ready(sim);
        sample.backlog = inspect::backlog(sim);
        let stale = (0..self.apis as u8).map(|api| inspect::watch_behind(sim, api)).max();
        sample.stale_ms = stale.unwrap_or_default().ms() as u32;
        self.count(sim, &mut sample);
        match number.checked_sub(1).and_then(|before| self.samples.get(before)) {
            // What looks back ten seconds changes little in a quarter of one.
            Some(before) if !number.is_multiple_of(WINDOWS_EVERY) => {
                sample.service_ppm = before.service_ppm;
                sample.success_ppm = before.success_ppm;
                (sample.p50_us, sample.p99_us) = (before.p50_us, before.p99_us);
            }
            _ => self.look_back(sim, &mut sample),
        }
        self.samples.push(sample);
    }
    /// What ended since the point before.
    fn count(&mut self, sim: &Sim, sample: &mut Sample) {
        let Role::Load(load) = &sim.programs()[sim.directory().load().ix()].role else { return };
        for api in 0..self.apis {
            for (kind, of) in Kind::ALL.into_iter().enumerate() {
                let stream = load.stream(api as u8, of);
                sample.ok[api][kind] = (stream.ok - self.ok[api][kind]) as u32;
                sample.failed[api][kind] = (stream.failed - self.failed[api][kind]) as u32;
                self.ok[api][kind] = stream.ok;
                self.failed[api][kind] = stream.failed;
            }
        }
    }
    /// What the last ten seconds were like.
    fn look_back(&self, sim: &Sim, sample: &mut Sample) {
        if let Role::Load(load) = &sim.programs()[sim.directory().load().ix()].role {
            let now = sim.local(sim.directory().load());
            let services = load.traffic().iter().map(|traffic| inspect::window(&traffic.stream, now));
            let (ok, ended) = services.fold((0, 0), |(ok, ended), window| (ok + window.ok, ended + window.ended));
            sample.service_ppm = (ended > 0).then(|| (u64::from(ok) * 1_000_000 / u64::from(ended)) as u32);
            for api in 0..self.apis {
                for (kind, of) in Kind::ALL.into_iter().enumerate() {
                    let window = inspect::window(load.stream(api as u8, of), now);
                    sample.success_ppm[api][kind] = window.success_ppm;
                    sample.p50_us[api][kind] = window.p50_us;
                    sample.p99_us[api][kind] = window.p99_us;
                }
            }
        }
    }
    /// The world went back to where this many points had been taken.
    pub fn rewind(&mut self, samples: u64, ok: Counts, failed: Counts) {
        self.next = samples;
        self.ok = ok;
        self.failed = failed;
    }
    /// What the next point is measured from: for going back to here.
    pub const fn base(&self) -> (Counts, Counts) {
        (self.ok, self.failed)
    }
    /// How many points have been taken up to where the world is.
    pub const fn taken(&self) -> u64 {
        self.next
    }
    /// The past was changed: forgets the points that came after.
    pub fn truncate(&mut self) {
        self.samples.truncate(self.next);
    }
}
