//! A run one can travel in: the commands given, checkpoints to go back to, and the trace beside them.

use crate::actor::role::Directory;
use crate::engine::{Span, Time, Trace};
use crate::fault::FaultId;
use crate::history::{Counts, History};
use crate::scenario::Scenario;
use crate::sim::{Command, Marks, Refused, Sim};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The most commands of one run: chosen, hours of a learner's dragging.
pub const MAX_JOURNAL: usize = 20_000;
/// How many checkpoints there are at most; then every second one goes and the spacing doubles.
const CHECKPOINTS: usize = 64;
/// How many bytes they take at most, as [`Sim::bytes`] counts; then likewise. The beginning always stays. Chosen: a
/// browser's tab bears it.
pub const CHECKPOINT_BYTES: usize = 384 << 20;
/// How many of the newest ones a fork takes along. Chosen: stepping back is what follows soonest.
const FORK_CHECKPOINTS: usize = 2;
/// The first spacing of checkpoints.
const SPACING: Span = Span::from_secs(2);

/// A command and when it was given: after how many events, at what time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// After how many events.
    pub step: u64,
    /// At what time.
    pub at: Time,
    /// What.
    pub command: Command,
    /// Whether the scenario does it, whatever else happens. A learner's commands leave it in place.
    pub scripted: bool,
}

/// A world as it was, with how much of the journal it had seen and where the trace stood.
#[derive(Clone, Debug)]
struct Checkpoint {
    sim: Sim,
    bytes: usize,
    journal: usize,
    history: Base,
}

/// Where the series stood at a checkpoint.
#[derive(Clone, Copy, Debug)]
struct Base {
    taken: u64,
    counts: (Counts, Counts),
}

/// A run.
#[derive(Clone, Debug)]
pub struct Timeline {
    scenario: &'static Scenario,
    directory: Directory,
    sim: Sim,
    trace: Trace,
    history: History,
    journal: Vec<Entry>,
    /// How many entries of the journal the world has seen.
    applied: usize,
    checkpoints: Vec<Checkpoint>,
    spacing: Span,
}

