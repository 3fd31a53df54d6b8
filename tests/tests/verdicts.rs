//! Each deliberate bug turns the lamp of the rule it breaks red and no other; without it the same script leaves all green.

use brownout_core::engine::Span;
use brownout_core::fault::Fault;
use brownout_core::inspect;
use brownout_core::invariant::Verdict;
use brownout_core::knob::Knob;
use brownout_core::net::packet::HostId;
use brownout_tests::play::Play;

/// The rules that a run broke.
fn red(play: &Play) -> Vec<&'static str> {
    let observer = play.sim.observer();
    Verdict::ALL.into_iter().filter(|verdict| observer.finding(*verdict).broken > 0).map(Verdict::name).collect()
}
fn checks(play: &Play, verdict: Verdict) -> u32 {
    play.sim.observer().finding(verdict).checks
}

/// Three members with busy users, and this bug if it is on.
fn busy(seed: u64, bug: Knob, on: bool) -> Play {
    Play::with(3, seed, &[(Knob::WriteRate, 20_000), (Knob::ReadRate, 20_000), (bug, on.into())])
}

fn without_read_index(on: bool) -> Play {
    let mut play = busy(1, Knob::BugStaleReads, on);
    play.secs(20);
    play
}

/// The API server beside the holder of component 1's Lease hangs.
fn holder_cut_off(on: bool) -> Play {
    let mut play = busy(1, Knob::BugShortLease, on);
    play.secs(20);
    let holder = inspect::holder(&play.sim, 1).expect("somebody holds it");
    let host = play.sim.directory().host(holder);
    play.inject(Fault::HangApi { host });
    play.secs(30);
    play
}

/// The same, but the others' clocks are fast.
fn fast_clocks(on: bool) -> Play {
    let mut play = Play::with(3, 1, &[]);
    play.secs(20);
    let holder = inspect::holder(&play.sim, 1).expect("somebody holds it");
    let cut = play.sim.directory().host(holder);
    play.inject(Fault::HangApi { host: cut });
    for host in (0..3).map(HostId).filter(|host| on && *host != cut) {
        play.inject(Fault::ClockRate { host, rate_ppm: 2_000_000 });
    }
    play.secs(30);
    play
}

/// Every host loses its power at once.
fn power_cut(on: bool) -> Play {
    let mut play = busy(1, Knob::BugNoFsync, on);
    play.secs(50);
    (0..3).for_each(|n| play.inject(Fault::Crash { host: HostId(n) }));
    play.secs(2);
    play.heal();
    play.secs(30);
    play
}

#[test]
fn scratch() {
    for (name, script) in [
        ("stale", without_read_index as fn(bool) -> Play),
        ("lease", holder_cut_off),
        ("clock", fast_clocks),
        ("fsync", power_cut),
    ] {
        for on in [true, false] {
            let play = script(on);
            println!(
                "{name} {on}: {:?} {:?}",
                red(&play),
                play.sim.observer().first_violation().map(|(at, v)| format!("{at:?} {v}"))
            );
            println!(
                "   {:?}",
                Verdict::ALL.map(|v| (
                    v.name(),
                    play.sim.observer().finding(v).checks,
                    play.sim.observer().finding(v).first
                ))
            );
        }
    }
}
