//! Processes: told things, carried out; started, stopped and ended.

use super::{Code, Event, Sim, State, What};
use crate::actor::disk::Luck;
use crate::actor::role::{Note, NoteKind, Place, Role, Timer};
use crate::actor::{Actor, ConnUp, Cx, Effect, Input, ProgramId};
use crate::engine::{EventId, Row, Span, Trace};
use alloc::sync::Arc;

/// The status of a process that SIGKILL ended. Code: a status, 128 and the signal's number, as shells and container
/// runtimes say it.
pub const SIGKILLED: u8 = 137;

impl Sim {
    /// Puts an input in line for a program.
    pub(super) fn tell(&mut self, program: ProgramId, cause: EventId, link: EventId, input: Input) {
        self.scratch.inputs.push_back((program, cause, link, input));
    }

    /// Tells programs what is in line, and carries out what they answer, until nothing is left.
    pub(super) fn run_inputs(&mut self, trace: &mut Trace) {
        while let Some((program, cause, link, input)) = self.scratch.inputs.pop_front() {
            let it = &mut self.programs[program.ix()];
            if it.state != State::Running {
                continue;
            }
            if it.paused {
                it.deferred.push_back((cause, link, input));
                continue;
            }
            // A message is a row of its own: it hangs on the segment that completed it, and on the send behind it.
            let cause = match &input {
                Input::Message(conn, message) => {
                    self.observer.verdicts.read(self.now, program, *conn, message, &self.programs);
                    let (id, code, b) = (self.queue.fresh(), Code::Message as u16, u64::from(conn.0));
                    let sender = self.sockets.get(*conn).map_or(u16::MAX, |it| it.other(program).0);
                    let a = message.class() as u32 | u32::from(sender) << 8;
                    self.record(trace, Row { id, cause, link, at: self.now, code, process: program.0, a, b });
                    id
                }
                _ => cause,
            };
            let mut effects = core::mem::take(&mut self.scratch.effects);
            let it = &mut self.programs[program.ix()];
            let now = self.hosts[it.host.ix()].clock.read(self.now);
            let mut cx = Cx {
                me: program,
                host: it.host,
                now,
                knobs: &self.knobs,
                rng: &mut it.rng,
                effects: &mut effects,
                conns: &mut self.sockets.names,
                known: &mut self.scratch.known,
            };
            it.role.handle(&mut cx, input);
            if let Role::Etcd(etcd) = &self.programs[program.ix()].role {
                self.observer.verdicts.look(self.now, etcd, &self.programs);
            }
            for effect in effects.drain(..) {
                self.carry_out(cause, program, effect, trace);
            }
            self.scratch.effects = effects;
        }
    }

    fn carry_out(&mut self, cause: EventId, program: ProgramId, effect: Effect, trace: &mut Trace) {
        if self.programs[program.ix()].state != State::Running {
            return; // It exited in this very step.
        }
        match effect {
            Effect::Open(conn, to, port) => self.open(cause, program, conn, to, port, trace),
            Effect::Send(conn, bytes, message) => {
                self.observer.verdicts.sent(self.now, program, conn, &message);
                self.send(cause, program, conn, bytes, message, trace);
            }
            Effect::Close(conn) => self.let_go(cause, program, conn, false, trace),
            Effect::Abort(conn) => self.let_go(cause, program, conn, true, trace),
            Effect::Arm(timer, after) => self.arm(cause, program, timer, after),
            Effect::Disarm(timer) => self.programs[program.ix()].timers.retain(|(armed, ..)| *armed != timer),
            Effect::Write(op, _bytes) => self.write(cause, program, op),
            Effect::Note(note) => self.note(cause, program, note, trace),
            Effect::Exit(status) => self.exit(cause, program, status, trace),
            Effect::Kill(victim, grace) => self.terminate(cause, program, victim, grace),
            Effect::Rules(address, targets) => {
                let host = self.programs[program.ix()].host;
                self.hosts[host.ix()].rules.entry(address).or_insert_with(|| (Arc::from([]), 0)).0 = targets;
            }
        }
    }

    fn arm(&mut self, cause: EventId, program: ProgramId, timer: Timer, after: Span) {
        let host = self.programs[program.ix()].host;
        let at = self.now + self.hosts[host.ix()].clock.true_span(after);
        let id = self.queue.push(at, Event { cause, what: What::Timer(program, timer) });
        let timers = &mut self.programs[program.ix()].timers;
        match timers.iter_mut().find(|(armed, ..)| *armed == timer) {
            Some(slot) => *slot = (timer, at, id),
            None => timers.push((timer, at, id)),
        }
    }

