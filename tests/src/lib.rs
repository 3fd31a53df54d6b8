//! Helpers shared by the tests, the benchmarks and the fidelity reports.

pub mod bench_raft;
pub mod bench_sim;
pub mod constants;
pub mod counterfactual;
pub mod fidelity;
pub mod hazard;
pub mod links;
pub mod pair;
pub mod play;
pub mod raft_cluster;
pub mod raft_script;
pub mod random;
pub mod script;
pub mod tell;
pub mod value;
