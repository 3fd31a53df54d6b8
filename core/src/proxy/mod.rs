//! A node's kube-proxy: what it knows of Services becomes rules of the host.

use crate::actor::role::Directory;
use crate::actor::{Actor, Cx, Input, role};
use crate::object::NodeId;

/// Its timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Its HTTP client's next deadline.
    Http,
}

impl From<Timer> for role::Timer {
    fn from(timer: Timer) -> Self {
        Self::Proxy(timer)
    }
}

/// A node's kube-proxy: what it knows of Services becomes rules of the host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Proxy {
    node: NodeId,
    directory: Directory,
}

impl Proxy {
    /// At the beginning of a run.
    pub fn new(node: NodeId, directory: Directory) -> Self {
        Self { node, directory }
    }
}

impl Actor for Proxy {
    fn handle(&mut self, _cx: &mut Cx<'_>, _input: Input) {}
}
