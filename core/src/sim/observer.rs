//! An onlooker: hears every note, counts, and checks what must hold. No program can see it.

use super::Program;
use super::verdicts::Verdicts;
use crate::actor::ProgramId;
use crate::actor::role::{Directory, Note, NoteKind, Place};
use crate::engine::{Span, Time};
use crate::invariant::{Finding, Verdict, Violation};
use crate::metrics::Metrics;
use crate::milestones::Milestones;
use alloc::vec;
use alloc::vec::Vec;

/// What is known of one member over the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct MemberCount {
    /// Since when it has known no leader.
    pub leaderless_since: Option<Time>,
    /// How long it knew none, before that.
    pub leaderless: Span,
    /// How often it asked around.
    pub pre_campaigns: u32,
    /// How often it campaigned.
    pub campaigns: u32,
    /// How often it was elected.
    pub elected: u32,
}

/// Counts over the whole run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Observer {
    directory: Directory,
    members: Vec<MemberCount>,
    leader_changes: u32,
    newest_leader: Option<(u64, u8, Time)>,
    pub(super) verdicts: Verdicts,
    takeovers: u32,
    forgetful: u32,
    pub(super) milestones: Milestones,
    pub(super) metrics: Metrics,
}

impl Observer {
    /// An onlooker of a cluster of this size.
    pub fn new(directory: Directory) -> Self {
        let boot = MemberCount { leaderless_since: Some(Time::ZERO), ..MemberCount::default() };
        Self {
            directory,
            members: vec![boot; usize::from(directory.members)],
            leader_changes: 0,
            newest_leader: None,
            verdicts: Verdicts::new(directory),
            takeovers: 0,
            forgetful: 0,
            milestones: Milestones::new(directory),
            metrics: Metrics::default(),
        }
    }
    /// What was hurt first, and in which order things came back.
    pub const fn milestones(&self) -> &Milestones {
        &self.milestones
    }
    /// Metrics, alerts and lamps.
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }
    /// What is known of each member.
    pub fn members(&self) -> &[MemberCount] {
        &self.members
    }
    /// How long a member has known no leader in all, until `now`.
    pub fn leaderless(&self, member: usize, now: Time) -> Span {
        let count = &self.members[member];
        count.leaderless + count.leaderless_since.map_or(Span::ZERO, |since| now.since(since))
    }
    /// How many elections were won.
    pub const fn leader_changes(&self) -> u32 {
        self.leader_changes
    }
    /// The leader of the newest term: term, member index, since when.
    pub const fn newest_leader(&self) -> Option<(u64, u8, Time)> {
        self.newest_leader
    }
    /// How many times a Lease went to a new holder.
    pub const fn takeovers(&self) -> u32 {
        self.takeovers
    }
    /// How many times a rule was broken.
    pub const fn violations(&self) -> u32 {
        self.verdicts.book().broken()
    }
    /// The first time a rule was broken.
    pub const fn first_violation(&self) -> Option<(Time, Violation)> {
        self.verdicts.book().first()
    }
    /// What is known of a rule.
    pub const fn finding(&self, verdict: Verdict) -> &Finding {
        self.verdicts.book().finding(verdict)
    }
    /// The checkers themselves.
    pub const fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }
    /// How many processes of etcd ended because a message showed that they had forgotten what was on their disk.
    pub const fn forgetful(&self) -> u32 {
        self.forgetful
    }

    /// A program made a note.
    pub(super) fn note(&mut self, now: Time, program: ProgramId, note: &Note, programs: &[Program]) {
        self.verdicts.note(now, program, note, programs);
        self.milestones.note(now, program, note);
        let place = self.directory.place(program);
        self.metrics.note(now, place, program, note);
        let Place::Etcd(host) = place else {
            self.takeovers += u32::from(note.kind == NoteKind::Acquired);
            return;
        };
        match note.kind {
            NoteKind::Leads => self.leads(now, host, note.b),
            NoteKind::PreCampaigns => {
                self.members[usize::from(host)].pre_campaigns += 1;
            }
            NoteKind::Campaigns => self.members[usize::from(host)].campaigns += 1,
            NoteKind::LosesLeader => self.loses_leader(now, host),
            NoteKind::FindsLeader => {
                let count = &mut self.members[usize::from(host)];
                if let Some(since) = count.leaderless_since.take() {
                    count.leaderless += now.since(since);
                }
            }
            NoteKind::Exited => self.forgetful += u32::from(note.a == u32::from(crate::etcd::PANICKED)),
            _ => {}
        }
    }
    /// A process ended. A member that doesn't run knows no leader.
    pub(super) fn process_ended(&mut self, now: Time, program: ProgramId) {
        self.verdicts.process_ended(now, program);
        self.milestones.process_ended(now, program);
        self.metrics.process_ended(program);
        if let Place::Etcd(host) = self.directory.place(program) {
            self.loses_leader(now, host);
        }
    }

    fn loses_leader(&mut self, now: Time, host: u8) {
        self.members[usize::from(host)].leaderless_since.get_or_insert(now);
    }
    fn leads(&mut self, now: Time, host: u8, term: u64) {
        self.members[usize::from(host)].elected += 1;
        self.leader_changes += 1;
        if self.newest_leader.is_none_or(|(newest, ..)| term > newest) {
            self.newest_leader = Some((term, host, now));
        }
    }
}
