//! A deterministic simulation of a Kubernetes control plane, from lost packets to lost leases.
//!
//! The same seed, scenario and commands give the same run to the bit, on every target. Read the modules in the
//! order below: each knows only the ones above it.
#![no_std]

extern crate alloc;

pub mod engine;

pub mod net;

pub mod object;

pub mod actor;
pub mod knob;

pub mod client;
pub mod etcd;

pub mod api;
pub mod balancer;
pub mod prober;

pub mod control;
pub mod scheduler;

pub mod kubelet;
pub mod proxy;

pub mod load;
pub mod operator;

pub mod fault;
pub mod invariant;
pub mod scenario;
pub mod sim;

pub mod metrics;
pub mod milestones;

pub mod compare;
pub mod frame;
pub mod history;
pub mod inspect;
pub mod journal;
pub mod timeline;
pub mod why;
