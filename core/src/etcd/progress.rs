//! What a leader knows of each member: etcd-io/raft v3.7.0 tracker/progress.go and tracker/inflights.go.

use super::message::MemberId;
use alloc::collections::VecDeque;

/// The most voters a cluster can have. Unit: members. Chosen: etcd's documentation advises against more.
pub const MAX_MEMBERS: usize = 7;

/// How entries go to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replication {
    /// One append at a time: where the logs part is not known yet.
    Probe,
    /// Appends follow each other without waiting for acknowledgements.
    Replicate,
    /// Nothing goes until the snapshot is there.
    Snapshot,
}

/// What a leader knows of one member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Progress {
    /// The last entry it is known to have stored.
    pub matched: u64,
    /// The next entry to send.
    pub next_index: u64,
    /// How entries go to it.
    pub state: Replication,
    /// The snapshot it waits for, by its last entry; zero for none.
    pub pending_snapshot: u64,
    /// Whether it was heard since the leader last counted.
    pub recent_active: bool,
    /// Whether appends wait for a response.
    pub paused: bool,
    /// The last entry of each append that is on its way, oldest first.
    inflight: VecDeque<u64>,
    max_inflight: u32,
    /// The highest commit index it may have been told.
    sent_commit: u64,
}

impl Progress {
    /// What is known of a member when a term begins: nothing.
    pub const fn new(next_index: u64, max_inflight: u32) -> Self {
        Self {
            matched: 0,
            next_index,
            state: Replication::Probe,
            pending_snapshot: 0,
            recent_active: false,
            paused: false,
            inflight: VecDeque::new(),
            max_inflight,
            sent_commit: 0,
        }
    }
    /// Back to knowing nothing. The buffer of the window stays.
    pub(super) fn reset(&mut self, next_index: u64) {
        self.enter(Replication::Probe);
        self.matched = 0;
        self.next_index = next_index;
        self.recent_active = false;
        self.sent_commit = 0;
    }
    /// Appends on their way.
    pub fn inflight(&self) -> u32 {
        self.inflight.len() as u32
    }
    /// Whether the window is full.
    pub fn is_full(&self) -> bool {
        self.inflight() >= self.max_inflight
    }
    /// Whether no append may go now.
    pub const fn is_paused(&self) -> bool {
        self.paused || matches!(self.state, Replication::Snapshot)
    }

    fn enter(&mut self, state: Replication) {
        self.state = state;
        self.paused = false;
        self.pending_snapshot = 0;
        self.inflight.clear();
    }
    /// One append at a time from here on; after a snapshot, from its end.
    pub(super) fn become_probe(&mut self) {
        let installed = match self.state {
            Replication::Snapshot => self.pending_snapshot,
            Replication::Probe | Replication::Replicate => 0,
        };
        self.enter(Replication::Probe);
        self.step_back(self.matched.max(installed) + 1);
    }
    /// Appends may follow each other.
    pub(super) fn become_replicate(&mut self) {
        self.enter(Replication::Replicate);
        self.next_index = self.matched + 1;
    }
    /// A snapshot up to `index` is on its way.
    pub(super) fn become_snapshot(&mut self, index: u64) {
        self.enter(Replication::Snapshot);
        self.pending_snapshot = index;
        self.next_index = index + 1;
        self.sent_commit = index;
    }
    /// An append with this many entries and this commit index went out.
    pub(super) fn sent_append(&mut self, entries: u64, commit: u64) {
        match self.state {
            Replication::Replicate => {
                if entries > 0 {
                    self.next_index += entries;
                    self.inflight.push_back(self.next_index - 1);
                }
                self.paused = self.is_full();
            }
            Replication::Probe => self.paused |= entries > 0,
            Replication::Snapshot => unreachable!("no append goes while a snapshot does"),
        }
        self.sent_commit = commit;
    }
    /// A heartbeat with this commit index went out.
    pub(super) const fn sent_heartbeat(&mut self, commit: u64) {
        self.sent_commit = commit;
    }
    /// Whether an append would tell the member a commit index that it can use and may not know.
    pub(super) const fn wants_commit(&self, commit: u64) -> bool {
        commit > self.sent_commit && self.sent_commit + 1 < self.next_index
    }
    /// The member has stored everything up to `index`. Whether that is news.
    pub(super) fn acknowledge(&mut self, index: u64) -> bool {
        if index <= self.matched {
            return false;
        }
        self.matched = index;
        self.next_index = self.next_index.max(index + 1);
        self.paused = false;
        true
    }
    /// Appends up to `index` have arrived.
    pub(super) fn free_up_to(&mut self, index: u64) {
        while self.inflight.front().is_some_and(|last| *last <= index) {
            self.inflight.pop_front();
        }
    }
    /// The member refused the append after `refused`; the logs cannot agree beyond `hint`. Whether that is news, and
    /// not the late answer to an older append.
    pub(super) fn refuse(&mut self, refused: u64, hint: u64) -> bool {
        match self.state {
            Replication::Replicate => {
                let news = refused > self.matched;
                if news {
                    self.step_back(self.matched + 1);
                }
                news
            }
            Replication::Probe | Replication::Snapshot => {
                let news = self.next_index == refused + 1;
                if news {
                    self.step_back(refused.min(hint + 1).max(self.matched + 1));
                    self.paused = false;
                }
                news
            }
        }
    }
    fn step_back(&mut self, next_index: u64) {
        self.next_index = next_index;
        self.sent_commit = self.sent_commit.min(next_index - 1);
    }
}

