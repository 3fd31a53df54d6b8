//! Machines: nodes that fail by themselves at a dial's rate, and nodes that are added.

use super::{Event, Host, Program, Sim, What};
use crate::actor::role::Directory;
use crate::engine::{EventId, Purpose, Rng, Span, Trace, keyed};
use crate::fault::{Fault, FaultId};
use crate::knob::Knob;
use crate::object::NodeId;
use crate::scenario;

/// How often dice are thrown for every node. Chosen: fine enough for a rate of one failure a minute.
const EVERY: Span = Span::from_secs(10);
/// The shortest time without power. Chosen: a reboot with its checks.
const OUTAGE_MIN: Span = Span::from_secs(120);
/// How much longer it may take. Chosen: some reboots need a person.
const OUTAGE_SPREAD: Span = Span::from_secs(180);

impl Sim {
    /// Throws dice soon if nodes may fail by themselves. What made that so is the cause.
    pub(super) fn expect_nature(&mut self, cause: EventId) {
        let wanted = self.knobs.get(Knob::NodeFailures) > 0;
        if !wanted {
            self.nature = None;
        } else if self.nature.is_none() {
            let at = self.now + EVERY;
            self.nature = Some(self.queue.push(at, Event { cause, what: What::Nature }));
        }
    }
    /// Each node fails with the dial's chance. Which ones is the dice's word alone: a greater chance only adds to them.
    pub(super) fn nature(&mut self, id: EventId, trace: &mut Trace) {
        // Thousandths an hour, over the dice's interval, in parts of 2^32.
        let chance = u64::from(self.knobs.get(Knob::NodeFailures)) * EVERY.ms() * (1 << 32) / (1000 * 3_600_000);
        let turn = self.now.ns() / EVERY.ns();
        for node in 0..self.directory.nodes {
            let host = self.directory.node_host(node);
            let luck = |n: u64| keyed(self.seed, Purpose::Nature, u64::from(node), turn * 2 + n);
            let fails = luck(0).bits() >> 32 < chance;
            if fails && self.hosts[host.ix()].shape.up && self.faults.len() < super::faults::MAX_FAULTS {
                let fault = FaultId(self.next_fault);
                self.next_fault += 1;
                self.faults.push((fault, Fault::Crash { host }, self.now));
                let back = self.now + OUTAGE_MIN + luck(1).up_to(OUTAGE_SPREAD);
                self.queue.push(back, Event { cause: id, what: What::PowerBack(fault) });
            }
        }
        self.shape_hosts(id, trace);
        self.nature = None;
        self.expect_nature(id);
    }
    /// A node that failed by itself boots, unless somebody healed it before.
    pub(super) fn power_back(&mut self, id: EventId, fault: FaultId, trace: &mut Trace) {
        self.faults.retain(|(in_force, ..)| *in_force != fault);
        self.shape_hosts(id, trace);
    }

    /// One more machine: its kubelet boots and registers itself.
    pub(super) fn add_node(&mut self, id: EventId) {
        let node: NodeId = self.directory.nodes;
        self.directory = Directory { nodes: node + 1, ..self.directory };
        self.hosts.push(Host::new());
        self.network.add_node();
        self.shape_links();
        for (program, role) in scenario::node_programs(self.directory, node) {
            let rng = Rng::stream(self.seed, Purpose::Process, u64::from(program.0));
            self.programs.push(Program::new(self.directory.node_host(node), role, rng));
            self.start_soon(id, program);
        }
    }
}
