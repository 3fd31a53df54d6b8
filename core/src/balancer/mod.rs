//! The load balancer before the API servers: it follows their readiness.

use crate::actor::role::Directory;
use crate::actor::{Actor, Cx, Input, role};

/// Its timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Its HTTP client's next deadline.
    Http,
}

impl From<Timer> for role::Timer {
    fn from(timer: Timer) -> Self {
        Self::Balancer(timer)
    }
}

/// The load balancer before the API servers: it follows their readiness.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Balancer {
    directory: Directory,
}

impl Balancer {
    /// At the beginning of a run.
    pub fn new(directory: Directory) -> Self {
        Self { directory }
    }
}

impl Actor for Balancer {
    fn handle(&mut self, _cx: &mut Cx<'_>, _input: Input) {}
}
