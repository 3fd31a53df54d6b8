//! Time, dice, queue, digest and trace: what a simulation needs before it knows what it simulates.

pub mod digest;
pub mod rng;
pub mod time;

pub use digest::Digest;
pub use rng::{Draw, Ppm, Purpose, Rng, keyed};
pub use time::{Clock, LocalTime, Span, Time};
