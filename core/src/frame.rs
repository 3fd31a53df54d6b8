//! One picture for the page: tables of columns in one flat buffer of words. The one file in core with floats.
//!
//! The buffer is a table after the other: its number of rows, then each column whole. [`TABLES`] says how to read it.

/// How a column's words are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Unsigned integers.
    U32,
    /// Floats.
    F32,
}

/// A table of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns: name and kind.
    pub columns: &'static [(&'static str, Read)],
}

use Read::{F32, U32};

/// "None" in a column of integers.
pub const NONE: u32 = u32::MAX;

/// Every table, in the order of the buffer. Spans are in milliseconds unless the name says otherwise.
pub const TABLES: &[Table] = &[
    // One row. now: milliseconds and the microseconds beyond them; step: events executed, low and high half.
    Table {
        name: "world",
        columns: &[
            ("now_ms", U32),
            ("now_us", U32),
            ("step_low", U32),
            ("step_high", U32),
            ("members", U32),
            ("notes_end", U32),   // number of notes made so far
            ("samples_end", U32), // number of history samples made so far
            ("packets_in_flight", U32),
            ("events_pending", U32),
            ("faults", U32),
            ("violations", U32), // invariants found broken so far
        ],
    },
    // One row per host; the control-plane hosts first, then the users' host.
    Table {
        name: "host",
        columns: &[("up", U32), ("paused", U32), ("disk_times", U32), ("clock_ppm", U32), ("disk_busy", U32)],
    },
    // One row per etcd member.
    Table {
        name: "member",
        columns: &[
            ("running", U32), // 1 running, 0 not
            ("role", U32),    // 0 follower, 1 pre-candidate, 2 candidate, 3 leader
            ("term", U32),
            ("leader", U32), // member id (from 1), 0: none known
            ("vote", U32),
            ("last_index", U32),
            ("commit_index", U32),
            ("applied_index", U32),
            ("revision", U32),
            ("election_elapsed", F32), // ticks since a leader was heard, in ms
            ("election_timeout", F32), // this follower's randomised timeout
            ("leaderless", F32),       // how long it has known no leader
            ("syncing", U32),          // a WAL sync is under way
            ("pending", U32),          // calls waiting
            ("streams", U32),          // incoming streams that stand, of 2 per peer
        ],
    },
    // One row per API server.
    Table {
        name: "api",
        columns: &[
            ("running", U32),
            ("hung", U32),
            ("etcd_state", U32), // 0 idle or backing off, 1 connecting, 2 ready
            ("healthy", U32),    // its 2 s etcd health check
            ("in_flight", U32),
            ("requests", U32), // answered so far, low half
            ("failures", U32), // answered with an error so far
            ("oldest", F32),   // age of the oldest request in flight
        ],
    },
    // One row per elector: host by host, kube-controller-manager then kube-scheduler.
    Table {
        name: "elector",
        columns: &[
            ("host", U32),
            ("component", U32), // 0 kube-controller-manager, 1 kube-scheduler
            ("running", U32),
            ("believes", U32),   // it believes that it leads
            ("can_act", U32),    // and the Lease in the store still names it and has not run out by its own clock
            ("observed", U32),   // host index of the holder it last saw, NONE: nobody
            ("lease_left", F32), // until the Lease it saw expires by its own clock; 0 when expired
            ("renew_left", F32), // holders: until the renew deadline
            ("next_try", F32),   // until the next try
            ("restart_in", F32), // exited: until the kubelet starts it again
            ("exits", U32),
            ("calling", U32), // a call is under way
        ],
    },
    // One row per Lease object: kube-controller-manager's, kube-scheduler's; as the most advanced member has it.
    Table {
        name: "lease",
        columns: &[
            ("holder", U32),
            ("renewed_ago", F32),
            ("transitions", U32),
            ("resource_version", U32),
            ("left", F32),
        ],
    },
    // One row per directed link between hosts, loopbacks included.
    Table {
        name: "link",
        columns: &[
            ("from", U32),
            ("to", U32),
            ("loss_ppm", U32),
            ("cut", U32),
            ("delay_us", U32),
            ("packets", U32), // offered so far
            ("dropped", U32), // lost, cut or overflowed so far
        ],
    },
    // One row per etcd stream between members (2 per ordered pair): the connection that carries `from`'s messages to `to`.
    Table {
        name: "stream",
        columns: &[
            ("from", U32), // member index, from 0
            ("to", U32),
            ("kind", U32), // 0 MsgApp, 1 the rest
            ("up", U32),
            ("cwnd", U32), // segments
            ("rto", F32),
            ("backoff", U32), // times the timer doubled
            ("backlog", U32), // bytes written and not acknowledged
            ("queue", U32),   // messages waiting in etcd's own queue
        ],
    },
    // The newest flights (at most 512), numbered so that the page can tell new ones.
    Table {
        name: "flight",
        columns: &[
            ("number", U32),
            ("from", U32), // host index
            ("to", U32),
            ("class", U32),
            ("lost", U32), // 0 delivered, else one more than the drop reason: cut, queue full, loss, burst
            ("sent", F32), // ms before now; negative never
            ("progress", F32), // 0 to 1 of the way; beyond 1: landed
        ],
    },
    // Faults in force.
    Table {
        name: "fault",
        columns: &[("id", U32), ("kind", U32), ("host", U32), ("to", U32), ("value", U32), ("since", F32)],
    },
    // Users' requests by API server and kind (0 read, 1 write), over the newest ten seconds.
    Table {
        name: "load",
        columns: &[
            ("api", U32),
            ("kind", U32),
            ("sent", U32), // so far
            ("ok", U32),
            ("failed", U32),
            ("waiting", U32),
            ("success", F32), // share of those ended in the last 10 s; -1: none ended
            ("p50", F32),     // latency of successes in the last 10 s; -1: none
            ("p99", F32),
        ],
    },
];

