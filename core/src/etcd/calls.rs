//! What a member does with its clients' calls: proposals, linearizable reads, and their deadlines.

use super::command::Proposal;
use super::peer::Peer;
use super::raft::Dropped;
use super::rpc::{self, EtcdError, HealthPath, Op};
use super::service::{self, Service, Stage};
use super::{Etcd, Timer};
use crate::actor::Cx;
use crate::engine::LocalTime;
use crate::knob::Knob;
use crate::net::packet::ConnId;

/// Entries committed and not applied, beyond which a member takes no more writes. Unit: entries. Sourced: etcd
/// server/etcdserver/v3_server.go#maxGapBetweenApplyAndCommitIndex.
const COMMIT_GAP: usize = 5000;

impl Etcd {
    pub(super) fn on_call(&mut self, cx: &mut Cx<'_>, conn: ConnId, request: rpc::Request) {
        let op = request.op.clone();
        let Some(id) = self.service.admit(cx, conn, request) else { return };
        if matches!(op, Op::Range { serializable: true, .. }) {
            return self.serve(cx, id);
        }
        if op.writes() {
            if self.backlog.len() > COMMIT_GAP {
                return self.service.finish(cx, id, Err(EtcdError::TooManyRequests));
            }
            self.propose(cx, id, op);
        } else if cx.knobs.on(Knob::BugStaleReads) {
            return self.serve(cx, id);
        } else {
            self.read(cx, id);
        }
        self.service.arm(cx, false);
    }

    /// etcd server/etcdserver/api/etcdhttp/health.go: what each endpoint asks. There are no alarms and no learners.
    pub(super) fn on_health(&mut self, cx: &mut Cx<'_>, conn: ConnId, path: HealthPath, number: u32) {
        if path == HealthPath::Health && self.raft.leader().is_none() {
            return self.service.answer_health(cx, conn, number, false);
        }
        let serializable = path == HealthPath::Livez;
        let Some(id) = self.service.admit_health(cx, conn, number, serializable) else { return };
        if serializable {
            return self.serve(cx, id);
        }
        self.read(cx, id);
        self.service.arm(cx, false);
    }

    /// Answers a read from what is there, once the store's file is not being written.
    pub(super) fn serve(&mut self, cx: &mut Cx<'_>, id: u32) {
        if self.backend.committing() {
            return self.backend.stall(id);
        }
        if let Some(op) = self.service.call(id).map(|call| call.op().clone()) {
            let result = self.store.apply(&op);
            self.service.finish(cx, id, result);
        }
    }

    fn read(&mut self, cx: &mut Cx<'_>, id: u32) {
        if let Some(context) = self.service.read(cx.now, id) {
            self.ask_leader(cx, context);
        }
    }

    /// Hands a write to Raft. Without a leader it waits: etcd's proposal channel is closed then. A leader that hands over
    /// takes none, and its client hears so; what a follower sends such a leader is lost.
    fn propose(&mut self, cx: &mut Cx<'_>, id: u32, op: Op) {
        let proposal = Proposal { origin: self.id, incarnation: self.incarnation, id, op };
        if self.raft.leader().is_none() {
            return;
        }
        match self.raft.propose(proposal) {
            Ok(()) => self.service.set_stage(id, Stage::Proposed),
            Err(Dropped::NoLeader) => {}
            Err(Dropped::Transferring | Dropped::Full) => {
                self.counters.proposals_failed += 1;
                self.service.finish(cx, id, Err(EtcdError::ProposalDropped));
            }
        }
    }

    pub(super) fn ask_leader(&mut self, cx: &mut Cx<'_>, context: u64) {
        self.raft.read_index(self.context(context));
        cx.arm(Timer::ReadIndex, service::READ_INDEX_RETRY);
    }
    /// A round's name, unlike that of any other process of any member.
    fn context(&self, round: u64) -> u64 {
        u64::from(self.incarnation) << 40 | round << 8 | u64::from(self.id.0)
    }

    pub(super) fn retry_read(&mut self, cx: &mut Cx<'_>) {
        let (Some(context), Some(started)) = (self.service.unconfirmed(), self.service.round_started()) else { return };
        if cx.now.since(started) >= Service::timeout(cx) {
            self.counters.slow_read_indexes += 1;
            self.service.fail_round(cx, EtcdError::Timeout);
            self.next_round(cx);
        } else {
            self.ask_leader(cx, context);
        }
    }
    fn next_round(&mut self, cx: &mut Cx<'_>) {
        if let Some(context) = self.service.start_round(cx.now) {
            self.ask_leader(cx, context);
        }
    }

    /// Ends the writes and health checks that are 7 s old. Reads end with their round.
    pub(super) fn expire_calls(&mut self, cx: &mut Cx<'_>) {
        for id in self.service.overdue(cx) {
            let Some((stage, started)) = self.service.call(id).map(|call| (call.stage, call.started())) else {
                continue;
            };
            let error = match stage {
                Stage::Waiting | Stage::Reading => EtcdError::DeadlineExceeded,
                Stage::Proposed => self.timeout_reason(cx, started),
            };
            self.counters.proposals_failed += u64::from(stage != Stage::Reading);
            self.service.finish(cx, id, Err(error));
        }
        self.service.arm(cx, true);
    }

    /// etcd server/etcdserver/server.go#parseProposeCtxErr: what to blame for a write that didn't commit in time.
    fn timeout_reason(&self, cx: &Cx<'_>, started: LocalTime) -> EtcdError {
        let two_elections = cx.knobs.ms(Knob::ElectionTimeout).scale(2, 1);
        let lost_from = self.known.elected_at.ns().saturating_sub(two_elections.ns());
        if started.ns() > lost_from && started < self.known.elected_at {
            return EtcdError::TimeoutLeaderFail;
        }
        let since_start = |peer: &Peer| peer.active_since().is_some_and(|since| since < started);
        let connected = match self.known.leader {
            None => true,
            Some(leader) if leader == self.id => {
                let connected = 1 + self.peers.iter().filter(|peer| since_start(peer)).count();
                connected > usize::from(self.directory.members) / 2
            }
            Some(leader) => self.peers.iter().any(|peer| peer.id() == leader && since_start(peer)),
        };
        if connected { EtcdError::Timeout } else { EtcdError::TimeoutConnectionLost }
    }

    pub(super) fn answer_reads(&mut self, cx: &mut Cx<'_>) {
        while let Some(calls) = self.service.confirmed_reads(self.raft.applied_index()) {
            calls.into_iter().for_each(|id| self.serve(cx, id));
            cx.disarm(Timer::ReadIndex);
            self.next_round(cx);
        }
    }

    pub(super) fn leader_found(&mut self, cx: &mut Cx<'_>) {
        // A round that was confirmed only waits for its index to be applied, whoever leads.
        if self.service.unconfirmed().is_some() {
            self.counters.read_indexes_failed += 1;
            self.service.fail_round(cx, EtcdError::LeaderChanged);
        }
        self.next_round(cx);
        for id in self.service.at_stage(Stage::Waiting) {
            if let Some(op) = self.service.call(id).map(|call| call.op().clone()) {
                self.propose(cx, id, op);
            }
        }
    }
}
