//! Why: from something that happened, or did not happen, back to what was done or how the dice fell.
//!
//! Every row has a cause, and a chain of those leads back to a beginning: it says why something happened *at all*. What
//! people ask is mostly why something did *not* happen in time: no heartbeat came, no answer, no renewal. A deadline is
//! set off by whatever set it; its reason is what stayed away. So an inquiry follows causes until it comes to a deadline,
//! asks what was waited for and of whom, and looks into the record for what became of that: a process that was gone or
//! stood still, a packet that was lost, another one that waited itself. It ends at a command, at a draw, or at the
//! beginning of the run. All it says is rows of the record; nothing in it knows what ought to have happened.

mod asked;
mod evidence;
mod notes;
mod silence;

use crate::actor::ProgramId;
use crate::actor::role::NoteKind;
use crate::engine::{EventId, Row, Span, Time};
use crate::fault::Fault;
use crate::knob::Knob;
use crate::net::link::{DropReason, Params};
use crate::net::packet::HostId;
use crate::sim::event::PacketId;
use crate::sim::{Code, Command, Sim};
use alloc::vec::Vec;
pub use asked::Question;
pub use evidence::Evidence;
use evidence::{Before, Journey, Lost, kind, sender};

/// The longest chain of an answer. Unit: steps. Chosen: more than anybody reads; most have fewer than 30, but where every
/// message is slow one follows from another for long before something else began it.
const MOST: usize = 400;
/// How far back an inquiry wants to look at least. Chosen: longer than any deadline of the model but a pod's eviction.
pub const LOOK_BACK: Span = Span::from_secs(75);
/// A message that was under way for longer was late because of what was lost. Chosen: half of TCP's least timeout.
const LATE: Span = Span::from_ms(100);

/// What a step of an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum What {
    /// A program made a note: the row says which.
    Note,
    /// `program` read a message of `other`.
    Message,
    /// A timer of `program` went off.
    Timer,
    /// A process of `program` started.
    Boot,
    /// `program` heard nothing from `other` since `since`.
    Silence,
    /// `program` waited for an answer of `other` since `since`.
    Waits,
    /// Followers: `program` leads and waits for enough others.
    Quorum,
    /// A message from `other` reached `program` late: it was sent at `since`.
    Late,
    /// Links are slow: a message from `program` to `other` takes as long as `took` says, so it is since `since`.
    Delayed,
    /// A packet from `program` to `other` was lost: so the dice fell. `count` were, meanwhile.
    Lost,
    /// A packet from `program` to `other` was dropped: the link was cut.
    Cut,
    /// A packet from `program` to `other` was dropped: the queue before the link was full.
    QueueFull,
    /// A packet from `program` to `other` came to a host without power.
    NoPower,
    /// `program` stands still.
    StandsStill,
    /// No process of `program` runs.
    Gone,
    /// The disk of `program`'s host was slow to write.
    SlowDisk,
    /// `program` answers from what it has in memory, and asks nobody.
    FromMemory,
    /// What `program` does, and may for as long as nothing says otherwise.
    Well,
    /// `count` pods are missing.
    Missing,
    /// A pod's object is there, on a node that is not known to be lost yet.
    Trusted,
    /// A pod tolerates its node's taint for a while.
    Tolerates,
    /// A command was given.
    Command,
    /// The run began.
    Start,
}

impl What {
    /// Their names, for the page. Code: a list.
    pub const NAMES: [&'static str; 23] = [
        "note",
        "message",
        "timer",
        "boot",
        "silence",
        "waits",
        "quorum",
        "late",
        "delayed",
        "lost",
        "cut",
        "queue_full",
        "no_power",
        "stands_still",
        "gone",
        "slow_disk",
        "from_memory",
        "well",
        "missing",
        "trusted",
        "tolerates",
        "command",
        "start",
    ];
    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// One step of an answer, a sentence for whoever reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it says.
    pub what: What,
    /// When.
    pub at: Time,
    /// Since when, of what lasts.
    pub since: Option<Time>,
    /// Who.
    pub program: Option<ProgramId>,
    /// Who else.
    pub other: Option<ProgramId>,
    /// How many.
    pub count: u32,
    /// How long a message is under way, of links that are slow.
    pub took: Span,
    /// The row behind it, if there is one.
    pub row: Option<Row>,
}

/// Where an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// At the command of this place in the journal.
    Input(usize),
    /// At a draw: nobody did anything, it happens by itself.
    Draw,
    /// At the beginning of the run.
    Start,
    /// Where the record ends.
    Record,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// From now back.
    pub steps: Vec<Step>,
    /// What it ends at.
    pub end: End,
    /// The packets whose dice it goes back to, the newest first, and when each was lost.
    pub draws: Vec<(PacketId, Time)>,
}

