//! The control plane's rows: hosts, links, members, API servers, electors.

use super::{NONE, Rows, Scene, fault_row, low, ms};
use crate::actor::ProgramId;
use crate::actor::role::{Place, Role};
use crate::client::elector::Timing;
use crate::engine::{LocalTime, Span};
use crate::etcd::raft;
use crate::inspect;
use crate::knob::Knob;
use crate::net::packet::HostId;
use crate::sim::{Sim, State};

/// How many of the newest flights a frame shows. Unit: messages. Chosen: more than an eye can follow.
const FLIGHTS: u64 = 512;

pub(super) fn world(scene: &Scene<'_>, rows: &mut Rows) {
    let Scene { sim, samples, .. } = scene;
    let us = sim.now().ns() / 1000;
    let directory = sim.directory();
    rows.push(&[
        low(us / 1000),
        low(us % 1000),
        low(sim.steps()),
        low(sim.steps() >> 32),
        directory.members.into(),
        directory.api_servers.into(),
        directory.external.into(),
        directory.nodes.into(),
        directory.control_hosts(),
        low(sim.marks().notes),
        low(*samples),
        sim.packets_in_flight() as u32,
        sim.pending() as u32,
        sim.faults().len() as u32,
        sim.observer().violations(),
    ]);
}
pub(super) fn hosts(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    for host in &sim.hosts()[..=sim.directory().edge_host().ix()] {
        let shape = host.shape;
        let busy = host.disk.busy(sim.now());
        rows.push(&[shape.up.into(), shape.paused.into(), shape.disk_times, shape.clock_ppm, busy.into()]);
    }
}
pub(super) fn members(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    let tick = sim.knobs().ms(Knob::HeartbeatInterval);
    for n in 0..sim.directory().members {
        let id = sim.directory().etcd(n);
        let program = &sim.programs()[id.ix()];
        let Role::Etcd(etcd) = &program.role else { continue };
        let raft = etcd.raft();
        let running = program.state == State::Running;
        rows.push(&[
            running.into(),
            role_code(raft.role()),
            low(raft.term()),
            if running { raft.leader().map_or(0, |leader| u32::from(leader.0)) } else { 0 },
            raft.vote().map_or(0, |vote| u32::from(vote.0)),
            low(raft.last_index()),
            low(raft.commit_index()),
            low(raft.applied_index()),
            low(etcd.store().revision()),
            ms(tick.scale(raft.election_elapsed().into(), 1)),
            ms(tick.scale(raft.randomized_election_timeout().into(), 1)),
            ms(if running { etcd.leaderless(sim.local(id)) } else { Span::ZERO }),
            etcd.syncing().into(),
            etcd.service().pending(),
            etcd.peers().iter().map(|peer| peer.streams()).sum(),
        ]);
    }
}
pub(super) fn apis(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    for n in 0..sim.directory().api_servers {
        let id = sim.directory().api(n);
        let program = &sim.programs()[id.ix()];
        let Role::Api(api) = &program.role else { continue };
        rows.push(&[
            program.host.0,
            (program.state == State::Running).into(),
            program.paused.into(),
            api.etcd_state(),
            api.healthy().into(),
            api.in_flight(),
            low(api.requests()),
            low(api.failures()),
            ms(api.oldest_request_age(sim.local(id)).unwrap_or_default()),
            ms(inspect::watch_behind(sim, n)),
        ]);
    }
}
pub(super) fn electors(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    for (n, component) in (0..sim.directory().api_servers).flat_map(|n| [(n, 0), (n, 1)]) {
        let id = sim.directory().control(n, component);
        let program = &sim.programs()[id.ix()];
        let Role::Control(control) = &program.role else { continue };
        let now = sim.local(id);
        let elector = control.elector();
        let running = program.state == State::Running;
        let left = |at: Option<LocalTime>| ms(at.map_or(Span::ZERO, |at| at.since(now)));
        let restart = match program.state {
            State::Exited(at) => at.since(sim.now()),
            State::Running | State::Dead => Span::ZERO,
        };
        let expiry = elector.lease_expiry();
        let [believes, can_act] = inspect::leads(sim, n, component);
        rows.push(&[
            n.into(),
            component.into(),
            running.into(),
            believes.into(),
            can_act.into(),
            elector.observed_holder().filter(|_| running).map_or(NONE, |holder| beside(sim, holder.program)),
            if running { left(expiry) } else { ms(Span::ZERO) },
            if believes { left(elector.renew_deadline(&Timing::of(sim.knobs()))) } else { ms(Span::ZERO) },
            if running { left(elector.next_try()) } else { ms(Span::ZERO) },
            ms(restart),
            program.exits,
            (running && elector.calling()).into(),
        ]);
    }
}
pub(super) fn leases(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    for component in 0..2 {
        let left = ms(inspect::lease_left(sim, component));
        match inspect::lease(sim, component) {
            None => rows.push(&[NONE, ms(Span::ZERO), 0, 0, left]),
            Some(lease) => rows.push(&[
                lease.holder.map_or(NONE, |holder| beside(sim, holder)),
                ms(inspect::renewed_ago(sim, component)),
                lease.transitions,
                low(lease.resource_version),
                left,
            ]),
        }
    }
}
pub(super) fn links(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    let hosts = sim.directory().edge_host().0 + 1;
    for (from, to) in (0..hosts).flat_map(|from| (0..hosts).map(move |to| (HostId(from), HostId(to)))) {
        let params = sim.network().params(from, to);
        let (packets, dropped) = sim.network().counts(from, to);
        let delay = low(params.delay.us());
        rows.push(&[from.0, to.0, params.loss.get(), params.cut.into(), delay, low(packets), low(dropped)]);
    }
}
pub(super) fn streams(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    for n in 0..sim.directory().members {
        let Role::Etcd(etcd) = &sim.programs()[sim.directory().etcd(n).ix()].role else { continue };
        for (peer, kind) in etcd.peers().iter().flat_map(|peer| [(peer, 0), (peer, 1)]) {
            let conn = peer.outgoing(kind).and_then(|id| sim.sockets().get(id));
            let end = conn.and_then(|conn| conn.ends.iter().find(|end| end.host.0 == u32::from(n)));
            let tcp = end.and_then(|end| end.conn.as_ref());
            rows.push(&[
                n.into(),
                peer.id().ix() as u32,
                kind as u32,
                tcp.is_some().into(),
                tcp.map_or(0, |tcp| tcp.cwnd()),
                ms(tcp.map_or(Span::ZERO, |tcp| tcp.rto())),
                tcp.map_or(0, |tcp| tcp.backoff()),
                tcp.map_or(0, |tcp| low(tcp.unacked_bytes())),
                peer.waiting(kind),
            ]);
        }
    }
}
#[allow(clippy::float_arithmetic)]
pub(super) fn flights(Scene { sim, trace, .. }: &Scene<'_>, rows: &mut Rows) {
    let flights = trace.flights();
    let end = sim.marks().flights.min(flights.end());
    let first = flights.oldest().max(end.saturating_sub(FLIGHTS)).min(end);
    for number in first..end {
        let flight = flights.get(number).copied().unwrap_or_default();
        let ago = sim.now().since(flight.sent);
        let way = flight.lands.since(flight.sent).ns().max(1);
        let progress = (ago.ns() as f32 / way as f32).to_bits();
        let (from, to) = (flight.from.into(), flight.to.into());
        rows.push(&[low(number), from, to, flight.class.into(), flight.lost.into(), ms(ago), progress]);
    }
}
pub(super) fn faults(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    for (id, fault, since) in sim.faults() {
        let (kind, host, to, value) = fault_row(fault);
        rows.push(&[id.0, kind, host.0, to.map_or(NONE, |to| to.0), value, ms(sim.now().since(*since))]);
    }
}

const fn role_code(role: raft::Role) -> u32 {
    match role {
        raft::Role::Follower => 0,
        raft::Role::PreCandidate => 1,
        raft::Role::Candidate => 2,
        raft::Role::Leader => 3,
    }
}
/// The API server beside which a component runs.
fn beside(sim: &Sim, program: ProgramId) -> u32 {
    match sim.directory().place(program) {
        Place::Control(n, _) => n.into(),
        _ => NONE,
    }
}
