//! The benchmarks' work, to be timed by Node. Each returns how many units it did.

use brownout_core::engine::Span;
use brownout_tests::{bench_raft, bench_sim};
use wasm_bindgen::prelude::wasm_bindgen;

/// The queue alone.
#[wasm_bindgen]
pub fn bench_queue(name: &str, events: u32) -> f64 {
    bench_sim::queue(name, u64::from(events)) as f64
}
/// The standard scenario for so many simulated seconds.
#[wasm_bindgen]
pub fn bench_standard(trace: bool, seconds: u32) -> f64 {
    bench_sim::standard(trace, Span::from_secs(u64::from(seconds))) as f64
}
/// The same with everything that is on by default.
#[wasm_bindgen]
pub fn bench_recorded(seconds: u32) -> f64 {
    bench_sim::recorded(Span::from_secs(u64::from(seconds))) as f64
}
/// A bare loop over as many events.
#[wasm_bindgen]
pub fn bench_bare(events: u32) -> f64 {
    bench_sim::bare(u64::from(events)) as f64
}
/// The Raft cell for an hour.
#[wasm_bindgen]
pub fn bench_raft_hour(members: u8) -> f64 {
    bench_raft::raft_cell(members, Span::from_secs(3600), 1).events as f64
}
/// Half an hour's run to travel on.
#[wasm_bindgen]
pub struct Travelled(brownout_core::timeline::Timeline);
#[wasm_bindgen]
impl Travelled {
    /// Runs the half hour.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "JavaScript has no defaults")]
    pub fn new() -> Self {
        Self(bench_sim::travelled(Span::from_secs(1_800)))
    }
    /// Checkpoints.
    pub fn checkpoints(&self, count: u32) -> f64 {
        bench_sim::checkpoints(&self.0, u64::from(count)) as f64
    }
    /// Frames.
    pub fn frames(&self, count: u32) -> f64 {
        bench_sim::frames(&self.0, u64::from(count)) as f64
    }
    /// Goes to the `n`-th random moment.
    pub fn rewind(&mut self, n: u32) {
        bench_sim::rewind(&mut self.0, Span::from_secs(1_800), u64::from(n));
    }
    /// Goes back frame by frame.
    pub fn backwards(&mut self, count: u32) -> f64 {
        bench_sim::backwards(&mut self.0, u64::from(count)) as f64
    }
}
