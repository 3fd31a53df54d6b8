//! LIST 5: metrics under their real names, the alerts over them, and the lamps of early warnings.
//!
//! Prometheus is an onlooker here: it scrapes every process in the same instant, over no network, and what it hears of
//! objects (kube-state-metrics) is what the member of etcd that has applied most would say.

pub mod alerts;
pub mod book;
pub mod collect;
pub mod families;
pub mod lamps;
mod objects;
mod rules;
pub mod text;
pub mod window;

use crate::actor::ProgramId;
use crate::actor::role::{Note, NoteKind, Place, Role};
use crate::engine::{Span, Time};
use crate::milestones::look;
use crate::sim::{Sim, State};
pub use alerts::{Alert, AlertState, Alerts};
use collect::Registry;
pub use lamps::{Lamp, LampState, Lamps};
use rules::Rules;
use window::Windows;

/// How often metrics are sampled. Chosen: a usual scrape_interval.
pub const SCRAPE_EVERY: Span = Span::from_secs(15);
/// How often lamps look at what needs no sample. Chosen: an early warning should be early.
pub const GLANCE_EVERY: Span = Span::from_secs(1);

/// What monitoring knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Metrics {
    registry: Registry,
    windows: Windows,
    alerts: Alerts,
    lamps: Lamps,
    /// How many samples were taken: the first after one interval.
    scrapes: u64,
    next_glance: Time,
    /// Failed renewals since the newest sample.
    renewal_failures: u64,
    /// The API servers that ended watches early since the newest sample, a bit each.
    dropped: u32,
}

impl Metrics {
    /// The counters and histograms of every process.
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }
    /// What Prometheus remembers.
    pub const fn windows(&self) -> &Windows {
        &self.windows
    }
    /// The alerts.
    pub const fn alerts(&self) -> &Alerts {
        &self.alerts
    }
    /// The early warnings.
    pub const fn lamps(&self) -> &Lamps {
        &self.lamps
    }
    /// When the next sample is due.
    fn next_scrape(&self) -> Time {
        Time::ZERO + SCRAPE_EVERY.scale(self.scrapes + 1, 1)
    }
    /// When it wants [`Metrics::look`].
    pub fn next_look(&self) -> Time {
        self.next_scrape().min(self.next_glance)
    }
    /// A program made a note.
    pub fn note(&mut self, now: Time, place: Place, program: ProgramId, note: &Note) {
        if note.kind == NoteKind::RenewalFails {
            self.renewal_failures += 1;
            self.lamps.show(now, Lamp::RenewalFailures, self.renewal_failures);
        }
        if let (NoteKind::CacheLost, Place::Api(n)) = (note.kind, place)
            && note.b > 0
        {
            self.dropped |= 1 << n;
            self.lamps.show(now, Lamp::WatchDrops, self.dropped.count_ones().into());
        }
        self.registry.note(place, program, note);
    }
    /// A process ended.
    pub fn process_ended(&mut self, program: ProgramId) {
        self.registry.process_ended(program);
    }
    /// Does what is due at `now`: lamps, a sample, the alerts' conditions.
    pub fn look(&mut self, sim: &Sim, now: Time) {
        if self.next_glance <= now {
            self.next_glance = now + GLANCE_EVERY;
            self.glance(sim, now);
        }
        if self.next_scrape() > now {
            return;
        }
        self.scrapes += 1;
        let mut windows = core::mem::take(&mut self.windows);
        windows.sample(sim, self, now);
        self.windows = windows;
        self.lamps.show(now, Lamp::RenewalFailures, self.renewal_failures);
        self.renewal_failures = 0;
        self.lamps.show(now, Lamp::WatchDrops, self.watch_drops(sim));
        self.dropped = 0;
        self.lamps.show(now, Lamp::StorageLatency, self.storage_latency(sim));
        if now.ns().is_multiple_of(alerts::EVALUATE_EVERY.ns()) {
            Rules { sim, windows: &self.windows, now }.evaluate(&mut self.alerts);
        }
    }
    /// Lamps over gauges.
    fn glance(&mut self, sim: &Sim, now: Time) {
        let leaderless = |n: &u8| {
            let program = &sim.programs()[sim.directory().etcd(*n).ix()];
            match &program.role {
                Role::Etcd(etcd) => program.state == State::Running && etcd.raft().leader().is_none(),
                _ => false,
            }
        };
        let leaderless = (0..sim.directory().members).filter(leaderless).count() as u64;
        self.lamps.show(now, Lamp::NoLeader, leaderless);
        self.lamps.show(now, Lamp::QueueBacklog, look::backlog(sim).unwrap_or(0));
        self.lamps.show(now, Lamp::EventsDelayed, look::cache_lag(sim).unwrap_or(0));
    }
    /// How many API servers ended watches early since the sample before.
    fn watch_drops(&self, sim: &Sim) -> u64 {
        let mut dropped = self.dropped;
        for n in 0..sim.directory().api_servers {
            let grown = self.windows.watches_ended(sim.directory().api(n), SCRAPE_EVERY);
            dropped |= u32::from(grown.is_some_and(|grown| grown > 0)) << n;
        }
        dropped.count_ones().into()
    }
    /// The slowest API server's 99th percentile of calls of etcd since the sample before, in microseconds.
    fn storage_latency(&self, sim: &Sim) -> u64 {
        let p99 = |n: u8| self.windows.etcd_p99(sim.directory().api(n), SCRAPE_EVERY);
        (0..sim.directory().api_servers).filter_map(p99).max().unwrap_or(0)
    }
}
