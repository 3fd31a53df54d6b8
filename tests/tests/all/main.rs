//! All tests of the whole: one program, so that they link once and share the processors.

mod branches;
mod causes;
mod compare;
mod control_plane;
mod determinism;
mod fidelity;
mod links;
mod luck;
mod milestones;
mod presets;
mod raft_model;
mod raft_properties;
#[cfg(any(target_arch = "x86_64", all(target_os = "linux", target_arch = "aarch64")))]
mod raft_twin;
mod recovery;
mod restarts;
mod scenarios;
mod scripts;
mod tcp_properties;
mod tidy;
mod verdicts;
mod why;
