//! How a member stops when it is asked to.
//!
//! Left out: the up to 7 s for which etcd waits for its clients' calls and streams before anything else
//! (server/embed/etcd.go#stopServers). Calls that are under way end with an error at once.

use super::message::MemberId;
use super::raft::Role;
use super::service::Service;
use super::{Etcd, Timer};
use crate::actor::Cx;
use crate::actor::role::{Note, NoteKind};
use crate::engine::LocalTime;
use crate::knob::Knob;

/// A leader that hands over before it stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stopping {
    to: MemberId,
    since: LocalTime,
}

impl Etcd {
    /// SIGTERM. etcd server/etcdserver/server.go#TryTransferLeadershipOnShutdown: a leader hands over to the peer that has
    /// been connected longest; without one it just stops.
    pub(super) fn terminate(&mut self, cx: &mut Cx<'_>) {
        if self.stopping.is_some() {
            return;
        }
        let connected = self.peers.iter().filter_map(|peer| peer.active_since().map(|since| (since, peer.id())));
        match connected.min() {
            Some((_, to)) if self.raft.role() == Role::Leader => {
                cx.note(Note::new(NoteKind::HandsOver, u32::from(to.0), self.raft.term()));
                self.raft.transfer_leadership(to);
                self.stopping = Some(Stopping { to, since: cx.now });
                cx.arm(Timer::Relief, cx.knobs.ms(Knob::HeartbeatInterval));
            }
            _ => self.stop(cx),
        }
    }

    /// server.go#MoveLeader: looks every tick whether the other leads, and gives up after the request timeout.
    pub(super) fn await_relief(&mut self, cx: &mut Cx<'_>) {
        let Some(Stopping { to, since }) = self.stopping else { return };
        if self.raft.leader() == Some(to) || cx.now.since(since) >= Service::timeout(cx) {
            self.stop(cx);
        } else {
            cx.arm(Timer::Relief, cx.knobs.ms(Knob::HeartbeatInterval));
        }
    }

    fn stop(&mut self, cx: &mut Cx<'_>) {
        self.service.stop(cx);
        cx.exit(0);
    }
}
