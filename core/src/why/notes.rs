//! What a note goes back to, kind by kind. A note that a message or a command brought about goes back to that; one that
//! a deadline brought about goes back to what stayed away.

use super::evidence::{Before, Lost, ends, kind, sender};
use super::{Inquiry, LATE, Next, What};
use crate::actor::role::{NoteKind, Place};
use crate::actor::{Port, ProgramId};
use crate::api::upkeep;
use crate::client::elector::Timing;
use crate::client::etcd;
use crate::control::manager;
use crate::control::node_lifecycle::GRACE_PERIOD;
use crate::engine::{Row, Span, Time};
use crate::etcd::message::MemberId;
use crate::milestones::SLOW_REQUEST;
use crate::prober::TIMEOUT as PROBE_TIMEOUT;
use crate::sim::Code;
use crate::sim::event::PacketId;

impl Inquiry<'_> {
    /// What a note goes back to.
    pub(super) fn note(&mut self, of: NoteKind, row: Row) -> Next {
        let before = self.evidence.before(&row);
        let program = ProgramId(row.process);
        let me = match self.evidence.directory.place(program) {
            Place::Etcd(n) => MemberId::from_ix(usize::from(n)),
            _ => MemberId(0),
        };
        let alarmed = self.alarmed(&row);
        match of {
            NoteKind::LosesLeader if alarmed && u32::from(me.0) != row.a => {
                let lost = self.evidence.directory.etcd(MemberId(row.a as u8).ix() as u8);
                self.leader_silent(program, lost, before)
            }
            // Who led and knows no leader has stepped down, in the same event.
            NoteKind::LosesLeader if alarmed => self.and_so(row, &[NoteKind::StepsDown]),
            NoteKind::StepsDown if alarmed => match self.missing_follower(program, before) {
                Some((_, heard)) => Next::Quorum { by: program, since: heard, before },
                None => Next::Cause(row),
            },
            // Somebody else leads.
            NoteKind::StepsDown => self.and_so(row, &[NoteKind::FindsLeader]),
            NoteKind::FindsLeader if u32::from(me.0) != row.a => {
                let leader = self.evidence.directory.etcd(MemberId(row.a as u8).ix() as u8);
                self.newest(row, before, leader, &[NoteKind::Leads])
            }
            NoteKind::PreCampaigns | NoteKind::Campaigns => self.campaigns(of, row, before, alarmed),
            NoteKind::Leads => self.newest(row, before, program, &[NoteKind::Campaigns, NoteKind::PreCampaigns]),
            NoteKind::Exited => self.exited(row, before),
            NoteKind::RestartIn => self.and_so(row, &[NoteKind::Exited]),
            NoteKind::Started if row.a > 0 => self.newest(row, before, program, &[NoteKind::Exited]),
            // What it waits for before it starts: its ConfigMap, and an API server that is well.
            NoteKind::StartFails => {
                let server = self.server_of(program, before);
                self.unanswered(row, before, server, manager::HEALTH_TIMEOUT)
            }
            NoteKind::LeaseLost => self.lease_lost(row, before),
            NoteKind::TryFailed | NoteKind::RenewalFails => self.try_failed(row, before),
            NoteKind::Acquired => self.acquired(row, before),
            NoteKind::ObservedHolder => {
                let holder = ProgramId((row.a >> 8) as u16);
                self.newest(row, before, holder, &[NoteKind::Acquired])
            }
            NoteKind::Unhealthy => self.asked_in_vain(row, before, upkeep::HEALTH_TIMEOUT),
            NoteKind::EtcdDisconnected if alarmed => self.asked_in_vain(row, before, etcd::KEEPALIVE_TIMEOUT),
            NoteKind::CachesLost | NoteKind::CacheLost => self.cache_lost(row, before),
            NoteKind::EtcdRequest if row.a >> 8 & 1 == 1 || slow(&row) => self.asked_in_vain(row, before, took(&row)),
            NoteKind::EtcdCall if row.a >> 4 > 0 || slow(&row) => self.call_failed(row, before),
            NoteKind::ApiRequest if (row.a >> 8 & 0xffff) >= 429 || slow(&row) => self.request_failed(row, before),
            NoteKind::UserRequest if row.a >> 16 >= 429 || row.a >> 16 < 100 || slow(&row) => {
                let api = self.evidence.directory.api((row.a >> 8) as u8);
                self.unanswered(row, before, api, took(&row))
            }
            NoteKind::ServiceRequest => self.visit_failed(row, before),
            NoteKind::ProbeKills | NoteKind::StaticPodUnready => {
                let probed = ProgramId(row.a as u16);
                self.unanswered(row, before, probed, PROBE_TIMEOUT)
            }
            NoteKind::ServerOut => {
                let api = self.evidence.directory.api(row.a as u8);
                self.unanswered(row, before, api, PROBE_TIMEOUT)
            }
            NoteKind::StreamDown if alarmed => {
                let peer = self.evidence.directory.etcd(MemberId(row.a as u8).ix() as u8);
                self.leader_silent(program, peer, before)
            }
            NoteKind::NodeNotReady => {
                let kubelet = self.evidence.directory.kubelet(row.a as u16);
                self.node_silent(row, kubelet, before)
            }
            NoteKind::PodEvicted => {
                let of_node = |it: &&Row| it.a == row.a;
                match self.evidence.newest_that(before, &[NoteKind::NodeNotReady], of_node) {
                    Some(lost) => Next::Row(lost),
                    None => Next::Cause(row),
                }
            }
            _ => Next::Cause(row),
        }
    }
    /// Whether a deadline brought it about, and not a message or a command.
    fn alarmed(&self, row: &Row) -> bool {
        self.evidence
            .trace
            .find(row.cause)
            .is_some_and(|cause| cause.code == Code::Timer as u16 || cause.code == Code::Kernel as u16)
    }
    /// On to another note of the same event.
    fn and_so(&mut self, row: Row, kinds: &[NoteKind]) -> Next {
        let event = self.evidence.trace.find(row.cause).copied();
        let fits = |note: &&Row| {
            note.process == row.process && note.id != row.id && kind(note).is_some_and(|kind| kinds.contains(&kind))
        };
        let found = event.and_then(|event| self.evidence.made_in(&event).find(fits).copied());
        found.map_or(Next::Cause(row), Next::Row)
    }
    /// On to a program's newest note of these kinds.
    fn newest(&mut self, row: Row, before: Before, program: ProgramId, kinds: &[NoteKind]) -> Next {
        self.evidence.newest(before, program, kinds).map_or(Next::Cause(row), Next::Row)
    }
    /// A member campaigns for want of a leader, or because enough others would vote for it.
    fn campaigns(&mut self, of: NoteKind, row: Row, before: Before, alarmed: bool) -> Next {
        let program = ProgramId(row.process);
        if of == NoteKind::Campaigns && !alarmed {
            return self.newest(row, before, program, &[NoteKind::PreCampaigns, NoteKind::HandsOver]);
        }
        let kinds = [NoteKind::LosesLeader, NoteKind::FindsLeader, NoteKind::Started];
        match self.evidence.newest(before, program, &kinds) {
            // It has campaigned without telling that it lost its leader: it had not lost it before.
            Some(note) if kind(&note) == Some(NoteKind::FindsLeader) => {
                let lost = self.evidence.directory.etcd(MemberId(note.a as u8).ix() as u8);
                if lost == program { Next::Cause(row) } else { self.leader_silent(program, lost, before) }
            }
            Some(note) => Next::Row(note),
            // In this very event.
            None => Next::Cause(row),
        }
    }
    /// A process ended: by itself for a reason it gave, by a kubelet's hand, or with its host.
    fn exited(&mut self, row: Row, before: Before) -> Next {
        let said = [NoteKind::LeaseLost, NoteKind::StartFails, NoteKind::ProbeKills];
        if let Some(note) = self.evidence.beside(&row).find(|note| kind(note).is_some_and(|it| said.contains(&it))) {
            return Next::Row(*note);
        }
        let killed = |note: &&Row| note.a == u32::from(row.process);
        // It was asked to end, and took its time.
        if let Some(kill) = self.evidence.newest_that(before, &[NoteKind::ProbeKills], killed)
            && row.at.since(kill.at) <= crate::prober::GRACE + LATE
        {
            return Next::Row(kill);
        }
        Next::Cause(row)
    }
    /// A holder's renew deadline passed: what became of its tries.
    fn lease_lost(&mut self, row: Row, before: Before) -> Next {
        let program = ProgramId(row.process);
        let renewed = self.evidence.newest(before, program, &[NoteKind::Renewed, NoteKind::Acquired]);
        let since = renewed.map_or(row.at.before(Span::from_us(row.b)), |row| row.at);
        match self.evidence.newest(before, program, &[NoteKind::TryFailed, NoteKind::RenewalFails]) {
            Some(tried) if tried.at >= since => Next::Row(tried),
            _ => Next::Waits { by: program, on: self.server_of(program, before), since, before },
        }
    }
    /// A try to take or renew a Lease came to nothing.
    fn try_failed(&mut self, row: Row, before: Before) -> Next {
        let program = ProgramId(row.process);
        if row.b == u64::from(crate::api::rpc::Status::Conflict as u16) {
            let component = row.a & 0xff;
            let other = |it: &&Row| it.process != row.process && it.a & 0xff == component;
            return match self.evidence.newest_that(before, &[NoteKind::Acquired], other) {
                Some(taken) => Next::Row(taken),
                None => Next::Cause(row),
            };
        }
        let server = self.server_of(program, before);
        self.unanswered(row, before, server, Timing::of(self.sim.knobs()).call_timeout())
    }
    /// Another process took the Lease: the one that had it did not renew.
    fn acquired(&mut self, row: Row, before: Before) -> Next {
        let component = row.a & 0xff;
        let held = |it: &&Row| it.process != row.process && it.a & 0xff == component;
        let Some(last) = self.evidence.newest_that(before, &[NoteKind::Renewed, NoteKind::Acquired], held) else {
            return Next::Cause(row);
        };
        let holder = ProgramId(last.process);
        let step = self.push(What::Silence, row.at);
        (step.program, step.other, step.since) = (Some(ProgramId(row.process)), Some(holder), Some(last.at));
        let gave_up = [NoteKind::LeaseLost, NoteKind::Exited];
        if let Some(note) = self.evidence.newest(before, holder, &gave_up).filter(|note| note.at >= last.at) {
            return Next::Row(note);
        }
        match self.evidence.newest(before, holder, &[NoteKind::TryFailed, NoteKind::RenewalFails]) {
            Some(tried) if tried.at >= last.at => Next::Row(tried),
            _ => Next::Waits { by: holder, on: self.server_of(holder, before), since: last.at, before },
        }
    }
    /// Something that was asked of another and went wrong: it answered badly, it did not answer, or it took long.
    fn unanswered(&mut self, row: Row, before: Before, server: ProgramId, took: Span) -> Next {
        if self.alarmed(&row) {
            let since = row.at.before(took);
            return Next::Waits { by: ProgramId(row.process), on: server, since, before };
        }
        if slow_success(&row)
            && let Some(found) = self.slow_links(&[(ProgramId(row.process), server)], row.at.before(took), before, 4)
        {
            return found;
        }
        match self.answered(row) {
            Some(next) => next,
            // The connection broke: by whoever closed it.
            None => match self.evidence.gone(before, server) {
                Some(ended) => {
                    self.push(What::Gone, ended.at).program = Some(server);
                    Next::Row(ended)
                }
                None => Next::Cause(row),
            },
        }
    }
    /// An API server asked etcd in vain, or for long.
    fn asked_in_vain(&mut self, row: Row, before: Before, took: Span) -> Next {
        let program = ProgramId(row.process);
        match self.evidence.partner(before, program, true) {
            Some(member) => {
                let since = row.at.before(took);
                if slow_success(&row)
                    && let Some(found) = self.slow_links(&[(program, member)], since, before, 4)
                {
                    return found;
                }
                let message = self.evidence.trace.find(row.cause).filter(|cause| cause.code == Code::Message as u16);
                if let (Some(_), Some(next)) = (message, self.answered(row)) {
                    return next;
                }
                Next::Waits { by: program, on: member, since, before }
            }
            None => Next::Cause(row),
        }
    }
    /// A call of etcd ended badly or late.
    fn call_failed(&mut self, row: Row, before: Before) -> Next {
        let program = ProgramId(row.process);
        let since = row.at.before(took(&row));
        let kinds = [NoteKind::LosesLeader, NoteKind::FindsLeader, NoteKind::Leads, NoteKind::StepsDown];
        let lost = self.evidence.newest(before, program, &kinds);
        match lost {
            // It had no leader, or got another one, while the call was under way.
            Some(note) if kind(&note) == Some(NoteKind::LosesLeader) || note.at >= since => {
                let lost = self.evidence.newest(before, program, &[NoteKind::LosesLeader]);
                Next::Row(lost.filter(|lost| lost.at.since(since) <= took(&row)).unwrap_or(note))
            }
            _ if slow(&row) || self.alarmed(&row) => {
                // Not `Waits`: the client's wait for this member is what led here.
                self.asked.retain(|(_, on)| *on != program);
                self.member_is_slow(program, since, before)
            }
            _ => Next::Cause(row),
        }
    }
    fn member_is_slow(&mut self, member: ProgramId, since: Time, before: Before) -> Next {
        let kinds = [NoteKind::FindsLeader, NoteKind::Leads];
        match self.evidence.newest(before, member, &kinds) {
            Some(note) if kind(&note) == Some(NoteKind::FindsLeader) => {
                let leader = self.evidence.directory.etcd(MemberId(note.a as u8).ix() as u8);
                if leader == member {
                    Next::Quorum { by: member, since, before }
                } else {
                    Next::Waits { by: member, on: leader, since, before }
                }
            }
            _ => Next::Quorum { by: member, since, before },
        }
    }
    /// An API server's request ended badly or late.
    fn request_failed(&mut self, row: Row, before: Before) -> Next {
        /// The status 429. Code: a status.
        const TOO_MANY: u32 = crate::api::rpc::Status::TooManyRequests as u32;
        if let Some(call) = self.evidence.beside(&row).find(|note| kind(note) == Some(NoteKind::EtcdRequest)) {
            return Next::Row(*call);
        }
        if (row.a >> 8 & 0xffff) == TOO_MANY {
            // Its seats are taken by those that wait.
            return self.asked_in_vain(row, before, SLOW_REQUEST);
        }
        self.asked_in_vain(row, before, took(&row))
    }
    /// The watch caches of an API server are lost with what fed them.
    fn cache_lost(&mut self, row: Row, before: Before) -> Next {
        let lost = [NoteKind::EtcdDisconnected, NoteKind::Unhealthy];
        let program = ProgramId(row.process);
        if let Some(note) = self.evidence.beside(&row).find(|note| kind(note).is_some_and(|it| lost.contains(&it))) {
            return Next::Row(*note);
        }
        let Some(member) = self.evidence.partner(before, program, true) else { return Next::Cause(row) };
        // etcd cancels watches when it has had no leader for long.
        match self.evidence.newest(before, member, &[NoteKind::LosesLeader, NoteKind::FindsLeader, NoteKind::Exited]) {
            Some(note) if kind(&note) != Some(NoteKind::FindsLeader) => Next::Row(note),
            _ => self.asked_in_vain(row, before, etcd::KEEPALIVE_TIMEOUT),
        }
    }
    /// A user's request to a Service failed, or took long.
    fn visit_failed(&mut self, row: Row, before: Before) -> Next {
        /// `ServiceRequest`'s second outcome. Code: an index.
        const REFUSED: u32 = 1;
        let outcome = row.a >> 16;
        if outcome == REFUSED {
            return self.cause_or_missing(row);
        }
        let (users, since) = (ProgramId(row.process), row.at.before(took(&row)));
        let service = Port::Service(0).code();
        let of_visit = |it: &&Row| {
            it.code == Code::Drop as u16 && {
                let packet = PacketId::of_row(it.process, it.a, it.b);
                packet.from == users && packet.port == service
            }
        };
        let evidence = self.evidence;
        let rows = || evidence.rows(before).take_while(|it| it.at >= since);
        let sent_then = |it: &&Row| evidence.trace.find(it.cause).is_some_and(|cause| cause.at == since);
        let lost = rows().filter(of_visit).find(sent_then).or_else(|| rows().find(of_visit));
        let Some(lost) = lost.copied() else {
            // Whoever answered it well and late is far away.
            let message = evidence.trace.find(row.cause).filter(|it| it.code == Code::Message as u16 && slow(&row));
            let pair = message.map(|message| (users, sender(message)));
            let found = pair.and_then(|pair| self.slow_links(&[pair], since, before, 4));
            return found.unwrap_or(Next::Cause(row));
        };
        let count = rows().filter(of_visit).count() as u32;
        let step = self.push(What::Waits, row.at);
        (step.program, step.other, step.since) = (Some(users), Some(ends(&lost).1), Some(since));
        Next::Dropped(Lost { row: lost, count, since, before })
    }
    /// A connection was refused: somebody's kernel said so, or nobody is behind the address.
    fn cause_or_missing(&mut self, row: Row) -> Next {
        let arrived = self.evidence.trace.find(row.cause).is_some_and(|cause| cause.code == Code::Arrive as u16);
        if arrived {
            return Next::Cause(row);
        }
        let before = self.evidence.before(&row);
        self.pods_missing((row.a & 0xffff) as u16, before)
    }
    /// A node's kubelet was not heard of.
    fn node_silent(&mut self, row: Row, kubelet: ProgramId, before: Before) -> Next {
        let since = row.at.before(GRACE_PERIOD);
        let step = self.push(What::Silence, row.at);
        (step.program, step.other, step.since) = (Some(ProgramId(row.process)), Some(kubelet), Some(since));
        if let Some(ended) = self.evidence.gone(before, kubelet) {
            return Next::Row(ended);
        }
        let directory = self.evidence.directory;
        let server = self.server_of(kubelet, before);
        let lost = self.evidence.lost(before, since, kubelet, server, &[]);
        let any = || {
            (0..directory.api_servers).find_map(|n| self.evidence.lost(before, since, kubelet, directory.api(n), &[]))
        };
        match lost.or_else(any) {
            Some(lost) => Next::Dropped(lost),
            None => Next::Waits { by: kubelet, on: server, since, before },
        }
    }
}

/// How long a request took, as its note says.
fn took(row: &Row) -> Span {
    Span::from_us(row.b)
}
/// A request that was answered well, but late.
fn slow_success(row: &Row) -> bool {
    let well = match kind(row) {
        Some(NoteKind::UserRequest) => (100..429).contains(&(row.a >> 16)),
        Some(NoteKind::ApiRequest) => (100..429).contains(&(row.a >> 8 & 0xffff)),
        Some(NoteKind::EtcdRequest) => row.a >> 8 & 1 == 0,
        _ => false,
    };
    well && slow(row)
}
/// Whether a request took long, as its note says.
pub(super) fn slow(row: &Row) -> bool {
    took(row) >= LATE
}