impl Why {
    /// How far back it looked for what stayed away; notes and commands are remembered for longer.
    pub fn reaches(&self) -> Time {
        let looks =
            |step: &&Step| !matches!(step.what, What::Note | What::Boot | What::Start | What::Command | What::Gone);
        let reach = |step: &Step| match step.what {
            What::Delayed => step.at.before(step.took),
            _ => step.since.unwrap_or(step.at).min(step.at),
        };
        self.steps.iter().filter(looks).map(reach).min().unwrap_or(Time::from_ns(u64::MAX))
    }
}

/// What an inquiry looks at next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// A row: what made it happen.
    Row(Row),
    /// A row by its plain cause, whatever its kind.
    Cause(Row),
    /// Nothing came from one to the other.
    Silence { by: ProgramId, from: ProgramId, since: Time, before: Before },
    /// One waits for the other.
    Waits { by: ProgramId, on: ProgramId, since: Time, before: Before },
    /// A leader waits for the others.
    Quorum { by: ProgramId, since: Time, before: Before },
    /// Packets were lost.
    Dropped(Lost),
    /// The command of this place.
    Command(usize),
    /// It is over.
    End(End),
}

/// An inquiry under way.
struct Inquiry<'a> {
    evidence: Evidence<'a>,
    sim: &'a Sim,
    steps: Vec<Step>,
    /// Who has been found waiting for whom: nobody is asked twice.
    asked: Vec<(ProgramId, ProgramId)>,
    seen: Vec<EventId>,
    draws: Vec<(PacketId, Time)>,
    /// The timers that were passed, by program and number.
    timers: Vec<(u16, u32)>,
}