use crate::actor::ProgramId;
use crate::actor::role::Role;
use crate::client::elector::Timing;
use crate::engine::{LocalTime, Ring, Row, Span, Time, Trace};
use crate::etcd::raft;
use crate::fault::Fault;
use crate::inspect;
use crate::load::Kind;
use crate::net::packet::HostId;
use crate::sim::{Sim, State};
use alloc::vec::Vec;

/// How many of the newest flights a frame shows.
const FLIGHTS: u64 = 512;

/// One picture. Its buffer is kept from frame to frame.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    words: Vec<u32>,
}

/// Rows of one table, gathered column by column.
struct Rows<'a> {
    words: &'a mut Vec<u32>,
    start: usize,
    rows: usize,
    columns: usize,
    filled: usize,
}

impl<'a> Rows<'a> {
    /// Makes room for a table: its number of rows, then its columns.
    fn new(words: &'a mut Vec<u32>, table: usize, rows: usize) -> Self {
        let columns = TABLES[table].columns.len();
        words.push(rows as u32);
        let start = words.len();
        words.resize(start + rows * columns, 0);
        Self { words, start, rows, columns, filled: 0 }
    }
    fn push(&mut self, values: &[u32]) {
        assert_eq!(values.len(), self.columns, "a row has as many values as its table has columns");
        for (column, value) in values.iter().enumerate() {
            self.words[self.start + column * self.rows + self.filled] = *value;
        }
        self.filled += 1;
    }
}

/// A span as milliseconds.
#[allow(clippy::float_arithmetic)]
fn ms(span: Span) -> u32 {
    (span.ns() as f32 / 1_000_000.0).to_bits()
}
/// A number as a float.
const fn float(n: i32) -> u32 {
    (n as f32).to_bits()
}
/// Parts per million as a share.
#[allow(clippy::float_arithmetic)]
fn share(ppm: u32) -> u32 {
    (ppm as f32 / 1_000_000.0).to_bits()
}
fn low(n: u64) -> u32 {
    n as u32
}

