//! The hosts' kernels: connections, packets and TCP's timers, between programs and links.

use super::event::PacketId;
use super::{Code, Event, Packet, Sim, State, Unread, What};
use crate::actor::socket::{Connection, End, Letter, config};
use crate::actor::wire::Message;
use crate::actor::{Address, ConnUp, Input, Port, ProgramId, Target};
use crate::engine::{Digest, EventId, Flight, Purpose, Row, Time, Trace, drawn, keyed};
use crate::knob::Knob;
use crate::net::link::Fate;
use crate::net::network::PacketName;
use crate::net::packet::{ConnId, Flags, HostId, Segment};
use crate::net::tcp::{Conn, ConnEvent, Out, Reason};

/// The most connections that wait to be accepted by a program that stands still; then SYNs are dropped. Unit:
/// connections. Flag: net.core.somaxconn. Sourced: linux Documentation/networking/ip-sysctl.rst#somaxconn.
const BACKLOG: usize = 4096;

impl Sim {
    /// A program connects.
    pub(super) fn open(
        &mut self,
        id: EventId,
        from: ProgramId,
        conn: ConnId,
        to: ProgramId,
        port: Port,
        trace: &mut Trace,
    ) {
        let (dialled, number) = (to, self.connection_number(from, to, port));
        let luck = self.luck_of(from, to, port.code(), number);
        let Some(Target { program: to, port }) = self.route(from, to, port, luck) else {
            // Nobody is behind the address: the kernel that has the rule rejects the connection.
            self.sockets.names.give_back(conn);
            self.tell(from, id, EventId::ROOT, Input::Conn(conn, ConnUp::Failed(Reason::Refused)));
            return;
        };
        let (host, peer) = (self.programs[from.ix()].host, self.programs[to.ix()].host);
        let ends = [End::new(from, host), End::new(to, peer)];
        self.sockets.insert(Connection { id: conn, port, luck, dialled, number, last_drop: EventId::ROOT, ends });
        let now = self.hosts[host.ix()].clock.read(self.now);
        let mut out = core::mem::take(&mut self.scratch.out);
        let tcp = Conn::connect(&config(port, &self.knobs), now, &mut out);
        self.end(conn, 0).conn = Some(tcp);
        self.after_tcp(id, conn, 0, out, trace);
    }

    /// Where a connection goes: netfilter rules turn an address that is no program's into one that is.
    ///
    /// The balancer's and a node's rules apply where the rule is; the packets then go straight to the target's host.
    fn route(&mut self, from: ProgramId, to: ProgramId, port: Port, luck: u64) -> Option<Target> {
        let (host, address) = match port {
            Port::Api if to == ProgramId::API_SERVERS => (self.directory.edge_host(), Address::ApiServers),
            Port::Service(service) => (self.programs[to.ix()].host, Address::Service(service)),
            _ => return Some(Target { program: to, port }),
        };
        if !self.hosts[host.ix()].shape.up {
            // Packets to a machine without power go nowhere; whoever knocks there waits.
            let program = if to == ProgramId::API_SERVERS { self.directory.balancer() } else { to };
            return (from != program).then_some(Target { program, port });
        }
        let (targets, turned) = self.hosts[host.ix()].rules.get_mut(&address)?;
        let count = targets.len() as u64;
        // The balancer goes round; kube-proxy's iptables rules choose at random.
        let place = match address {
            _ if count == 0 => return None,
            Address::ApiServers => u64::from(*turned) % count,
            Address::Service(_) => drawn(luck, Purpose::Rules, 0).below(count),
        };
        *turned = turned.wrapping_add(1);
        Some(targets[place as usize])
    }

    /// The how-manieth connection this is that one program opens to another for something.
    fn connection_number(&mut self, from: ProgramId, to: ProgramId, port: Port) -> u32 {
        let opened = &mut self.programs[from.ix()].opened;
        let key = (to, port.code());
        let count = match opened.iter_mut().find(|(to, port, _)| (*to, *port) == key) {
            Some((.., count)) => count,
            None => {
                opened.push((key.0, key.1, 0));
                &mut opened.last_mut().expect("just pushed").2
            }
        };
        *count += 1;
        *count
    }
    /// The key of a connection's luck: who connects to whom for what, and the how-manieth time. Nothing else that
    /// happens in the run can change it.
    pub(super) fn luck_of(&self, from: ProgramId, to: ProgramId, port: u8, number: u32) -> u64 {
        crate::engine::luck_key(self.seed, Digest::of(&(from, (to, port), number)))
    }

