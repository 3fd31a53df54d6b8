//! Commands: dials and faults become links, hosts and processes. Nobody else looks at them.

use super::{Command, Event, Refused, Sim, State, What};
use crate::actor::role::{Directory, Role};
use crate::actor::{Input, ProgramId};
use crate::engine::{Clock, EventId, Row, Span, Trace};
use crate::fault::{Fault, FaultId, HostShape};
use crate::knob::{Knob, Knobs, Place};
use crate::net::link::Params;
use crate::net::network::PacketName;
use crate::net::packet::HostId;
use crate::object::{Kind, NodeId, WorkloadId};
use crate::operator::Operation;
use crate::sim::Code;
use crate::sim::event::{PacketId, Taken};
use alloc::format;
use alloc::sync::Arc;

/// The most faults in force at once; one more is refused. Unit: faults. Chosen: far more than a person can tell apart.
pub const MAX_FAULTS: usize = 64;
/// A loopback's delay. Chosen: two context switches.
const LOOPBACK_DELAY: Span = Span::from_us(20);
/// The most packets of a run whose luck is changed. Unit: packets. Chosen: each is looked for whenever a packet is
/// sent.
pub const MAX_SPARED: usize = 64;
/// The longest name of a workload. Unit: characters. Chosen: it fits its cell; Kubernetes takes 63.
pub const NAME_MAX: usize = 24;
/// The most workloads of one run, deleted ones counted. Unit: workloads. Chosen: far more than a page can show.
pub const WORKLOADS_MAX: usize = 64;
/// The most pods of a workload. Unit: pods. Chosen: as many as there can be nodes.
pub const REPLICAS_MAX: u32 = 5_000;
/// The most that a slow link may add. Unit: us. Chosen: longer than any link is.
const EXTRA_MAX_US: u32 = 10_000_000;
/// The most times as long that a slow disk may take. Unit: times. Chosen: a sync of the default is then 15 s.
const TIMES_MAX: u32 = 10_000;
/// The least and the greatest rate of a wrong clock. Unit: ppm. Chosen: a tenth and ten times the true one.
const RATES: (u32, u32) = (100_000, 10_000_000);
/// How long a process takes to start after its cause, at most. Chosen: so that no two start in one instant.
const INIT: Span = Span::from_ms(20);
/// What a link holds before it drops the newest packet. Chosen: a switch port's buffer at gigabit rate.
const LINK_QUEUE: Span = Span::from_ms(50);

impl Sim {
    /// Carries out a command now. The row it makes is the root of all it causes.
    ///
    /// # Errors
    /// If a dial, a host or a value is not allowed. Nothing has changed then.
    pub fn command(&mut self, command: &Command, trace: &mut Trace) -> Result<Option<FaultId>, Refused> {
        self.may(command)?;
        let id = self.queue.fresh();
        let (at, a) = (self.now, self.commands);
        self.commands += 1;
        let row = Row {
            id,
            cause: EventId::ROOT,
            link: EventId::ROOT,
            at,
            code: Code::Command as u16,
            process: u16::MAX,
            a,
            b: 0,
        };
        self.record_note(trace, row, true);
        let mut injected = None;
        match command {
            Command::Set(changes) => {
                self.knobs = self.knobs.with_all(changes).map_err(Refused::Knob)?;
            }
            Command::Inject(fault) => {
                let fault_id = FaultId(self.next_fault);
                self.next_fault += 1;
                self.faults.push((fault_id, *fault, self.now));
                injected = Some(fault_id);
            }
            Command::Heal(fault_id) => self.faults.retain(|(id, ..)| id != fault_id),
            Command::HealAll => self.faults.clear(),
            Command::Operate(operation) => self.operate(id, *operation),
            Command::Create { name, kind, replicas } => {
                let workload = self.names.len() as WorkloadId;
                self.names.push(Arc::from(name.as_str()));
                self.operate(id, Operation::Create { workload, kind: *kind, replicas: *replicas });
            }
            Command::AddNode => self.add_node(id),
            Command::Spare(packet) => self.spare(*packet),
            Command::Nothing(Taken::Fault) => self.next_fault += 1,
            Command::Nothing(Taken::Workload) => self.names.push(Arc::from("")),
            Command::Nothing(Taken::Other) => {}
        }
        self.observer.milestones.commanded(at, crate::milestones::calm(self));
        self.expect_nature(id);
        self.shape_links();
        self.shape_hosts(id, trace);
        self.run_inputs(trace);
        self.open_windows(id, trace);
        self.run_inputs(trace);
        Ok(injected)
    }

