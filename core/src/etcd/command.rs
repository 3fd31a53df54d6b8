//! What etcd puts into its log.

use super::message::{MemberId, Payload};
use super::rpc::Op;

/// A proposal: an operation, and who waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Proposal {
    /// The member that took the call.
    pub origin: MemberId,
    /// Its process: a restarted one waits for nothing.
    pub incarnation: u32,
    /// Its number of the call.
    pub id: u32,
    /// What to do.
    pub op: Op,
}

/// What a proposal adds to what it does. Chosen: its id and a header.
const ID_BYTES: u32 = 16;

impl Payload for Proposal {
    fn bytes(&self) -> u32 {
        self.op.bytes() + ID_BYTES
    }
}
