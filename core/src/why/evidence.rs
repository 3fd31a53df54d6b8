//! What the record says about a moment: the rows before it, what was done by then, and whom a program depends on.

use crate::actor::ProgramId;
use crate::actor::role::{Directory, NoteKind, Place};
use crate::actor::wire::Class;
use crate::engine::{EventId, Row, Span, Time, Trace};
use crate::fault::Fault;
use crate::knob::Knob;
use crate::net::link::Params;
use crate::net::packet::HostId;
use crate::sim::event::PacketId;
use crate::sim::{Code, Command, Sim};
use crate::timeline::Entry;
use alloc::vec::Vec;

/// How long after a moment a packet that was under way then may land. Chosen: longer than any dial and fault together.
const LATEST: Span = Span::from_secs(15);

/// Everything there is to know about a run up to some moment.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Who is where.
    pub directory: Directory,
    /// What happened.
    pub trace: &'a Trace,
    /// What was done.
    pub journal: &'a [Entry],
}

/// Where in the record a look back begins: rows from here on don't count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// The number of the first row that doesn't count.
    pub number: u64,
    /// Notes of this name and later ones don't count.
    pub note: EventId,
    /// The moment.
    pub at: Time,
}

/// Losses between two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The one that all the rest waits for.
    pub row: Row,
    /// How many in all, in either direction.
    pub count: u32,
    /// Since when.
    pub since: Time,
    /// Until when.
    pub before: Before,
}

/// How long a packet was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journey {
    /// Who sent what it completed.
    pub from: ProgramId,
    /// Who read that, or is to.
    pub to: ProgramId,
    /// When it left.
    pub sent: Time,
    /// How long it took, or will.
    pub took: Span,
}

/// Who sent a lost packet, and who should have had it.
pub fn ends(row: &Row) -> (ProgramId, ProgramId) {
    let packet = PacketId::of_row(row.process, row.a, row.b);
    let receiver = if packet.back { packet.from } else { packet.to };
    (ProgramId(row.process), receiver)
}
/// Who sent a message that was read.
pub const fn sender(row: &Row) -> ProgramId {
    ProgramId((row.a >> 8) as u16)
}

