//! What is counted as it happens, from notes; and what is read off the programs when Prometheus asks.

use super::book::Book;
use super::families::{Family, code, grpc_code};
use crate::actor::ProgramId;
use crate::actor::role::{Note, NoteKind, Place, Role};
use crate::api::ApiServer;
use crate::api::rpc::Verb;
use crate::control::Control;
use crate::engine::Span;
use crate::etcd::Etcd;
use crate::etcd::raft::Role as RaftRole;
use crate::etcd::service::Stage;
use crate::sim::{Program, Sim, State};
use alloc::vec::Vec;

/// The counters and histograms of every process of the control plane, by program. A process begins at zero.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Registry {
    books: Vec<Book>,
}

impl Registry {
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
    /// A sync of a member's write-ahead log takes this long.
    pub fn syncs(&mut self, program: ProgramId, took: Span) {
        self.book_mut(program).observe(Family::WalFsync, &[], took.us());
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
            NoteKind::FindsLeader => self.book_mut(program).add(Family::LeaderChanges, &[], 1),
            NoteKind::PeerRtt => self.book_mut(program).observe(Family::PeerRtt, &peer(), note.b),
            NoteKind::PeerDrop => self.book_mut(program).add(Family::PeerSentFailures, &peer(), 1),
            NoteKind::EtcdCall => {
                let (method, error) = ((note.a % 16).min(1) as usize, note.a / 16);
                let book = self.book_mut(program);
                book.add(Family::GrpcHandled, &[method, grpc_code(error)], 1);
                book.observe(Family::GrpcHandling, &[method], note.b);
                if method == 0 && error > 0 {
                    book.add(Family::ProposalsFailed, &[], 1);
                }
            }
            _ => {}
        }
    }
    fn api_note(&mut self, program: ProgramId, note: &Note) {
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
        Role::Etcd(etcd) => etcd_gauges(sim, etcd, book),
        Role::Api(api) => api_gauges(api, book),
        Role::Control(control) => control_gauges(control, book),
        _ => {}
    }
}

fn etcd_gauges(_sim: &Sim, etcd: &Etcd, book: &mut Book) {
    let raft = etcd.raft();
    book.set(Family::HasLeader, &[], u64::from(raft.leader().is_some()));
    book.set(Family::IsLeader, &[], u64::from(raft.role() == RaftRole::Leader));
    book.set(Family::ProposalsCommitted, &[], raft.commit_index());
    book.set(Family::ProposalsApplied, &[], raft.applied_index());
    let pending = etcd.service().at_stage(Stage::Proposed).len() + etcd.service().at_stage(Stage::Waiting).len();
    book.set(Family::ProposalsPending, &[], pending as u64);
    book.set(Family::CurrentRevision, &[], etcd.store().revision());
    book.set(Family::KeysTotal, &[], etcd.store().keys().count() as u64);
    let me = usize::from(etcd.id().0) - 1;
    for peer in etcd.peers() {
        let active = u64::from(peer.active_since().is_some());
        book.set(Family::ActivePeers, &[me, usize::from(peer.id().0) - 1], active);
    }
}
fn api_gauges(api: &ApiServer, book: &mut Book) {
    book.set(Family::HealthCheck, &[0], u64::from(api.healthy()));
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
