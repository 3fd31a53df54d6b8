//! What can be asked, and where the answer begins.

use super::evidence::{Before, kind};
use super::{End, Inquiry, Next, What};
use crate::actor::ProgramId;
use crate::actor::role::NoteKind;
use crate::control::node_lifecycle::GRACE_PERIOD;
use crate::engine::{EventId, Row, Span};
use crate::inspect;
use crate::load::Kind;
use crate::milestones::SLOW_REQUEST;
use crate::object::{Key, Pod, WorkloadId};

/// How long the work of a leader that does nothing is looked back on. Chosen: several of its calls.
const AT_WORK: Span = Span::from_secs(5);
/// Nothing more is on record. Code: a mark.
const END: Next = Next::End(End::Record);

/// A question about a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// Why did this happen?
    Event(EventId),
    /// Why has no leader been elected? Or, if there is one: why does this one lead?
    Leader,
    /// Why does this member know no leader? Or, if it does: whence?
    Member(u8),
    /// Why is a component's Lease not renewed, or in other hands? 0: kube-controller-manager, 1: kube-scheduler.
    Lease(u8),
    /// Why is what the watchers of an API server see behind?
    Watch(u8),
    /// Why is an API server not well, or why was it last not?
    Api(u8),
    /// Why do requests of this kind to an API server fail, take long, or succeed?
    Requests(u8, Kind),
    /// Why do requests to a Service fail?
    Service(WorkloadId),
    /// Why has a workload too few pods?
    Workload(WorkloadId),
    /// Why is this pod not replaced?
    Pod(Key),
    /// Why is a node not ready?
    Node(u16),
}

