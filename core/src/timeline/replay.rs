//! A journal that came from outside, played to its end in as many calls as whoever waits for it likes.

use super::Timeline;
use crate::engine::Time;
use crate::sim::Refused;
use alloc::format;

/// Where a run that came from outside ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until {
    /// At what time.
    pub at: Time,
    /// After how many events and commands: many share an instant. None: after all of that time.
    pub exactly: Option<(u64, usize)>,
}

impl Timeline {
    /// Plays a journal that came from outside up to `to`.
    ///
    /// # Errors
    /// If a command is not allowed in the world it meets there.
    pub fn play(&mut self, to: Time) -> Result<(), Refused> {
        while !self.play_on(Until { at: to, exactly: None }, u32::MAX)? {}
        Ok(())
    }
    /// Plays on towards the end of a journal that came from outside, executing at most `budget` events. Returns whether
    /// it got there. In between nothing else may be done to the run.
    ///
    /// # Errors
    /// If a command is not allowed in the world it meets there.
    pub fn play_on(&mut self, end: Until, budget: u32) -> Result<bool, Refused> {
        let mut left = budget;
        let most = end.exactly.map_or(usize::MAX, |(_, commands)| commands);
        while self.applied < most
            && let Some(entry) = self.journal().get(self.applied).filter(|entry| entry.at <= end.at).cloned()
        {
            // Up to the command's own moment and step, but not over it.
            while self.due().is_none() {
                if left == 0 {
                    return Ok(false);
                }
                let limit = self.next_stop(entry.at);
                if self.sim.step(limit, &mut self.trace) {
                    left -= 1;
                    continue;
                }
                self.stopped_at(limit);
                if limit >= entry.at && self.due().is_none() {
                    return Err(Refused::Field(format!(
                        "journal[{}].step = {} is not reached by {:?}",
                        self.applied, entry.step, entry.at
                    )));
                }
            }
            // What a run was changed by afterwards may have made impossible what came later.
            let bound = !entry.scripted && entry.step > 0;
            if let (Err(why), true) = (self.sim.may(&entry.command), bound) {
                return Err(Refused::Field(format!("journal[{}]: {why}", self.applied)));
            }
            self.apply_one();
        }
        let Some((steps, _)) = end.exactly else { return Ok(self.seek(end.at, left)) };
        Ok(self.play_to_step(end.at, steps, left))
    }
    /// What comes after the last command: up to an event in the middle of its instant.
    fn play_to_step(&mut self, to: Time, steps: u64, budget: u32) -> bool {
        let mut left = budget;
        while self.sim.steps() < steps {
            if left == 0 {
                return false;
            }
            let limit = self.next_stop(to);
            if self.sim.step(limit, &mut self.trace) {
                left -= 1;
                continue;
            }
            self.stopped_at(limit);
            // It says more events than there are: whoever compares the digests will see.
            if limit >= to {
                break;
            }
        }
        if self.sim.now() < to {
            return self.seek(to, left);
        }
        self.saw();
        true
    }
}
