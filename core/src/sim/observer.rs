//! An onlooker: hears every note, counts, and checks what must hold. No program can see it.

use crate::actor::ProgramId;
use crate::actor::role::{Directory, Note, NoteKind, Place};
use crate::engine::{Span, Time};
use crate::metrics::Metrics;
use crate::milestones::Milestones;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec;
use alloc::vec::Vec;

/// How many applied entries it remembers to compare members by. Members further apart than this are compared no more.
const APPLIED: usize = 16_384;
/// How many terms it remembers the leader of.
const TERMS: usize = 1024;

/// A rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// Two members led in one term.
    TwoLeaders {
        /// The term.
        term: u64,
        /// Who led first, by index.
        first: u8,
        /// And who then.
        second: u8,
    },
    /// Two members applied different entries at one index.
    Forked {
        /// The index.
        index: u64,
        /// The member that differs from the first that applied it.
        member: u8,
    },
}

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
    leaders: BTreeMap<u64, u8>,
    leader_changes: u32,
    newest_leader: Option<(u64, u8, Time)>,
    applied: VecDeque<u32>,
    applied_first: u64,
    violations: u32,
    first_violation: Option<(Time, Violation)>,
    takeovers: u32,
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
            leaders: BTreeMap::new(),
            leader_changes: 0,
            newest_leader: None,
            applied: VecDeque::new(),
            applied_first: 1,
            violations: 0,
            first_violation: None,
            takeovers: 0,
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
        self.violations
    }
    /// The first time a rule was broken.
    pub const fn first_violation(&self) -> Option<(Time, Violation)> {
        self.first_violation
    }

    /// A program made a note.
    pub(super) fn note(&mut self, now: Time, program: ProgramId, note: &Note) {
        self.milestones.note(now, program, note);
        let place = self.directory.place(program);
        self.metrics.note(now, place, program, note);
        let Place::Etcd(host) = place else {
            self.takeovers += u32::from(note.kind == NoteKind::Acquired);
            return;
        };
        match note.kind {
            NoteKind::Leads => self.leads(now, host, note.b),
            NoteKind::Applied => self.applies(now, host, note.b, note.a),
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
            _ => {}
        }
    }
    /// A process ended. A member that doesn't run knows no leader.
    pub(super) fn process_ended(&mut self, now: Time, program: ProgramId) {
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
        let first = *self.leaders.entry(term).or_insert(host);
        if first != host {
            self.broken(now, Violation::TwoLeaders { term, first, second: host });
        }
        if self.leaders.len() > TERMS {
            self.leaders.pop_first();
        }
    }
    fn applies(&mut self, now: Time, host: u8, index: u64, digest: u32) {
        let Some(place) = index.checked_sub(self.applied_first) else { return };
        match self.applied.get(place as usize) {
            Some(first) if *first != digest => self.broken(now, Violation::Forked { index, member: host }),
            Some(_) => {}
            None => {
                if place as usize > self.applied.len() {
                    // A snapshot jumped over entries that nobody was seen to apply: start afresh from here.
                    self.applied.clear();
                    self.applied_first = index;
                }
                self.applied.push_back(digest);
                if self.applied.len() > APPLIED {
                    self.applied.pop_front();
                    self.applied_first += 1;
                }
            }
        }
    }
    fn broken(&mut self, now: Time, violation: Violation) {
        self.violations += 1;
        self.first_violation.get_or_insert((now, violation));
    }
}
