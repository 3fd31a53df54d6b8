//! Every event has a cause: what people ask about leads back to something that was done, or to a beginning.

use brownout_core::actor::role::NoteKind;
use brownout_core::engine::{Ppm, Row, Span, Time, Trace};
use brownout_core::fault::Fault;
use brownout_core::net::packet::HostId;
use brownout_core::scenario::Scenario;
use brownout_core::sim::event::PacketId;
use brownout_core::sim::{Code, Command};
use brownout_core::timeline::Timeline;
use brownout_tests::play::seeds;

/// A run in which a host's API server hangs, a member is cut off and everybody loses packets.
fn troubled(seed: u64) -> Timeline {
    let scenario = Scenario::named("quiet").expect("there is one");
    let mut run = Timeline::of(scenario, seed, Trace::new(1 << 20));
    let mut at = Time::from_secs(20);
    let faults = [
        Fault::HangApi { host: HostId((seed % 3) as u32) },
        Fault::Isolate { host: HostId((seed / 3 % 3) as u32) },
        Fault::Lossy { host: HostId(0), loss: Ppm::new(400_000) },
        Fault::Lossy { host: HostId(1), loss: Ppm::new(400_000) },
    ];
    for fault in faults {
        run.seek(at, u32::MAX);
        run.command(Command::Inject(fault)).expect("it is allowed");
        at += Span::from_secs(20);
    }
    run.seek(at + Span::from_secs(30), u32::MAX);
    run
}

#[test]
fn what_people_ask_about_leads_back_to_a_beginning() {
    for seed in seeds(1, 6) {
        let run = troubled(seed);
        let asked = |row: &&Row| match Code::note(row.code) {
            Some(NoteKind::Leads | NoteKind::LeaseLost | NoteKind::StepsDown | NoteKind::Unhealthy) => true,
            Some(NoteKind::UserRequest) => row.a >> 16 >= 429,
            _ => false,
        };
        let rows: Vec<Row> = run.trace().rows().since(0).filter(asked).copied().collect();
        assert!(rows.len() > 3, "seed {seed}: only {} rows to ask about", rows.len());
        for row in rows {
            let chain: Vec<Row> = run.trace().why(row.id).collect();
            let last = chain.last().expect("the row itself");
            let root = last.code == Code::Boot as u16 || last.code == Code::Command as u16;
            assert!(root, "seed {seed}: {row:?} leads back to {last:?} over {} rows", chain.len());
        }
    }
}

#[test]
fn a_retransmission_names_the_packet_that_was_lost() {
    for seed in seeds(1, 4) {
        let run = troubled(seed);
        let trace = run.trace();
        let made_good: Vec<Row> = trace
            .rows()
            .since(0)
            .filter(|row| row.code == Code::Kernel as u16 && row.link.get() > 0)
            .copied()
            .collect();
        assert!(made_good.len() > 100, "seed {seed}: only {} timers name a loss", made_good.len());
        for timer in made_good {
            let Some(lost) = trace.find(timer.link) else { continue };
            assert_eq!(lost.code, Code::Drop as u16, "seed {seed}: {timer:?} names {lost:?}");
            let packet = PacketId::of_row(lost.process, lost.a, lost.b);
            assert!(lost.process == packet.from.0 || packet.back, "seed {seed}: {lost:?} was sent by one of its ends");
            assert!(lost.id < timer.id && lost.at <= timer.at);
        }
    }
}
