//! Time, dice, queue, digest and trace: what a simulation needs before it knows what it simulates.

pub mod digest;
pub mod queue;
pub mod rng;
pub mod shared;
pub mod time;
pub mod trace;

pub use digest::Digest;
pub use queue::{EventId, Queue};
pub use rng::{Draw, Ppm, Purpose, Rng, drawn, keyed, luck_key};
pub use shared::SharedMap;
pub use time::{Clock, LocalTime, Span, Time};
pub use trace::{Flight, Ring, Row, Trace};
