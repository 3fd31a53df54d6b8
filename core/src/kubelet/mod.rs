//! A node's kubelet with the containers it runs.

use crate::actor::role::Directory;
use crate::actor::{Actor, Cx, Input, role};
use crate::object::{Key, NodeId, Pod};
use alloc::vec::Vec;

/// Its timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Its HTTP client's next deadline.
    Http,
}

impl From<Timer> for role::Timer {
    fn from(timer: Timer) -> Self {
        Self::Kubelet(timer)
    }
}

/// A node's kubelet with the containers it runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kubelet {
    node: NodeId,
    directory: Directory,
}

impl Kubelet {
    /// At the beginning of a run.
    pub fn new(node: NodeId, directory: Directory, _running: Vec<(Key, Pod)>) -> Self {
        Self { node, directory }
    }
    /// Its machine lost its power: no container runs any more.
    pub fn power_lost(&mut self) {}
}

impl Actor for Kubelet {
    fn handle(&mut self, _cx: &mut Cx<'_>, _input: Input) {}
}
