//! The world: one plain value. `step` is the only function that moves time.

pub mod event;
mod faults;
mod kernel;
mod looks;
mod nature;
pub mod observer;
mod program;
pub mod verdicts;

use crate::actor::disk::Disk;
use crate::actor::role::{Directory, Place, Role};
use crate::actor::socket::Sockets;
use crate::actor::{Address, ConnUp, Effect, Input, KnownRules, ProgramId, Target};
use crate::client::backoff::RestartBackoff;
use crate::engine::keyed;
use crate::engine::{Clock, Digest, Draw, EventId, Flight, LocalTime, Purpose, Queue, Rng, Row, Span, Time, Trace};
use crate::fault::{Fault, FaultId, HostShape};
use crate::knob::Knobs;
use crate::net::link::Params;
use crate::net::network::Network;
use crate::net::packet::{ConnId, HostId, Segment};
use crate::net::tcp::Out;
use crate::object::WorkloadId;
use crate::scenario::population;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
pub use event::{Code, Command, Event, Refused, What};
pub use faults::MAX_SPARED;
use observer::Observer;
use program::SIGKILLED;

/// Over how long the programs of control-plane hosts start. Chosen: machines never start in one instant.
const PROGRAMS_START: Span = Span::from_ms(20);
/// How much later managers and schedulers start. Chosen: their API servers listen by then; a manager that comes first
/// exits, and a run would begin with its back-off.
const CONTROL_START: Span = Span::from_secs(1);
/// How much later users come where there are no nodes. Chosen: etcd has a leader and the caches are filled by then.
const LOAD_START: Span = Span::from_secs(3);
/// Over how long the nodes' programs start. Chosen: a kubelet's lease interval, as kubelets that have run for long are
/// spread; all at once they would storm the API servers.
const NODES_START: Span = Span::from_secs(10);

/// A machine: clock, disk and what faults make of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    /// Its clock.
    pub clock: Clock,
    /// Its disk.
    pub disk: Disk,
    /// What faults make of it.
    pub shape: HostShape,
    /// What its kernel makes of new connections to an address, and how many it has turned.
    rules: BTreeMap<Address, (Arc<[Target]>, u32)>,
}

/// What a program's process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It runs.
    Running,
    /// There is none: its host is down, or a fault keeps it from running.
    Dead,
    /// It ended by itself; the kubelet starts it again at this moment.
    Exited(Time),
}

/// A program and the process that runs it now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// Its host.
    pub host: HostId,
    /// What it is.
    pub role: Role,
    /// What its process is doing.
    pub state: State,
    /// Whether it stands still.
    pub paused: bool,
    /// What it will read once it has a processor; while there is something it waits for one.
    unread: Vec<Unread>,
    /// How often it has waited: the number of the next wait's dice.
    wakes: u64,
    /// How many processes it has had.
    pub processes: u32,
    /// How often it ended by itself.
    pub exits: u32,
    rng: Rng,
    timers: Vec<(crate::actor::role::Timer, Time, EventId)>,
    /// What it will be told when it goes on: cause, link, input.
    deferred: VecDeque<(EventId, EventId, Input)>,
    backoff: RestartBackoff,
    opened: Vec<(ProgramId, u8, u32)>,
}

/// A connection's end at which something came, and the event that it last came with.
type Unread = (ConnId, usize, EventId);

/// A packet on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Packet {
    conn: ConnId,
    /// The end it goes to.
    side: u8,
    /// The how-manieth of its direction.
    number: u32,
    segment: Segment,
}

/// The simulated world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sim {
    seed: u64,
    now: Time,
    steps: u64,
    rows: u64,
    notes: u64,
    flights: u64,
    history: Digest,
    queue: Queue<Event>,
    directory: Directory,
    knobs: Knobs,
    faults: Vec<(FaultId, Fault, Time)>,
    next_fault: u32,
    commands: u32,
    hosts: Vec<Host>,
    programs: Vec<Program>,
    network: Network,
    sockets: Sockets,
    packets: Vec<Packet>,
    free_packets: Vec<u32>,
    /// Names of workloads, by number.
    names: Vec<Arc<str>>,
    /// The pending throw of the dice for nodes that fail by themselves.
    nature: Option<EventId>,
    observer: Observer,
    scratch: Scratch,
}