    /// Whether a command would be carried out now.
    ///
    /// # Errors
    /// As [`Sim::command`].
    pub fn may(&self, command: &Command) -> Result<(), Refused> {
        match command {
            Command::Set(changes) => {
                let knobs = self.knobs.with_all(changes).map_err(Refused::Knob)?;
                self.check_place(knobs.place())
            }
            Command::Inject(fault) => {
                if self.faults.len() >= MAX_FAULTS {
                    return Err(Refused::Field(format!("{MAX_FAULTS} faults are in force; heal one first")));
                }
                self.check_fault(fault)
            }
            Command::Heal(id) if !self.faults.iter().any(|(in_force, ..)| in_force == id) => {
                Err(Refused::Field(format!("fault = {} is not in force", id.0)))
            }
            Command::Heal(_) | Command::HealAll => Ok(()),
            Command::Operate(operation) => self.check_operation(operation),
            Command::Create { name, replicas, .. } => self.check_create(name, *replicas),
            Command::AddNode if self.directory.nodes >= Directory::MAX_NODES => {
                Err(Refused::Field(format!("nodes = {} is the most there can be", Directory::MAX_NODES)))
            }
            Command::Spare(_) if self.network.spared() >= MAX_SPARED => {
                Err(Refused::Field(format!("{MAX_SPARED} packets have had better luck; begin a new run")))
            }
            Command::Nothing(Taken::Workload) if self.workloads() >= WORKLOADS_MAX as u16 => {
                Err(Refused::Field(format!("a run has at most {WORKLOADS_MAX} workloads, deleted ones counted")))
            }
            Command::AddNode | Command::Spare(_) | Command::Nothing(_) => Ok(()),
        }
    }
    /// A command of the journal was not allowed: those that follow keep their places.
    pub fn pass_over_command(&mut self) {
        self.commands += 1;
    }
    fn spare(&mut self, packet: PacketId) {
        let PacketId { from, to, port, connection, back, number } = packet;
        let connection = self.luck_of(from, to, port, connection) ^ u64::from(back) << 63;
        self.network.spare(PacketName { connection, number: number.into() });
    }
    fn operate(&mut self, id: EventId, operation: Operation) {
        self.tell(self.directory.operator(), id, EventId::ROOT, Input::Operate(operation));
    }
    fn check_operation(&self, operation: &Operation) -> Result<(), Refused> {
        let workload = |workload: WorkloadId| {
            let count = self.workloads();
            if workload < count {
                return Ok(());
            }
            Err(Refused::Field(format!("workload = {workload} is not there: {count} have a name, numbered from 0")))
        };
        let node = |node: NodeId| match self.directory.nodes {
            0 => Err(Refused::Field(format!("node = {node} is not there: this cluster has no nodes"))),
            nodes if node < nodes => Ok(()),
            nodes => Err(Refused::Field(format!("node = {node} is outside 0..={}", nodes - 1))),
        };
        match *operation {
            Operation::Create { workload: w, replicas, .. } | Operation::Scale { workload: w, replicas } => {
                workload(w)?;
                check_replicas(replicas)
            }
            Operation::Rollout(w) => workload(w),
            Operation::DeletePod(pod) | Operation::ForceDeletePod(pod) if pod.kind() == Kind::Pod => {
                workload(pod.group())
            }
            Operation::DeletePod(pod) | Operation::ForceDeletePod(pod) => {
                Err(Refused::Field(format!("pod = {:x} is no pod's key", pod.0)))
            }
            Operation::Cordon(n, _) | Operation::Drain(n) | Operation::DeleteNode(n) => node(n),
        }
    }
    fn check_create(&self, name: &str, replicas: u32) -> Result<(), Refused> {
        check_replicas(replicas)?;
        let shown = crate::timeline::shown(name);
        // RFC 1123, section 2.1, as apimachinery pkg/util/validation#IsDNS1123Label has it; and no longer than fits.
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let inside = |c: char| letter(c) || c == '-';
        let good =
            name.len() <= NAME_MAX && name.chars().all(inside) && name.starts_with(letter) && name.ends_with(letter);
        if !good {
            return Err(Refused::Field(format!(
                "name = {shown} must be 1 to {NAME_MAX} of a-z, 0-9 and -, beginning and ending with a letter or digit"
            )));
        }
        if self.names.iter().any(|there| &**there == name) {
            return Err(Refused::Field(format!("name = {shown} is taken: a workload has it")));
        }
        if self.names.len() >= WORKLOADS_MAX {
            return Err(Refused::Field(format!("there are {WORKLOADS_MAX} workloads; a run takes no more")));
        }
        if self.directory.nodes == 0 {
            return Err(Refused::Field("a workload needs nodes: this cluster has none".into()));
        }
        Ok(())
    }
    fn check_place(&self, place: Place) -> Result<(), Refused> {
        let Directory { members, api_servers, nodes, .. } = self.directory;
        match place {
            Place::Member(n) if n > members => Err(Refused::Field(format!(
                "loss_place = {} is not there: this cluster has members 1 to {members}",
                place.name()
            ))),
            Place::ApiToEtcd(n) if n > api_servers => Err(Refused::Field(format!(
                "loss_place = {} is not there: this cluster has API servers 1 to {api_servers}",
                place.name()
            ))),
            Place::Nodes if nodes == 0 => {
                Err(Refused::Field("loss_place = nodes is not there: this cluster has no nodes".into()))
            }
            Place::OneWay if members < 2 => {
                Err(Refused::Field("loss_place = one-way-1-2 needs at least 3 members; this cluster has 1".into()))
            }
            _ => Ok(()),
        }
    }
    fn check_fault(&self, fault: &Fault) -> Result<(), Refused> {
        let last = self.hosts.len() as u32 - 1;
        let known = |field: &str, host: HostId| {
            if host.0 <= last {
                return Ok(());
            }
            Err(Refused::Field(format!("{field} = {} is outside 0..={last}", host.0)))
        };
        let within = |field: &str, value: u32, min: u32, max: u32| {
            if (min..=max).contains(&value) {
                return Ok(());
            }
            Err(Refused::Field(format!("{field} = {value} is outside {min}..={max}")))
        };
        match *fault {
            Fault::Cut { from, to } => known("host", from).and(known("to", to)),
            Fault::Lossy { host, .. } | Fault::Bursty { host, .. } => known("host", host),
            Fault::Slow { host, extra } => {
                known("host", host)?;
                within("value (extra us)", extra.us().min(u64::from(u32::MAX)) as u32, 1, EXTRA_MAX_US)
            }
            Fault::SlowDisk { host, times } => known("host", host).and(within("value (times)", times, 1, TIMES_MAX)),
            Fault::ClockRate { host, rate_ppm } => {
                known("host", host).and(within("value (rate_ppm)", rate_ppm, RATES.0, RATES.1))
            }
            Fault::CutNodes if self.directory.nodes == 0 => {
                Err(Refused::Field("fault = cut-nodes is not there: this cluster has no nodes".into()))
            }
            Fault::CutNodes => Ok(()),
            Fault::Isolate { host }
            | Fault::Crash { host }
            | Fault::KillEtcd { host }
            | Fault::Pause { host }
            | Fault::HangApi { host } => known("host", host),
        }
    }

