//! Links, packets and TCP. Knows hosts as numbers, and nothing of what runs on them.

pub mod link;
pub mod network;
pub mod packet;
pub mod tcp;

pub use link::{DropReason, Fate, Link, Luck, Params};
pub use packet::{ConnId, Flags, HostId, Segment};