    fn end(&mut self, conn: ConnId, side: usize) -> &mut End {
        &mut self.sockets.get_mut(conn).expect("the connection exists").ends[side]
    }
    /// Which end of a connection a program's process holds.
    fn side_of(&self, conn: ConnId, program: ProgramId) -> Option<usize> {
        let connection = self.sockets.get(conn)?;
        let held = |side: &usize| {
            let end = &connection.ends[*side];
            end.program == program && end.owned && end.conn.is_some()
        };
        (0..2).find(held)
    }

    /// A program writes a message.
    pub(super) fn send(
        &mut self,
        id: EventId,
        program: ProgramId,
        conn: ConnId,
        bytes: u32,
        message: Message,
        trace: &mut Trace,
    ) {
        let Some(side) = self.side_of(conn, program) else { return };
        let end = self.end(conn, side);
        end.written += u64::from(bytes);
        let letter = Letter { end: end.written, written_by: id, message };
        self.end(conn, 1 - side).inbox.push_back(letter);
        self.with_tcp(id, conn, side, trace, |tcp, now, out| tcp.write(now, bytes, out));
    }

    /// A program closes or resets a connection and forgets it.
    pub(super) fn let_go(&mut self, id: EventId, program: ProgramId, conn: ConnId, abort: bool, trace: &mut Trace) {
        let Some(side) = self.side_of(conn, program) else { return };
        self.end(conn, side).owned = false;
        self.with_tcp(
            id,
            conn,
            side,
            trace,
            |tcp, now, out| {
                if abort { tcp.abort(now, out) } else { tcp.close(now, out) }
            },
        );
    }

    /// A process is gone: its kernel closes what it held.
    pub(super) fn close_all(&mut self, id: EventId, program: ProgramId, trace: &mut Trace) {
        let held = self.sockets.with_end(|end| end.program == program && end.owned && end.conn.is_some());
        for (conn, side) in held {
            if self.sockets.get(conn).is_none() {
                continue;
            }
            self.end(conn, side).owned = false;
            self.with_tcp(id, conn, side, trace, |tcp, now, out| tcp.close(now, out));
        }
    }

    /// A host loses its power: its kernel forgets everything and tells nobody.
    pub(super) fn power_off(&mut self, host: HostId) {
        for (conn, side) in self.sockets.with_end(|end| end.host == host && end.conn.is_some()) {
            self.forget(conn, side);
        }
    }

    /// A program that stood still reads what waits in its connections.
    pub(super) fn read_all(&mut self, program: ProgramId) {
        let held = self.sockets.with_end(|end| end.program == program && end.owned && !end.inbox.is_empty());
        for (conn, side) in held {
            self.deliver(conn, side, EventId::ROOT);
        }
    }

    /// A program that stood still reads what waits in this connection.
    pub(super) fn read_one(&mut self, program: ProgramId, conn: ConnId) {
        if let Some(side) = self.side_of(conn, program) {
            self.deliver(conn, side, EventId::ROOT);
        }
    }

    fn forget(&mut self, conn: ConnId, side: usize) {
        let Some(connection) = self.sockets.get_mut(conn) else { return };
        let end = &mut connection.ends[side];
        end.conn = None;
        end.timer = None;
        end.later = None;
        end.owned = false;
        end.inbox.clear();
        self.sockets.sweep(conn);
    }

    /// Lets a connection's TCP act, and carries out what it says.
    fn with_tcp(
        &mut self,
        id: EventId,
        conn: ConnId,
        side: usize,
        trace: &mut Trace,
        act: impl FnOnce(&mut Conn, crate::engine::LocalTime, &mut Out),
    ) {
        let host = self.end(conn, side).host;
        let now = self.hosts[host.ix()].clock.read(self.now);
        let mut out = core::mem::take(&mut self.scratch.out);
        if let Some(tcp) = self.end(conn, side).conn.as_mut() {
            act(tcp, now, &mut out);
        }
        self.after_tcp(id, conn, side, out, trace);
    }

