//! A run one can travel in: its branches with the commands given in each, checkpoints to go back to, and the trace beside
//! them.

mod branch;
mod checkpoints;
mod replay;

use crate::actor::role::Directory;
use crate::engine::{Ring, Row, Span, Time, Trace};
use crate::fault::FaultId;
use crate::history::History;
use crate::scenario::Scenario;
use crate::sim::MAX_SPARED;
use crate::sim::event::{PacketId, Taken};
use crate::sim::{Command, Refused, Sim};
use crate::why::{End, Evidence, LOOK_BACK, Question, Why};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
pub use branch::{Branch, Entry, MAX_BRANCHES, Moment, NAME_MAX};
use branch::{Journal, Kept};
pub use checkpoints::CHECKPOINT_BYTES;
use checkpoints::{Base, Checkpoint, Checkpoints};
pub use replay::Until;

/// The most commands of one run. Unit: commands. Chosen: hours of a learner's dragging.
pub const MAX_JOURNAL: usize = 20_000;
/// How many rows of the record are kept; notable ones four times as long. Unit: rows. Chosen: half a minute of the
/// standard cluster, and 20 MB.
const ROWS: u32 = 1 << 18;
/// How much of a text from outside a message shows. Unit: characters. Chosen: enough to recognise it.
const SHOWN: usize = 60;
/// How many branches that were left keep their series and notes; others are played again from where they begin. Unit:
/// branches. Chosen: a few megabytes each.
const MOST_KEPT: usize = 6;

/// How much of the record before a question is worth a look before a longer stretch is played again. Chosen: longer
/// than most deadlines.
const ENOUGH: Span = Span::from_secs(20);
/// What of the record's beginning an answer must not touch. Chosen: a few of TCP's timeouts.
const MARGIN: Span = Span::from_secs(2);
/// How many rows are recorded when a stretch is played again for an inquiry. Unit: rows. Chosen: a minute and a half of
/// the standard cluster.
const AGAIN: u32 = 1 << 20;

/// One thing that might have been otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WhatIf {
    /// Packets that were lost, each at its time, had been luckier.
    Arrive(Vec<(PacketId, Time)>),
    /// The command at this place of the journal had not been given.
    Without(usize),
}

