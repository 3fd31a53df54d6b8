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
    /// A packet was dropped. a: connection, b: the drop reason.
    Drop,
    /// A message was read. a: its class, b: connection.
    Message,
    /// A process that was asked to end did not in time.
    Sigkill,
    /// Dice are thrown for every node: which ones lose their power by themselves.
    Nature,
    /// A node that failed by itself has power again. a: the fault.
    PowerBack,
}

impl Code {
    /// The code of the first kind of note.
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
        /// The names of the codes before the notes'.
        const NAMES: [&str; 11] = [
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