    fn after_tcp(&mut self, id: EventId, conn: ConnId, side: usize, mut out: Out, trace: &mut Trace) {
        for segment in out.segments.drain(..) {
            self.transmit(id, conn, side, segment, trace);
        }
        self.arm_tcp(id, conn, side);
        for event in out.events.drain(..) {
            self.on_tcp_event(id, conn, side, event);
        }
        self.scratch.out = out;
    }

    /// Keeps one pending event per end, at or before its TCP's next deadline.
    pub(super) fn arm_tcp(&mut self, id: EventId, conn: ConnId, side: usize) {
        let Some(connection) = self.sockets.get_mut(conn) else { return };
        let end = &mut connection.ends[side];
        let Some(deadline) = end.conn.as_ref().and_then(Conn::next_timer) else { return };
        end.timer_cause = id;
        let clock = &self.hosts[end.host.ix()].clock;
        let at = self.now + clock.true_span(deadline.since(clock.read(self.now)));
        if end.timer.is_some_and(|(pending, _)| pending <= at && pending >= self.now) {
            return; // It will look again when that one fires.
        }
        self.await_tcp(id, conn, side, at);
    }
    /// Makes `at` the time of the end's event, by one that is pending already if that is early enough.
    fn await_tcp(&mut self, cause: EventId, conn: ConnId, side: usize, at: Time) {
        let now = self.now;
        let end = self.end(conn, side);
        if let Some(later) = end.later.take_if(|(pending, _)| (now..=at).contains(pending)) {
            end.timer = Some(later);
            return;
        }
        let event = self.queue.push(at, Event { cause, what: What::Kernel(conn, side as u8) });
        let end = self.end(conn, side);
        let before = end.timer.replace((at, event));
        end.later = end.later.or(before);
    }

    /// Whether a TCP timer that fired means anything: TCP may have moved its deadline on. Returns what last armed it.
    pub(super) fn kernel_timer_due(&mut self, at: Time, id: EventId, conn: ConnId, side: u8) -> Option<EventId> {
        let connection = self.sockets.get_mut(conn)?;
        let end = &mut connection.ends[usize::from(side)];
        if end.timer != Some((at, id)) {
            end.later.take_if(|later| *later == (at, id));
            return None;
        }
        end.timer = None;
        let deadline = end.conn.as_ref().and_then(Conn::next_timer)?;
        let cause = end.timer_cause;
        let clock = &self.hosts[end.host.ix()].clock;
        let left = deadline.since(clock.read(at));
        if left.is_zero() {
            return Some(cause);
        }
        let again = at + clock.true_span(left);
        self.await_tcp(cause, conn, usize::from(side), again);
        None
    }

    /// The loss a TCP timer is there to make good: the newest on its connection since it was armed. ROOT: there was none.
    pub(super) fn loss_behind(&self, what: &What, armed_by: EventId) -> EventId {
        let What::Kernel(conn, _) = *what else { return EventId::ROOT };
        let lost = self.sockets.get(conn).map_or(EventId::ROOT, |connection| connection.last_drop);
        if lost > armed_by { lost } else { EventId::ROOT }
    }

    pub(super) fn kernel_timer(&mut self, id: EventId, conn: ConnId, side: u8, trace: &mut Trace) {
        self.with_tcp(id, conn, usize::from(side), trace, |tcp, now, out| tcp.on_timer(now, out));
    }