/// The votes of one campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Votes {
    granted: u8,
    refused: u8,
}

/// How a campaign stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tally {
    /// Open.
    Pending,
    /// A majority granted.
    Won,
    /// A majority can no longer grant.
    Lost,
}

impl Votes {
    /// Notes a member's answer. Only its first counts.
    pub fn record(&mut self, from: MemberId, granted: bool) {
        let bit = 1 << from.ix();
        if (self.granted | self.refused) & bit == 0 {
            *if granted { &mut self.granted } else { &mut self.refused } |= bit;
        }
    }
    /// How the campaign stands among `members` voters.
    pub const fn tally(self, members: u8) -> Tally {
        let majority = majority(members) as u32;
        if self.granted.count_ones() >= majority {
            Tally::Won
        } else if members as u32 - self.refused.count_ones() < majority {
            Tally::Lost
        } else {
            Tally::Pending
        }
    }
}

/// The smallest number of members that any two majorities share one of.
pub const fn majority(members: u8) -> u8 {
    members / 2 + 1
}

/// The highest value that a majority has reached.
pub fn reached_by_majority(values: impl Iterator<Item = u64>) -> u64 {
    let mut sorted = [0; MAX_MEMBERS];
    let mut count = 0;
    for value in values {
        let mut at = count;
        while at > 0 && sorted[at - 1] < value {
            sorted[at] = sorted[at - 1];
            at -= 1;
        }
        sorted[at] = value;
        count += 1;
    }
    sorted[count / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_majority_is_what_half_and_one_have_reached() {
        for (values, expected) in [(&[7][..], 7), (&[1, 9, 5], 5), (&[9, 0, 0], 0), (&[4, 4, 9, 1, 7], 4), (&[8, 6], 6)]
        {
            assert_eq!(reached_by_majority(values.iter().copied()), expected);
        }
    }

    #[test]
    fn a_second_answer_of_the_same_member_does_not_count() {
        let mut votes = Votes::default();
        votes.record(MemberId(1), true);
        votes.record(MemberId(1), true);
        assert_eq!(votes.tally(3), Tally::Pending);
        votes.record(MemberId(2), false);
        votes.record(MemberId(2), true);
        assert_eq!(votes.tally(3), Tally::Pending);
        votes.record(MemberId(3), false);
        assert_eq!(votes.tally(3), Tally::Lost);
    }

    #[test]
    fn a_late_refusal_does_not_move_a_probe() {
        let mut progress = Progress::new(10, 4);
        assert!(!progress.refuse(5, 2));
        assert!(progress.refuse(9, 3));
        assert_eq!(progress.next_index, 4);
    }
}
