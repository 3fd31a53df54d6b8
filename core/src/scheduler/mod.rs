//! kube-scheduler: its informers run from the start; it binds pods to nodes once it holds its Lease.

use crate::actor::Cx;
use crate::client::http::{Line, News};
use crate::engine::LocalTime;

/// The scheduler of one process.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Scheduler {}

impl Scheduler {
    /// The process starts: informers start.
    pub fn start(&mut self, _cx: &mut Cx<'_>, _line: &mut Line) {}
    /// The process holds the Lease: it binds from now on.
    pub fn lead(&mut self, _cx: &mut Cx<'_>, _line: &mut Line) {}
    /// News of a request of its own.
    pub fn on_news(&mut self, _cx: &mut Cx<'_>, _line: &mut Line, _news: &News) {}
    /// Its timer went off, perhaps too early.
    pub fn on_timer(&mut self, _cx: &mut Cx<'_>, _line: &mut Line) {}
    /// When it wants [`Scheduler::on_timer`].
    pub const fn next_timer(&self) -> Option<LocalTime> {
        None
    }
}
