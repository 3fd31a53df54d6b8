//! Who leads: campaigns, votes and changes of role.

use super::super::message::{CAMPAIGN_TRANSFER, Kind, MemberId, Message, Payload};
use super::super::progress::{Tally, Votes};
use super::{Raft, Role};

/// How a campaign begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Campaign {
    Pre,
    Real,
    Transfer,
}

impl<P: Payload> Raft<P> {
    /// Campaigns now, whatever the timeout. A leader and a member that installs a snapshot do not.
    pub fn campaign(&mut self) {
        let kind = if self.config.pre_vote { Campaign::Pre } else { Campaign::Real };
        self.start_campaign(kind);
    }

    pub(super) fn on_vote_request(&mut self, message: &Message<P>) {
        let real = message.kind == Kind::Vote;
        let free = self.vote == Some(message.from)
            || (self.vote.is_none() && self.leader.is_none())
            || (!real && message.term > self.term);
        let grant = free && self.log.is_covered_by(message.log_term, message.index);
        let kind = if real { Kind::VoteResp } else { Kind::PreVoteResp };
        let mut answer = self.message(kind, message.from);
        answer.reject = !grant;
        if grant {
            // In the term of the question, which a pre-vote does not make ours.
            answer.term = message.term;
        }
        self.send(answer);
        if grant && real {
            self.election_elapsed = 0;
            self.vote = Some(message.from);
        }
    }

    pub(super) fn step_candidate(&mut self, message: Message<P>) {
        let awaited = if self.role == Role::PreCandidate { Kind::PreVoteResp } else { Kind::VoteResp };
        match message.kind {
            Kind::App | Kind::Heartbeat | Kind::Snap => {
                self.become_follower(message.term, Some(message.from));
                self.on_leader(message);
            }
            kind if kind == awaited => self.on_vote(message.from, !message.reject),
            _ => {}
        }
    }

    pub(super) fn on_vote(&mut self, from: MemberId, granted: bool) {
        self.votes.record(from, granted);
        match self.votes.tally(self.config.members) {
            Tally::Pending => {}
            Tally::Won if self.role == Role::PreCandidate => self.start_campaign(Campaign::Real),
            Tally::Won => {
                self.become_leader();
                self.broadcast_append();
            }
            Tally::Lost => self.become_follower(self.term, None),
        }
    }

    pub(super) fn start_campaign(&mut self, campaign: Campaign) {
        if self.role == Role::Leader || !self.is_promotable() {
            return;
        }
        let (kind, term) = if campaign == Campaign::Pre {
            self.become_pre_candidate();
            (Kind::PreVote, self.term + 1)
        } else {
            self.become_candidate();
            (Kind::Vote, self.term)
        };
        self.out.own_vote(kind, term);
        for to in self.others() {
            let mut question = Message::new(kind, self.config.id, to, term);
            question.index = self.log.last_index();
            question.log_term = self.log.last_term();
            if campaign == Campaign::Transfer {
                question.context = CAMPAIGN_TRANSFER;
            }
            self.send(question);
        }
    }

    pub(super) fn become_follower(&mut self, term: u64, leader: Option<MemberId>) {
        self.reset(term);
        self.role = Role::Follower;
        self.leader = leader;
    }

    /// Neither term nor vote change, and the timeout is not drawn anew.
    fn become_pre_candidate(&mut self) {
        self.votes = Votes::default();
        self.role = Role::PreCandidate;
        self.leader = None;
    }

    fn become_candidate(&mut self) {
        self.reset(self.term + 1);
        self.role = Role::Candidate;
        self.vote = Some(self.config.id);
    }

    fn become_leader(&mut self) {
        self.reset(self.term);
        self.role = Role::Leader;
        self.leader = Some(self.config.id);
        let own = &mut self.progress[self.config.id.ix()];
        own.become_replicate();
        own.recent_active = true;
        self.append_own(None);
    }

    /// A member that installs a snapshot has no log to be elected for.
    pub(super) const fn is_promotable(&self) -> bool {
        self.out.pending_snapshot.is_none()
    }
}
