//! The load balancer between users and nodes: it sends nobody to a node whose kube-proxy does not answer its checks.

use crate::actor::role::Directory;
use crate::actor::wire::Message;
use crate::actor::{ConnUp, Cx, Port};
use crate::engine::{LocalTime, Span};
use crate::net::packet::ConnId;
use crate::object::NodeId;
use alloc::vec::Vec;

/// How often the users' load balancer checks each node. Sourced: legacy-cloud-providers
/// gce/gce.go#gceHcCheckIntervalSeconds.
pub const INTERVAL: Span = Span::from_secs(8);
/// How long it waits for the answer. Sourced: legacy-cloud-providers gce/gce.go#gceHcTimeoutSeconds.
pub const TIMEOUT: Span = Span::from_secs(1);
/// So many failed checks in a row take a node out; one that succeeds takes it back. Unit: checks. Sourced:
/// legacy-cloud-providers gce/gce.go#gceHcUnhealthyThreshold.
pub const UNHEALTHY: u32 = 3;
/// The most nodes behind it. Unit: nodes. Sourced: ingress-gce pkg/neg/syncers/subsets.go#maxSubsetSizeDefault.
pub const MOST: NodeId = 25;
/// What a check weighs. Chosen: a short GET.
const CHECK_BYTES: u32 = 100;

/// A node behind the load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Backend {
    node: NodeId,
    /// Failed checks in a row.
    failed: u32,
    /// When the next check begins.
    due: LocalTime,
    /// The check under way, and when its time is up.
    check: Option<(ConnId, LocalTime)>,
}

impl Backend {
    const fn well(&self) -> bool {
        self.failed < UNHEALTHY
    }
}

/// The nodes behind the load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Backends {
    directory: Directory,
    nodes: Vec<Backend>,
}

impl Backends {
    pub(super) fn new(directory: Directory) -> Self {
        let count = directory.nodes.min(MOST);
        // Of a large cluster every so-manieth node.
        let node = |n: NodeId| (u32::from(n) * u32::from(directory.nodes) / u32::from(count.max(1))) as NodeId;
        let backend = |n| Backend { node: node(n), failed: 0, due: LocalTime::ZERO, check: None };
        Self { directory, nodes: (0..count).map(backend).collect() }
    }
    /// Its process starts: all nodes count as well, and checks begin one after the other.
    pub(super) fn start(&mut self, now: LocalTime) {
        let count = self.nodes.len() as u64;
        for (n, backend) in (1..).zip(&mut self.nodes) {
            *backend = Backend { failed: 0, due: now + INTERVAL.scale(n, count), check: None, ..*backend };
        }
    }
    /// The node for a new connection: any that is well, or any at all if none is.
    pub(super) fn pick(&self, cx: &mut Cx<'_>) -> NodeId {
        let well = self.nodes.iter().filter(|it| it.well()).count();
        let any = well == 0;
        let of = if any { self.nodes.len() } else { well };
        let ix = cx.rng.draw().below(of as u64) as usize;
        self.nodes.iter().filter(|it| any || it.well()).nth(ix).map_or(0, |it| it.node)
    }
    pub(super) fn next_timer(&self) -> Option<LocalTime> {
        self.nodes.iter().map(|it| it.check.map_or(it.due, |(_, until)| until.min(it.due))).min()
    }
    pub(super) fn on_timer(&mut self, cx: &mut Cx<'_>) {
        for backend in &mut self.nodes {
            if let Some((conn, _)) = backend.check.take_if(|(_, until)| *until <= cx.now) {
                cx.abort(conn);
                backend.failed = backend.failed.saturating_add(1);
            }
            if backend.due <= cx.now {
                let conn = cx.open(self.directory.proxy(backend.node), Port::ProxyHealth);
                (backend.check, backend.due) = (Some((conn, cx.now + TIMEOUT)), cx.now + INTERVAL);
            }
        }
    }
    fn checked(&mut self, conn: ConnId) -> Option<&mut Backend> {
        self.nodes.iter_mut().find(|it| it.check.is_some_and(|(check, _)| check == conn))
    }
    /// News of a connection. Returns whether it was a check's.
    pub(super) fn on_conn(&mut self, cx: &mut Cx<'_>, conn: ConnId, up: ConnUp) -> bool {
        let Some(backend) = self.checked(conn) else { return false };
        match up {
            ConnUp::Connected => cx.send(conn, CHECK_BYTES, Message::UserRequest(0)),
            ConnUp::PeerClosed | ConnUp::Failed(_) => {
                if up == ConnUp::PeerClosed {
                    cx.close(conn);
                }
                backend.check = None;
                backend.failed = backend.failed.saturating_add(1);
            }
            ConnUp::Accepted { .. } | ConnUp::Full | ConnUp::Writable => {}
        }
        true
    }
    /// A message. Returns whether it was a check's answer.
    pub(super) fn on_message(&mut self, cx: &mut Cx<'_>, conn: ConnId) -> bool {
        let Some(backend) = self.checked(conn) else { return false };
        (backend.check, backend.failed) = (None, 0);
        cx.close(conn);
        true
    }
}
