use super::*;
use crate::actor::wire::Message;
use crate::actor::{ConnUp, Effect};
use crate::api::rpc::{Reply, Status};
use crate::client::bench::{Bench, at};
use crate::net::packet::ConnId;
use crate::net::tcp::Reason;
use alloc::boxed::Box;

const DIRECTORY: Directory = Directory::stacked(3, 0);
const API: ProgramId = DIRECTORY.api(1);

type Rig = Bench<Prober>;

/// What the API server does; etcd is always well.
#[derive(Clone, Copy, PartialEq)]
enum Api {
    Answers(Status),
    Hangs,
    Refuses,
}

struct World {
    api: Api,
    etcd: Vec<ConnId>,
}

impl World {
    fn answer(&mut self, effect: &Effect) -> Option<(Span, Input)> {
        let ms = Span::from_ms(1);
        match effect {
            Effect::Open(conn, to, _) => {
                if *to == DIRECTORY.etcd(1) {
                    self.etcd.push(*conn);
                } else if self.api == Api::Refuses {
                    return Some((ms, Input::Conn(*conn, ConnUp::Failed(Reason::Refused))));
                }
                Some((ms, Input::Conn(*conn, ConnUp::Connected)))
            }
            Effect::Send(conn, _, Message::Health(_, n)) => {
                Some((ms, Input::Message(*conn, Message::HealthReply(*n, true))))
            }
            Effect::Send(conn, _, Message::Api(request)) => {
                let Api::Answers(status) = self.api else { return None };
                Some((ms, Input::Message(*conn, Message::ApiReply(Box::new(Reply::new(request.id, status))))))
            }
            _ => None,
        }
    }
}
fn rig() -> (Rig, World) {
    let mut world = World { api: Api::Answers(Status::Ok), etcd: Vec::new() };
    let mut bench = Bench::new(Prober::new(1, DIRECTORY), DIRECTORY.prober(1));
    bench.later(Span::ZERO, Input::Boot);
    bench.run(at(60_000), |_, effect| world.answer(effect));
    (bench, world)
}
fn kills(bench: &Rig) -> Vec<(u64, ProgramId)> {
    let kill = |(when, effect): &(LocalTime, Effect)| match effect {
        Effect::Kill(program, GRACE) => Some((when.ns() / 1_000_000, *program)),
        _ => None,
    };
    bench.log.iter().filter_map(kill).collect()
}
fn told(bench: &Rig, kind: NoteKind) -> Vec<u64> {
    bench.notes().filter(|(_, note)| note.kind == kind).map(|(at, _)| at.ns() / 1_000_000).collect()
}
fn probes(bench: &Rig, verb: Verb) -> usize {
    bench.sent().filter(|(_, message)| matches!(message, Message::Api(request) if request.verb == verb)).count()
}

#[test]
fn a_good_start_is_followed_by_both_probes_and_the_pods_are_ready() {
    let (bench, _) = rig();
    assert!(bench.actor.is_ready(API) && bench.actor.is_ready(DIRECTORY.etcd(1)));
    assert!((4..=6).contains(&probes(&bench, Verb::Livez)), "one to start with, then every ten seconds");
    assert!((40..=50).contains(&probes(&bench, Verb::Readyz)), "every second since it started: after 10 to 20 s");
    assert!(kills(&bench).is_empty() && told(&bench, NoteKind::StaticPodReady).is_empty());
    let opened = bench.log.iter().filter(|(_, effect)| matches!(effect, Effect::Open(..))).count();
    assert_eq!(opened, 6, "one for each kind of probe");
}

#[test]
fn a_server_that_says_500_is_unready_after_3_s_and_killed_after_70_to_80() {
    let (mut bench, mut world) = rig();
    world.api = Api::Answers(Status::InternalError);
    bench.run(at(200_000), |_, effect| world.answer(effect));
    let unready = told(&bench, NoteKind::StaticPodUnready)[0];
    assert!((62_000..63_100).contains(&unready), "{unready}");
    let (killed, program) = kills(&bench)[0];
    assert!((130_000..140_100).contains(&killed) && program == API, "{killed}");
    assert_eq!(kills(&bench).len(), 1, "it is gone, and the startup probe has its own patience");
}

#[test]
fn a_server_that_hangs_is_killed_as_well_and_one_good_probe_starts_the_count_again() {
    let (mut bench, mut world) = rig();
    world.api = Api::Hangs;
    bench.run(at(120_000), |_, effect| world.answer(effect));
    world.api = Api::Answers(Status::Ok);
    bench.run(at(140_000), |_, effect| world.answer(effect));
    assert!(kills(&bench).is_empty());
    assert_eq!(told(&bench, NoteKind::StaticPodReady).len(), 1);
    world.api = Api::Hangs;
    bench.run(at(310_000), |_, effect| world.answer(effect));
    let (killed, _) = kills(&bench)[0];
    // Fifteen seconds each; the ticks that pass meanwhile are lost.
    assert!((280_000..310_000).contains(&killed), "{killed}");
}

#[test]
fn the_next_process_has_240_s_to_start() {
    let (mut bench, mut world) = rig();
    world.api = Api::Refuses;
    bench.later(Span::ZERO, Input::ProgramEnded(API));
    bench.run(at(400_000), |_, effect| world.answer(effect));
    assert!(!bench.actor.is_ready(API) && bench.actor.is_ready(DIRECTORY.etcd(1)));
    let (killed, _) = kills(&bench)[0];
    assert!((300_000..311_000).contains(&killed), "{killed}: 24 probes from the tenth second on");
    // It restarts for the second time ten seconds after it ended.
    bench.later(Span::ZERO, Input::ProgramEnded(API));
    world.api = Api::Answers(Status::Ok);
    bench.run(at(419_000), |_, effect| world.answer(effect));
    assert!(!bench.actor.is_ready(API));
    bench.run(at(432_000), |_, effect| world.answer(effect));
    assert!(bench.actor.is_ready(API));
}