/// Buffers that are empty between steps, and what saves memory: no part of the state.
#[derive(Clone, Debug, Default)]
struct Scratch {
    inputs: VecDeque<(ProgramId, EventId, EventId, Input)>,
    effects: Vec<Effect>,
    out: Out,
    /// What programs have read of which end, to tell TCP.
    reads: Vec<(ConnId, u8, u32)>,
    known: KnownRules,
}
impl PartialEq for Scratch {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Scratch {}
impl Hash for Scratch {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// The row number, note number and flight number that come next: where a trace would be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Rows made so far.
    pub rows: u64,
    /// Notes made so far.
    pub notes: u64,
    /// Flights made so far.
    pub flights: u64,
}

impl Sim {
    /// A world of these hosts, in which every program is about to start.
    ///
    /// # Panics
    /// If there is no such cluster: see [`Directory::checked`].
    pub fn new(seed: u64, directory: Directory, knobs: Knobs) -> Self {
        // Nobody outside can ask for etcd alone: there would be nothing to see on the page.
        if directory != Directory::etcd_alone(directory.members) {
            directory.checked().expect("whoever asks has checked");
        }
        let hosts = directory.hosts();
        let mut sim = Self {
            seed,
            now: Time::ZERO,
            steps: 0,
            rows: 0,
            notes: 0,
            flights: 0,
            history: Digest::default(),
            queue: Queue::default(),
            directory,
            knobs,
            faults: Vec::new(),
            next_fault: 1,
            commands: 0,
            hosts: (0..hosts).map(|_| Host::new()).collect(),
            programs: Vec::new(),
            network: Network::new(directory.control_hosts() + 1, directory.nodes.into(), Params::default()),
            sockets: Sockets::default(),
            packets: Vec::new(),
            free_packets: Vec::new(),
            names: population::NAMES.iter().map(|name| Arc::from(*name)).collect(),
            nature: None,
            observer: Observer::new(directory),
            scratch: Scratch::default(),
        };
        for (host, role) in crate::scenario::programs(directory, &knobs, seed) {
            let id = sim.programs.len() as u64;
            sim.programs.push(Program::new(host, role, Rng::stream(seed, Purpose::Process, id)));
            let (after, spread) = match directory.place(ProgramId(id as u16)) {
                Place::Kubelet(_) | Place::Proxy(_) => (Span::ZERO, NODES_START),
                Place::Control(..) => (CONTROL_START, PROGRAMS_START),
                // A node's containers serve nobody before its kubelet runs.
                Place::Load if directory.nodes > 0 => (NODES_START, PROGRAMS_START),
                Place::Load => (LOAD_START, PROGRAMS_START),
                _ => (Span::ZERO, PROGRAMS_START),
            };
            let at = Time::ZERO + after + keyed(seed, Purpose::Process, id, 1).up_to(spread);
            sim.queue.push(at, Event { cause: EventId::ROOT, what: What::Boot(ProgramId(id as u16)) });
        }
        // The nodes' kernels have kept the rules that their kube-proxies once wrote.
        for (address, targets) in population::rules(directory, seed) {
            for node in 0..directory.nodes {
                let rules = &mut sim.hosts[directory.node_host(node).ix()].rules;
                rules.insert(address, (Arc::clone(&targets), 0));
            }
        }
        sim.shape_links();
        sim.expect_nature(EventId::ROOT);
        sim
    }
    /// The moment it is.
    pub const fn now(&self) -> Time {
        self.now
    }
    /// The seed.
    pub const fn seed(&self) -> u64 {
        self.seed
    }
    /// Events executed so far.
    pub const fn steps(&self) -> u64 {
        self.steps
    }
    /// Where the dials stand.
    pub const fn knobs(&self) -> &Knobs {
        &self.knobs
    }
    /// Which program serves what.
    pub const fn directory(&self) -> Directory {
        self.directory
    }
    /// The hosts: control-plane hosts first, the users' last.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }
    /// The programs, by id.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }
    /// What a program's host's clock reads.
    pub fn local(&self, program: ProgramId) -> LocalTime {
        self.hosts[self.programs[program.ix()].host.ix()].clock.read(self.now)
    }
    /// The name of a workload; empty if there is none of this number.
    pub fn workload_name(&self, workload: WorkloadId) -> &str {
        self.names.get(usize::from(workload)).map_or("", |name| name)
    }
    /// How many workloads have a name.
    pub fn workloads(&self) -> u16 {
        self.names.len() as u16
    }
    /// The links.
    pub const fn network(&self) -> &Network {
        &self.network
    }
    /// The connections.
    pub const fn sockets(&self) -> &Sockets {
        &self.sockets
    }
    /// The faults in force, and since when.
    pub fn faults(&self) -> &[(FaultId, Fault, Time)] {
        &self.faults
    }
    /// What an onlooker counted.
    pub const fn observer(&self) -> &Observer {
        &self.observer
    }
    /// From now on what clients of etcd say and hear is remembered: for tests.
    pub fn listen(&mut self) {
        self.observer.verdicts.listen();
    }
    /// About how many bytes a clone of it takes. An estimate from what there is most of; `cargo xtask memory` holds
    /// it against what the allocator says.
    pub fn bytes(&self) -> usize {
        // Together they come to 15 to 60 % more than ten checkpoints take each, from 3 to 5,000 nodes: the safe side.
        /// What a connection's two ends keep on the heap beside themselves. Unit: bytes. Chosen: for the estimate of a
        /// checkpoint's size, which a measurement of worlds bears out.
        const CONNECTION: usize = 600;
        /// What a program keeps on the heap. Unit: bytes. Chosen: for the same estimate: a kubelet with its informer
        /// and HTTP client, or a kube-proxy.
        const PROGRAM: usize = 3_000;
        /// What a key costs in one store, cache or informer. Unit: bytes. Chosen: for the same estimate: contents are
        /// shared.
        const KEY: usize = 160;
        let keys = crate::inspect::most_advanced(self).map_or(0, |etcd| etcd.store().keys().count());
        let copies = usize::from(self.directory.members) * 2 + usize::from(self.directory.api_servers) * 3;
        self.hosts.len() * size_of::<Host>()
            + self.programs.len() * (size_of::<Program>() + PROGRAM)
            + self.network.bytes()
            + self.sockets.iter().count() * (size_of::<crate::actor::socket::Connection>() + CONNECTION)
            + self.queue.len() * size_of::<(Time, EventId, Event)>()
            + self.packets.len() * size_of::<Packet>()
            + keys * copies * KEY
            + self.observer.verdicts.bytes()
    }
    /// Events pending.
    pub fn pending(&self) -> usize {
        self.queue.len()
    }
    /// Packets on their way.
    pub fn packets_in_flight(&self) -> usize {
        self.packets.len() - self.free_packets.len()
    }
    /// The packets with data on their way from one host to another: the event that sent each, and when it lands.
    pub fn under_way(&self, from: HostId, to: HostId) -> impl Iterator<Item = (EventId, Time)> {
        self.queue.pending().filter_map(move |(lands, event)| {
            let What::Arrive(slot) = event.what else { return None };
            let packet = &self.packets[slot as usize];
            let ends = &self.sockets.get(packet.conn)?.ends;
            let (here, there) = (ends[1 - usize::from(packet.side)].host, ends[usize::from(packet.side)].host);
            (packet.segment.len > 0 && (here, there) == (from, to)).then_some((event.cause, lands))
        })
    }
    /// Rows, notes and flights made so far.
    pub const fn marks(&self) -> Marks {
        Marks { rows: self.rows, notes: self.notes, flights: self.flights }
    }
    /// The digest of the whole state. Slow: it looks at everything.
    pub fn digest(&self) -> u64 {
        Digest::of(self)
    }
    /// The digest of everything executed so far. Free.
    pub fn history(&self) -> u64 {
        core::hash::Hasher::finish(&self.history)
    }
    /// When the next event is due.
    pub fn next_at(&self) -> Option<Time> {
        self.queue.next_at()
    }