    fn write(&mut self, cause: EventId, program: ProgramId, op: u32) {
        let it = &self.programs[program.ix()];
        let (host, processes) = (it.host, it.processes);
        let n = self.hosts[host.ix()].disk.syncs() * 3;
        let luck = Luck {
            body: self.disk_draw(host, n),
            tail: self.disk_draw(host, n + 1),
            stall: self.disk_draw(host, n + 2),
        };
        let mean = self.knobs.us(crate::knob::Knob::Fsync);
        let Self { hosts, now, .. } = self;
        let times = hosts[host.ix()].shape.disk_times;
        let at = hosts[host.ix()].disk.write(*now, (program, processes, op), mean, times, &luck);
        self.queue.push(at, Event { cause, what: What::DiskDone(program, processes, op) });
    }

    pub(super) fn note(&mut self, cause: EventId, program: ProgramId, note: Note, trace: &mut Trace) {
        let id = self.queue.fresh();
        let code = Code::of_note(note.kind);
        let row = Row { id, cause, link: EventId::ROOT, at: self.now, code, process: program.0, a: note.a, b: note.b };
        self.record_note(trace, row, note.kind.notable());
        self.observer.note(self.now, program, &note, &self.programs);
    }

    pub(super) fn boot(&mut self, id: EventId, program: ProgramId, trace: &mut Trace) {
        let it = &mut self.programs[program.ix()];
        it.state = State::Running;
        it.processes += 1;
        let earlier = it.processes - 1;
        self.note(id, program, Note::new(NoteKind::Started, earlier, 0), trace);
        self.tell(program, id, EventId::ROOT, Input::Boot);
    }

    /// A kubelet ends a process of its host: SIGTERM now, SIGKILL after the grace period.
    fn terminate(&mut self, cause: EventId, by: ProgramId, program: ProgramId, grace: Span) {
        let it = &self.programs[program.ix()];
        assert!(it.host == self.programs[by.ix()].host, "{by:?} may not kill {program:?} of another host");
        if it.state != State::Running {
            return;
        }
        let at = self.now + self.hosts[it.host.ix()].clock.true_span(grace);
        self.queue.push(at, Event { cause, what: What::Sigkill(program, it.processes) });
        self.tell(program, cause, EventId::ROOT, Input::Terminate);
    }

    /// The process ends, by itself or by SIGKILL; the kubelet will start another.
    pub(super) fn exit(&mut self, cause: EventId, program: ProgramId, status: u8, trace: &mut Trace) {
        self.note(cause, program, Note::new(NoteKind::Exited, u32::from(status), 0), trace);
        self.end_process(cause, program, trace);
        let now = self.now;
        let it = &mut self.programs[program.ix()];
        it.exits += 1;
        let constant = self.knobs.ms(crate::knob::Knob::RestartSec);
        let after = it.backoff.restart_after(self.hosts[it.host.ix()].clock.read(now), constant);
        it.state = State::Exited(now + after);
        self.note(cause, program, Note::new(NoteKind::RestartIn, after.ms() as u32, 0), trace);
        self.queue.push(now + after, Event { cause, what: What::Boot(program) });
        // The host's kubelet hears of it as its runtime does.
        if let Place::Etcd(_) | Place::Api(_) = self.directory.place(program) {
            let host = self.programs[program.ix()].host;
            let prober =
                self.directory.programs_on(host).find(|id| matches!(self.directory.place(*id), Place::Prober(_)));
            if let Some(prober) = prober {
                self.tell(prober, cause, EventId::ROOT, Input::ProgramEnded(program));
            }
        }
    }

    /// The process is killed, or loses its host.
    pub(super) fn kill(&mut self, id: EventId, program: ProgramId, trace: &mut Trace) {
        let was_running = self.programs[program.ix()].state == State::Running;
        if was_running {
            self.note(id, program, Note::new(NoteKind::Exited, SIGKILLED.into(), 0), trace);
            self.end_process(id, program, trace);
        }
        self.programs[program.ix()].state = State::Dead;
    }

    fn end_process(&mut self, cause: EventId, program: ProgramId, trace: &mut Trace) {
        let it = &mut self.programs[program.ix()];
        it.timers.clear();
        it.deferred.clear();
        self.scratch.inputs.retain(|(to, ..)| *to != program);
        self.close_all(cause, program, trace);
        self.observer.process_ended(self.now, program);
    }

    /// A program that stood still goes on: first what came due meanwhile, then what waits in its connections.
    pub(super) fn resume(&mut self, program: ProgramId) {
        let deferred = core::mem::take(&mut self.programs[program.ix()].deferred);
        for (cause, link, input) in deferred {
            // The end of a stream comes after all that came on it.
            if let Input::Conn(conn, ConnUp::PeerClosed) = input {
                self.read_one(program, conn);
            }
            self.tell(program, cause, link, input);
        }
        self.read_all(program);
    }
}