    /// Makes every link what dials and faults say.
    pub(super) fn shape_links(&mut self) {
        let control = self.directory.control_hosts();
        let Self { directory, knobs, faults, network, .. } = self;
        network.reshape(|from, to| {
            let base = base_link(*directory, knobs, from, to);
            faults.iter().fold(base, |link, (_, fault, _)| fault.shape_link(from, to, control, link))
        });
    }

    /// Makes every host and its programs what faults say.
    pub(super) fn shape_hosts(&mut self, id: EventId, trace: &mut Trace) {
        for n in 0..self.hosts.len() {
            let host = HostId(n as u32);
            let shape =
                self.faults.iter().fold(HostShape::HEALTHY, |shape, (_, fault, _)| fault.shape_host(host, shape));
            let before = core::mem::replace(&mut self.hosts[n].shape, shape);
            if before.clock_ppm != shape.clock_ppm {
                self.set_clock(id, host, shape.clock_ppm);
            }
            let mean = self.knobs.us(Knob::Fsync);
            for write in self.hosts[n].disk.set_pace(self.now, mean, shape.disk_times) {
                let (program, process, op) = write.owner;
                self.queue.push(write.end, Event { cause: id, what: What::DiskDone(program, process, op) });
            }
            if before.up && !shape.up {
                self.power_off(host);
                self.hosts[n].rules.clear();
                for program in self.programs_of(host) {
                    match &mut self.programs[program.ix()].role {
                        Role::Kubelet(kubelet) => kubelet.power_lost(),
                        Role::Etcd(etcd) => etcd.power_lost(),
                        _ => {}
                    }
                }
                // The kubelet keeps its back-offs in memory.
                for program in self.programs_of(host) {
                    self.programs[program.ix()].backoff.forget();
                }
            }
            for program in self.programs_of(host) {
                self.shape_program(id, program, before, shape, trace);
            }
        }
    }
    /// The host's clock runs at another rate: what is due by it comes due sooner or later than it would have.
    fn set_clock(&mut self, id: EventId, host: HostId, rate_ppm: u32) {
        let before = u64::from(self.hosts[host.ix()].clock.rate_ppm());
        self.hosts[host.ix()].clock.set_rate(self.now, rate_ppm);
        for program in self.programs_of(host) {
            for n in 0..self.programs[program.ix()].timers.len() {
                let (timer, at, _) = self.programs[program.ix()].timers[n];
                let left = at.since(self.now).scale(before, u64::from(Clock::TRUE_RATE));
                let at = self.now + self.hosts[host.ix()].clock.true_span(left);
                let event = self.queue.push(at, Event { cause: id, what: What::Timer(program, timer) });
                self.programs[program.ix()].timers[n] = (timer, at, event);
            }
        }
        for (conn, side) in self.sockets.with_end(|end| end.host == host && end.conn.is_some()) {
            self.arm_tcp(id, conn, side);
        }
    }
    fn programs_of(&self, host: HostId) -> impl Iterator<Item = ProgramId> + use<> {
        self.directory.programs_on(host)
    }
    fn shape_program(
        &mut self,
        id: EventId,
        program: ProgramId,
        before: HostShape,
        shape: HostShape,
        trace: &mut Trace,
    ) {
        let might_run = self.programs[program.ix()].may_run(before);
        let may_run = self.programs[program.ix()].may_run(shape);
        let state = self.programs[program.ix()].state;
        match (state, may_run) {
            (State::Running | State::Exited(_), false) => self.kill(id, program, trace),
            // What has not started yet for another reason has its turn: a command elsewhere is no news to it.
            (State::Dead, true) if !might_run => self.start_soon(id, program),
            _ => {}
        }
        let paused = self.programs[program.ix()].is_paused(shape);
        let was = core::mem::replace(&mut self.programs[program.ix()].paused, paused);
        if was != paused {
            self.observer.verdicts.paused(self.now, program, paused);
        }
        if was && !paused {
            self.resume(program);
        }
    }
    /// The program's process starts as soon as init gets round to it: up to 20 ms.
    pub(super) fn start_soon(&mut self, id: EventId, program: ProgramId) {
        let n = u64::from(self.programs[program.ix()].processes) + 2;
        let key = crate::engine::keyed(self.seed, crate::engine::Purpose::Process, u64::from(program.0), n);
        let at = self.now + key.up_to(INIT);
        self.queue.push(at, Event { cause: id, what: What::Boot(program) });
    }
}