    /// Executes the next event, if it is due by `limit`. Returns whether one was executed; if not, it is `limit` now.
    pub fn step(&mut self, limit: Time, trace: &mut Trace) -> bool {
        loop {
            if self.queue.next_at().is_none_or(|at| at > limit) {
                self.now = self.now.max(limit);
                return false;
            }
            let (at, id, event) = self.queue.pop().expect("an event is due");
            let Some(cause) = self.still_meant(at, id, &event) else { continue };
            let link = self.loss_behind(&event.what, cause);
            // A TCP timer that was moved on is due because of something newer than its first arming.
            let id = if cause.max(link) > id { self.queue.fresh() } else { id };
            self.look_around(at);
            self.now = at;
            self.steps += 1;
            self.execute(id, cause, link, event.what, trace);
            return true;
        }
    }

    /// Whether a popped event is still meant to happen, and because of what: a timer may have been armed anew since.
    fn still_meant(&mut self, at: Time, id: EventId, event: &Event) -> Option<EventId> {
        match event.what {
            What::Timer(program, timer) => {
                let timers = &mut self.programs[program.ix()].timers;
                let place = timers.iter().position(|(armed, _, pending)| *armed == timer && *pending == id)?;
                timers.swap_remove(place);
                Some(event.cause)
            }
            What::Kernel(conn, side) => self.kernel_timer_due(at, id, conn, side),
            What::DiskDone(program, process, op) => {
                let it = &self.programs[program.ix()];
                let done = self.hosts[it.host.ix()].disk.done(at, (program, process, op));
                (done && it.state == State::Running && it.processes == process).then_some(event.cause)
            }
            What::Boot(program) => {
                let program = &self.programs[program.ix()];
                let shape = self.hosts[program.host.ix()].shape;
                let meant = match program.state {
                    State::Running => false,
                    State::Dead => true,
                    // What the kubelet waited for before a fault and a restart came between is over.
                    State::Exited(until) => until == at,
                };
                (meant && program.may_run(shape)).then_some(event.cause)
            }
            What::Sigkill(program, process) => {
                let program = &self.programs[program.ix()];
                (program.state == State::Running && program.processes == process).then_some(event.cause)
            }
            What::Nature => (self.nature == Some(id)).then_some(event.cause),
            What::PowerBack(fault) => {
                self.faults.iter().any(|(in_force, ..)| *in_force == fault).then_some(event.cause)
            }
            What::Arrive(_) | What::Wake(_) => Some(event.cause),
        }
    }

