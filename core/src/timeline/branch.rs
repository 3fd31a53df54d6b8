//! Futures of one run: each is a journal, for a run is determined by what was done and when.

use crate::engine::{Digest, Ring, Row, Time};
use crate::history::History;
use crate::sim::{Command, Sim};
use alloc::string::String;
use alloc::vec::Vec;

/// The most branches of one run. Unit: branches. Chosen: more than a page can draw as lanes.
pub const MAX_BRANCHES: usize = 24;
/// The longest name of a branch. Unit: characters. Chosen: it fits beside its lane.
pub const NAME_MAX: usize = 40;

/// A place in a run: after how many events, at what time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment {
    /// After how many events.
    pub step: u64,
    /// At what time.
    pub at: Time,
}

impl Moment {
    /// Where a world stands.
    pub const fn of(sim: &Sim) -> Self {
        Self { step: sim.steps(), at: sim.now() }
    }
}

/// A command and when it was given: after how many events, at what time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// After how many events. 0: as soon as nothing more happens at its time.
    pub step: u64,
    /// At what time.
    pub at: Time,
    /// What.
    pub command: Command,
    /// Whether the scenario does it, whatever else happens. A learner's commands leave it in place.
    pub scripted: bool,
}

/// The commands of a branch, in order, and for each beginning of the list what it is recognised by.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    entries: Vec<Entry>,
    /// After so many entries: the digest of all of them.
    lineages: Vec<u64>,
}

impl Journal {
    /// A journal of these commands, which must be in order.
    pub fn new(entries: Vec<Entry>) -> Self {
        let mut journal = Self { entries, lineages: Vec::new() };
        journal.follow();
        journal
    }
    /// The commands.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
    /// What the first `count` commands are recognised by.
    pub fn lineage(&self, count: usize) -> u64 {
        count.checked_sub(1).map_or(0, |last| self.lineages[last])
    }
    /// Puts a command at a place.
    pub fn insert(&mut self, place: usize, entry: Entry) {
        self.entries.insert(place, entry);
        self.lineages.truncate(place);
        self.follow();
    }
    fn follow(&mut self) {
        for entry in &self.entries[self.lineages.len()..] {
            let before = self.lineages.last().copied().unwrap_or(0);
            self.lineages.push(Digest::of(&(before, entry)));
        }
    }
    /// Whether a world that had seen the first `applied` commands of a journal so recognised, and stood at `moment`, is
    /// one of this journal's, too.
    pub fn leads_to(&self, applied: usize, lineage: u64, moment: Moment) -> bool {
        if applied > self.entries.len() || self.lineage(applied) != lineage {
            return false;
        }
        // The command that comes next must not have been due before.
        self.entries
            .get(applied)
            .is_none_or(|next| next.at >= moment.at && (next.step == 0 || next.step >= moment.step))
    }
    /// What another future from here begins with: the first `applied` commands, and what the scenario still has to do.
    pub fn fork(&self, applied: usize) -> Vec<Entry> {
        // A scripted command belongs to a moment; to which step of it only the run that met it knew.
        let script = self.entries[applied..].iter().filter(|entry| entry.scripted);
        let script = script.map(|entry| Entry { step: 0, ..entry.clone() });
        self.entries[..applied].iter().cloned().chain(script).collect()
    }
    /// The same commands with one more or one changed at `place`: those that come after go by their times alone, for the
    /// steps of the new run are others.
    pub fn edited(&self, place: usize, change: impl FnOnce(&mut Vec<Entry>)) -> Vec<Entry> {
        let mut entries = self.entries.clone();
        for entry in &mut entries[place..] {
            entry.step = 0;
        }
        change(&mut entries);
        entries
    }
}

/// What a branch leaves behind while another one is played.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its notable rows.
    pub notes: Ring<Row>,
    /// Its series.
    pub history: History,
    /// The how-manieth time it was that a branch was left.
    pub left: u64,
}

/// One future of a run.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Its number: branches are counted, and a number is never given twice.
    pub id: u32,
    /// What the learner calls it; empty: nothing yet.
    pub name: String,
    /// The branch it left.
    pub parent: Option<u32>,
    /// Where it left that one.
    pub forked: Moment,
    /// How far it has been played.
    pub seen: Moment,
    /// Its commands, from the beginning of the run on.
    pub(super) journal: Journal,
    /// What it left behind. None: it is the one that is played, or too many others were left since.
    pub(super) kept: Option<Kept>,
}

impl Branch {
    /// Its commands, from the beginning of the run on.
    pub fn journal(&self) -> &[Entry] {
        self.journal.entries()
    }
}
