//! What stayed away: why nothing came from one program to another.

use super::evidence::{Before, sender};
use super::{End, Inquiry, Next, What};
use crate::actor::ProgramId;
use crate::actor::role::{NoteKind, Place};
use crate::actor::wire::Class;
use crate::engine::{Span, Time};
use crate::etcd::message::MemberId;
use crate::fault::Fault;
use crate::knob::Knob;
use crate::sim::Code;

/// What members hear of each other as long as all is well. Code: a list.
const RAFT: [Class; 4] = [Class::Heartbeat, Class::Append, Class::Vote, Class::Forward];
/// How long before one began to wait a loss may lie that still holds its connection up. Chosen: a few of TCP's doubled
/// timeouts.
const HELD_UP: Span = Span::from_secs(10);

/// How many journeys a request makes at most while everybody waits. Unit: journeys. Chosen: through the balancer, an API
/// server and a member to the leader and a follower, there and back, each with what opens a connection.
const JOURNEYS: u64 = 20;

impl Inquiry<'_> {
    /// One hears nothing from another.
    pub(super) fn silence(&mut self, by: ProgramId, from: ProgramId, since: Time, before: Before) -> Next {
        let step = self.push(What::Silence, before.at);
        (step.program, step.other, step.since) = (Some(by), Some(from), Some(since));
        if let Some(found) = self.stayed_away(by, from, since, before) {
            return found;
        }
        // Something was under way for most of the time.
        let under_way = self.evidence.under_way(self.sim, before, from, by);
        let long = under_way.filter(|it| it.took.scale(2, 1) >= before.at.since(since));
        if let Some(found) = long.and_then(|journey| self.delayed(journey, before)) {
            return found;
        }
        // It was reached, it ran, and it sent nothing: a leader that leads no more says so.
        let led = [NoteKind::StepsDown, NoteKind::LosesLeader, NoteKind::HandsOver];
        match self.evidence.newest(before, from, &led) {
            Some(note) if note.at + HELD_UP >= since => Next::Row(note),
            _ => self.held_up_by_time(by, before),
        }
    }
    /// One waits for another's answer.
    pub(super) fn waits(&mut self, by: ProgramId, on: ProgramId, since: Time, before: Before) -> Next {
        if self.asked.contains(&(by, on)) {
            // Each waits for the other: what they send takes its time.
            return self.far_apart(before).unwrap_or(Next::End(End::Record));
        }
        self.asked.push((by, on));
        let step = self.push(What::Waits, before.at);
        (step.program, step.other, step.since) = (Some(by), Some(on), Some(since));
        if let Some(found) = self.stayed_away(by, on, since, before) {
            return found;
        }
        // A question and its answer are two journeys; a half of the time is enough to be the reason.
        if let Some(found) = self.slow_links(&[(by, on)], since, before, 4) {
            return found;
        }
        match self.evidence.directory.place(on) {
            Place::Api(_) => self.api_waits(on, since, before),
            Place::Etcd(_) => self.member_waits(on, since, before),
            Place::Balancer => match self.evidence.partner(before, by, false) {
                Some(api) => Next::Waits { by, on: api, since, before },
                None => Next::End(End::Record),
            },
            _ => self.held_up_by_time(on, before),
        }
    }
    /// What kept one from another: it was gone, it stood still, packets were lost.
    fn stayed_away(&mut self, by: ProgramId, from: ProgramId, since: Time, before: Before) -> Option<Next> {
        if let Some(ended) = self.evidence.gone(before, from) {
            self.push(What::Gone, ended.at).program = Some(from);
            return Some(Next::Row(ended));
        }
        if let Some(place) = self.evidence.standing_still(before.at, from) {
            self.push(What::StandsStill, before.at).program = Some(from);
            return Some(Next::Command(place));
        }
        // What was lost first since something last got through holds up all that comes behind it.
        let classes = self.classes(by, from);
        let heard = self.evidence.heard(before, by, from, classes).map_or(since, |row| row.at);
        let since = since.min(heard.max(since.before(HELD_UP)));
        self.evidence.lost(before, since, from, by, classes).map(Next::Dropped)
    }
    /// Between two of these the journeys are long: so many of them take as long as all the waiting.
    pub(super) fn slow_links(
        &mut self,
        pairs: &[(ProgramId, ProgramId)],
        since: Time,
        before: Before,
        journeys: u64,
    ) -> Option<Next> {
        let (evidence, sim) = (self.evidence, self.sim);
        let directions = pairs.iter().flat_map(|&(one, other)| [(one, other), (other, one)]);
        let found = directions.flat_map(|(from, to)| {
            let longest = evidence.longest(before, since, from, to);
            longest.into_iter().chain(evidence.under_way(sim, before, from, to))
        });
        let longest = found.max_by_key(|journey| journey.took)?;
        let long = longest.took.scale(journeys, 1) >= before.at.since(since);
        if long { self.delayed(longest, before) } else { None }
    }
    /// Nobody's links alone are slow enough, but a request makes many journeys between those who waited for each other.
    fn far_apart(&mut self, before: Before) -> Option<Next> {
        let pairs = self.asked.clone();
        let since = self.steps.iter().filter_map(|step| step.since).min().unwrap_or(before.at);
        self.slow_links(&pairs, since, before, JOURNEYS)
    }
    /// What one program waits for of another.
    fn classes(&self, by: ProgramId, from: ProgramId) -> &'static [Class] {
        let directory = self.evidence.directory;
        match (directory.place(by), directory.place(from)) {
            (Place::Etcd(_), Place::Etcd(_)) => &RAFT,
            (_, Place::Etcd(_)) => &[Class::Etcd, Class::Watch],
            (_, Place::Api(_)) => &[Class::Api, Class::Watch],
            _ => &[],
        }
    }
    /// An API server that answers nothing waits for etcd.
    fn api_waits(&mut self, api: ProgramId, since: Time, before: Before) -> Next {
        let directory = self.evidence.directory;
        let Place::Api(n) = directory.place(api) else { return Next::End(End::Record) };
        // A call that ended badly says more than one that is still under way.
        let own = || directory.endpoints(n).next().map(|member| directory.etcd(member));
        match self.evidence.partner(before, api, true).or_else(own) {
            Some(member) => Next::Waits { by: api, on: member, since, before },
            None => Next::End(End::Record),
        }
    }
    /// A member that answers nothing: it knows no leader, waits for the one it knows, or for enough followers.
    fn member_waits(&mut self, member: ProgramId, since: Time, before: Before) -> Next {
        let kinds = [NoteKind::LosesLeader, NoteKind::FindsLeader, NoteKind::Leads, NoteKind::Started];
        let Some(note) = self.evidence.newest(before, member, &kinds) else {
            return self.held_up_by_time(member, before);
        };
        match super::kind(&note) {
            Some(NoteKind::LosesLeader | NoteKind::Started) => Next::Row(note),
            Some(NoteKind::FindsLeader) if MemberId(note.a as u8) != self.id(member) => {
                let leader = self.evidence.directory.etcd(MemberId(note.a as u8).ix() as u8);
                Next::Waits { by: member, on: leader, since, before }
            }
            _ => Next::Quorum { by: member, since, before },
        }
    }
    fn id(&self, member: ProgramId) -> MemberId {
        match self.evidence.directory.place(member) {
            Place::Etcd(n) => MemberId::from_ix(usize::from(n)),
            _ => MemberId(0),
        }
    }
    /// A leader needs a majority: the follower whose silence broke it.
    pub(super) fn quorum(&mut self, by: ProgramId, since: Time, before: Before) -> Next {
        let step = self.push(What::Quorum, before.at);
        (step.program, step.since) = (Some(by), Some(since));
        match self.missing_follower(by, before) {
            Some((follower, heard)) => Next::Waits { by, on: follower, since: heard.min(since), before },
            None => self.held_up_by_time(by, before),
        }
    }
    /// Of the others, the one without which there is no majority any more, and when it was last heard.
    pub(super) fn missing_follower(&self, leader: ProgramId, before: Before) -> Option<(ProgramId, Time)> {
        let directory = self.evidence.directory;
        let others = (0..directory.members).map(|n| directory.etcd(n)).filter(|id| *id != leader);
        let mut heard: alloc::vec::Vec<(Time, ProgramId)> = others
            .map(|id| (self.evidence.heard(before, leader, id, &RAFT[..2]).map_or(Time::ZERO, |row| row.at), id))
            .collect();
        heard.sort_by_key(|(at, _)| core::cmp::Reverse(*at));
        // Besides itself a leader needs half of all.
        let needed = usize::from(directory.members / 2);
        let (at, id) = *heard.get(needed.checked_sub(1)?)?;
        Some((id, at))
    }
    /// A member without a leader: the last it heard of the one it had.
    pub(super) fn leader_silent(&mut self, member: ProgramId, lost: ProgramId, before: Before) -> Next {
        let heard = self.evidence.heard(before, member, lost, &RAFT[..2]);
        let since = heard.map_or_else(|| self.first_row(), |row| row.at);
        Next::Silence { by: member, from: lost, since, before }
    }
    fn first_row(&self) -> Time {
        self.evidence.trace.rows().since(0).next().map_or(Time::ZERO, |row| row.at)
    }
    /// Nothing was lost and nobody was gone: then everything takes long. What makes it so?
    pub(super) fn held_up_by_time(&mut self, program: ProgramId, before: Before) -> Next {
        if let Some(found) = self.far_apart(before) {
            return found;
        }
        let host = self.evidence.directory.host(program);
        let slows = |fault: &Fault| match *fault {
            Fault::SlowDisk { host: slow, .. } | Fault::ClockRate { host: slow, .. } | Fault::Pause { host: slow } => {
                slow == host
            }
            _ => false,
        };
        if let Some((place, fault)) = self.evidence.faults(before.at).into_iter().find(|(_, fault)| slows(fault)) {
            if matches!(fault, Fault::SlowDisk { .. }) {
                self.push(What::SlowDisk, before.at).program = Some(program);
            }
            return Next::Command(place);
        }
        let dials = [
            Knob::Fsync,
            Knob::ElectionTimeout,
            Knob::HeartbeatInterval,
            Knob::LeaseDuration,
            Knob::RenewDeadline,
            Knob::RetryPeriod,
        ];
        match self.evidence.dialled(before.at, &dials) {
            Some(place) if self.is_command(place) => Next::Command(place),
            _ => Next::End(End::Record),
        }
    }
    /// The server that a program asks: whom it last exchanged messages with.
    pub(super) fn server_of(&self, program: ProgramId, before: Before) -> ProgramId {
        let directory = self.evidence.directory;
        let heard = self.evidence.partner(before, program, false);
        heard.unwrap_or_else(|| match directory.place(program) {
            Place::Control(n, _) | Place::Prober(n) => directory.api(n),
            _ => directory.balancer(),
        })
    }
    /// What a server did when it answered badly: its own note about it.
    pub(super) fn answered(&mut self, row: crate::engine::Row) -> Option<Next> {
        let message = self.evidence.trace.find(row.cause).copied()?;
        if message.code != Code::Message as u16 {
            return None;
        }
        let step = self.push_row(What::Message, message);
        step.other = Some(sender(&message));
        let sent = self.evidence.trace.find(message.link).copied()?;
        let told = [NoteKind::ApiRequest, NoteKind::EtcdRequest, NoteKind::EtcdCall, NoteKind::Unhealthy];
        let sender = sender(&message);
        let note = self
            .evidence
            .made_in(&sent)
            .find(|note| note.process == sender.0 && super::kind(note).is_some_and(|kind| told.contains(&kind)));
        Some(match note.copied() {
            Some(note) => Next::Row(note),
            None => Next::Row(sent),
        })
    }
}
