//! When the onlooker looks at the world: between two events, at fixed times, so that how a run is sliced changes nothing.

use super::Sim;
use crate::engine::Time;
use crate::milestones::{calm, look};

impl Sim {
    /// The looks that are due before the event at `at`.
    pub(super) fn look_around(&mut self, at: Time) {
        loop {
            let (looks, metrics_at) = (self.observer.milestones.next_look(), self.observer.metrics.next_look());
            if at <= looks.min(metrics_at) {
                return;
            }
            // The world stands as the last event left it, and it is the moment of the look.
            self.now = looks.min(metrics_at);
            if looks <= metrics_at {
                self.look(looks);
            } else {
                let mut metrics = core::mem::take(&mut self.observer.metrics);
                metrics.look(self, metrics_at);
                self.observer.metrics = metrics;
            }
        }
    }
    fn look(&mut self, at: Time) {
        let (calm, standing) = (calm(self), look::look(self));
        let mut harms = core::mem::take(self.observer.milestones.harms_mut());
        look::count_pods(self, &mut harms);
        *self.observer.milestones.harms_mut() = harms;
        let milestones = &mut self.observer.milestones;
        milestones.commanded(at, calm);
        milestones.stands(at, standing);
    }
}