impl Frame {
    /// Fills the picture and lends it.
    pub fn fill(&mut self, sim: &Sim, trace: &Trace, samples: u64) -> &[u32] {
        self.words.clear();
        self.world(sim, samples);
        self.hosts(sim);
        self.members(sim);
        self.apis(sim);
        self.electors(sim);
        self.leases(sim);
        self.links(sim);
        self.streams(sim);
        self.flights(sim, trace.flights());
        self.faults(sim);
        self.load(sim);
        &self.words
    }
    /// The picture as it is.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    fn world(&mut self, sim: &Sim, samples: u64) {
        let us = sim.now().ns() / 1000;
        Rows::new(&mut self.words, 0, 1).push(&[
            low(us / 1000),
            low(us % 1000),
            low(sim.steps()),
            low(sim.steps() >> 32),
            u32::from(sim.directory().members),
            low(sim.marks().notes),
            low(samples),
            sim.packets_in_flight() as u32,
            sim.pending() as u32,
            sim.faults().len() as u32,
            sim.observer().violations(),
        ]);
    }
    fn hosts(&mut self, sim: &Sim) {
        let mut rows = Rows::new(&mut self.words, 1, sim.hosts().len());
        for host in sim.hosts() {
            let shape = host.shape;
            let busy = host.disk.busy(sim.now());
            rows.push(&[shape.up.into(), shape.paused.into(), shape.disk_times, shape.clock_ppm, busy.into()]);
        }
    }
    fn members(&mut self, sim: &Sim) {
        let members = sim.directory().members;
        let tick = sim.knobs().ms(crate::knob::Knob::HeartbeatInterval);
        let mut rows = Rows::new(&mut self.words, 2, members.into());
        for n in 0..members {
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
    fn apis(&mut self, sim: &Sim) {
        let members = sim.directory().members;
        let mut rows = Rows::new(&mut self.words, 3, members.into());
        for n in 0..members {
            let id = sim.directory().api(n);
            let program = &sim.programs()[id.ix()];
            let Role::Api(api) = &program.role else { continue };
            rows.push(&[
                (program.state == State::Running).into(),
                program.paused.into(),
                api.etcd_state(),
                api.healthy().into(),
                api.in_flight(),
                low(api.requests()),
                low(api.failures()),
                ms(api.oldest_request_age(sim.local(id)).unwrap_or_default()),
            ]);
        }
    }
    fn electors(&mut self, sim: &Sim) {
        let members = sim.directory().members;
        let mut rows = Rows::new(&mut self.words, 4, usize::from(members) * 2);
        for (n, component) in (0..members).flat_map(|n| [(n, 0), (n, 1)]) {
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
            let believes = running && elector.believes();
            let expiry = elector.lease_expiry();
            let can_act = believes && inspect::holder(sim, component) == Some(id) && expiry.is_some_and(|at| at > now);
            rows.push(&[
                n.into(),
                component.into(),
                running.into(),
                believes.into(),
                can_act.into(),
                elector.observed_holder().filter(|_| running).map_or(NONE, |holder| host_of(sim, holder.program)),
                if running { left(expiry) } else { ms(Span::ZERO) },
                if believes { left(elector.renew_deadline(&Timing::of(sim.knobs()))) } else { ms(Span::ZERO) },
                if running { left(elector.next_try()) } else { ms(Span::ZERO) },
                ms(restart),
                program.exits,
                (running && elector.calling()).into(),
            ]);
        }
    }
    fn leases(&mut self, sim: &Sim) {
        let mut rows = Rows::new(&mut self.words, 5, 2);
        for component in 0..2 {
            let lease = inspect::lease(sim, component);
            let left = ms(inspect::lease_left(sim, component));
            match lease {
                None => rows.push(&[NONE, ms(Span::ZERO), 0, 0, left]),
                Some(lease) => rows.push(&[
                    lease.holder.map_or(NONE, |holder| host_of(sim, holder)),
                    ms(inspect::renewed_ago(sim, component)),
                    lease.transitions,
                    low(lease.resource_version),
                    left,
                ]),
            }
        }
    }
    fn links(&mut self, sim: &Sim) {
        let hosts = sim.network().hosts();
        let mut rows = Rows::new(&mut self.words, 6, (hosts * hosts) as usize);
        for (from, to) in (0..hosts).flat_map(|from| (0..hosts).map(move |to| (HostId(from), HostId(to)))) {
            let params = sim.network().params(from, to);
            let (packets, dropped) = sim.network().counts(from, to);
            let delay = low(params.delay.us());
            rows.push(&[from.0, to.0, params.loss.get(), params.cut.into(), delay, low(packets), low(dropped)]);
        }
    }
    fn streams(&mut self, sim: &Sim) {
        let members = sim.directory().members;
        let pairs = usize::from(members) * usize::from(members - 1);
        let mut rows = Rows::new(&mut self.words, 7, pairs * 2);
        for n in 0..members {
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
    fn flights(&mut self, sim: &Sim, flights: &Ring<crate::engine::Flight>) {
        let end = sim.marks().flights.min(flights.end());
        let first = flights.oldest().max(end.saturating_sub(FLIGHTS)).min(end);
        let mut rows = Rows::new(&mut self.words, 8, (end - first) as usize);
        for number in first..end {
            let flight = flights.get(number).copied().unwrap_or_default();
            let ago = sim.now().since(flight.sent);
            let way = flight.lands.since(flight.sent).ns().max(1);
            let progress = (ago.ns() as f32 / way as f32).to_bits();
            let (from, to) = (flight.from.into(), flight.to.into());
            rows.push(&[low(number), from, to, flight.class.into(), flight.lost.into(), ms(ago), progress]);
        }
    }
    fn faults(&mut self, sim: &Sim) {
        let mut rows = Rows::new(&mut self.words, 9, sim.faults().len());
        for (id, fault, since) in sim.faults() {
            let (kind, host, to, value) = fault_row(fault);
            rows.push(&[id.0, kind, host.0, to.map_or(NONE, |to| to.0), value, ms(sim.now().since(*since))]);
        }
    }
    fn load(&mut self, sim: &Sim) {
        let members = sim.directory().members;
        let id: ProgramId = sim.directory().load();
        let mut rows = Rows::new(&mut self.words, 10, usize::from(members) * 2);
        let Role::Load(load) = &sim.programs()[id.ix()].role else { return };
        let now = sim.local(id);
        for (api, kind) in (0..members).flat_map(|api| Kind::ALL.map(|kind| (api, kind))) {
            let stream = load.stream(api, kind);
            let window = inspect::window(stream, now);
            let latency = |us: u32| if window.ok == 0 { float(-1) } else { ms(Span::from_us(us.into())) };
            rows.push(&[
                api.into(),
                kind as u32,
                low(stream.sent),
                low(stream.ok),
                low(stream.failed),
                low(stream.waiting()),
                window.success_ppm.map_or(float(-1), share),
                latency(window.p50_us),
                latency(window.p99_us),
            ]);
        }
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
fn host_of(sim: &Sim, program: ProgramId) -> u32 {
    sim.directory().host(program).0
}

/// A fault as numbers: its place in [`Fault::NAMES`], its host, its other host, its value.
pub fn fault_row(fault: &Fault) -> (u32, HostId, Option<HostId>, u32) {
    let kind = Fault::NAMES.iter().position(|name| *name == fault.name()).unwrap_or(0) as u32;
    let (host, to, value) = match *fault {
        Fault::Cut { from, to } => (from, Some(to), 0),
        Fault::Lossy { host, loss } | Fault::Bursty { host, loss, .. } => (host, None, loss.get()),
        Fault::Slow { host, extra } => (host, None, low(extra.us())),
        Fault::SlowDisk { host, times } => (host, None, times),
        Fault::ClockRate { host, rate_ppm } => (host, None, rate_ppm),
        Fault::CutNodes => (HostId(0), None, 0),
        Fault::Isolate { host }
        | Fault::Crash { host }
        | Fault::KillEtcd { host }
        | Fault::Pause { host }
        | Fault::HangApi { host } => (host, None, 0),
    };
    (kind, host, to, value)
}

/// Rows of notes as the page reads them: nothing else looks at a row's numbers.
pub fn note_rows(notes: &Ring<Row>, from: u64, until: Time) -> impl Iterator<Item = (u64, &Row)> {
    let first = from.max(notes.oldest());
    (first..notes.end()).filter_map(move |n| Some((n, notes.get(n)?))).filter(move |(_, row)| row.at <= until)
}
