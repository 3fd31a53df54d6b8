//! What a member does with its clients' calls: proposals, linearizable reads, and their deadlines.

use super::command::Proposal;
use super::peer::Peer;
use super::rpc::{self, EtcdError, Op};
use super::service::{self, Service, Stage};
use super::{Etcd, Timer};
use crate::actor::Cx;
use crate::engine::{LocalTime, Span};
use crate::knob::Knob;
use crate::net::packet::ConnId;

impl Etcd {
    pub(super) fn on_call(&mut self, cx: &mut Cx<'_>, conn: ConnId, request: rpc::Request) {
        let op = request.op.clone();
        let Some(id) = self.service.admit(cx, conn, request) else { return };
        match op {
            Op::Range { serializable: true, .. } => {
                let result = self.store.apply(&op);
                self.service.finish(cx, id, result);
                return;
            }
            Op::Range { .. } | Op::List { .. } => {
                if let Some(context) = self.service.read(cx.now, id) {
                    self.ask_leader(cx, context);
                }
            }
            Op::Put { .. } | Op::Txn { .. } | Op::Grant { .. } | Op::Revoke { .. } | Op::Compact { .. } => {
                self.propose(id, op);
            }
        }
        if self.service.pending() == 1 {
            cx.arm(Timer::Calls, Service::timeout(cx));
        }
    }

    /// Hands a write to Raft. Without a leader it waits: etcd's proposal channel is closed then.
    fn propose(&mut self, id: u32, op: Op) {
        let proposal = Proposal { origin: self.id, incarnation: self.incarnation, id, op };
        if self.raft.leader().is_some() && self.raft.propose(proposal).is_ok() {
            self.service.set_stage(id, Stage::Proposed);
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

    /// Ends the writes that are 7 s old. Reads end with their round.
    pub(super) fn expire_calls(&mut self, cx: &mut Cx<'_>) {
        let timeout = Service::timeout(cx);
        let limit = LocalTime::from_ns(cx.now.ns().saturating_sub(timeout.ns()));
        for id in self.service.older_than(limit) {
            let Some(call) = self.service.call(id).cloned() else { continue };
            let error = match call.stage {
                Stage::Waiting => EtcdError::DeadlineExceeded,
                Stage::Proposed => self.timeout_reason(cx, call.started()),
                Stage::Reading => continue,
            };
            self.service.finish(cx, id, Err(error));
        }
        if let Some(oldest) = self.service.oldest() {
            let left = timeout.saturating_sub(cx.now.since(oldest));
            cx.arm(Timer::Calls, left.max(Span::from_ms(10)));
        }
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
            for id in calls {
                let Some(op) = self.service.call(id).map(|call| call.op().clone()) else { continue };
                let result = self.store.apply(&op);
                self.service.finish(cx, id, result);
            }
            cx.disarm(Timer::ReadIndex);
            self.next_round(cx);
        }
    }

    pub(super) fn leader_found(&mut self, cx: &mut Cx<'_>) {
        self.service.fail_round(cx, EtcdError::LeaderChanged);
        self.next_round(cx);
        for id in self.service.at_stage(Stage::Waiting) {
            if let Some(op) = self.service.call(id).map(|call| call.op().clone()) {
                self.propose(id, op);
            }
        }
    }
}
