//! Members that restart, stand still or fall behind: what was acknowledged stays, and every store becomes the same.

use brownout_core::actor::role::NoteKind;
use brownout_core::engine::Span;
use brownout_core::fault::Fault;
use brownout_core::knob::Knob;
use brownout_tests::play::{Play, seeds};

const BUSY: &[(Knob, u32)] = &[(Knob::WriteRate, 200_000), (Knob::ReadRate, 0)];

/// Writes stop, what is under way ends, and then every member must have the same store with all that was acknowledged.
fn settled_and_equal(play: &mut Play, seed: u64) {
    play.set(&[(Knob::WriteRate, 0), (Knob::ReadRate, 0)]);
    play.secs(15);
    // The electors go on writing: wait for a moment when nothing is under way.
    for _ in 0..1000 {
        let revisions: Vec<u64> = (0..3).map(|n| play.etcd(n).store().revision()).collect();
        if revisions.iter().all(|revision| *revision == revisions[0]) {
            break;
        }
        play.run(Span::from_ms(10));
    }
    for n in 1..3 {
        assert!(play.etcd(0).store() == play.etcd(n).store(), "seed {seed}: members 1 and {} differ", n + 1);
    }
    for (key, acked) in play.load().acknowledged().filter(|(_, acked)| acked.writes > 0) {
        let kv = play.etcd(0).store().get(key).unwrap_or_else(|| panic!("seed {seed}: {key:?} is lost"));
        assert!(kv.version >= acked.writes && kv.mod_revision >= acked.mod_revision, "seed {seed}: {kv:?}, {acked:?}");
    }
}

#[test]
fn a_member_behind_the_compacted_log_gets_a_snapshot_and_ends_with_the_same_store() {
    for seed in seeds(1, 3) {
        let mut play = Play::with(3, seed, BUSY);
        play.secs(10);
        let (leader, behind) = (play.leader(), play.follower());
        let cut = play.sim.now();
        // Cut off, without power, or without a process: the log is gone either way.
        let host = play.host(behind);
        play.inject(match seed % 3 {
            0 => Fault::Isolate { host },
            1 => Fault::Crash { host },
            _ => Fault::KillEtcd { host },
        });
        play.secs(30);
        let first = play.etcd(leader).raft().log().first_index();
        assert!(play.etcd(behind).raft().last_index() + 1 < first, "seed {seed}: the log still has what it needs");
        play.heal();
        play.secs(20);
        let sent = play.since(cut, NoteKind::SnapshotSent).count();
        assert!(sent > 0, "seed {seed}: no snapshot was sent");
        assert!(sent < 10, "seed {seed}: {sent} snapshots for one member");
        settled_and_equal(&mut play, seed);
        play.set(&[(Knob::WriteRate, 4_000), (Knob::ReadRate, 4_000)]);
        assert_eq!(play.recovers(Span::from_secs(60)), [""; 0], "seed {seed}");
    }
}

/// The member is struck again while the snapshot is on its way or being installed, and the leader too.
#[test]
fn a_snapshot_that_is_cut_short_is_sent_again() {
    for seed in seeds(2, 8) {
        let mut play = Play::with(3, seed, BUSY);
        play.secs(10);
        let (leader, behind) = (play.leader(), play.follower());
        play.inject(Fault::Isolate { host: play.host(behind) });
        play.secs(30);
        play.heal();
        for again in 0..6 {
            play.run(Span::from_ms(1 + (seed * 7 + again * 13) % 300));
            let host = play.host(if again % 3 == 2 { leader } else { behind });
            play.inject(Fault::KillEtcd { host });
            play.run(Span::from_ms(1 + seed % 40));
            play.heal();
        }
        catches_up(&mut play, Span::from_secs(40));
        settled_and_equal(&mut play, seed);
    }
}

/// Goes on under load until no member is far behind, for so long at most.
fn catches_up(play: &mut Play, within: Span) {
    let until = play.sim.now() + within;
    while play.sim.now() < until {
        play.secs(5);
        let revisions: Vec<u64> = (0..3).map(|n| play.etcd(n).store().revision()).collect();
        if revisions.iter().max().zip(revisions.iter().min()).is_some_and(|(most, least)| most - least < 200) {
            return;
        }
    }
}

#[test]
fn whatever_the_moment_of_a_crash_acknowledged_writes_survive() {
    for seed in seeds(2, 6) {
        let mut play = Play::with(3, seed, &[(Knob::WriteRate, 100_000), (Knob::ReadRate, 20_000)]);
        play.secs(8);
        for turn in 0..12_u64 {
            play.run(Span::from_us(200_000 + (seed * 7919 + turn * 104_729) % 3_000_000));
            let n = ((seed + turn * 5) % 3) as u8;
            match turn % 4 {
                0 => play.inject(Fault::KillEtcd { host: play.host(n) }),
                1 => play.inject(Fault::Crash { host: play.host(n) }),
                2 => play.inject(Fault::Pause { host: play.host(n) }),
                // All at once: what survives is what was on disk.
                _ => (0..3).for_each(|n| play.inject(Fault::KillEtcd { host: play.host(n) })),
            }
            play.run(Span::from_us(1 + (turn * 31_337 + seed * 1_013) % 900_000));
            play.heal();
        }
        play.secs(60);
        assert_eq!(play.sim.observer().violations(), 0, "seed {seed}: {:?}", play.sim.observer().first_violation());
        settled_and_equal(&mut play, seed);
    }
}

#[test]
fn a_process_that_dies_takes_its_connections_with_it() {
    let mut play = Play::new("quiet", 1);
    play.secs(20);
    let before = play.sim.sockets().iter().count();
    for turn in 0..60 {
        play.inject(Fault::KillEtcd { host: play.host(turn % 3) });
        play.secs(1);
        play.heal();
        play.secs(9);
    }
    play.secs(120);
    let after = play.sim.sockets().iter().count();
    // Kubelets' probes and users' requests come and go.
    assert!(after <= before + 8, "{before} connections before, {after} after sixty restarts");
}

#[test]
fn a_host_that_boots_has_forgotten_the_back_offs_of_its_programs() {
    let mut play = Play::new("single", 1);
    play.secs(30);
    // The scheduler: a manager that boots before its API server listens uses its back-off up at once.
    let (host, scheduler) = (play.host(0), play.sim.directory().control(0, 1));
    let mut waits = vec![];
    for turn in 0..3 {
        if turn == 2 {
            play.inject(Fault::Crash { host });
            play.secs(1);
            play.heal();
        }
        play.secs(60);
        let from = play.sim.now();
        play.inject(Fault::HangApi { host });
        play.secs(13);
        play.heal();
        waits.extend(play.first(from, NoteKind::RestartIn, |note| note.program == scheduler).map(|note| note.a));
    }
    assert_eq!(waits, [0, 10_000, 0]);
}