impl Timeline {
    /// The beginning of a run of this scenario.
    ///
    /// # Errors
    /// If there is no such scenario: the sentence names those there are.
    pub fn new(scenario: &str, seed: u64) -> Result<Self, Refused> {
        let Some(scenario) = Scenario::named(scenario) else {
            let names: Vec<&str> = crate::scenario::ALL.iter().map(|scenario| scenario.name).collect();
            return Err(Refused::Field(format!(
                "scenario = {} is not known; there are: {}",
                shown(scenario),
                names.join(", ")
            )));
        };
        Ok(Self::of(scenario, seed, Trace::new(1 << 18)))
    }
    /// The beginning of a run of this scenario on another cluster than its own.
    ///
    /// # Errors
    /// If there is no such scenario or cluster.
    pub fn with(scenario: &str, directory: Directory, seed: u64) -> Result<Self, Refused> {
        directory.checked().map_err(Refused::Field)?;
        let Some(known) = Scenario::named(scenario) else { return Self::new(scenario, seed) };
        Ok(Self::on(known, directory, seed, Trace::new(1 << 18)))
    }
    /// A run of this scenario that records into `trace`.
    pub fn of(scenario: &'static Scenario, seed: u64, trace: Trace) -> Self {
        Self::on(scenario, scenario.directory, seed, trace)
    }
    /// A run of this scenario on this cluster that records into `trace`.
    pub fn on(scenario: &'static Scenario, directory: Directory, seed: u64, trace: Trace) -> Self {
        let sim = scenario.start_with(directory, seed);
        let history = History::new(directory);
        let journal = scenario.journal();
        let base = Base { taken: history.taken(), counts: history.base() };
        let first = Checkpoint { bytes: sim.bytes(), sim: sim.clone(), journal: 0, history: base };
        Self {
            scenario,
            directory,
            sim,
            trace,
            history,
            journal,
            applied: 0,
            checkpoints: Vec::from([first]),
            spacing: SPACING,
        }
    }
    /// The same run again, from its journal. Entries must be in order.
    pub fn replay(scenario: &'static Scenario, directory: Directory, seed: u64, journal: Vec<Entry>) -> Self {
        Self { journal, ..Self::on(scenario, directory, seed, Trace::new(1 << 18)) }
    }
    /// The cluster that the run began with.
    pub const fn directory(&self) -> Directory {
        self.directory
    }
    /// The scenario.
    pub const fn scenario(&self) -> &'static Scenario {
        self.scenario
    }
    /// The world as it is.
    pub const fn sim(&self) -> &Sim {
        &self.sim
    }
    /// What happened and why.
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }
    /// The sampled series.
    pub const fn history(&self) -> &History {
        &self.history
    }
    /// Every command of the run, in order.
    pub fn journal(&self) -> &[Entry] {
        &self.journal
    }
    /// What its checkpoints take, about, in bytes.
    pub fn checkpoint_bytes(&self) -> usize {
        self.checkpoints.iter().map(|checkpoint| checkpoint.bytes).sum()
    }
    /// How many checkpoints there are.
    pub fn checkpoints(&self) -> usize {
        self.checkpoints.len()
    }

    /// Goes to `to`, forward or back, executing at most `budget` events. Returns whether it got there.
    pub fn seek(&mut self, to: Time, budget: u32) -> bool {
        // The future that has been seen already has checkpoints, too: going there is no longer than going back.
        let now = self.sim.now();
        let ahead = |checkpoint: &Checkpoint| checkpoint.sim.now() > now && checkpoint.sim.now() <= to;
        if to < now || self.checkpoints.iter().any(ahead) {
            self.rewind(|checkpoint| checkpoint.sim.now() <= to);
        }
        let mut left = budget;
        loop {
            self.apply_due();
            if left == 0 {
                return false;
            }
            let limit = self.next_stop(to);
            if self.sim.step(limit, &mut self.trace) {
                left -= 1;
            } else {
                self.stopped_at(limit);
                if limit >= to && self.due().is_none() {
                    return true;
                }
            }
        }
    }
    /// Plays a journal that came from outside up to `to`.
    ///
    /// # Errors
    /// If a command is not allowed in the world it meets there.
    pub fn play(&mut self, to: Time) -> Result<(), Refused> {
        while self.applied < self.journal.len() && self.journal[self.applied].at <= to {
            let entry = self.journal[self.applied].clone();
            // Up to the command's own moment and step, but not over it.
            while self.due().is_none() {
                let limit = self.next_stop(entry.at);
                if !self.sim.step(limit, &mut self.trace) {
                    self.stopped_at(limit);
                    if limit >= entry.at && self.due().is_none() {
                        return Err(Refused::Field(format!(
                            "journal[{}].step = {} is not reached by {:?}",
                            self.applied, entry.step, entry.at
                        )));
                    }
                }
            }
            if let (Err(why), false) = (self.sim.may(&entry.command), entry.scripted) {
                return Err(Refused::Field(format!("journal[{}]: {why}", self.applied)));
            }
            self.apply_one();
        }
        self.seek(to, u32::MAX);
        Ok(())
    }
    /// Executes one event.
    pub fn step_event(&mut self) {
        let before = self.sim.steps();
        // A point of the series or a command of the journal may come first: they are no events.
        while self.sim.steps() == before {
            self.apply_due();
            let Some(at) = self.sim.next_at() else { return };
            let stop = self.next_stop(at);
            if !self.sim.step(stop, &mut self.trace) {
                self.stopped_at(stop);
            }
        }
    }
    /// Goes back to just after event `step`.
    pub fn seek_step(&mut self, step: u64) {
        if step < self.sim.steps() {
            self.rewind(|checkpoint| checkpoint.sim.steps() <= step);
        }
        while self.sim.steps() < step {
            self.step_event();
        }
    }

    /// Gives a command now. After a rewind that begins another future: what came after is forgotten, but for what the
    /// scenario still has to do.
    ///
    /// # Errors
    /// If it is not allowed; the run is as it was.
    pub fn command(&mut self, command: Command) -> Result<Option<FaultId>, Refused> {
        if self.applied >= MAX_JOURNAL {
            return Err(Refused::Field(format!("a run takes at most {MAX_JOURNAL} commands; begin a new one")));
        }
        self.apply_due();
        // First the checks: a refused command must not cut the future off.
        self.sim.may(&command)?;
        let marks = self.sim.marks();
        self.cut(marks);
        let injected = self.sim.command(&command, &mut self.trace)?;
        let (step, at) = (self.sim.steps(), self.sim.now());
        self.journal.insert(self.applied, Entry { step, at, command, scripted: false });
        self.applied += 1;
        Ok(injected)
    }

    /// Lets something happen now or later whatever is done before: like a scenario's own commands it stays when a command
    /// is given in the past. Two runs that are compared keep what differs between them so.
    ///
    /// # Errors
    /// If there are too many, or if it is to happen now and is not allowed.
    pub fn schedule(&mut self, at: Time, command: Command) -> Result<(), Refused> {
        if self.journal.len() >= MAX_JOURNAL {
            return Err(Refused::Field(format!("a run takes at most {MAX_JOURNAL} commands; begin a new one")));
        }
        self.apply_due();
        let (now, steps) = (self.sim.now(), self.sim.steps());
        if at <= now {
            self.sim.may(&command)?;
        }
        let marks = self.sim.marks();
        self.cut(marks);
        let entry = Entry { step: if at <= now { steps } else { 0 }, at: at.max(now), command, scripted: true };
        let later = self.journal[self.applied..].partition_point(|other| other.at <= entry.at);
        self.journal.insert(self.applied + later, entry);
        self.apply_due();
        Ok(())
    }
    /// The same run a second time, to go another way from here. It keeps the checkpoints at its beginning and the newest
    /// ones behind it, so that it costs little: going far back takes longer.
    pub fn fork(&self) -> Self {
        let now = (self.sim.steps(), self.sim.now());
        let behind = self.checkpoints.iter().filter(|checkpoint| (checkpoint.sim.steps(), checkpoint.sim.now()) <= now);
        let behind: Vec<&Checkpoint> = behind.collect();
        let (beginning, others) = behind.split_at(1);
        let newest = &others[others.len().saturating_sub(FORK_CHECKPOINTS)..];
        let checkpoints = beginning.iter().chain(newest).map(|checkpoint| (*checkpoint).clone()).collect();
        Self {
            scenario: self.scenario,
            directory: self.directory,
            sim: self.sim.clone(),
            trace: self.trace.clone(),
            history: self.history.clone(),
            journal: self.journal.clone(),
            applied: self.applied,
            checkpoints,
            spacing: self.spacing,
        }
    }

    fn cut(&mut self, marks: Marks) {
        // A scripted command belongs to a moment; to which step of it only the run that met it knew.
        let script = self.journal.split_off(self.applied).into_iter().filter(|entry| entry.scripted);
        self.journal.extend(script.map(|entry| Entry { step: 0, ..entry }));
        self.trace.truncate(marks.rows, marks.notes, marks.flights);
        self.history.truncate();
        let now = (self.sim.steps(), self.sim.now());
        self.checkpoints.retain(|checkpoint| (checkpoint.sim.steps(), checkpoint.sim.now()) <= now);
        let applied = self.applied;
        self.checkpoints.retain(|checkpoint| checkpoint.journal <= applied);
    }

    /// The journal's next entry, if its moment has come.
    fn due(&self) -> Option<&Entry> {
        let entry = self.journal.get(self.applied)?;
        (entry.at <= self.sim.now() && entry.step <= self.sim.steps()).then_some(entry)
    }
    fn apply_due(&mut self) {
        while self.due().is_some() {
            self.apply_one();
        }
    }
    fn apply_one(&mut self) {
        let command = self.journal[self.applied].command.clone();
        self.applied += 1;
        // What a script does may have become impossible, and a journal from outside may ask for anything beyond the moment
        // it was played to. A command that isn't allowed changes nothing.
        let _refused = self.sim.command(&command, &mut self.trace);
    }
    /// How far the world may go before something beside it has to happen.
    fn next_stop(&self, to: Time) -> Time {
        let command = self.journal.get(self.applied).map_or(to, |entry| entry.at.max(self.sim.now()));
        to.min(command).min(self.history.next_at(self.sim.now()))
    }
    fn stopped_at(&mut self, limit: Time) {
        self.history.sample(&self.sim, limit);
        let newest = self.checkpoints.last().map_or(Time::ZERO, |checkpoint| checkpoint.sim.now());
        if self.sim.now() >= newest + self.spacing {
            self.checkpoint();
        }
    }
    fn checkpoint(&mut self) {
        let history = Base { taken: self.history.taken(), counts: self.history.base() };
        let bytes = self.sim.bytes();
        self.checkpoints.push(Checkpoint { sim: self.sim.clone(), bytes, journal: self.applied, history });
        let full = |all: &[Checkpoint]| {
            all.len() > CHECKPOINTS || all.iter().map(|checkpoint| checkpoint.bytes).sum::<usize>() > CHECKPOINT_BYTES
        };
        while self.checkpoints.len() > 1 && full(&self.checkpoints) {
            let mut n = 0;
            self.checkpoints.retain(|_| {
                n += 1;
                n % 2 == 1
            });
            self.spacing = self.spacing.scale(2, 1);
        }
    }
    /// To the newest checkpoint that fits.
    fn rewind(&mut self, fits: impl Fn(&Checkpoint) -> bool) {
        let place = self.checkpoints.iter().rposition(fits).unwrap_or(0);
        let checkpoint = &self.checkpoints[place];
        self.sim.clone_from(&checkpoint.sim);
        self.applied = checkpoint.journal;
        let Base { taken, counts: (ok, failed) } = checkpoint.history;
        self.history.rewind(taken, ok, failed);
    }
}

/// A text from outside as a message may show it: in quotes, without control characters, not too long.
pub fn shown(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    format!("\"{clean}\"")
}