    fn execute(&mut self, id: EventId, cause: EventId, link: EventId, what: What, trace: &mut Trace) {
        let (code, process, a, b) = match what {
            What::Boot(program) => (Code::Boot, program.0, 0, 0),
            What::Timer(program, timer) => (Code::Timer, program.0, timer.code(), 0),
            What::Kernel(conn, side) => (Code::Kernel, u16::MAX, conn.0, u64::from(side)),
            What::Arrive(slot) => {
                let packet = &self.packets[slot as usize];
                (Code::Arrive, u16::MAX, packet.conn.0, packet.segment.seq << 1 | u64::from(packet.side))
            }
            What::DiskDone(program, _, op) => (Code::DiskDone, program.0, op, 0),
            What::Sigkill(program, _) => (Code::Sigkill, program.0, 0, 0),
            What::Nature => (Code::Nature, u16::MAX, 0, 0),
            What::PowerBack(fault) => (Code::PowerBack, u16::MAX, fault.0, 0),
            What::Wake(program) => (Code::Wake, program.0, 0, 0),
        };
        self.record(trace, Row { id, cause, link, at: self.now, code: code as u16, process, a, b });
        match what {
            What::Boot(program) => self.boot(id, program, trace),
            What::Timer(program, timer) => self.tell(program, id, EventId::ROOT, Input::Timer(timer)),
            What::Kernel(conn, side) => self.kernel_timer(id, conn, side, trace),
            What::Arrive(slot) => self.arrive(id, slot, trace),
            What::DiskDone(program, _, op) => self.tell(program, id, EventId::ROOT, Input::DiskDone(op)),
            What::Sigkill(program, _) => self.exit(id, program, SIGKILLED, trace),
            What::Nature => self.nature(id, trace),
            What::PowerBack(fault) => self.power_back(id, fault, trace),
            What::Wake(program) => self.wake(program),
        }
        self.run_inputs(trace);
        self.open_windows(id, trace);
        self.run_inputs(trace);
    }

    /// Records a row, and makes it part of the run's identity.
    fn record(&mut self, trace: &mut Trace, row: Row) {
        let what = u64::from(row.code) << 48 | u64::from(row.process) << 32 | u64::from(row.a);
        self.history.add(row.at.ns());
        self.history.add(what);
        self.history.add(row.id.get() << 32 ^ row.cause.get());
        self.history.add(row.b);
        trace.record(self.rows, row);
        self.rows += 1;
    }
    /// Records a row that people would want to hear of.
    fn record_note(&mut self, trace: &mut Trace, row: Row, notable: bool) {
        self.record(trace, row);
        if notable {
            trace.note(self.notes, row);
            self.notes += 1;
        }
    }
    fn fly(&mut self, trace: &mut Trace, flight: Flight) {
        trace.fly(self.flights, flight);
        self.flights += 1;
    }
    /// A draw of a disk.
    fn disk_draw(&self, host: HostId, n: u64) -> Draw {
        keyed(self.seed, Purpose::Disk, u64::from(host.0), n)
    }
}

impl Host {
    const fn new() -> Self {
        let clock = Clock::new(Span::from_ns(population::START.ns()));
        Self { clock, disk: Disk::new(), shape: HostShape::HEALTHY, rules: BTreeMap::new() }
    }
}

impl Program {
    fn new(host: HostId, role: Role, rng: Rng) -> Self {
        Self {
            host,
            role,
            state: State::Dead,
            paused: false,
            unread: Vec::new(),
            wakes: 0,
            processes: 0,
            exits: 0,
            rng,
            timers: Vec::new(),
            deferred: VecDeque::new(),
            backoff: RestartBackoff::default(),
            opened: Vec::new(),
        }
    }
    /// Whether faults let it have a process.
    const fn may_run(&self, shape: HostShape) -> bool {
        shape.up && !(shape.etcd_killed && matches!(self.role, Role::Etcd(_)))
    }
    /// Whether faults make it stand still.
    const fn is_paused(&self, shape: HostShape) -> bool {
        shape.paused || (shape.api_hung && matches!(self.role, Role::Api(_)))
    }
    /// How many connections it has not been told of yet because it stands still.
    fn unaccepted(&self) -> usize {
        let accepted = |input: &Input| matches!(input, Input::Conn(_, ConnUp::Accepted { .. }));
        self.deferred.iter().filter(|(.., input)| accepted(input)).count()
    }
}
