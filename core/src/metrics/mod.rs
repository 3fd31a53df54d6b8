//! LIST 5: metrics under their real names, the alerts over them, and the lamps of early warnings.
//!
//! Prometheus is an onlooker here: it scrapes every process in the same instant, over no network, and what it hears of
//! objects (kube-state-metrics) is what the member of etcd that has applied most would say.

pub mod alerts;
pub mod book;
pub mod collect;
pub mod families;
pub mod lamps;
mod rules;
pub mod text;
pub mod window;

use crate::actor::ProgramId;
use crate::actor::role::{Note, NoteKind, Place, Role};
use crate::engine::{Span, Time};
use crate::sim::{Sim, State};
pub use alerts::{Alert, AlertState, Alerts};
use collect::Registry;
use families::Family;
pub use lamps::{Lamp, LampState, Lamps};
use rules::Rules;
use window::Windows;

/// How often metrics are sampled. Chosen: 15 s, a usual scrape_interval.
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
    next_scrape: Time,
    next_evaluation: Time,
    next_glance: Time,
    /// Failed renewals since the newest sample.
    renewal_failures: u64,
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
    /// When it wants [`Metrics::look`].
    pub fn next_look(&self) -> Time {
        self.next_scrape.min(self.next_glance)
    }
    /// A program made a note.
    pub fn note(&mut self, now: Time, place: Place, program: ProgramId, note: &Note) {
        if note.kind == NoteKind::RenewalFails {
            self.renewal_failures += 1;
            self.lamps.show(now, Lamp::RenewalFailures, self.renewal_failures);
        }
        self.registry.note(place, program, note);
    }
    /// A process ended.
    pub fn process_ended(&mut self, program: ProgramId) {
        self.registry.process_ended(program);
    }
    /// A sync of a member's write-ahead log takes this long.
    pub fn syncs(&mut self, program: ProgramId, took: Span) {
        self.registry.syncs(program, took);
    }
    /// Does what is due at `now`: lamps, a sample, the alerts' conditions.
    pub fn look(&mut self, sim: &Sim, now: Time) {
        if self.next_glance <= now {
            self.next_glance = now + GLANCE_EVERY;
            self.glance(sim, now);
        }
        if self.next_scrape > now {
            return;
        }
        self.next_scrape = now + SCRAPE_EVERY;
        let mut windows = core::mem::take(&mut self.windows);
        windows.sample(sim, self, now);
        self.windows = windows;
        self.lamps.show(now, Lamp::RenewalFailures, self.renewal_failures);
        self.renewal_failures = 0;
        self.lamps.show(now, Lamp::StorageLatency, self.storage_latency(sim));
        if self.next_evaluation <= now {
            self.next_evaluation = now + alerts::EVALUATE_EVERY;
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
    }
    /// The slowest member's 99th percentile of calls since the sample before, in microseconds.
    fn storage_latency(&self, sim: &Sim) -> u64 {
        let p99 = |n: u8, method| self.windows.p99(sim.directory().etcd(n), Family::GrpcHandling, method, SCRAPE_EVERY);
        let all = (0..sim.directory().members).flat_map(|n| [p99(n, 0), p99(n, 1)]);
        all.flatten().max().unwrap_or(0)
    }
}