impl Inquiry<'_> {
    /// Where the answer begins.
    pub(super) fn begin(&mut self, question: &Question) -> Next {
        let now = self.sim.now();
        let before = self.evidence.end(now);
        match *question {
            Question::Event(id) => match self.evidence.trace.find(id).copied() {
                Some(row) => Next::Row(row),
                None => Next::End(End::Record),
            },
            Question::Leader => self.leader(before),
            Question::Member(n) => self.member(n, before),
            Question::Lease(component) => self.lease(component, before),
            Question::Watch(api) => self.watch(api, before),
            Question::Api(n) => {
                let kinds = [NoteKind::Unhealthy, NoteKind::Exited, NoteKind::ProbeKills];
                let api = self.evidence.directory.api(n);
                let of = |row: &&Row| row.process == api.0 || row.a == u32::from(api.0);
                let newest = self.evidence.newest_that(before, &kinds, of);
                newest.map_or_else(|| self.waiting(api, before), Next::Row)
            }
            Question::Requests(api, kind) => self.requests(api, kind, before),
            Question::Service(service) => {
                let of = |row: &&Row| row.a & 0xffff == u32::from(service) && row.a >> 16 > 0;
                let failed = self.evidence.newest_that(before, &[NoteKind::ServiceRequest], of);
                failed.map_or_else(|| self.pods_missing(service, before), Next::Row)
            }
            Question::Workload(workload) => self.pods_missing(workload, before),
            Question::Pod(pod) => self.pod(pod, before),
            Question::Node(node) => {
                let of = |row: &&Row| row.a == u32::from(node);
                let lost = self.evidence.newest_that(before, &[NoteKind::NodeNotReady], of);
                let kubelet = self.evidence.directory.kubelet(node);
                lost.map_or_else(|| self.waiting(kubelet, before), Next::Row)
            }
        }
    }
    /// A program that made nothing known waits for whoever it asks.
    fn waiting(&mut self, program: ProgramId, before: Before) -> Next {
        if let Some(ended) = self.evidence.gone(before, program) {
            self.push(What::Gone, ended.at).program = Some(program);
            return Next::Row(ended);
        }
        if let Some(place) = self.evidence.standing_still(before.at, program) {
            self.push(What::StandsStill, before.at).program = Some(program);
            return Next::Command(place);
        }
        self.push(What::Well, before.at).program = Some(program);
        let started = self.evidence.newest(before, program, &[NoteKind::Started]);
        started.map_or(END, Next::Row)
    }
    fn leader(&mut self, before: Before) -> Next {
        let directory = self.evidence.directory;
        if let Some(n) = inspect::leader(self.sim) {
            let leads = self.evidence.newest(before, directory.etcd(n), &[NoteKind::Leads]);
            return leads.map_or(END, Next::Row);
        }
        // The newest try, and what became of it.
        let tries = [NoteKind::Campaigns, NoteKind::PreCampaigns];
        match self.evidence.newest_that(before, &tries, |_| true) {
            Some(tried) => {
                self.push_row(What::Note, tried);
                self.no_votes(tried, before)
            }
            None => match self.evidence.newest_that(before, &[NoteKind::LosesLeader], |_| true) {
                Some(lost) => Next::Row(lost),
                None => self.member(0, before),
            },
        }
    }
    /// A campaign came to nothing: whose vote was missing.
    fn no_votes(&mut self, tried: Row, before: Before) -> Next {
        self.seen.push(tried.id);
        let candidate = ProgramId(tried.process);
        match self.missing_follower(candidate, before) {
            Some((voter, heard)) if heard < tried.at => {
                Next::Waits { by: candidate, on: voter, since: tried.at, before }
            }
            // It was answered by enough, and not with votes: then why it campaigns at all.
            _ => match kind(&tried) {
                Some(of) => self.note(of, tried),
                None => Next::Cause(tried),
            },
        }
    }
    fn member(&mut self, n: u8, before: Before) -> Next {
        let member = self.evidence.directory.etcd(n);
        if let Some(ended) = self.evidence.gone(before, member) {
            self.push(What::Gone, ended.at).program = Some(member);
            return Next::Row(ended);
        }
        let kinds = [NoteKind::LosesLeader, NoteKind::FindsLeader, NoteKind::Leads, NoteKind::Started];
        match self.evidence.newest(before, member, &kinds) {
            Some(note) => Next::Row(note),
            None => self.waiting(member, before),
        }
    }
    fn lease(&mut self, component: u8, before: Before) -> Next {
        let of = |row: &&Row| row.a & 0xff == u32::from(component);
        let left = inspect::lease_left(self.sim, component);
        // Who held it last tells what became of it; a Lease that is held well tells how its holder came by it.
        let kinds = [NoteKind::Acquired, NoteKind::LeaseLost, NoteKind::RenewalFails];
        let newest = self.evidence.newest_that(before, &kinds, of);
        let renewed = self.evidence.newest_that(before, &[NoteKind::Renewed], of);
        match (newest, renewed) {
            (Some(note), _) if kind(&note) != Some(NoteKind::Acquired) => Next::Row(note),
            (_, Some(renewed)) if left.is_zero() => {
                let (holder, since) = (ProgramId(renewed.process), renewed.at);
                if let Some(ended) = self.evidence.gone(before, holder) {
                    self.push(What::Gone, ended.at).program = Some(holder);
                    return Next::Row(ended);
                }
                Next::Waits { by: holder, on: self.server_of(holder, before), since, before }
            }
            (Some(note), _) => Next::Row(note),
            (None, _) => self.holder_gone(component, before),
        }
    }
    fn holder_gone(&mut self, component: u8, before: Before) -> Next {
        let program = self.evidence.directory.control(0, component);
        let failed = self.evidence.newest(before, program, &[NoteKind::TryFailed, NoteKind::StartFails]);
        failed.map_or_else(|| self.waiting(program, before), Next::Row)
    }
    fn watch(&mut self, api: u8, before: Before) -> Next {
        let (server, users) = (self.evidence.directory.api(api), self.evidence.directory.load());
        let behind = inspect::watch_behind(self.sim, api);
        let since = before.at.before(behind);
        if behind < super::LATE {
            return self.waiting(server, before);
        }
        let step = self.push(What::Silence, before.at);
        (step.program, step.other, step.since) = (Some(users), Some(server), Some(since));
        let lost = self.evidence.newest(before, server, &[NoteKind::CachesLost, NoteKind::EtcdDisconnected]);
        match lost.filter(|note| note.at >= since.before(SLOW_REQUEST)) {
            Some(note) => Next::Row(note),
            None => Next::Waits { by: users, on: server, since, before },
        }
    }
    fn requests(&mut self, api: u8, of: Kind, before: Before) -> Next {
        let this = |row: &&Row| row.a & 0xffff == of as u32 + 256 * u32::from(api);
        let newest = self.evidence.newest_that(before, &[NoteKind::UserRequest], this);
        let (users, server) = (self.evidence.directory.load(), self.evidence.directory.api(api));
        match newest {
            Some(row) if (200..429).contains(&(row.a >> 16)) => {
                let links = if super::notes::slow(&row) { self.slow_for_links(row) } else { None };
                links.map_or_else(|| self.works(row, server), Next::End)
            }
            Some(row) => Next::Row(row),
            // None has ended for as long as the record goes back: they all wait.
            None => Next::Waits { by: users, on: server, since: before.at.before(super::LOOK_BACK), before },
        }
    }
    /// A request succeeds but takes long: where its answer ends, if that is at slow links.
    fn slow_for_links(&mut self, row: Row) -> Option<End> {
        let end = self.follow(Next::Row(row));
        if self.steps.iter().any(|step| step.what == What::Delayed) {
            return Some(end);
        }
        self.steps.clear();
        self.asked.clear();
        self.seen.clear();
        self.draws.clear();
        self.timers.clear();
        None
    }
    /// A request succeeds, whatever else is broken: by whom it was answered.
    fn works(&mut self, row: Row, server: ProgramId) -> Next {
        self.push_row(What::Note, row);
        let since = row.at.before(Span::from_us(row.b));
        // The chain back from the answer: does it pass through etcd?
        let answer = self.evidence.trace.find(row.cause).copied();
        let (mut next, mut etcd) = (answer, false);
        for _ in 0..64 {
            let Some(it) = next else { break };
            let at_etcd = it.process < u16::from(self.evidence.directory.members);
            etcd |= at_etcd;
            if it.at < since {
                break;
            }
            next = self.evidence.trace.find(if it.link == EventId::ROOT { it.cause } else { it.link }).copied();
        }
        if etcd {
            return answer.map_or(END, Next::Row);
        }
        let step = self.push(What::FromMemory, row.at);
        step.program = Some(server);
        let before = self.evidence.before(&row);
        let filled = self.evidence.newest(before, server, &[NoteKind::CachesReady, NoteKind::Started]);
        filled.map_or_else(|| self.waiting(server, before), Next::Row)
    }
    /// A workload has too few pods: who should have made, placed or started them.
    pub(super) fn pods_missing(&mut self, workload: WorkloadId, before: Before) -> Next {
        let Some(etcd) = inspect::most_advanced(self.sim) else { return END };
        let store = etcd.store();
        let wanted =
            inspect::workloads(store).into_iter().find(|(id, _)| *id == workload).map_or(
                0,
                |(_, object)| match object {
                    crate::object::Object::Deployment(it) => it.replicas,
                    crate::object::Object::StatefulSet(it) => it.replicas,
                    crate::object::Object::DaemonSet(it) => it.desired,
                    _ => 0,
                },
            );
        let pods = || inspect::pods_of(store, workload);
        // What the store says of a node that is gone and that nobody has missed yet is old.
        let serves = |pod: &Pod| {
            let node = pod.node.map(|node| self.evidence.directory.kubelet(node));
            pod.ready
                && pod.deleted.is_none()
                && node.is_some_and(|kubelet| self.evidence.gone(before, kubelet).is_none())
        };
        let there = pods().filter(|(_, pod)| serves(pod)).count() as u32;
        let unready = pods().find(|(_, pod)| !serves(pod)).map(|(key, _)| key);
        self.push(What::Missing, before.at).count = wanted.saturating_sub(there);
        if there >= wanted {
            return END;
        }
        match unready {
            Some(key) if pods().count() as u32 >= wanted => self.pod(key, before),
            // There are fewer objects than there should be: the controllers make them.
            _ => self.nobody_works(0, before),
        }
    }
    /// A component does not do its work: nobody leads, or whoever leads waits.
    fn nobody_works(&mut self, component: u8, before: Before) -> Next {
        let leads = if component == 0 {
            inspect::leading_manager(self.sim).map(|(n, _)| n)
        } else {
            inspect::leading_scheduler(self.sim).map(|(n, _)| n)
        };
        match leads {
            None => self.lease(component, before),
            Some(n) => {
                let leader = self.evidence.directory.control(n, component);
                let server = self.server_of(leader, before);
                Next::Waits { by: leader, on: server, since: before.at.before(AT_WORK), before }
            }
        }
    }
    /// Why a pod is not ready, or not replaced.
    fn pod(&mut self, key: Key, before: Before) -> Next {
        let Some(etcd) = inspect::most_advanced(self.sim) else { return END };
        let Some(pod) = etcd.store().get(key).and_then(|kv| kv.value.object.pod()) else {
            return self.pods_missing(key.group(), before);
        };
        let Some(node) = pod.node else { return self.nobody_works(1, before) };
        let kubelet = self.evidence.directory.kubelet(node);
        let of = |row: &&Row| row.a == u32::from(node);
        let kinds = [NoteKind::NodeNotReady, NoteKind::NodeReady];
        let known = self.evidence.newest_that(before, &kinds, of);
        let known_lost = known.filter(|note| kind(note) == Some(NoteKind::NodeNotReady));
        let down = self.evidence.gone(before, kubelet);
        match (known_lost, down) {
            (Some(lost), _) => {
                // Its node is tainted; the pod may stay for as long as it tolerates that.
                let step = self.push(What::Tolerates, before.at);
                (step.program, step.since) = (Some(kubelet), Some(lost.at));
                Next::Row(lost)
            }
            (None, Some(ended)) => {
                let step = self.push(What::Trusted, before.at);
                (step.program, step.since) = (Some(kubelet), Some(ended.at));
                Next::Row(ended)
            }
            (None, None) => {
                let server = self.server_of(kubelet, before);
                let since = before.at.before(GRACE_PERIOD);
                let lost = self.evidence.lost(before, since, kubelet, server, &[]);
                match lost {
                    Some(lost) => {
                        let step = self.push(What::Trusted, before.at);
                        (step.program, step.since) = (Some(kubelet), Some(lost.row.at));
                        Next::Dropped(lost)
                    }
                    None => self.waiting(kubelet, before),
                }
            }
        }
    }
}