/// Why this is so, or happened: `sim` is the world at the moment the question is about, or later.
pub fn why(evidence: Evidence<'_>, sim: &Sim, question: &Question) -> Why {
    let (steps, asked, seen, draws, timers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut inquiry = Inquiry { evidence, sim, steps, asked, seen, draws, timers };
    let next = inquiry.begin(question);
    let end = inquiry.follow(next);
    Why { steps: inquiry.steps, end, draws: inquiry.draws }
}
/// Whether dice lost it, and nothing else.
fn by_luck(row: &Row) -> bool {
    let (reason, _) = PacketId::reason_and_class(row.b);
    reason == DropReason::Loss as u8 || reason == DropReason::Burst as u8
}

impl Inquiry<'_> {
    fn follow(&mut self, mut next: Next) -> End {
        let first = next;
        for _ in 0..MOST {
            next = match next {
                Next::Row(row) => self.row(row),
                Next::Cause(row) => self.cause(row),
                Next::Silence { by, from, since, before } => self.silence(by, from, since, before),
                Next::Waits { by, on, since, before } => self.waits(by, on, since, before),
                Next::Quorum { by, since, before } => self.quorum(by, since, before),
                Next::Dropped(lost) => self.dropped(lost),
                Next::Command(place) => self.command(place),
                Next::End(End::Record) => match first {
                    // Nothing was found to have stayed away: why it happened at all can be said always.
                    Next::Row(row) if !self.steps.iter().any(|step| step.what == What::Start) => self.at_all(row),
                    _ => return End::Record,
                },
                Next::End(end) => return end,
            };
        }
        End::Record
    }
    fn push(&mut self, what: What, at: Time) -> &mut Step {
        let step = Step { what, at, since: None, program: None, other: None, count: 0, took: Span::ZERO, row: None };
        self.steps.push(step);
        self.steps.last_mut().expect("just pushed")
    }
    fn push_row(&mut self, what: What, row: Row) -> &mut Step {
        let step = self.push(what, row.at);
        step.row = Some(row);
        step.program = (row.process != u16::MAX).then_some(ProgramId(row.process));
        step
    }
    /// Says what a row says, and finds what to ask next.
    fn row(&mut self, row: Row) -> Next {
        if self.seen.contains(&row.id) {
            return Next::Cause(row);
        }
        self.seen.push(row.id);
        if let Some(kind) = kind(&row) {
            self.push_row(What::Note, row);
            return self.note(kind, row);
        }
        if row.code == Code::Message as u16 {
            return self.message(row);
        }
        self.cause(row)
    }
    /// A message that was read: on to whoever sent it; or, if it was late because of a loss, to that.
    fn message(&mut self, row: Row) -> Next {
        let sent = self.evidence.trace.find(row.link).copied();
        if let Some(sent) = sent
            && row.at.since(sent.at) >= LATE
            && let Some(lost) = self.made_good(&row)
        {
            let step = self.push_row(What::Late, row);
            (step.other, step.since) = (Some(sender(&row)), Some(sent.at));
            let before = self.evidence.before(&row);
            let meanwhile = self.evidence.lost(before, sent.at, sender(&row), ProgramId(row.process), &[]);
            return Next::Dropped(meanwhile.map_or(self.evidence.one(lost), |all| Lost { row: lost, ..all }));
        }
        self.push_row(What::Message, row).other = Some(sender(&row));
        match sent {
            Some(sent) => self.event(sent),
            None => self.cause(row),
        }
    }
    /// The loss that a message's last segment made good, if it was sent again.
    fn made_good(&self, row: &Row) -> Option<Row> {
        let find = |id: EventId| self.evidence.trace.find(id).copied();
        let arrived = find(row.cause)?;
        let mut sent = find(arrived.cause)?;
        // The segment that closed the gap was sent by a timer, or because an ack said what was missing.
        for _ in 0..4 {
            if sent.link != EventId::ROOT && sent.code == Code::Kernel as u16 {
                return find(sent.link).filter(|lost| lost.code == Code::Drop as u16);
            }
            if sent.code != Code::Arrive as u16 {
                break;
            }
            sent = find(sent.cause)?;
        }
        let sent_at = find(row.link)?.at;
        let before = self.evidence.before(row);
        Some(self.evidence.lost(before, sent_at, sender(row), ProgramId(row.process), &[])?.row)
    }
    /// An event in which something was sent or noted: what is notable about it says more than what it is.
    fn event(&mut self, event: Row) -> Next {
        let notable = |row: &&Row| {
            kind(row).is_some_and(|kind| kind.notable() && kind != NoteKind::RestartIn)
                && row.process == event.process
                && !self.seen.contains(&row.id)
        };
        match self.evidence.made_in(&event).find(notable).copied() {
            Some(note) => Next::Row(note),
            None => Next::Row(event),
        }
    }
    /// What a row was caused by, plainly.
    fn cause(&mut self, row: Row) -> Next {
        let code = |code: Code| row.code == code as u16;
        if code(Code::Command) {
            return Next::Command(row.a as usize);
        }
        if code(Code::Drop) {
            return Next::Dropped(self.evidence.one(row));
        }
        if code(Code::Boot) {
            self.push_row(What::Boot, row);
            let before = self.evidence.before(&row);
            if let Some(ended) = self.evidence.newest(before, ProgramId(row.process), &[NoteKind::Exited]) {
                return Next::Row(ended);
            }
        }
        if code(Code::Nature) {
            self.push_row(What::NoPower, row);
            return Next::End(End::Draw);
        }
        if code(Code::DiskDone) {
            return self.disk(row);
        }
        if row.link != EventId::ROOT
            && let Some(link) = self.evidence.trace.find(row.link).copied()
        {
            return if link.code == Code::Drop as u16 { Next::Row(link) } else { self.event(link) };
        }
        if row.cause == EventId::ROOT {
            self.push(What::Start, Time::ZERO);
            return Next::End(End::Start);
        }
        let Some(cause) = self.evidence.trace.find(row.cause).copied() else { return self.since_it_runs(row) };
        // What it does all the time, at once or by way of others.
        let timer = code(Code::Timer).then_some((row.process, row.a));
        let same = cause.code == row.code && timer == Some((cause.process, cause.a));
        if same || timer.is_some_and(|timer| self.timers.contains(&timer)) {
            return self.since_it_runs(row);
        }
        self.timers.extend(timer);
        if code(Code::Timer) && row.at.since(cause.at) >= LATE {
            self.push_row(What::Timer, row).since = Some(cause.at);
        }
        if cause.code >= Code::NOTES { Next::Row(cause) } else { self.event(cause) }
    }
    /// What a program does again and again it does since its process runs.
    fn since_it_runs(&mut self, row: Row) -> Next {
        if row.process == u16::MAX {
            return Next::End(End::Record);
        }
        if row.code == Code::Timer as u16 {
            self.push_row(What::Timer, row);
        }
        let before = self.evidence.before(&row);
        match self.evidence.newest(before, ProgramId(row.process), &[NoteKind::Started]) {
            Some(started) if !self.seen.contains(&started.id) => Next::Row(started),
            _ => {
                self.push(What::Start, Time::ZERO).program = Some(ProgramId(row.process));
                Next::End(End::Start)
            }
        }
    }
    /// A write that took its time: the disk, or what makes it slow.
    fn disk(&mut self, row: Row) -> Next {
        let cause = self.evidence.trace.find(row.cause).copied();
        let took = cause.map_or(Span::ZERO, |cause| row.at.since(cause.at));
        if took >= LATE {
            self.push_row(What::SlowDisk, row).since = Some(row.at.before(took));
            if let Some(place) = self.slow_disk(row.at, ProgramId(row.process)) {
                return Next::Command(place);
            }
        }
        match cause {
            Some(cause) => self.event(cause),
            None => self.since_it_runs(row),
        }
    }
    /// The command that made a program's disk slow.
    fn slow_disk(&self, at: Time, program: ProgramId) -> Option<usize> {
        let host = self.evidence.directory.host(program);
        let slow = |fault: &Fault| matches!(fault, Fault::SlowDisk { host: slow, .. } if *slow == host);
        let fault = self.evidence.faults(at).into_iter().find(|(_, fault)| slow(fault)).map(|(place, _)| place);
        fault.or_else(|| self.evidence.dialled(at, &[Knob::Fsync]))
    }
    /// Why a row came to be, when nothing is known to have stayed away: the chain of plain causes.
    fn at_all(&mut self, row: Row) -> Next {
        let (command, drop) = (Code::Command as u16, Code::Drop as u16);
        let found = self.evidence.trace.why(row.id).find(|row| row.code == command || row.code == drop);
        match found {
            Some(row) if row.code == command => Next::Command(row.a as usize),
            Some(row) => Next::Dropped(self.evidence.one(row)),
            None => {
                self.push(What::Start, Time::ZERO);
                Next::End(End::Start)
            }
        }
    }
    /// A command: nobody in the world made it.
    fn command(&mut self, place: usize) -> Next {
        let at = self.evidence.journal.get(place).map_or(Time::ZERO, |entry| entry.at);
        self.push(What::Command, at).count = place as u32;
        Next::End(End::Input(place))
    }
    /// A lost packet: the dice and the dial that gave them their chance; the cut; the full queue.
    fn dropped(&mut self, Lost { row, count, since, before }: Lost) -> Next {
        let (reason, _) = PacketId::reason_and_class(row.b);
        let what = match reason {
            reason if reason == DropReason::Cut as u8 => What::Cut,
            reason if reason == DropReason::QueueFull as u8 => What::QueueFull,
            PacketId::NO_POWER => What::NoPower,
            _ => What::Lost,
        };
        let (from, to) = evidence::ends(&row);
        if what == What::Lost {
            let all = self.evidence.all_lost(before, since, from, to).filter(|(row, _)| by_luck(row));
            self.draws = all.map(|(row, _)| (PacketId::of_row(row.process, row.a, row.b), row.at)).collect();
        }
        let step = self.push_row(what, row);
        (step.other, step.count) = (Some(to), count);
        let (at, directory) = (row.at, self.evidence.directory);
        // Rules of the balancer's host send what goes to the API servers' address to one of them.
        let hosts = |program: ProgramId| -> Vec<HostId> {
            match program {
                ProgramId::API_SERVERS => (0..directory.api_servers).map(|n| directory.api_host(n)).collect(),
                program => Vec::from([directory.host(program)]),
            }
        };
        let links = || hosts(from).into_iter().flat_map(|from| hosts(to).into_iter().map(move |to| (from, to)));
        match what {
            What::NoPower => match self.evidence.gone(self.evidence.before(&row), to) {
                Some(gone) => Next::Row(gone),
                None => self.powerless(at, &hosts(to)),
            },
            What::QueueFull => match self.evidence.dialled(at, &[Knob::LinkRate]) {
                Some(place) => Next::Command(place),
                None => Next::Cause(Row { code: Code::Timer as u16, ..row }),
            },
            _ => {
                let makes = |link: &Params| {
                    if what == What::Cut { link.cut } else { link.loss.get() > 0 || link.burst_loss.get() > 0 }
                };
                let fault = links().find_map(|(from, to)| self.evidence.link_fault(at, from, to, makes));
                let dial = || self.evidence.dialled(at, &[Knob::Loss, Knob::LossPlace]);
                match fault.or_else(dial) {
                    Some(place) => Next::Command(place),
                    None => {
                        self.push(What::Start, Time::ZERO);
                        Next::End(if what == What::Lost { End::Draw } else { End::Start })
                    }
                }
            }
        }
    }
    /// A packet was under way for long: the command that made its link so slow, if there is one.
    fn delayed(&mut self, journey: Journey, before: Before) -> Option<Next> {
        let place = self.evidence.delayed_by(journey)?;
        let since = self.evidence.journal.get(place)?.at;
        let step = self.push(What::Delayed, before.at);
        (step.program, step.other) = (Some(journey.from), Some(journey.to));
        (step.took, step.since) = (journey.took, Some(since));
        Some(Next::Command(place))
    }
    /// A host without power: whoever took it, or nature.
    fn powerless(&mut self, at: Time, hosts: &[HostId]) -> Next {
        let is = |fault: &Fault| matches!(fault, Fault::Crash { host: down } if hosts.contains(down));
        match self.evidence.faults(at).into_iter().find(|(_, fault)| is(fault)) {
            Some((place, _)) => Next::Command(place),
            None => Next::End(End::Draw),
        }
    }
    /// Whether a command may have made this so.
    fn is_command(&self, place: usize) -> bool {
        self.evidence.journal.get(place).is_some_and(|entry| !matches!(entry.command, Command::Nothing(_)))
    }
}
