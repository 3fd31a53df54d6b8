//! A packet's luck belongs to the packet: which connection it is of, and the how-manieth. So more loss only adds losses,
//! and a dial that touches one link leaves everybody else's packets alone, as long as the traffic is the same.

use brownout_core::engine::{Flight, Ppm, Purpose, Rng, Span, Time, luck_key};
use brownout_core::fault::Fault;
use brownout_core::knob::Knob;
use brownout_core::net::link::{DropReason, Fate, Params};
use brownout_core::net::network::{Network, PacketName};
use brownout_core::net::packet::HostId;
use brownout_core::scenario::Scenario;
use brownout_core::sim::Command;
use brownout_core::timeline::Timeline;
use brownout_tests::pair::Pair;
use brownout_tests::play::seeds;
use std::collections::{BTreeMap, BTreeSet};

/// A packet: of which connection, the how-manieth.
type Packet = (u64, u64);

/// The same packets, offered to a link at a loss. Which are lost, and when the others arrive.
fn offered(seed: u64, loss: u32, order: &[Packet]) -> (BTreeSet<Packet>, BTreeMap<Packet, Time>) {
    let mut network = Network::new(2, 0, Params::default());
    let params = Params { loss: Ppm::new(loss), jitter: Span::from_us(20), ..Params::default() };
    network.reshape(|_, _| params);
    let (mut lost, mut landed) = (BTreeSet::new(), BTreeMap::new());
    for (n, (connection, number)) in order.iter().enumerate() {
        let name = PacketName { connection: luck_key(seed, *connection), number: *number };
        // Far enough apart that none waits for another.
        let now = Time::from_secs(n as u64 + 1);
        match network.offer(now, HostId(0), HostId(1), name, 1_000) {
            Fate::Drop(reason) => {
                assert_eq!(reason, DropReason::Loss);
                lost.insert((*connection, *number));
            }
            Fate::Deliver { at } => {
                landed.insert((*connection, *number), Time::ZERO + at.since(now));
            }
        }
    }
    (lost, landed)
}

#[test]
fn what_is_lost_at_little_loss_is_lost_at_more() {
    for seed in seeds(20, 200) {
        let mut luck = Rng::stream(seed, Purpose::Test, 4);
        let mut order: Vec<(u64, u64)> = (0..20).flat_map(|conn| (0..40).map(move |number| (conn, number))).collect();
        // Any order: what else is on the link doesn't matter.
        (1..order.len()).rev().for_each(|n| order.swap(n, luck.draw().below(n as u64 + 1) as usize));
        let few = luck.draw().below(500_000) as u32;
        let many = few + luck.draw().below(u64::from(900_000 - few)) as u32;
        let (lost, landed) = offered(seed, few, &order);
        order.reverse();
        let (more, fewer) = offered(seed, many, &order);
        assert!(lost.is_subset(&more), "seed {seed}: at {few} ppm lost, at {many} ppm not");
        assert!(fewer.iter().all(|(name, at)| landed[name] == *at), "seed {seed}: who arrives takes another time");
    }
}

/// A packet as somebody sees it who watches one link: when it left, what it carries.
type Seen = (Time, u8);

/// The packets of each link, in order, with what became of each.
type Lanes = BTreeMap<(u16, u16), Vec<(Seen, bool, Time)>>;

fn lanes(flights: &[Flight]) -> Lanes {
    let mut lanes = Lanes::new();
    for flight in flights {
        let lane = lanes.entry((flight.from, flight.to)).or_default();
        lane.push(((flight.sent, flight.class), flight.lost > 0, flight.lands));
    }
    lanes
}

/// Two runs of a healthy cluster, alike up to now.
fn pair(seed: u64, until: Time) -> Pair {
    let scenario = Scenario::named("quiet").expect("there is one");
    let run = || {
        let mut run = Timeline::with(scenario.name, scenario.directory, seed).expect("it may");
        run.seek(until, u32::MAX);
        run
    };
    Pair::new(run(), run())
}

/// In whole runs the traffic soon differs, since what is lost is sent again. Until then, on each link, more loss adds.
#[test]
fn in_whole_runs_more_loss_adds_until_the_traffic_differs() {
    let (mut compared, mut few, mut many) = (0, 0, 0);
    for seed in seeds(4, 30) {
        let mut pair = pair(seed, Time::from_secs(8));
        for (side, loss) in [(0, 10_000), (1, 60_000)] {
            let place = Knob::LossPlace.spec().max - 1; // everything
            pair.command(side, Command::Set(vec![(Knob::LossPlace, place), (Knob::Loss, loss)]));
        }
        pair.to(Time::from_secs(12));
        let [a, b] = [0, 1].map(|side| lanes(&pair.records[side].flights));
        for (lane, packets) in &a {
            let alike = packets.iter().zip(b.get(lane).into_iter().flatten()).take_while(|(a, b)| a.0 == b.0);
            for ((_, lost, _), (_, more, _)) in alike {
                assert!(!lost || *more, "seed {seed}, link {lane:?}: lost at 1 %, but not at 6 %");
                compared += 1;
                few += u32::from(*lost);
                many += u32::from(*more);
            }
        }
    }
    println!("{compared} packets were offered in both; of them {few} were lost at 1 %, {many} at 6 %");
    assert!(few >= 5 && many > few, "hardly a loss was compared: {few} and {many} of {compared}");
}

/// Member 3 loses packets in one run and not in the other: between the users and the nodes all goes on as before.
#[test]
fn one_links_loss_is_no_news_to_other_links() {
    let mut lost = 0;
    for seed in seeds(3, 12) {
        let mut pair = pair(seed, Time::from_secs(20));
        // Packets to and from nodes are lost in both.
        let nodes = Knob::LossPlace.spec().max;
        for side in [0, 1] {
            let loss = Command::Set(vec![(Knob::LossPlace, nodes), (Knob::Loss, 20_000), (Knob::LinkJitter, 300)]);
            pair.command(side, loss);
        }
        pair.inject(1, Fault::Lossy { host: HostId(2), loss: Ppm::new(300_000) });
        pair.to(Time::from_secs(30));
        let directory = pair.runs[0].directory();
        let edge = directory.edge_host().0 as u16;
        let [a, b] = [0, 1].map(|side| lanes(&pair.records[side].flights));
        let mut visited = 0;
        for node in 0..directory.nodes {
            let host = directory.node_host(node).0 as u16;
            for lane in [(edge, host), (host, edge)] {
                let (a, b) = (a.get(&lane).into_iter().flatten(), b.get(&lane).into_iter().flatten());
                for (a, b) in a.zip(b).take_while(|(a, b)| a.0 == b.0) {
                    assert_eq!(a, b, "seed {seed}, link {lane:?}: a packet of the users met other luck");
                    visited += 1;
                    lost += u32::from(a.1);
                }
            }
        }
        let found = pair.comparison.found().expect("loss makes a difference");
        assert!(visited > 500, "seed {seed}: only {visited} packets of users were compared");
        assert!(found.at >= Time::from_secs(20), "seed {seed}");
    }
    assert!(lost > 20, "hardly a packet of users was lost: {lost}");
}
