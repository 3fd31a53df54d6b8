use super::*;
use crate::actor::Effect;
use crate::api::rpc::Verb;
use crate::client::api_bench::{FakeApi, Mode};
use crate::client::bench::{Bench, at};
use crate::object::{EndpointSlice, Object, Service};

const PODS: [Key; 3] = [Key::pod(0, 1, 1), Key::pod(0, 1, 2), Key::pod(0, 1, 3)];
const READY: (bool, bool) = (true, false);
const UNREADY: (bool, bool) = (false, false);
const ENDING: (bool, bool) = (false, true);

fn directory() -> Directory {
    Directory::stacked(1, 10)
}
fn slice(states: [(bool, bool); 3]) -> Option<Object> {
    let endpoint = |(n, (ready, terminating)): (usize, (bool, bool))| Endpoint {
        pod: PODS[n],
        node: n as NodeId,
        ready,
        terminating,
    };
    let endpoints = states.into_iter().enumerate().map(endpoint).collect();
    Some(Object::EndpointSlice(Arc::new(EndpointSlice { workload: 0, endpoints })))
}
fn rig() -> (FakeApi, Bench<Proxy>) {
    let proxy = Proxy::new(4, directory());
    let (mut api, mut bench) = (FakeApi::default(), Bench::new(proxy, directory().proxy(4)));
    let service = Key::of_workload(Kind::Service, 0);
    api.put(&mut bench, service, Some(Object::Service(Service { workload: 0 })));
    api.put(&mut bench, Key::endpoint_slice(0, 0), slice([READY, READY, UNREADY]));
    bench.later(Span::ZERO, Input::Boot);
    (api, bench)
}
fn written(bench: &Bench<Proxy>) -> Vec<(LocalTime, usize)> {
    let rules = |(at, effect): &(LocalTime, Effect)| match effect {
        Effect::Rules(_, targets) => Some((*at, targets.len())),
        _ => None,
    };
    bench.log.iter().filter_map(rules).collect()
}

#[test]
fn rules_are_the_ready_endpoints_and_are_written_at_most_once_a_second() {
    let (mut api, mut bench) = rig();
    api.run(&mut bench, at(5_000));
    let target = |n: u16| Target { program: directory().kubelet(n), port: Port::Pod(PODS[usize::from(n)]) };
    assert_eq!(bench.actor.targets(0), [target(0), target(1)]);
    let (first, _) = written(&bench)[0];
    assert!(first < at(20), "{first:?}");
    api.put(&mut bench, Key::endpoint_slice(0, 0), slice([READY, READY, READY]));
    api.run(&mut bench, at(5_100));
    api.put(&mut bench, Key::endpoint_slice(0, 0), slice([READY, READY, UNREADY]));
    api.put(&mut bench, Key::endpoint_slice(0, 0), slice([READY, UNREADY, UNREADY]));
    api.run(&mut bench, at(8_000));
    assert_eq!(written(&bench)[1..], [(at(5_001), 3), (at(6_001), 1)]);
    api.put(&mut bench, Key::endpoint_slice(0, 0), slice([READY, ENDING, UNREADY]));
    api.run(&mut bench, at(10_000));
    assert_eq!(written(&bench).len(), 3, "what is there already is not written");
    assert_eq!(bench.actor.syncs(), 4);
}

#[test]
fn without_a_ready_endpoint_those_that_end_still_serve() {
    let (mut api, mut bench) = rig();
    api.run(&mut bench, at(5_000));
    api.put(&mut bench, Key::endpoint_slice(0, 0), slice([ENDING, UNREADY, ENDING]));
    api.run(&mut bench, at(5_100));
    assert_eq!(
        bench.actor.targets(0).iter().map(|it| it.port).collect::<Vec<_>>(),
        [Port::Pod(PODS[0]), Port::Pod(PODS[2])]
    );
    api.put(&mut bench, Key::of_workload(Kind::Service, 0), None);
    api.run(&mut bench, at(7_000));
    assert_eq!(bench.actor.targets(0), []);
}

#[test]
fn rules_stay_when_the_api_is_silent_and_a_new_process_writes_them_again() {
    let (mut api, mut bench) = rig();
    api.run(&mut bench, at(5_000));
    api.crash(&mut bench);
    api.put(&mut bench, Key::endpoint_slice(0, 0), slice([UNREADY, UNREADY, READY]));
    api.run(&mut bench, at(600_000));
    assert_eq!(written(&bench).len(), 1);
    assert_eq!(bench.actor.targets(0).len(), 2);
    api.mode = Mode::Up;
    api.run(&mut bench, at(700_000));
    assert_eq!(bench.actor.targets(0).len(), 1);
    bench.later(Span::ZERO, Input::Boot);
    api.run(&mut bench, at(701_000));
    assert_eq!(written(&bench)[2..], [(at(700_002), 1)]);
    assert_eq!(api.calls(Verb::List, Kind::Service).last(), Some(&at(700_001)));
}
