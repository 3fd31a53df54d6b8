//! When the onlooker looks at the world: between two events, at fixed times, so that how a run is sliced changes nothing.

use super::Sim;
use crate::engine::Time;
use crate::milestones::{calm, look};

impl Sim {
    /// The looks that are due before the event at `at`.
    pub(super) fn look_around(&mut self, at: Time) {
        loop {
            let (looks, scrapes) = (self.observer.milestones.next_look(), self.observer.metrics.next_scrape());
            if at <= looks.min(scrapes) {
                return;
            }
            // The world stands as the last event left it, and it is the moment of the look.
            self.now = looks.min(scrapes);
            if looks <= scrapes {
                self.look(looks);
            } else {
                let mut metrics = core::mem::take(&mut self.observer.metrics);
                metrics.scrape(self, scrapes);
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
