//! What a world takes in memory, by the allocator, beside what [`Sim::bytes`] says: `memory [NODES ...]`.
//!
//! A checkpoint shares with the world and with its neighbours what did not change between them; so what ten of them
//! take is what is given back when they are dropped while the world goes on.

use brownout_core::actor::role::Directory;
use brownout_core::engine::{Time, Trace};
use brownout_core::scenario::Scenario;
use brownout_core::sim::Sim;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::hint::black_box;

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How many checkpoints are kept at once.
const CHECKPOINTS: usize = 10;

fn held() -> i64 {
    let stats = MEMORY.stats();
    stats.bytes_allocated as i64 - stats.bytes_deallocated as i64
}

/// What dropping it gives back.
fn freed<T>(it: T) -> i64 {
    let before = held();
    drop(black_box(it));
    before - held()
}

fn play(sim: &mut Sim, seconds: u64) {
    let mut trace = Trace::off();
    let end = Time::from_ns(sim.now().ns() + seconds * 1_000_000_000);
    while sim.step(end, &mut trace) {}
}

fn main() {
    let mut asked: Vec<u16> = Vec::new();
    for word in std::env::args().skip(1) {
        let Ok(nodes) = word.parse() else {
            eprintln!("nodes = {word:?} is not a number; 0, or 3 to 5000 is allowed");
            std::process::exit(2);
        };
        asked.push(nodes);
    }
    let sizes = if asked.is_empty() { vec![0, 3, 10, 100, 1_000, 5_000] } else { asked };
    let scenario = Scenario::named("quiet").expect("there is one");
    println!("nodes | estimate kB | a clone at once | of 10 checkpoints 2 s apart each | 8 s apart | the world");
    for nodes in sizes {
        let directory = Directory { nodes, ..scenario.directory };
        if let Err(why) = directory.checked() {
            eprintln!("{why}");
            std::process::exit(2);
        }
        let mut sim = scenario.start_with(directory, 1);
        play(&mut sim, 60);
        let estimate = sim.bytes();
        let at_once = freed(sim.clone());
        let each = [2, 8].map(|spacing| {
            let mut checkpoints = Vec::with_capacity(CHECKPOINTS);
            for _ in 0..CHECKPOINTS {
                checkpoints.push(sim.clone());
                play(&mut sim, spacing);
            }
            freed(checkpoints) / CHECKPOINTS as i64
        });
        let whole = freed(sim);
        let kb = |bytes: i64| bytes / 1_000;
        println!(
            "{nodes} | {} | {} | {} | {} | {}",
            estimate / 1_000,
            kb(at_once),
            kb(each[0]),
            kb(each[1]),
            kb(whole)
        );
    }
}