    /// Offers a segment to the link.
    fn transmit(&mut self, id: EventId, conn: ConnId, side: usize, segment: Segment, trace: &mut Trace) {
        let connection = self.sockets.get_mut(conn).expect("the connection sends");
        let (from, to) = (connection.ends[side].host, connection.ends[1 - side].host);
        let number = connection.ends[side].packets;
        connection.ends[side].packets += 1;
        let name = PacketName { connection: connection.luck ^ (side as u64) << 63, number };
        let class = class_of(connection, 1 - side, &segment);
        let fate = self.network.offer(self.now, from, to, name, segment.wire_bytes());
        let (lands, lost) = match fate {
            Fate::Deliver { at } => (at, 0),
            Fate::Drop(reason) => (self.now + self.network.params(from, to).delay, 1 + reason as u8),
        };
        let (from_host, to_host) = (from.0 as u16, to.0 as u16);
        self.fly(trace, Flight { sent: self.now, lands, from: from_host, to: to_host, class, lost });
        match fate {
            Fate::Deliver { at } => {
                let packet = Packet { conn, side: 1 - side as u8, number: number as u32, segment };
                let slot = self.packet_slot(packet);
                self.queue.push(at, Event { cause: id, what: What::Arrive(slot) });
            }
            Fate::Drop(reason) => {
                self.lost(id, conn, side, number as u32, (reason as u8, class), trace);
                self.observer.milestones.dropped(self.now);
            }
        }
    }
    fn packet_slot(&mut self, packet: Packet) -> u32 {
        match self.free_packets.pop() {
            Some(slot) => {
                self.packets[slot as usize] = packet;
                slot
            }
            None => {
                self.packets.push(packet);
                self.packets.len() as u32 - 1
            }
        }
    }
    /// A packet that this end sent is no more. What never arrives must be possible to explain: it is a row, too.
    fn lost(
        &mut self,
        cause: EventId,
        conn: ConnId,
        side: usize,
        number: u32,
        (reason, class): (u8, u8),
        trace: &mut Trace,
    ) {
        let id = self.queue.fresh();
        let connection = self.sockets.get_mut(conn).expect("the connection sends");
        connection.last_drop = id;
        let (dialler, sender) = (connection.ends[0].program, connection.ends[side].program);
        let packet = PacketId {
            from: dialler,
            to: connection.dialled,
            port: connection.port.code(),
            connection: connection.number,
            back: side == 1,
            number,
        };
        let (code, b) = (Code::Drop as u16, packet.to_row(reason, class));
        let row = Row { id, cause, link: EventId::ROOT, at: self.now, code, process: sender.0, a: packet.number, b };
        self.record(trace, row);
    }

    /// A packet arrives at its host.
    pub(super) fn arrive(&mut self, id: EventId, slot: u32, trace: &mut Trace) {
        let Packet { conn, side, number, segment } = self.packets[slot as usize];
        self.free_packets.push(slot);
        let side = usize::from(side);
        let Some(connection) = self.sockets.get(conn) else { return };
        let end = &connection.ends[side];
        if !self.hosts[end.host.ix()].shape.up {
            self.observer.milestones.met_no_power(self.now);
            let class = class_of(connection, side, &segment);
            self.lost(id, conn, 1 - side, number, (PacketId::NO_POWER, class), trace);
            return;
        }
        if end.conn.is_some() {
            self.with_tcp(id, conn, side, trace, |tcp, now, out| tcp.on_segment(now, &segment, out));
            return;
        }
        let opens = segment.flags.contains(Flags::SYN) && !segment.flags.contains(Flags::ACK);
        let listens = self.programs[end.program.ix()].state == State::Running && side == 1 && end.owned;
        let (host, listener) = (end.host, &self.programs[end.program.ix()]);
        if opens && listens && listener.unaccepted() >= BACKLOG {
            return; // The queue is full: the SYN is dropped, and the dialler tries again.
        }
        if opens && listens {
            let now = self.hosts[host.ix()].clock.read(self.now);
            let mut out = core::mem::take(&mut self.scratch.out);
            let tcp = Conn::accept(&config(connection.port, &self.knobs), now, &segment, &mut out);
            self.end(conn, side).conn = Some(tcp);
            self.after_tcp(id, conn, side, out, trace);
        } else if let Some(reset) = Conn::reset_reply(&segment) {
            self.transmit(id, conn, side, reset, trace);
        }
    }

