//! Reads that wait for a majority to confirm their leader: etcd-io/raft v3.7.0 read_only.go, ReadOnlySafe.

use super::message::MemberId;
use super::progress::{MAX_MEMBERS, reached_by_majority};
use alloc::collections::VecDeque;

/// Reads that may wait at one leader; one more is dropped as if its message were lost. Unit: reads. Chosen: etcd has no
/// limit, but asks again at most every 500 ms.
pub const MAX_WAITING_READS: usize = 1 << 16;

/// A read that waits at the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReadRequest {
    /// Who asked.
    pub from: MemberId,
    /// The asker's number for it.
    pub context: u64,
    /// What was committed when it came.
    pub index: u64,
}

/// The reads of one term, numbered from 1. A heartbeat carries the number of the newest; whoever answers it confirms
/// that one and all before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct ReadOnly {
    waiting: VecDeque<ReadRequest>,
    confirmed: u64,
    acks: [u64; MAX_MEMBERS],
}

impl ReadOnly {
    /// A new term: nothing waits.
    pub fn reset(&mut self) {
        self.waiting.clear();
        self.confirmed = 0;
        self.acks = [0; MAX_MEMBERS];
    }
    /// A read waits from now on. Whether there was room.
    pub fn add(&mut self, request: ReadRequest) -> bool {
        let room = self.waiting.len() < MAX_WAITING_READS;
        if room {
            self.waiting.push_back(request);
        }
        room
    }
    /// What the next heartbeat carries: the number of the newest read, zero if none waits.
    pub fn newest(&self) -> u64 {
        if self.waiting.is_empty() { 0 } else { self.confirmed + self.waiting.len() as u64 }
    }
    /// How many reads wait.
    pub fn waiting(&self) -> u32 {
        self.waiting.len() as u32
    }
    /// A member has answered a heartbeat that carried `number`.
    pub fn acknowledge(&mut self, from: MemberId, number: u64) {
        let ack = &mut self.acks[from.ix()];
        *ack = (*ack).max(number);
    }
    /// The oldest read that a majority of `members` has confirmed, once.
    pub fn next_confirmed(&mut self, members: u8) -> Option<ReadRequest> {
        let acks = self.acks[..members as usize].iter().copied();
        if self.confirmed >= reached_by_majority(acks) {
            return None;
        }
        self.confirmed += 1;
        self.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(context: u64) -> ReadRequest {
        ReadRequest { from: MemberId(1), context, index: 9 }
    }

    #[test]
    fn one_answer_confirms_all_reads_before_it() {
        let mut reads = ReadOnly::default();
        for context in 1..=3 {
            assert!(reads.add(read(context)));
            reads.acknowledge(MemberId(1), reads.newest());
        }
        assert_eq!(reads.next_confirmed(3), None);
        reads.acknowledge(MemberId(2), 2);
        assert_eq!(reads.next_confirmed(3), Some(read(1)));
        assert_eq!(reads.next_confirmed(3), Some(read(2)));
        assert_eq!(reads.next_confirmed(3), None);
        assert_eq!(reads.newest(), 3);
    }
}
