//! kube-controller-manager, once it holds its Lease: its informers and controllers.

use crate::actor::Cx;
use crate::client::http::{Line, News};
use crate::engine::LocalTime;

/// The controllers of one process.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Manager {}

impl Manager {
    /// The process holds the Lease: informers start, then controllers.
    pub fn lead(&mut self, _cx: &mut Cx<'_>, _line: &mut Line) {}
    /// News of a request of its own.
    pub fn on_news(&mut self, _cx: &mut Cx<'_>, _line: &mut Line, _news: &News) {}
    /// Its timer went off, perhaps too early.
    pub fn on_timer(&mut self, _cx: &mut Cx<'_>, _line: &mut Line) {}
    /// When it wants [`Manager::on_timer`].
    pub const fn next_timer(&self) -> Option<LocalTime> {
        None
    }
}