    fn on_tcp_event(&mut self, id: EventId, conn: ConnId, side: usize, event: ConnEvent) {
        let Some(connection) = self.sockets.get_mut(conn) else { return };
        let port = connection.port;
        let from = connection.ends[1 - side].program;
        let end = &mut connection.ends[side];
        let (program, owned) = (end.program, end.owned);
        let up = match event {
            ConnEvent::Connected if side == 1 => ConnUp::Accepted { from, port },
            ConnEvent::Connected => ConnUp::Connected,
            ConnEvent::Full => ConnUp::Full,
            ConnEvent::Writable => ConnUp::Writable,
            ConnEvent::PeerClosed => ConnUp::PeerClosed,
            ConnEvent::Readable { upto } => {
                end.readable = upto;
                self.deliver(conn, side, id);
                return;
            }
            ConnEvent::Closed => {
                self.forget(conn, side);
                return;
            }
            ConnEvent::Failed(reason) => {
                self.forget(conn, side);
                ConnUp::Failed(reason)
            }
        };
        if owned {
            self.tell(program, id, EventId::ROOT, Input::Conn(conn, up));
        }
    }

    /// Hands the messages that have arrived whole to the program, unless it stands still.
    fn deliver(&mut self, conn: ConnId, side: usize, id: EventId) {
        let Some(connection) = self.sockets.get_mut(conn) else { return };
        let end = &mut connection.ends[side];
        let program = end.program;
        if !end.owned || self.programs[program.ix()].paused || self.waits_for_cpu(program, (conn, side, id)) {
            return;
        }
        self.read(conn, side, id);
    }
    /// Whether a program that something came for must wait for a processor first. It is woken once, however much comes.
    fn waits_for_cpu(&mut self, program: ProgramId, (conn, side, id): Unread) -> bool {
        let mean = self.knobs.us(Knob::CpuWait);
        if mean.is_zero() || id == EventId::ROOT {
            return false;
        }
        let it = &mut self.programs[program.ix()];
        if it.unread.is_empty() {
            it.wakes += 1;
            let half = mean.scale(1, 2);
            let wait = half + keyed(self.seed, Purpose::Cpu, program.0.into(), it.wakes).exponential(half);
            self.queue.push(self.now + wait, Event { cause: id, what: What::Wake(program) });
        }
        match it.unread.iter_mut().find(|unread| (unread.0, unread.1) == (conn, side)) {
            Some(unread) => unread.2 = id,
            None => it.unread.push((conn, side, id)),
        }
        true
    }
    /// A program has a processor: it reads what came for it. What it reads came with a packet, not with the processor.
    pub(super) fn wake(&mut self, program: ProgramId) {
        let unread = core::mem::take(&mut self.programs[program.ix()].unread);
        if self.programs[program.ix()].paused {
            return; // It reads everything when it goes on.
        }
        for (conn, side, id) in unread {
            if self.sockets.get(conn).is_some_and(|connection| connection.ends[side].owned) {
                self.read(conn, side, id);
            }
        }
    }
    /// A program reads whatever has come, whole messages or not.
    fn read(&mut self, conn: ConnId, side: usize, id: EventId) {
        let Some(connection) = self.sockets.get_mut(conn) else { return };
        let end = &mut connection.ends[side];
        let program = end.program;
        let read = (end.readable - end.read) as u32;
        end.read = end.readable;
        while end.inbox.front().is_some_and(|letter| letter.end <= end.readable) {
            let letter = end.inbox.pop_front().expect("there is one");
            let cause = if id == EventId::ROOT { letter.written_by } else { id };
            self.scratch.inputs.push_back((program, cause, letter.written_by, Input::Message(conn, letter.message)));
        }
        if read > 0 {
            self.scratch.reads.push((conn, side as u8, read));
        }
    }

    /// Tells TCP what programs have read, so that it opens its windows.
    pub(super) fn open_windows(&mut self, id: EventId, trace: &mut Trace) {
        while let Some((conn, side, bytes)) = self.scratch.reads.pop() {
            if self.sockets.get(conn).is_some() {
                self.with_tcp(id, conn, usize::from(side), trace, |tcp, now, out| tcp.read(now, bytes, out));
            }
        }
    }
}

/// What a segment carries, for the eye: the class of the message its first byte belongs to.
fn class_of(connection: &Connection, to: usize, segment: &Segment) -> u8 {
    if segment.len == 0 {
        return 0;
    }
    let inbox = &connection.ends[to].inbox;
    let place = inbox.partition_point(|letter| letter.end < segment.seq);
    inbox.get(place).map_or(0, |letter| letter.message.class() as u8)
}
