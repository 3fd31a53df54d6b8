use super::*;
use crate::actor::wire::Message;
use crate::actor::{ConnUp, Effect, ProgramId};
use crate::api::rpc::{Reply, Status};
use crate::client::bench::{Bench, at};
use crate::net::packet::ConnId;
use crate::net::tcp::Reason;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;

const DIRECTORY: Directory = Directory::stacked(3, 0);

/// API servers that answer with a status each; None: not at all.
struct World {
    status: [Option<Status>; 3],
    conns: BTreeMap<ConnId, ProgramId>,
}

impl World {
    fn answer(&mut self, effect: &Effect) -> Option<(Span, Input)> {
        let ms = Span::from_ms(1);
        match effect {
            Effect::Open(conn, to, Port::Api) => {
                self.conns.insert(*conn, *to);
                Some((ms, Input::Conn(*conn, ConnUp::Connected)))
            }
            Effect::Send(conn, _, Message::Api(request)) => {
                let n = (0..3).find(|n| DIRECTORY.api(*n) == self.conns[conn]).expect("a server");
                let reply = Reply::new(request.id, self.status[usize::from(n)]?);
                Some((ms, Input::Message(*conn, Message::ApiReply(Box::new(reply)))))
            }
            _ => None,
        }
    }
}
fn rules(bench: &Bench<Balancer>) -> Vec<(u64, Vec<ProgramId>)> {
    let rule = |(when, effect): &(LocalTime, Effect)| match effect {
        Effect::Rules(Address::ApiServers, targets) => {
            Some((when.ns() / 1_000_000, targets.iter().map(|target| target.program).collect()))
        }
        _ => None,
    };
    bench.log.iter().filter_map(rule).collect()
}

#[test]
fn a_server_goes_after_three_failures_and_comes_back_after_two_successes() {
    let mut world = World { status: [Some(Status::Ok); 3], conns: BTreeMap::new() };
    let mut bench = Bench::new(Balancer::new(DIRECTORY), DIRECTORY.balancer());
    bench.later(Span::ZERO, Input::Boot);
    bench.run(at(10_000), |_, effect| world.answer(effect));
    assert_eq!(rules(&bench), [(0, (0..3).map(|n| DIRECTORY.api(n)).collect())]);
    let opened = bench.log.iter().filter(|(_, effect)| matches!(effect, Effect::Open(..))).count();
    let closed = bench.log.iter().filter(|(_, effect)| matches!(effect, Effect::Close(..))).count();
    assert!((14..=15).contains(&opened) && opened == closed, "a connection for each check: {opened}, {closed}");
    world.status[1] = Some(Status::InternalError);
    bench.run(at(20_000), |_, effect| world.answer(effect));
    let (out, left) = rules(&bench).pop().expect("new rules");
    assert!((14_000..16_100).contains(&out), "{out}");
    assert_eq!(left, [DIRECTORY.api(0), DIRECTORY.api(2)]);
    world.status[1] = Some(Status::Ok);
    bench.run(at(30_000), |_, effect| world.answer(effect));
    let (back, all) = rules(&bench).pop().expect("new rules");
    assert!((22_000..24_100).contains(&back) && all.len() == 3, "{back}");
}

#[test]
fn with_no_server_well_all_are_used() {
    let mut world = World { status: [None; 3], conns: BTreeMap::new() };
    let mut bench = Bench::new(Balancer::new(DIRECTORY), DIRECTORY.balancer());
    bench.later(Span::ZERO, Input::Boot);
    bench.run(at(10_000), |_, effect| world.answer(effect));
    let counts: Vec<usize> = rules(&bench).iter().map(|(_, targets)| targets.len()).collect();
    assert_eq!(counts, [3, 2, 1, 3]);
    let aborts = bench.log.iter().filter(|(_, effect)| matches!(effect, Effect::Abort(_))).count();
    assert!(aborts >= 9, "each hangs for two seconds: {aborts}");
}

#[test]
fn a_refused_connection_is_a_failure() {
    let mut bench = Bench::new(Balancer::new(DIRECTORY), DIRECTORY.balancer());
    bench.later(Span::ZERO, Input::Boot);
    bench.run(at(8_000), |_, effect| match effect {
        Effect::Open(conn, to, _) if *to == DIRECTORY.api(2) => {
            Some((Span::from_ms(1), Input::Conn(*conn, ConnUp::Failed(Reason::Refused))))
        }
        _ => None,
    });
    assert!(!bench.actor.is_in(2));
}
