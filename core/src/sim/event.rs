//! What can be pending, what a row of the trace can say, and the ways in from outside.

use crate::actor::ProgramId;
use crate::actor::role::{NoteKind, Timer};
use crate::engine::EventId;
use crate::fault::{Fault, FaultId};
use crate::knob::{Knob, OutOfRange};
use crate::net::packet::ConnId;
use crate::operator::{Operation, WorkloadKind};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A pending event: what caused it, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// The event in which it was put into the queue.
    pub cause: EventId,
    /// What it is.
    pub what: What,
}

/// What happens when an event's time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// A program's process starts.
    Boot(ProgramId),
    /// A program's timer goes off.
    Timer(ProgramId, Timer),
    /// A TCP timer goes off at this end.
    Kernel(ConnId, u8),
    /// The packet in this slot arrives.
    Arrive(u32),
    /// A write of the program's process of this number is durable.
    DiskDone(ProgramId, u32, u32),
    /// The grace period of the program's process of this number is over: SIGKILL.
    Sigkill(ProgramId, u32),
    /// Nodes that fail by themselves do so, or not.
    Nature,
    /// A node that failed by itself boots again.
    PowerBack(FaultId),
    /// A program that waited for a processor has one.
    Wake(ProgramId),
}

/// What a row of the trace says happened. Notes follow from [`Code::NOTES`] on, one code for each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Code {
    /// A process starts.
    Boot,
    /// A program's timer goes off. a: which.
    Timer,
    /// A TCP timer goes off. a: connection, b: end.
    Kernel,
    /// A packet arrives. a: connection, b: the first byte's offset.
    Arrive,
    /// A disk write is durable. a: its number.
    DiskDone,
    /// A command was given. a: its place in the journal.
    Command,
    /// A packet was dropped. The process is the sender's; a and b as [`PacketId::to_row`] has them.
    Drop,
    /// A message was read. a: its class + 256 times the sender, b: connection.
    Message,
    /// A process that was asked to end did not in time.
    Sigkill,
    /// Dice are thrown for every node: which ones lose their power by themselves.
    Nature,
    /// A node that failed by itself has power again. a: the fault.
    PowerBack,
    /// A program that waited for a processor reads what came.
    Wake,
}

impl Code {
    /// The code of the first kind of note. Code: a number of the trace's format.
    pub const NOTES: u16 = 256;
    /// The code of a note.
    pub const fn of_note(kind: NoteKind) -> u16 {
        Self::NOTES + kind as u16
    }
    /// The note that has this code.
    pub fn note(code: u16) -> Option<NoteKind> {
        NoteKind::ALL.get(usize::from(code.checked_sub(Self::NOTES)?)).copied()
    }
    /// The name of a code, for the page.
    pub fn name(code: u16) -> &'static str {
        /// The names of the codes before the notes'. Code: a list.
        const NAMES: [&str; 12] = [
            "boot",
            "timer",
            "kernel",
            "arrive",
            "disk_done",
            "command",
            "drop",
            "message",
            "sigkill",
            "nature",
            "power_back",
            "wake",
        ];
        Self::note(code).map_or_else(|| NAMES.get(usize::from(code)).copied().unwrap_or("?"), NoteKind::name)
    }
}

/// The only way in once a run has begun.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Moves dials, all or none.
    Set(Vec<(Knob, u32)>),
    /// Injects a fault.
    Inject(Fault),
    /// Heals a fault.
    Heal(FaultId),
    /// Heals every fault.
    HealAll,
    /// Something is done with kubectl: the operator tries it through the API.
    Operate(Operation),
    /// kubectl create of a workload of this name and the Service before it.
    Create {
        /// Its name.
        name: String,
        /// What it is.
        kind: WorkloadKind,
        /// How many pods.
        replicas: u32,
    },
    /// One more machine is plugged in; its kubelet registers itself.
    AddNode,
    /// The dice of one packet fall otherwise: it isn't lost unless every packet is.
    Spare(PacketId),
    /// A command that was taken out of the run. It does nothing, and keeps the places that others counted on.
    Nothing(Taken),
}

/// A packet, whatever else happens in the run: of which connection, in which direction, the how-manieth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PacketId {
    /// The program that dialled.
    pub from: ProgramId,
    /// The program that it dialled.
    pub to: ProgramId,
    /// What for, as [`crate::actor::Port::code`] has it.
    pub port: u8,
    /// The how-manieth connection of these two for that, from 1.
    pub connection: u32,
    /// Whether the packet goes from the one that was dialled to the one that dialled.
    pub back: bool,
    /// The how-manieth packet of that direction, from 0.
    pub number: u32,
}

impl PacketId {
    /// The most connections of one pair for one thing whose packets have a name; those of later ones share the last
    /// one's. Code: as many as their name has room for.
    const CONNECTIONS: u32 = (1 << 20) - 1;

    /// The numbers of a row about this packet, which `reason` and `class` (both below 16) complete: `process` is the
    /// sender's, `a` the packet's number.
    pub fn to_row(self, reason: u8, class: u8) -> u64 {
        let connection = self.connection.min(Self::CONNECTIONS);
        u64::from(reason)
            | u64::from(class) << 4
            | u64::from(self.port) << 8
            | u64::from(connection) << 12
            | u64::from(self.to.0) << 32
            | u64::from(self.from.0) << 48
    }
    /// The packet that a row of a loss is about.
    pub const fn of_row(process: u16, a: u32, b: u64) -> Self {
        let from = ProgramId((b >> 48) as u16);
        Self {
            from,
            to: ProgramId((b >> 32) as u16),
            port: (b >> 8 & 15) as u8,
            connection: (b >> 12) as u32 & Self::CONNECTIONS,
            back: process != from.0,
            number: a,
        }
    }
    /// The reason of a packet that came to a host without power. Links have their own, see
    /// [`crate::net::link::DropReason`]. Code: a number of the trace's format.
    pub const NO_POWER: u8 = 4;
    /// Why it was dropped, and what kind of message it carried, as a row has them.
    pub const fn reason_and_class(b: u64) -> (u8, u8) {
        ((b & 15) as u8, (b >> 4 & 15) as u8)
    }
}

/// What a command was that was taken out, as far as others counted on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Taken {
    /// It had injected a fault, which has a number.
    Fault,
    /// It had created a workload, which has a number.
    Workload,
    /// Anything else.
    Other,
}

impl Taken {
    /// Everything that can be taken, in the order of [`Taken::NAMES`]. Code: a list.
    pub const ALL: [Self; 3] = [Self::Fault, Self::Workload, Self::Other];
    /// Their names in links. Code: a list.
    pub const NAMES: [&'static str; 3] = ["fault", "workload", "other"];
    /// What is left of a command.
    pub const fn of(command: &Command) -> Self {
        match command {
            Command::Inject(_) | Command::Nothing(Self::Fault) => Self::Fault,
            Command::Create { .. } | Command::Nothing(Self::Workload) => Self::Workload,
            _ => Self::Other,
        }
    }
}

/// Why a command was not carried out. The run goes on as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A dial may not stand there.
    Knob(OutOfRange),
    /// A sentence that names the field, the value and what is allowed.
    Field(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Knob(why) => why.fmt(f),
            Self::Field(why) => f.write_str(why),
        }
    }
}