/// A run.
#[derive(Clone, Debug)]
pub struct Timeline {
    scenario: &'static Scenario,
    directory: Directory,
    sim: Sim,
    trace: Trace,
    history: History,
    branches: Vec<Branch>,
    /// Which of them is played, by its place.
    current: usize,
    /// How many branches there have been.
    begun: u32,
    /// How often one was left.
    left: u64,
    /// How many entries of the journal the world has seen.
    applied: usize,
    checkpoints: Checkpoints,
    /// Whether somebody went back and has not been at the end since.
    back: bool,
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
        Ok(Self::of(scenario, seed, Trace::new(ROWS)))
    }
    /// The beginning of a run of this scenario on another cluster than its own.
    ///
    /// # Errors
    /// If there is no such scenario or cluster.
    pub fn with(scenario: &str, directory: Directory, seed: u64) -> Result<Self, Refused> {
        directory.checked().map_err(Refused::Field)?;
        let Some(known) = Scenario::named(scenario) else { return Self::new(scenario, seed) };
        Ok(Self::on(known, directory, seed, Trace::new(ROWS)))
    }
    /// A run of this scenario that records into `trace`.
    pub fn of(scenario: &'static Scenario, seed: u64, trace: Trace) -> Self {
        Self::on(scenario, scenario.directory, seed, trace)
    }
    /// A run of this scenario on this cluster that records into `trace`.
    pub fn on(scenario: &'static Scenario, directory: Directory, seed: u64, trace: Trace) -> Self {
        Self::begin(scenario, directory, seed, scenario.journal(), trace)
    }
    /// The same run again, from its journal. Entries must be in order.
    pub fn replay(scenario: &'static Scenario, directory: Directory, seed: u64, journal: Vec<Entry>) -> Self {
        Self::begin(scenario, directory, seed, journal, Trace::new(ROWS))
    }
    fn begin(scenario: &'static Scenario, directory: Directory, seed: u64, journal: Vec<Entry>, trace: Trace) -> Self {
        let sim = scenario.start_with(directory, seed);
        let history = History::new(directory);
        let base = Base { taken: history.taken(), counts: history.base() };
        let checkpoints = Checkpoints::new(Checkpoint::of(&sim, 0, 0, base));
        let (forked, seen) = (Moment::default(), Moment::default());
        let journal = Journal::new(journal);
        let branch = Branch { id: 0, name: String::new(), parent: None, forked, seen, journal, kept: None };
        Self {
            scenario,
            directory,
            sim,
            trace,
            history,
            branches: Vec::from([branch]),
            current: 0,
            begun: 1,
            left: 0,
            applied: 0,
            checkpoints,
            back: false,
        }
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
    /// Where exactly the run stands.
    pub const fn until(&self) -> Until {
        Until { at: self.sim.now(), exactly: Some((self.sim.steps(), self.applied)) }
    }
    /// Every command of the branch that is played, in order.
    pub fn journal(&self) -> &[Entry] {
        self.branches[self.current].journal()
    }
    /// The branches, in the order in which they began.
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }
    /// The one that is played.
    pub fn branch(&self) -> &Branch {
        &self.branches[self.current]
    }
    /// What its checkpoints take, about, in bytes.
    pub fn checkpoint_bytes(&self) -> usize {
        self.checkpoints.bytes()
    }
    /// How many checkpoints there are.
    pub fn checkpoints(&self) -> usize {
        self.checkpoints.len()
    }

    /// Goes to `to`, forward or back, executing at most `budget` events. Returns whether it got there.
    pub fn seek(&mut self, to: Time, budget: u32) -> bool {
        // The future that has been seen already has checkpoints, too: going there is no longer than going back.
        let now = self.sim.now();
        let nearest = nearest(&self.checkpoints, self.branch(), |sim| sim.now() <= to).sim.now();
        self.back |= to < now;
        if to < now || nearest > now {
            self.rewind(|sim| sim.now() <= to);
        }
        let mut left = budget;
        let there = loop {
            self.apply_due();
            if left == 0 {
                break false;
            }
            let limit = self.next_stop(to);
            if self.sim.step(limit, &mut self.trace) {
                left -= 1;
            } else {
                self.stopped_at(limit);
                if limit >= to && self.due().is_none() {
                    break true;
                }
            }
        };
        self.saw();
        there
    }
    fn saw(&mut self) {
        let (moment, branch) = (Moment::of(&self.sim), &mut self.branches[self.current]);
        if moment >= branch.seen {
            branch.seen = moment;
            self.back = false;
        }
    }
    /// Why something is so now, or happened. If the record does not reach back far enough, the stretch before is played
    /// again beside the run.
    pub fn why(&self, question: &Question) -> Why {
        let row = match question {
            Question::Event(id) => self.trace.find(*id),
            _ => None,
        };
        let at = row.map_or(self.sim.now(), |row| row.at);
        let from = at.before(LOOK_BACK);
        let rows = self.trace.rows();
        let oldest = rows.since(0).next().map_or(at, |row| row.at);
        if rows.oldest() == 0 || oldest <= from {
            return self.why_from(&self.trace, question);
        }
        // Most answers lie within seconds. One that comes near to where the record begins may be cut off there.
        if oldest <= at.before(ENOUGH) {
            let why = self.why_from(&self.trace, question);
            if why.end != End::Record && why.reaches() > oldest + MARGIN {
                return why;
            }
        }
        let before = self.checkpoints.newest(&self.branch().journal, |sim| sim.now() <= from);
        let mut again = self.from(before, Trace::new(AGAIN));
        again.seek(at, u32::MAX);
        again.why_from(&again.trace, question)
    }
    /// The branch that is played once more beside the run, from a checkpoint of its own on.
    fn from(&self, checkpoint: &Checkpoint, trace: Trace) -> Self {
        let mut again = Self {
            scenario: self.scenario,
            directory: self.directory,
            sim: checkpoint.sim.clone(),
            trace,
            history: History::new(self.directory),
            branches: Vec::from([Branch { kept: None, ..self.branch().clone() }]),
            current: 0,
            begun: 1,
            left: 0,
            applied: checkpoint.applied,
            checkpoints: Checkpoints::new(checkpoint.clone()),
            back: false,
        };
        let Base { taken, counts: (ok, failed) } = checkpoint.history;
        again.history.rewind(taken, ok, failed);
        let marks = again.sim.marks();
        again.trace.went_to(marks.rows, marks.notes, marks.flights);
        again
    }
    /// Two runs once more beside themselves, from the newest checkpoint that both share on; none: they began apart.
    pub(crate) fn together(&self, other: &Self) -> Option<[Self; 2]> {
        let (here, there) = (&self.branch().journal, &other.branch().journal);
        let by = self.sim.now().min(other.sim.now());
        let shared = [self, other].map(|run| run.checkpoints.shared(here, there, by));
        let checkpoint = shared.into_iter().max_by_key(|it| Moment::of(&it.sim))?;
        let begins = |run: &Self| (run.scenario.name, run.directory, run.sim.seed());
        let alike = begins(self) == begins(other) && self.checkpoints.begins_like(&other.checkpoints);
        alike.then(|| [self, other].map(|run| run.from(checkpoint, Trace::new(ROWS))))
    }
    fn why_from(&self, trace: &Trace, question: &Question) -> Why {
        let evidence = Evidence { directory: self.sim.directory(), trace, journal: self.journal() };
        crate::why::why(evidence, &self.sim, question)
    }
    /// Executes one event.
    pub fn step_event(&mut self) {
        let before = self.sim.steps();
        // A point of the series or a command of the journal may come first: they are no events.
        while self.sim.steps() == before {
            self.apply_due();
            let Some(at) = self.sim.next_at() else { break };
            let stop = self.next_stop(at);
            if !self.sim.step(stop, &mut self.trace) {
                self.stopped_at(stop);
            }
        }
        self.saw();
    }
    /// Goes back to just after event `step`.
    pub fn seek_step(&mut self, step: u64) {
        if step < self.sim.steps() {
            self.back = true;
            self.rewind(|sim| sim.steps() <= step);
        }
        while self.sim.steps() < step {
            self.step_event();
        }
    }

    /// Gives a command now. In the past it begins another branch: the future that was seen stays as it is, and what the
    /// scenario still has to do happens in both.
    ///
    /// # Errors
    /// If it is not allowed, or there are too many branches; the run is as it was.
    pub fn command(&mut self, command: Command) -> Result<Option<FaultId>, Refused> {
        if self.applied >= MAX_JOURNAL {
            return Err(Refused::Field(format!("a run takes at most {MAX_JOURNAL} commands; begin a new one")));
        }
        self.apply_due();
        // First the checks: a refused command must not begin a branch.
        self.sim.may(&command)?;
        let (now, branch) = (Moment::of(&self.sim), &self.branches[self.current]);
        let later = branch.journal()[self.applied..].iter().any(|entry| !entry.scripted);
        if now < branch.seen || later {
            self.branch_off(now)?;
        }
        self.sample_before();
        let injected = self.sim.command(&command, &mut self.trace)?;
        let journal = &mut self.branches[self.current].journal;
        journal.insert(self.applied, Entry { step: now.step, at: now.at, command, scripted: false });
        self.applied += 1;
        Ok(injected)
    }
    /// Lets something happen now or later whatever is done before: like a scenario's own commands it stays when a command
    /// is given in the past. Two runs that are compared keep what differs between them so.
    ///
    /// # Errors
    /// If there are too many, or if it is to happen now and is not allowed.
    pub fn schedule(&mut self, at: Time, command: Command) -> Result<(), Refused> {
        if self.journal().len() >= MAX_JOURNAL {
            return Err(Refused::Field(format!("a run takes at most {MAX_JOURNAL} commands; begin a new one")));
        }
        self.apply_due();
        let now = Moment::of(&self.sim);
        if at <= now.at {
            self.sim.may(&command)?;
        }
        let mut entries = self.branch().journal.fork(self.applied);
        let step = if at <= now.at { now.step } else { 0 };
        let entry = Entry { step, at: at.max(now.at), command, scripted: true };
        let later = entries[self.applied..].partition_point(|other| other.at <= entry.at);
        entries.insert(self.applied + later, entry);
        let branch = &mut self.branches[self.current];
        (branch.journal, branch.seen) = (Journal::new(entries), now);
        self.forget_future();
        self.apply_due();
        Ok(())
    }
    /// The same run a second time, to go another way from here. It keeps the branch that is played, the checkpoint at its
    /// beginning and the newest ones behind it, so that it costs little: going far back takes longer.
    pub fn fork(&self) -> Self {
        let branch = Branch { kept: None, parent: None, seen: Moment::of(&self.sim), ..self.branch().clone() };
        let checkpoints = self.checkpoints.few(&branch.journal, self.sim.now());
        let (trace, history) = (self.trace.clone(), self.history.clone());
        let mut fork = Self {
            scenario: self.scenario,
            directory: self.directory,
            sim: self.sim.clone(),
            trace,
            history,
            begun: branch.id + 1,
            branches: Vec::from([branch]),
            current: 0,
            left: 0,
            applied: self.applied,
            checkpoints,
            back: false,
        };
        fork.forget_future();
        fork
    }
    /// Another branch as a run of its own, to be played to here: it stands at a checkpoint not far before. Like a fork it
    /// takes few checkpoints along.
    ///
    /// # Errors
    /// If there is none of this number.
    pub fn fork_of(&self, id: u32) -> Result<Self, Refused> {
        let place = self.place_of(id)?;
        if place == self.current {
            return Ok(self.fork());
        }
        let (own, other) = (self.branch(), &self.branches[place]);
        let aim = self.sim.now().min(other.seen.at);
        let mut checkpoints = self.checkpoints.few(&other.journal, aim);
        checkpoints.take_along(self.checkpoints.shared(&other.journal, &own.journal, aim));
        let mut fork = Self {
            scenario: self.scenario,
            directory: self.directory,
            sim: self.sim.clone(),
            trace: self.trace.clone(),
            history: self.history.clone(),
            branches: Vec::from([Branch { kept: None, ..own.clone() }, other.clone()]),
            current: 0,
            begun: self.begun,
            left: self.left,
            applied: self.applied,
            checkpoints,
            back: false,
        };
        fork.go_to_branch(1, aim);
        let branch = Branch { kept: None, parent: None, seen: Moment::of(&fork.sim), ..fork.branch().clone() };
        (fork.branches, fork.current, fork.back) = (Vec::from([branch]), 0, false);
        fork.forget_future();
        Ok(fork)
    }
    /// When the branch that is played and this one first differ in what is done; none: they never do.
    ///
    /// # Errors
    /// If there is none of this number.
    pub fn parts_from(&self, id: u32) -> Result<Option<Time>, Refused> {
        Ok(parting(self.journal(), self.branches[self.place_of(id)?].journal()))
    }
    /// Plays from now on what another run of this one's beginning does: the branch that is the same or, if something was
    /// done to that run meanwhile, one more. Returns the moment to seek to.
    ///
    /// # Errors
    /// If there are too many branches.
    pub fn take_up(&mut self, other: &Self) -> Result<Time, Refused> {
        let same = self.branches.iter().find(|branch| branch.journal() == other.journal());
        if let Some(branch) = same {
            return self.switch(branch.id);
        }
        let at = parting(self.journal(), other.journal()).unwrap_or_default();
        let place = self.begin_branch(other.journal().to_vec(), Moment { step: 0, at })?;
        let aim = self.sim.now();
        self.branches[place].seen = Moment { step: u64::MAX, at };
        self.go_to_branch(place, aim.min(at));
        self.branches[place].seen = Moment::of(&self.sim);
        Ok(aim)
    }
    /// Another future begins here and is played from now on.
    fn branch_off(&mut self, now: Moment) -> Result<(), Refused> {
        let journal = self.branches[self.current].journal.fork(self.applied);
        let place = self.begin_branch(journal, now)?;
        let (notes, history) = (self.trace.notes().clone(), self.history.clone());
        self.leave(notes, history, place);
        self.forget_future();
        Ok(())
    }
    fn begin_branch(&mut self, journal: Vec<Entry>, at: Moment) -> Result<usize, Refused> {
        if self.branches.len() >= MAX_BRANCHES {
            return Err(Refused::Field(format!("a run keeps at most {MAX_BRANCHES} branches; delete one first")));
        }
        let (id, parent, journal) = (self.begun, Some(self.branch().id), Journal::new(journal));
        self.begun += 1;
        self.branches.push(Branch { id, name: String::new(), parent, forked: at, seen: at, journal, kept: None });
        Ok(self.branches.len() - 1)
    }
    /// Another branch is played from now on; this one keeps its notes and series.
    fn leave(&mut self, notes: Ring<Row>, history: History, for_place: usize) {
        self.left += 1;
        self.branches[self.current].kept = Some(Kept { notes, history, left: self.left });
        let kept = |branch: &&mut Branch| branch.kept.is_some();
        if self.branches.iter_mut().filter(kept).count() > MOST_KEPT {
            let oldest = self.branches.iter_mut().filter(kept).min_by_key(|it| it.kept.as_ref().map(|kept| kept.left));
            if let Some(oldest) = oldest {
                oldest.kept = None;
            }
        }
        self.current = for_place;
    }
    fn place_of(&self, id: u32) -> Result<usize, Refused> {
        self.branches.iter().position(|branch| branch.id == id).ok_or_else(|| {
            let known: Vec<String> = self.branches.iter().map(|branch| format!("{}", branch.id)).collect();
            Refused::Field(format!("branch = {id} is not there; there are: {}", known.join(", ")))
        })
    }
    /// What was recorded of what comes after is another branch's.
    fn forget_future(&mut self) {
        let marks = self.sim.marks();
        self.trace.truncate(marks.rows, marks.notes, marks.flights);
        self.history.truncate();
    }
    /// Plays another branch from now on. Returns the moment to seek to: this one's, unless the other was not played so
    /// far. Until then the world stands somewhere before.
    ///
    /// # Errors
    /// If there is none of this number.
    pub fn switch(&mut self, id: u32) -> Result<Time, Refused> {
        let place = self.place_of(id)?;
        if place == self.current {
            return Ok(self.sim.now());
        }
        let aim = self.sim.now().min(self.branches[place].seen.at);
        self.go_to_branch(place, aim);
        Ok(aim)
    }
    fn go_to_branch(&mut self, place: usize, aim: Time) {
        let (notes, history) = (self.trace.notes().clone(), self.history.clone());
        let from = self.current;
        let kept = self.branches[place].kept.take();
        self.leave(notes, history, place);
        if let Some(Kept { notes, history, .. }) = kept {
            self.trace.replace_notes(notes);
            self.history = history;
            self.rewind(|sim| sim.now() <= aim);
            return;
        }
        // Nothing is left of it: it shares with the other what came before they parted, and is played again from there.
        let (here, there) = (&self.branches[place].journal, &self.branches[from].journal);
        self.checkpoints.keep_shared(here, there);
        let shared = self.checkpoints.newest(here, |_| true);
        let (marks, base) = (shared.sim.marks(), shared.history);
        self.trace.truncate(marks.rows, marks.notes, marks.flights);
        self.history.rewind(base.taken, base.counts.0, base.counts.1);
        self.history.truncate();
        self.rewind(|sim| sim.now() <= aim);
    }
    /// Calls a branch something.
    ///
    /// # Errors
    /// If there is none of this number, or the name is too long.
    pub fn rename(&mut self, id: u32, name: &str) -> Result<(), Refused> {
        let place = self.place_of(id)?;
        let name: String = name.trim().chars().filter(|c| !c.is_control()).collect();
        let length = name.chars().count();
        if length > NAME_MAX {
            return Err(Refused::Field(format!("name has {length} characters; at most {NAME_MAX} are allowed")));
        }
        self.branches[place].name = name;
        Ok(())
    }
    /// Forgets a branch. Those that left it are whole without it.
    ///
    /// # Errors
    /// If there is none of this number, or it is the one that is played.
    pub fn delete(&mut self, id: u32) -> Result<(), Refused> {
        let place = self.place_of(id)?;
        if place == self.current {
            return Err(Refused::Field(format!("branch = {id} is the one that is played; switch to another first")));
        }
        let gone = self.branches.remove(place);
        self.current -= usize::from(place < self.current);
        for child in self.branches.iter_mut().filter(|branch| branch.parent == Some(id)) {
            child.parent = gone.parent;
            child.forked = child.forked.min(gone.forked);
        }
        Ok(())
    }
    /// Begins a branch in which one thing is otherwise and everything else is done as it was, at its time, where that is
    /// still possible. Returns the moment to seek to: when the thing would have happened.
    ///
    /// # Errors
    /// If there is no such command, or there are too many branches.
    pub fn what_if(&mut self, what: WhatIf) -> Result<Time, Refused> {
        let journal = &self.branches[self.current].journal;
        let entries = journal.entries();
        let (at, step, changed) = match what {
            WhatIf::Arrive(packets) => {
                // Just before: what happens at that very time may be what sends it.
                let moment = |lost: &Time| Time::from_ns(lost.ns().saturating_sub(1));
                let Some(at) = packets.iter().map(|(_, lost)| moment(lost)).min() else {
                    return Err(Refused::Field("arrive has no packets; name at least one".into()));
                };
                let (count, room) = (packets.len(), MAX_SPARED - self.sim.network().spared());
                if count > room {
                    return Err(Refused::Field(format!("arrive has {count} packets; at most {room} more are allowed")));
                }
                let first = entries.partition_point(|entry| entry.at <= at);
                let insert = |entries: &mut Vec<Entry>| {
                    for (packet, lost) in &packets {
                        let at = moment(lost);
                        let place = entries.partition_point(|entry| entry.at <= at);
                        entries.insert(place, Entry { step: 0, at, command: Command::Spare(*packet), scripted: false });
                    }
                };
                (at, 0, journal.edited(first, insert))
            }
            WhatIf::Without(place) => {
                let Some(entry) = entries.get(place) else {
                    let count = entries.len();
                    return Err(Refused::Field(format!("command = {place} is not there: the run has {count}")));
                };
                let (taken, step) = (Taken::of(&entry.command), entry.step);
                let change = |entries: &mut Vec<Entry>| entries[place].command = Command::Nothing(taken);
                (entry.at, step, journal.edited(place, change))
            }
        };
        let place = self.begin_branch(changed, Moment { step, at })?;
        // Whatever the other one has seen up to there, this one has, too.
        self.branches[place].seen.step = u64::MAX;
        self.go_to_branch(place, at);
        // It has been played as far as the world stands now.
        self.branches[place].seen = Moment::of(&self.sim);
        Ok(at)
    }

    /// The journal's next entry, if its moment has come.
    fn due(&self) -> Option<&Entry> {
        let (entry, now) = (self.journal().get(self.applied)?, self.sim.now());
        let there = match entry.step {
            // However the run is cut into calls: only when nothing more happens at its time.
            0 => self.sim.next_at().is_none_or(|next| next > entry.at),
            step => step <= self.sim.steps(),
        };
        (entry.at <= now && there).then_some(entry)
    }
    fn apply_due(&mut self) {
        while self.due().is_some() {
            self.apply_one();
        }
    }
    fn apply_one(&mut self) {
        self.sample_before();
        let command = self.journal()[self.applied].command.clone();
        self.applied += 1;
        // What a script does may have become impossible, and a journal from outside may ask for anything beyond the moment
        // it was played to. A command that isn't allowed changes nothing.
        if self.sim.command(&command, &mut self.trace).is_err() {
            self.sim.pass_over_command();
        }
    }
    /// A point of the series that is due at the moment of a command shows the world before it, however the run came there.
    fn sample_before(&mut self) {
        let now = self.sim.now();
        if self.sim.next_at().is_none_or(|next| next > now) {
            self.history.sample(&self.sim, now);
        }
    }
    /// How far the world may go before something beside it has to happen.
    fn next_stop(&self, to: Time) -> Time {
        let command = self.journal().get(self.applied).map_or(to, |entry| entry.at.max(self.sim.now()));
        to.min(command).min(self.history.next_at(self.sim.now()))
    }
    fn stopped_at(&mut self, limit: Time) {
        self.history.sample(&self.sim, limit);
        let journal = &self.branches[self.current].journal;
        let back = self.back && Moment::of(&self.sim) < self.branches[self.current].seen;
        if self.checkpoints.due(journal, self.sim.now(), back) {
            let history = Base { taken: self.history.taken(), counts: self.history.base() };
            let made = Checkpoint::of(&self.sim, self.applied, journal.lineage(self.applied), history);
            self.checkpoints.push(made, journal, back);
        }
    }
    /// To the newest checkpoint that fits.
    fn rewind(&mut self, fits: impl Fn(&Sim) -> bool) {
        let checkpoint = nearest(&self.checkpoints, &self.branches[self.current], fits);
        self.sim.clone_from(&checkpoint.sim);
        self.applied = checkpoint.applied;
        let Base { taken, counts: (ok, failed) } = checkpoint.history;
        self.history.rewind(taken, ok, failed);
        let marks = self.sim.marks();
        self.trace.went_to(marks.rows, marks.notes, marks.flights);
    }
}

/// When two journals first differ.
fn parting(here: &[Entry], there: &[Entry]) -> Option<Time> {
    let same = here.iter().zip(there).take_while(|(here, there)| here == there).count();
    here.get(same).into_iter().chain(there.get(same)).map(|entry| entry.at).min()
}

/// A branch's newest checkpoint that fits. Those of another branch that lie beyond what was seen of this one are no good:
/// its notes and series do not reach up to there.
fn nearest<'a>(checkpoints: &'a Checkpoints, branch: &Branch, fits: impl Fn(&Sim) -> bool) -> &'a Checkpoint {
    checkpoints.newest(&branch.journal, |sim| Moment::of(sim) <= branch.seen && fits(sim))
}

/// A text from outside as a message may show it: in quotes, without control characters, not too long.
pub fn shown(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    format!("\"{clean}\"")
}
