//! LIST 5: metrics under their real names, the alerts over them, and the lamps of early warnings.
//!
//! Prometheus is an onlooker here: it scrapes every process in the same instant, over no network, and what it hears of
//! objects (kube-state-metrics) is what the member of etcd that has applied most would say.

pub mod alerts;
pub mod lamps;

use crate::engine::{Span, Time};
use crate::sim::Sim;
pub use alerts::{Alert, AlertState, Alerts};
pub use lamps::{Lamp, LampState, Lamps};

/// How often metrics are sampled. Chosen: 15 s, a usual scrape_interval.
pub const SCRAPE_EVERY: Span = Span::from_secs(15);

/// What monitoring knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Metrics {
    alerts: Alerts,
    lamps: Lamps,
    next_scrape: Time,
}

impl Metrics {
    /// The alerts.
    pub const fn alerts(&self) -> &Alerts {
        &self.alerts
    }
    /// The early warnings.
    pub const fn lamps(&self) -> &Lamps {
        &self.lamps
    }
    /// When the next sample is due.
    pub const fn next_scrape(&self) -> Time {
        self.next_scrape
    }
    /// Takes a sample of the world as it is.
    pub fn scrape(&mut self, _sim: &Sim, now: Time) {
        self.next_scrape = now + SCRAPE_EVERY;
    }
}
