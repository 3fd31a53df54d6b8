//! What of a member is on its disk, and when.

use super::command::Proposal;
use super::kv::Store;
use super::log::{Log, Wal};
use super::{Etcd, Timer};
use crate::actor::Cx;
use crate::actor::role::{Note, NoteKind};
use crate::engine::{LocalTime, Span};
use alloc::boxed::Box;

/// A sync of the log that takes longer is worth a warning. Sourced: etcd server/storage/wal/wal.go#warnSyncDuration.
const SLOW_FSYNC: Span = Span::from_secs(1);
/// With --unsafe-no-fsync: how long the kernel keeps what was written before it writes it to the disk. Sourced: linux
/// Documentation/admin-guide/sysctl/vm.rst#dirty_expire_centisecs. Simplified: then it writes all there is.
const WRITEBACK: Span = Span::from_secs(30);

/// What is on the disk while later writes are only in the kernel's memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct OnDisk {
    wal: Wal<Proposal>,
    store: Store,
    consistent_index: u64,
}

/// A Ready that waits for its write.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Writing {
    pub(super) op: u32,
    pub(super) since: LocalTime,
}

impl Etcd {
    /// Its host lost its power, and with it what the kernel had not written. The next input is a boot.
    pub fn power_lost(&mut self) {
        if let Some(disk) = self.on_disk.take() {
            let OnDisk { wal, store, consistent_index } = *disk;
            (self.wal, self.store, self.consistent_index) = (wal, store, consistent_index);
        }
    }
    /// The log that is on its disk, as a start after a power loss would find it.
    pub fn disk_log(&self) -> &Log<Proposal> {
        let wal = self.on_disk.as_ref().map_or(&self.wal, |disk| &disk.wal);
        &wal.view().log
    }
    /// What is written now is not asked to be on the disk; what was there before is.
    pub(super) fn leave_to_kernel(&mut self, cx: &mut Cx<'_>) {
        if self.on_disk.is_none() {
            let (wal, store) = (self.wal.clone(), self.store.clone());
            self.on_disk = Some(Box::new(OnDisk { wal, store, consistent_index: self.consistent_index }));
            cx.arm(Timer::Writeback, WRITEBACK);
        }
    }
    /// A process that starts finds what its kernel has not written yet.
    pub(super) fn await_writeback(&self, cx: &mut Cx<'_>) {
        if self.on_disk.is_some() {
            cx.arm(Timer::Writeback, WRITEBACK);
        }
    }

    /// Writes and syncs. Returns the write's number.
    pub(super) fn write(&mut self, cx: &mut Cx<'_>, bytes: u32) -> u32 {
        self.writes += 1;
        cx.write(self.writes, bytes);
        self.writes
    }
    pub(super) fn written(&mut self, cx: &mut Cx<'_>, op: u32) {
        let Some(writing) = self.writing.take_if(|writing| writing.op == op) else {
            return self.commit_synced(cx, op);
        };
        self.on_disk = None;
        let took = cx.now.since(writing.since);
        self.fsyncs.record(took);
        if took > SLOW_FSYNC {
            cx.note(Note::new(NoteKind::SlowFsync, 0, took.us()));
        }
        self.durable(cx);
    }

    /// The Ready at hand is on disk.
    pub(super) fn durable(&mut self, cx: &mut Cx<'_>) {
        let mut ready = core::mem::take(&mut self.ready);
        self.wal.persist(&ready);
        self.raft.persisted(ready.mark);
        for message in ready.messages_after.drain(..) {
            self.send(cx, message);
        }
        self.ready = ready;
    }
}
