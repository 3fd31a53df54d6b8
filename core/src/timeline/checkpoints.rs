//! Worlds to go back to, of every branch of a run, bounded by bytes.

use super::branch::{Journal, Moment};
use crate::engine::{Span, Time};
use crate::history::Counts;
use crate::sim::Sim;
use alloc::vec::Vec;

/// How many checkpoints there are at most; when there are more, every second one goes and the spacing doubles. Unit:
/// checkpoints. Chosen: half an hour then has one every 16 seconds.
const MOST: usize = 128;
/// How many bytes they take at most, as [`Sim::bytes`] counts. The beginning always stays. Chosen: a browser's tab
/// bears it.
pub const CHECKPOINT_BYTES: usize = 384 << 20;
/// The first spacing of checkpoints. Chosen: a second of a fast machine's work is a hundred of these.
const SPACING: Span = Span::from_secs(4);
/// How many more there may be close to where one goes back, step by step. Unit: checkpoints. Chosen: a spacing is cut
/// in eight.
const NEAR: u64 = 8;

/// How many of the newest ones a fork takes along. Unit: checkpoints. Chosen: stepping back is what follows soonest.
const FEW: usize = 2;

/// Where the series stood at a checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct Base {
    /// How many points had been taken.
    pub taken: u64,
    /// What the next one is measured from.
    pub counts: (Counts, Counts),
}

/// A world as it was, with how much of the journal it had seen and where the series stood.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The world.
    pub sim: Sim,
    /// How many commands it had seen.
    pub applied: usize,
    /// What those are recognised by.
    pub lineage: u64,
    /// Where the series stood.
    pub history: Base,
    bytes: usize,
    near: bool,
}

impl Checkpoint {
    /// A clone of this world.
    pub fn of(sim: &Sim, applied: usize, lineage: u64, history: Base) -> Self {
        Self { bytes: sim.bytes(), sim: sim.clone(), applied, lineage, history, near: false }
    }
    fn is_of(&self, journal: &Journal) -> bool {
        journal.leads_to(self.applied, self.lineage, Moment::of(&self.sim))
    }
}

/// All of them.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    all: Vec<Checkpoint>,
    spacing: Span,
}

impl Checkpoints {
    /// The beginning alone.
    pub fn new(first: Checkpoint) -> Self {
        Self { all: Vec::from([first]), spacing: SPACING }
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }
    /// What they take, about, in bytes.
    pub fn bytes(&self) -> usize {
        self.all.iter().map(|checkpoint| checkpoint.bytes).sum()
    }
    /// The newest one of this journal that fits; the beginning always does.
    pub fn newest(&self, journal: &Journal, fits: impl Fn(&Sim) -> bool) -> &Checkpoint {
        let fits = |it: &&Checkpoint| fits(&it.sim) && it.is_of(journal);
        self.all.iter().filter(fits).max_by_key(|it| Moment::of(&it.sim)).unwrap_or(&self.all[0])
    }
    /// Whether one is due at this time of a journal. `back`: the stretch is played again because somebody goes back.
    pub fn due(&self, journal: &Journal, now: Time, back: bool) -> bool {
        let spacing = if back { self.spacing.scale(1, NEAR) } else { self.spacing };
        let before = self.newest(journal, |sim| sim.now() <= now);
        now >= before.sim.now() + spacing
    }
    /// One more.
    pub fn push(&mut self, checkpoint: Checkpoint, journal: &Journal, back: bool) {
        if back {
            let near = self.all.iter().filter(|it| it.near).count();
            let room = near < NEAR as usize && self.bytes() + checkpoint.bytes <= CHECKPOINT_BYTES;
            if !room {
                // The one furthest from here serves whoever goes back from here least.
                let now = checkpoint.sim.now();
                let apart = |it: &Checkpoint| it.sim.now().max(now).since(it.sim.now().min(now));
                let far = (0..self.all.len()).filter(|n| self.all[*n].near).max_by_key(|n| apart(&self.all[*n]));
                let Some(far) = far else { return };
                self.all.remove(far);
            }
            self.all.push(Checkpoint { near: true, ..checkpoint });
            return;
        }
        self.all.push(checkpoint);
        while self.all.len() > 1 && (self.all.len() > MOST || self.bytes() > CHECKPOINT_BYTES) {
            self.thin(journal);
        }
    }
    /// Makes room: first by those near which one once went back, then by every second one of other branches, then by
    /// every second one of this.
    fn thin(&mut self, journal: &Journal) {
        if self.all.iter().any(|it| it.near) {
            self.all.retain(|it| !it.near);
            return;
        }
        let mut n = 0;
        if self.all.iter().any(|it| !it.is_of(journal)) {
            self.all.retain(|it| {
                let own = it.is_of(journal);
                n += u32::from(!own);
                own || n % 2 == 0
            });
            return;
        }
        self.all.retain(|_| {
            n += 1;
            n % 2 == 1
        });
        self.spacing = self.spacing.scale(2, 1);
    }
    /// The beginning, and the newest ones of a journal that are not later than `now`.
    pub fn few(&self, journal: &Journal, now: Time) -> Self {
        let mut behind: Vec<&Checkpoint> =
            self.all[1..].iter().filter(|it| it.sim.now() <= now && it.is_of(journal)).collect();
        behind.sort_by_key(|it| Moment::of(&it.sim));
        let newest = &behind[behind.len().saturating_sub(FEW)..];
        let all = self.all[..1].iter().chain(newest.iter().copied()).cloned().collect();
        Self { all, spacing: self.spacing }
    }
    /// The newest one of both journals that is not later than `by`.
    pub fn shared(&self, here: &Journal, there: &Journal, by: Time) -> &Checkpoint {
        let both = self.all.iter().filter(|it| it.sim.now() <= by && it.is_of(here) && it.is_of(there));
        both.max_by_key(|it| Moment::of(&it.sim)).unwrap_or(&self.all[0])
    }
    /// One more, unless it is here.
    pub fn take_along(&mut self, checkpoint: &Checkpoint) {
        let same =
            |it: &Checkpoint| Moment::of(&it.sim) == Moment::of(&checkpoint.sim) && it.lineage == checkpoint.lineage;
        if !self.all.iter().any(same) {
            self.all.push(checkpoint.clone());
        }
    }
    /// Whether the world of both began the same.
    pub fn begins_like(&self, other: &Self) -> bool {
        self.all[0].sim.digest() == other.all[0].sim.digest()
    }
    /// Forgets those of one journal that are not the other's too.
    pub fn keep_shared(&mut self, of: &Journal, with: &Journal) {
        self.all.retain(|it| !it.is_of(of) || it.is_of(with));
    }
}
