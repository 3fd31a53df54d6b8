//! What is counted as it happens, from notes; and what is read off the programs when Prometheus asks.

use super::book::Book;
use super::families::{Family, code, grpc_code};
use crate::actor::ProgramId;
use crate::actor::role::{Note, NoteKind, Place, Role};
use crate::api::ApiServer;
use crate::api::rpc::{Level, Verb};
use crate::client::work_queue::Times;
use crate::control::manager::Manager;
use crate::control::{Control, Work};
use crate::engine::LocalTime;
use crate::etcd::Etcd;
use crate::etcd::backend::DiskTimes;
use crate::etcd::raft::Role as RaftRole;
use crate::object::Kind;
use crate::scheduler::Scheduler;
use crate::sim::{Program, Sim, State};
use alloc::vec::Vec;

/// The counters and histograms of every process of the control plane, by program. A process begins at zero.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Registry {
    books: Vec<Book>,
}

impl Registry {
    /// All numbers of a program as a scrape would have them; none: it is down.
    pub fn scrape(&self, sim: &Sim, id: ProgramId) -> Option<Book> {
        let program = &sim.programs()[id.ix()];
        if !is_up(program) {
            return None;
        }
        let mut book = self.book(id).cloned().unwrap_or_default();
        gauges(sim, program, &mut book);
        Some(book)
    }
    /// What a program's process has counted.
    pub fn book(&self, program: ProgramId) -> Option<&Book> {
        self.books.get(program.ix())
    }
    fn book_mut(&mut self, program: ProgramId) -> &mut Book {
        if self.books.len() <= program.ix() {
            self.books.resize(program.ix() + 1, Book::default());
        }
        &mut self.books[program.ix()]
    }
    /// A process ended: what it counted goes with it.
    pub fn process_ended(&mut self, program: ProgramId) {
        if let Some(book) = self.books.get_mut(program.ix()) {
            book.clear();
        }
    }
    /// A program made a note.
    pub fn note(&mut self, place: Place, program: ProgramId, note: &Note) {
        match place {
            Place::Etcd(_) => self.etcd_note(program, note),
            Place::Api(_) => self.api_note(program, note),
            _ => {}
        }
    }
    fn etcd_note(&mut self, program: ProgramId, note: &Note) {
        let peer = || [(note.a as usize).saturating_sub(1)];
        match note.kind {
            NoteKind::PeerRtt => self.book_mut(program).observe(Family::PeerRtt, &peer(), note.b),
            NoteKind::EtcdCall => {
                let (method, error) = ((note.a % 16).min(1) as usize, note.a / 16);
                let book = self.book_mut(program);
                book.add(Family::GrpcHandled, &[method, grpc_code(error)], 1);
                book.observe(Family::GrpcHandling, &[method], note.b);
            }
            _ => {}
        }
    }
    fn api_note(&mut self, program: ProgramId, note: &Note) {
        if note.kind == NoteKind::EtcdRequest {
            let values = [note.a as usize % 16, note.a as usize / 16 % 16];
            let book = self.book_mut(program);
            book.add(Family::EtcdRequests, &values, 1);
            book.observe(Family::EtcdRequestDuration, &values, note.b);
            if note.a >> 8 > 0 {
                book.add(Family::EtcdRequestErrors, &values, 1);
            }
        }
        if note.kind != NoteKind::ApiRequest {
            return;
        }
        let (verb, resource, status) = (note.a as usize % 16, note.a as usize / 16 % 16, note.a >> 8 & 0xffff);
        let book = self.book_mut(program);
        book.add(Family::RequestTotal, &[verb, resource, code(status)], 1);
        if verb != Verb::Watch as usize {
            book.observe(Family::RequestDuration, &[verb, resource], note.b);
        }
        if matches!(status, 429 | 504) {
            book.add(Family::RequestTerminations, &[verb, resource, code(status)], 1);
        }
    }
}

/// Whether a scrape of a program succeeds.
pub fn is_up(program: &Program) -> bool {
    program.state == State::Running && !program.paused
}

