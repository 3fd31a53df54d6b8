//! Commands: dials and faults become links, hosts and processes. Nobody else looks at them.

use super::{Command, Event, Refused, Sim, State, What};
use crate::actor::ProgramId;
use crate::engine::{Clock, EventId, Row, Span, Time, Trace};
use crate::fault::{Fault, FaultId, HostShape};
use crate::knob::{Knob, Place};
use crate::net::link::Params;
use crate::net::packet::HostId;
use crate::sim::Code;
use alloc::format;

/// The most faults in force at once: chosen, far more than a person can tell apart.
pub const MAX_FAULTS: usize = 64;
/// A loopback's delay: chosen, two context switches.
const LOOPBACK_DELAY: Span = Span::from_us(20);
/// What a link holds before it drops: chosen, a switch port's buffer at gigabit rate.
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
        }
        self.observer.milestones.commanded(at, crate::milestones::calm(self));
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
        }
    }
    fn check_place(&self, place: Place) -> Result<(), Refused> {
        let members = self.directory.members;
        match place {
            Place::Member(n) | Place::ApiToEtcd(n) if n > members => Err(Refused::Field(format!(
                "loss_place = {} is not there: this cluster has members 1 to {members}",
                place.name()
            ))),
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
                within("value (extra us)", extra.us().min(u64::from(u32::MAX)) as u32, 1, 10_000_000)
            }
            Fault::SlowDisk { host, times } => known("host", host).and(within("value (times)", times, 1, 10_000)),
            Fault::ClockRate { host, rate_ppm } => {
                known("host", host).and(within("value (rate_ppm)", rate_ppm, 100_000, 10_000_000))
            }
            Fault::Isolate { host }
            | Fault::Crash { host }
            | Fault::KillEtcd { host }
            | Fault::Pause { host }
            | Fault::HangApi { host } => known("host", host),
        }
    }

    /// Makes every link what dials and faults say.
    pub(super) fn shape_links(&mut self) {
        let members = u32::from(self.directory.members);
        let hosts = self.hosts.len() as u32;
        for (from, to) in (0..hosts).flat_map(|from| (0..hosts).map(move |to| (HostId(from), HostId(to)))) {
            let base = self.base_link(from, to);
            let shaped = self.faults.iter().fold(base, |link, (_, fault, _)| fault.shape_link(from, to, members, link));
            self.network.set(from, to, shaped);
        }
    }
    fn base_link(&self, from: HostId, to: HostId) -> Params {
        let members = u32::from(self.directory.members);
        let knobs = &self.knobs;
        let lossy = |host: u8| from.0 == u32::from(host) - 1 || to.0 == u32::from(host) - 1;
        let peers = from != to && from.0 < members && to.0 < members;
        let hit = match knobs.place() {
            Place::Member(n) => peers && lossy(n),
            Place::AllMembers => peers,
            Place::ApiToEtcd(n) => from == to && from.0 == u32::from(n) - 1,
            Place::OneWay => from.0 == 0 && to.0 == 1,
            Place::Everything => from != to,
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

    /// Makes every host and its programs what faults say.
    fn shape_hosts(&mut self, id: EventId, trace: &mut Trace) {
        for n in 0..self.hosts.len() {
            let host = HostId(n as u32);
            let shape =
                self.faults.iter().fold(HostShape::HEALTHY, |shape, (_, fault, _)| fault.shape_host(host, shape));
            let before = core::mem::replace(&mut self.hosts[n].shape, shape);
            if before.clock_ppm != shape.clock_ppm {
                self.set_clock(id, host, shape.clock_ppm);
            }
            let mean = self.knobs.us(Knob::Fsync);
            if let Some((program, process, op)) = self.hosts[n].disk.set_pace(self.now, mean, shape.disk_times) {
                let at = self.hosts[n].disk.busy_until();
                self.queue.push(at, Event { cause: id, what: What::DiskDone(program, process, op) });
            }
            if before.up && !shape.up {
                self.power_off(host);
                // The kubelet keeps its back-offs in memory.
                for program in self.programs_of(host) {
                    self.programs[program.ix()].backoff.forget();
                }
            }
            for program in self.programs_of(host) {
                self.shape_program(id, program, shape, trace);
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
        let ids: alloc::vec::Vec<ProgramId> =
            (0..self.programs.len() as u16).map(ProgramId).filter(|id| self.programs[id.ix()].host == host).collect();
        ids.into_iter()
    }
    fn shape_program(&mut self, id: EventId, program: ProgramId, shape: HostShape, trace: &mut Trace) {
        let may_run = self.programs[program.ix()].may_run(shape);
        let state = self.programs[program.ix()].state;
        match (state, may_run) {
            (State::Running | State::Exited(_), false) => self.kill(id, program, trace),
            (State::Dead, true) if self.now > Time::ZERO => self.start_soon(id, program),
            _ => {}
        }
        let paused = self.programs[program.ix()].is_paused(shape);
        let was = core::mem::replace(&mut self.programs[program.ix()].paused, paused);
        if was && !paused {
            self.resume(program);
        }
    }
    /// The program's process starts as soon as init gets round to it: up to 20 ms.
    fn start_soon(&mut self, id: EventId, program: ProgramId) {
        let n = u64::from(self.programs[program.ix()].processes) + 2;
        let key = crate::engine::keyed(self.seed, crate::engine::Purpose::Process, u64::from(program.0), n);
        let at = self.now + key.up_to(Span::from_ms(20));
        self.queue.push(at, Event { cause: id, what: What::Boot(program) });
    }
}