fn check_replicas(replicas: u32) -> Result<(), Refused> {
    if replicas <= REPLICAS_MAX {
        return Ok(());
    }
    Err(Refused::Field(format!("replicas = {replicas} is outside 0..={REPLICAS_MAX}")))
}

/// What dials make of a link.
fn base_link(directory: Directory, knobs: &Knobs, from: HostId, to: HostId) -> Params {
    let control = directory.control_hosts();
    let touches = |host: HostId| from == host || to == host;
    let peers = from != to && from.0 < control && to.0 < control;
    let hit = match knobs.place() {
        Place::Member(n) => peers && touches(directory.etcd_host(n - 1)),
        Place::AllMembers => peers,
        Place::ApiToEtcd(n) if directory.external => peers && touches(directory.api_host(n - 1)),
        Place::ApiToEtcd(n) => from == to && touches(directory.api_host(n - 1)),
        Place::OneWay => from.0 == 0 && to.0 == 1,
        Place::Everything => from != to,
        Place::Nodes => directory.node_of(from).or(directory.node_of(to)).is_some() && from != to,
    };
    let link = if from == to {
        Params { delay: LOOPBACK_DELAY, ..Params::default() }
    } else {
        Params {
            delay: knobs.us(Knob::LinkDelay),
            jitter: knobs.us(Knob::LinkJitter),
            rate_mbps: knobs.get(Knob::LinkRate),
            queue: LINK_QUEUE,
            ..Params::default()
        }
    };
    if hit { Params { loss: knobs.ppm(Knob::Loss), ..link } } else { link }
}
