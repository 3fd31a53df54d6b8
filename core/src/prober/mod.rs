//! A control-plane host's kubelet, as far as it probes the static pods there, kills and restarts them.

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
        Self::Prober(timer)
    }
}

/// A control-plane host's kubelet, as far as it probes the static pods there, kills and restarts them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prober {
    api: u8,
    directory: Directory,
}

impl Prober {
    /// At the beginning of a run.
    pub fn new(api: u8, directory: Directory) -> Self {
        Self { api, directory }
    }
}

impl Actor for Prober {
    fn handle(&mut self, _cx: &mut Cx<'_>, _input: Input) {}
}