impl Evidence<'_> {
    /// The end of the record.
    pub fn end(&self, at: Time) -> Before {
        let rows = self.trace.rows();
        // Rows come in the order of time: what lies after the moment is skipped.
        let later = rows.before(rows.end()).take_while(|row| row.at > at).count() as u64;
        Before { number: rows.end() - later, note: EventId::new(u64::MAX), at }
    }
    /// Before this row.
    pub fn before(&self, row: &Row) -> Before {
        let number = self.trace.number(row.id).unwrap_or_else(|| self.end(row.at).number);
        // Notes and messages are named as they happen, events when they are planned.
        let named = row.code >= Code::NOTES || row.code == Code::Message as u16;
        let note = if named { row.id } else { self.first_note_since(number, row.at) };
        Before { number, note, at: row.at }
    }
    fn first_note_since(&self, number: u64, at: Time) -> EventId {
        let after = self.trace.rows().since(number).find(|row| row.code >= Code::NOTES);
        let by_time = || self.trace.notes().since(0).find(|note| note.at >= at).map(|note| note.id);
        after.map(|row| row.id).or_else(by_time).unwrap_or(EventId::new(u64::MAX))
    }
    /// The rows before a moment, newest first.
    pub fn rows(&self, before: Before) -> impl Iterator<Item = &Row> {
        self.trace.rows().before(before.number)
    }
    /// The newest note of one of these kinds that a program made.
    pub fn newest(&self, before: Before, program: ProgramId, kinds: &[NoteKind]) -> Option<Row> {
        let is = |row: &&Row| row.process == program.0 && kind(row).is_some_and(|kind| kinds.contains(&kind));
        self.newest_that(before, kinds, is)
    }
    /// The newest note of one of these kinds that fits.
    pub fn newest_that(&self, before: Before, kinds: &[NoteKind], fits: impl Fn(&&Row) -> bool) -> Option<Row> {
        let of_kind = |row: &&Row| kind(row).is_some_and(|kind| kinds.contains(&kind)) && fits(row);
        if kinds.iter().all(|kind| kind.notable()) {
            let notes = self.trace.notes();
            return notes.before(notes.end()).filter(|row| row.id < before.note).find(of_kind).copied();
        }
        self.rows(before).find(of_kind).copied()
    }
    /// The notes that were made in the same event, by anybody, newest first.
    pub fn beside(&self, row: &Row) -> impl Iterator<Item = &Row> {
        let (cause, at) = (row.cause, row.at);
        let notes = self.rows(self.before(row)).take_while(move |row| row.at == at);
        notes.filter(move |row| row.cause == cause && row.code >= Code::NOTES)
    }
    /// The notes that a program made in this event.
    pub fn made_in(&self, event: &Row) -> impl Iterator<Item = &Row> {
        let (id, at) = (event.id, event.at);
        let first = self.trace.number(event.id).unwrap_or(u64::MAX);
        let rows = self.trace.rows().since(first).take_while(move |row| row.at == at);
        rows.filter(move |row| row.cause == id && row.code >= Code::NOTES)
    }
    /// The newest message of one of these classes that one program had from another; none: of any.
    pub fn heard(&self, before: Before, by: ProgramId, from: ProgramId, classes: &[Class]) -> Option<Row> {
        let fits = |row: &&Row| {
            let class = row.a & 0xff;
            row.code == Code::Message as u16
                && row.process == by.0
                && sender(row) == from
                && (classes.is_empty() || classes.iter().any(|it| *it as u32 == class))
        };
        self.rows(before).find(fits).copied()
    }
    /// What was lost between two programs since a moment: of what carried messages of these classes from `from` to `to`,
    /// of such on the way back, or of anything.
    ///
    /// Of several the first that TCP's timer had sent again, if there is one: that is what all the rest waits for, as it
    /// has to come in order. Otherwise the first.
    pub fn lost(&self, before: Before, since: Time, from: ProgramId, to: ProgramId, classes: &[Class]) -> Option<Lost> {
        let (mut found, mut count): ([Option<(Row, bool)>; 4], u32) = ([None; 4], 0);
        for (row, there) in self.all_lost(before, since, from, to) {
            count += 1;
            let (_, class) = PacketId::reason_and_class(row.b);
            let place = usize::from(!there) + 2 * usize::from(!classes.iter().any(|it| *it as u8 == class));
            let again = self.trace.find(row.cause).is_some_and(|cause| cause.code == Code::Kernel as u16);
            if again || !found[place].is_some_and(|(_, again)| again) {
                found[place] = Some((*row, again));
            }
        }
        let (row, _) = found.into_iter().find_map(|lost| lost)?;
        Some(Lost { row, count, since, before })
    }
    /// Every packet that was lost between two programs since a moment, newest first, and whether it went from `from` to
    /// `to`.
    pub fn all_lost(
        &self,
        before: Before,
        since: Time,
        from: ProgramId,
        to: ProgramId,
    ) -> impl Iterator<Item = (&Row, bool)> {
        let rows = self.rows(before).take_while(move |row| row.at >= since);
        rows.filter(|row| row.code == Code::Drop as u16).filter_map(move |row| {
            let (sent, meant) = ends(row);
            let there = sent == from && self.same(meant, to);
            (there || (sent == to && self.same(meant, from))).then_some((row, there))
        })
    }
    /// How long the packet was under way that completed a message. What was sent again counts from when it was sent last.
    fn journey(&self, row: &Row) -> Option<Journey> {
        let arrived = self.trace.find(row.cause).filter(|cause| cause.code == Code::Arrive as u16)?;
        let sent = self.trace.find(arrived.cause)?.at;
        Some(Journey { from: sender(row), to: ProgramId(row.process), sent, took: arrived.at.since(sent) })
    }
    fn hosts(&self, row: &Row) -> (HostId, HostId) {
        (self.directory.host(sender(row)), self.directory.host(ProgramId(row.process)))
    }
    /// The longest journey from one program's host to another's since a moment: links are between hosts.
    pub fn longest(&self, before: Before, since: Time, from: ProgramId, to: ProgramId) -> Option<Journey> {
        let ends = (self.directory.host(from), self.directory.host(to));
        let rows = self.rows(before).take_while(|row| row.at >= since);
        let there = rows.filter(|row| row.code == Code::Message as u16 && self.hosts(row) == ends);
        let found = there.filter_map(|row| self.journey(row)).max_by_key(|it| it.took)?;
        Some(Journey { from, to, ..found })
    }
    /// The first packet from one program's host to another's that was under way at a moment: what landed later is on
    /// record, or still under way now.
    pub fn under_way(&self, sim: &Sim, before: Before, from: ProgramId, to: ProgramId) -> Option<Journey> {
        let ends = (self.directory.host(from), self.directory.host(to));
        let later = self.trace.rows().since(before.number).take_while(|row| row.at <= before.at + LATEST);
        let landed = later.filter(|row| row.code == Code::Message as u16 && self.hosts(row) == ends);
        let then = |it: &Journey| it.sent <= before.at && it.sent + it.took > before.at;
        let on_record = landed.filter_map(|row| self.journey(row)).find(then);
        let still = || {
            let (cause, lands) = sim.under_way(ends.0, ends.1).min_by_key(|(cause, lands)| (*lands, *cause))?;
            let sent = self.trace.find(cause)?.at;
            Some(Journey { from, to, sent, took: lands.since(sent) }).filter(then)
        };
        let found = on_record.or_else(still)?;
        Some(Journey { from, to, ..found })
    }
    /// The command that made a packet from one program's host to another's take so long: whatever had most to do with it.
    pub fn delayed_by(&self, Journey { from, to, sent, took }: Journey) -> Option<usize> {
        let (from, to) = (self.directory.host(from), self.directory.host(to));
        let control = self.directory.control_hosts();
        let extra = |fault: &Fault| fault.shape_link(from, to, control, Params::default()).delay;
        let faults = self.faults(sent).into_iter().map(|(place, fault)| (extra(&fault), place));
        let fault = faults.max_by_key(|(extra, place)| (*extra, *place)).filter(|(extra, _)| !extra.is_zero());
        let (dialled, dial) = self.stands(sent, Knob::LinkDelay);
        let dial = dial.map(|place| (Span::from_us(dialled.into()), place));
        // What is left is luck within what the jitter allows, or a wait for the transmitter.
        let known = fault.map_or(Span::ZERO, |(extra, _)| extra) + Span::from_us(dialled.into());
        let rest = self.dialled(sent, &[Knob::LinkJitter, Knob::LinkRate]).map(|it| (took.saturating_sub(known), it));
        let most = fault.into_iter().chain(dial).chain(rest).max_by_key(|(share, place)| (*share, *place));
        most.filter(|(share, _)| share.scale(3, 1) >= took).map(|(_, place)| place)
    }
    /// Where a dial stood, and the command that put it there.
    fn stands(&self, at: Time, knob: Knob) -> (u32, Option<usize>) {
        let place = self.dialled(at, &[knob]);
        let value = place.and_then(|place| match &self.journal[place].command {
            Command::Set(changes) => changes.iter().rev().find(|(moved, _)| *moved == knob).map(|(_, value)| *value),
            _ => None,
        });
        (value.unwrap_or(knob.spec().default), place)
    }
    /// The loss of one packet.
    pub fn one(&self, row: Row) -> Lost {
        let before = self.before(&row);
        Lost { row, count: 1, since: row.at, before: Before { number: before.number + 1, ..before } }
    }
    /// Whether an address is this program's; the API servers' common one is any of theirs.
    fn same(&self, address: ProgramId, program: ProgramId) -> bool {
        address == program
            || (address == ProgramId::API_SERVERS && matches!(self.directory.place(program), Place::Api(_)))
    }
    /// The note of its end, if no process of a program ran then.
    pub fn gone(&self, before: Before, program: ProgramId) -> Option<Row> {
        let newest = self.newest(before, program, &[NoteKind::Started, NoteKind::Exited])?;
        (kind(&newest) == Some(NoteKind::Exited)).then_some(newest)
    }
    /// The faults in force at a moment, each with its place in the journal, the newest first.
    pub fn faults(&self, at: Time) -> Vec<(usize, Fault)> {
        let (mut number, mut found) = (1, Vec::new());
        for (place, entry) in self.journal.iter().enumerate().take_while(|(_, entry)| entry.at <= at) {
            match &entry.command {
                Command::Inject(fault) => {
                    found.push((number, place, *fault));
                    number += 1;
                }
                Command::Nothing(crate::sim::event::Taken::Fault) => number += 1,
                Command::Heal(healed) => found.retain(|(number, ..)| *number != healed.0),
                Command::HealAll => found.clear(),
                _ => {}
            }
        }
        found.into_iter().rev().map(|(_, place, fault)| (place, fault)).collect()
    }
    /// The newest fault in force that makes a link so.
    pub fn link_fault(&self, at: Time, from: HostId, to: HostId, is: impl Fn(&Params) -> bool) -> Option<usize> {
        let control = self.directory.control_hosts();
        let shaped = |fault: &Fault| is(&fault.shape_link(from, to, control, Params::default()));
        self.faults(at).into_iter().find(|(_, fault)| shaped(fault)).map(|(place, _)| place)
    }
    /// The newest command that moved one of these dials.
    pub fn dialled(&self, at: Time, knobs: &[Knob]) -> Option<usize> {
        let moves = |entry: &Entry| match &entry.command {
            Command::Set(changes) => changes.iter().any(|(knob, _)| knobs.contains(knob)),
            _ => false,
        };
        let past = self.journal.iter().take_while(|entry| entry.at <= at).count();
        self.journal[..past].iter().rposition(moves)
    }
    /// The fault that makes a program stand still.
    pub fn standing_still(&self, at: Time, program: ProgramId) -> Option<usize> {
        let host = self.directory.host(program);
        let api = matches!(self.directory.place(program), Place::Api(_));
        let stands = |fault: &Fault| match *fault {
            Fault::Pause { host: paused } => paused == host,
            Fault::HangApi { host: hung } => api && hung == host,
            _ => false,
        };
        self.faults(at).into_iter().find(|(_, fault)| stands(fault)).map(|(place, _)| place)
    }
    /// The API server or member of etcd that a program last exchanged messages with.
    pub fn partner(&self, before: Before, program: ProgramId, etcd: bool) -> Option<ProgramId> {
        let fits = |id: ProgramId| match self.directory.place(id) {
            Place::Api(_) => !etcd,
            Place::Etcd(_) => etcd,
            _ => false,
        };
        self.rows(before).filter(|row| row.code == Code::Message as u16).find_map(|row| {
            let (reader, sender) = (ProgramId(row.process), sender(row));
            if reader == program && fits(sender) {
                Some(sender)
            } else {
                (sender == program && fits(reader)).then_some(reader)
            }
        })
    }
}

/// The kind of a note.
pub fn kind(row: &Row) -> Option<NoteKind> {
    Code::note(row.code)
}