/// Reads off a program what it doesn't count by notes, into `book`.
pub fn gauges(sim: &Sim, program: &Program, book: &mut Book) {
    let up = is_up(program);
    book.set(Family::Up, &[], u64::from(up));
    if !up {
        return;
    }
    match &program.role {
        Role::Etcd(etcd) => etcd_gauges(etcd, book),
        Role::Api(api) => api_gauges(api, book),
        Role::Control(control) => {
            control_gauges(control, book);
            match control.work() {
                Work::Manager(manager) => manager_gauges(manager, sim.local(control.elector().me().program), book),
                Work::Scheduler(scheduler) => scheduler_gauges(scheduler, book),
            }
        }
        _ => {}
    }
}

fn etcd_gauges(etcd: &Etcd, book: &mut Book) {
    let raft = etcd.raft();
    book.set(Family::HasLeader, &[], u64::from(raft.leader().is_some()));
    book.set(Family::IsLeader, &[], u64::from(raft.role() == RaftRole::Leader));
    book.set(Family::ProposalsCommitted, &[], raft.commit_index());
    book.set(Family::ProposalsApplied, &[], raft.applied_index());
    let counters = etcd.counters();
    for (family, n) in [
        (Family::LeaderChanges, counters.leader_changes_seen),
        (Family::ProposalsFailed, counters.proposals_failed),
        (Family::SlowApply, counters.slow_apply),
        (Family::SlowReadIndexes, counters.slow_read_indexes),
        (Family::ReadIndexesFailed, counters.read_indexes_failed),
        (Family::HeartbeatFailures, counters.heartbeat_send_failures),
        (Family::ProposalsPending, etcd.service().proposals_pending().into()),
        (Family::HealthSuccesses, etcd.service().health_successes()),
        (Family::HealthFailures, etcd.service().health_failures()),
    ] {
        book.set(family, &[], n);
    }
    let times = |times: &DiskTimes| times.counts.into_iter().chain(core::iter::once(times.sum.us()));
    book.put(Family::WalFsync, &[], times(etcd.fsyncs()));
    book.put(Family::BackendCommit, &[], times(etcd.backend().durations()));
    book.set(Family::CurrentRevision, &[], etcd.store().revision());
    book.set(Family::KeysTotal, &[], etcd.store().len() as u64);
    book.set(Family::CompactRevision, &[], etcd.store().compacted());
    book.set(Family::DbInUse, &[], etcd.store().bytes());
    book.set(Family::Watchers, &[], etcd.watches().watchers().into());
    book.set(Family::SlowWatchers, &[], etcd.watches().slow_watchers().into());
    let me = usize::from(etcd.id().0) - 1;
    for peer in etcd.peers() {
        let remote = usize::from(peer.id().0) - 1;
        book.set(Family::ActivePeers, &[me, remote], u64::from(peer.active_since().is_some()));
        book.set(Family::DisconnectedPeers, &[me, remote], peer.disconnects());
        book.set(Family::PeerSentFailures, &[remote], peer.sent_failures());
    }
}
fn api_gauges(api: &ApiServer, book: &mut Book) {
    book.set(Family::HealthCheck, &[0], u64::from(api.healthy()));
    book.set(Family::InFlight, &[0], api.reads_in_flight().into());
    book.set(Family::InFlight, &[1], api.writes_in_flight().into());
    for kind in Kind::ALL {
        let n = kind as usize;
        book.set(Family::LongRunning, &[0, n], api.fan_out().of_kind(kind) as u64);
        book.set(Family::TerminatedWatchers, &[n], api.fan_out().terminated(kind).into());
        if let Some(cache) = api.cache(kind) {
            book.set(Family::CacheInitializations, &[n], cache.initializations().into());
            book.set(Family::CacheRevision, &[n], cache.revision());
        }
    }
    for level in Level::ALL {
        let (n, stats) = (level as usize, api.flow().stats(level));
        book.set(Family::FlowDispatched, &[n], stats.dispatched);
        book.set(Family::FlowRejected, &[n, 0], stats.queue_full);
        book.set(Family::FlowRejected, &[n, 1], stats.time_out);
        book.set(Family::FlowQueued, &[n], api.flow().queued(level).into());
        book.set(Family::FlowExecuting, &[n], api.flow().executing(level).into());
    }
}
fn control_gauges(control: &Control, book: &mut Book) {
    book.set(Family::MasterStatus, &[usize::from(control.component())], u64::from(control.believes()));
    for counted in control.http().counted() {
        let method = match counted.verb {
            Verb::Create => 1,
            Verb::Update => 2,
            Verb::Patch => 3,
            Verb::Delete => 4,
            Verb::Get | Verb::Livez | Verb::Readyz | Verb::List | Verb::Watch => 0,
        };
        book.add(Family::RestClient, &[method, code(counted.status as u32)], u64::from(counted.count));
    }
}
fn manager_gauges(manager: &Manager, now: LocalTime, book: &mut Book) {
    let times = |times: &Times| {
        let sum = core::iter::once(times.sum.ns());
        times.buckets.map(u64::from).into_iter().chain(sum)
    };
    for controller in manager.controllers() {
        let (n, queue) = (controller.name() as usize, controller.queue());
        book.set(Family::QueueDepth, &[n], queue.depth().into());
        book.set(Family::QueueAdds, &[n], queue.stats().adds);
        book.set(Family::QueueRetries, &[n], queue.stats().retries);
        book.put(Family::QueueDuration, &[n], times(&queue.stats().waited));
        book.put(Family::WorkDuration, &[n], times(&queue.stats().worked));
        book.set(Family::UnfinishedWork, &[n], queue.unfinished(now).us());
        book.set(Family::LongestRunning, &[n], queue.longest_running(now).us());
    }
    for (zone, it) in manager.memory().nodes.zones() {
        let n = usize::from(zone);
        let ready = u64::from(it.nodes.saturating_sub(it.unready));
        book.set(Family::ZoneSize, &[n], it.nodes.into());
        book.set(Family::ZoneUnhealthy, &[n], it.unready.into());
        book.set(Family::ZoneHealth, &[n], (ready * 100).checked_div(it.nodes.into()).unwrap_or(100));
        book.set(Family::Evictions, &[n], it.evictions);
    }
}
fn scheduler_gauges(scheduler: &Scheduler, book: &mut Book) {
    let (active, back_off, unschedulable) = scheduler.pending();
    for (n, pods) in [active, back_off, unschedulable].into_iter().enumerate() {
        book.set(Family::PendingPods, &[n], pods.into());
    }
    let attempts = scheduler.attempts();
    for (n, count) in [attempts.scheduled, attempts.unschedulable, attempts.error].into_iter().enumerate() {
        book.set(Family::ScheduleAttempts, &[n], count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::controller::Name;
    use crate::etcd::rpc::EtcdError;
    use crate::metrics::families::{QUEUE, RESOURCE};
    use alloc::format;

    #[test]
    fn labels_follow_the_numbers_of_what_they_name() {
        for (name, label) in Name::ALL.into_iter().zip(QUEUE) {
            assert_eq!(*label, format!("name=\"{}\"", name.queue_name()));
        }
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Internal) {
            assert!(RESOURCE[kind as usize].ends_with(&format!("resource=\"{}\"", kind.resource())), "{kind:?}");
        }
        assert_eq!(grpc_code(EtcdError::DeadlineExceeded as u32 + 1), 2);
        assert_eq!(grpc_code(EtcdError::TooManyRequests as u32 + 1), 3);
        assert_eq!(grpc_code(EtcdError::Compacted as u32 + 1), 4);
        assert_eq!(grpc_code(EtcdError::LeaseNotFound as u32 + 1), 5);
    }

    #[test]
    fn a_counter_belongs_to_a_process() {
        let (mut registry, program) = (Registry::default(), ProgramId(3));
        for error in [0, 0, 16] {
            registry.note(Place::Etcd(0), program, &Note::new(NoteKind::EtcdCall, error, 2_000));
        }
        let handled = |registry: &Registry| {
            registry.book(program).map(|book| book.of(Family::GrpcHandled).map(|(_, n)| n[0]).collect::<Vec<_>>())
        };
        assert_eq!(handled(&registry), Some(Vec::from([2, 1])));
        registry.process_ended(program);
        assert_eq!(handled(&registry), Some(Vec::new()));
    }
}
