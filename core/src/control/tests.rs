use super::*;
use crate::actor::wire::Message;
use crate::actor::{ConnUp, Effect, Port};
use crate::api::rpc::{Body, Reply, Status, Verb};
use crate::client::bench::{Bench, at};
use crate::etcd::rpc::{KeyValue, Value};
use crate::net::tcp::Reason;
use alloc::boxed::Box;

const DIRECTORY: Directory = Directory::stacked(3, 0);

/// An API server with one Lease object, which takes a millisecond; perhaps it is down, or mute.
#[derive(Default)]
struct Server {
    kv: Option<KeyValue>,
    down: bool,
    mute: bool,
}

impl Server {
    fn answer(&mut self, effect: &Effect) -> Option<(Span, Input)> {
        let ms = Span::from_ms(1);
        match effect {
            Effect::Open(conn, to, Port::Api) => {
                assert_eq!(*to, DIRECTORY.api(1), "only its own host's API server");
                let up = if self.down { ConnUp::Failed(Reason::Refused) } else { ConnUp::Connected };
                Some((ms, Input::Conn(*conn, up)))
            }
            Effect::Send(conn, _, Message::Api(request)) if !self.mute => {
                let status = match request.verb {
                    Verb::Get if self.kv.is_none() => Status::NotFound,
                    Verb::Create | Verb::Update => {
                        let Body::Value(value) = &request.body else { panic!("{request:?}") };
                        self.write(value.clone());
                        Status::Ok
                    }
                    _ => Status::Ok,
                };
                let reply = Reply { kv: self.kv.clone(), ..Reply::new(request.id, status) };
                Some((ms, Input::Message(*conn, Message::ApiReply(Box::new(reply)))))
            }
            _ => None,
        }
    }
    fn write(&mut self, value: Value) {
        let mod_revision = self.kv.as_ref().map_or(2, |kv| kv.mod_revision + 1);
        self.kv = Some(KeyValue { key: lease_key(1), value, create_revision: 2, mod_revision, version: 1 });
    }
}

fn scheduler() -> Bench<Control> {
    Bench::new(Control::new(1, 1, DIRECTORY), DIRECTORY.control(1, 1))
}

#[test]
fn it_leads_loses_its_api_server_and_exits_with_status_1() {
    let (mut bench, mut server) = (scheduler(), Server::default());
    bench.later(Span::ZERO, Input::Boot);
    bench.run(at(10_500), |_, effect| server.answer(effect));
    assert!(bench.actor.believes());
    assert_eq!(bench.actor.lease_left(bench.now).ms() / 1000, 14);
    let kinds: Vec<NoteKind> = bench.notes().map(|(_, note)| note.kind).collect();
    assert_eq!(kinds[..2], [NoteKind::Acquired, NoteKind::Renewed]);
    server.mute = true;
    bench.run(at(60_000), |_, effect| server.answer(effect));
    let (when, lost) = bench.notes().last().expect("it told");
    assert_eq!((lost.kind, lost.a, lost.b), (NoteKind::LeaseLost, 1, 12_000_000));
    assert!((22_000..22_100).contains(&(when.ns() / 1_000_000)));
    assert_eq!(bench.log.last(), Some(&(when, Effect::Exit(LEASE_LOST))), "and nothing after it");
    assert_eq!((bench.actor.processes(), bench.actor.exits(), bench.actor.exited()), (1, 1, true));
    assert!(!bench.actor.believes());
}

#[test]
fn a_new_process_is_somebody_else_and_knows_nothing() {
    let (mut bench, mut server) = (scheduler(), Server::default());
    bench.later(Span::ZERO, Input::Boot);
    bench.run(at(5_000), |_, effect| server.answer(effect));
    bench.later(Span::ZERO, Input::Boot);
    bench.run(at(5_100), |_, effect| server.answer(effect));
    assert!(!bench.actor.believes());
    assert_eq!(bench.actor.elector().me().process, 1);
    assert_eq!(bench.actor.elector().observed_holder().map(|holder| holder.process), Some(0));
    bench.run(at(26_000), |_, effect| server.answer(effect));
    assert!(bench.actor.believes(), "its predecessor's Lease ran out");
}

#[test]
fn against_a_closed_port_it_dials_anew_for_each_call() {
    let (mut bench, mut server) = (scheduler(), Server { down: true, ..Server::default() });
    bench.later(Span::ZERO, Input::Boot);
    bench.run(at(20_000), |_, effect| server.answer(effect));
    let dials = bench.log.iter().filter(|(_, effect)| matches!(effect, Effect::Open(..))).count();
    let failed = bench.notes().filter(|(_, note)| note.kind == NoteKind::TryFailed).count();
    assert!((5..=10).contains(&failed) && dials >= failed, "{dials} dials, informers' too, {failed} failures");
    server.down = false;
    bench.run(at(25_000), |_, effect| server.answer(effect));
    assert!(bench.actor.believes());
}

#[test]
fn it_keeps_few_timers_armed() {
    let (mut bench, mut server) = (scheduler(), Server::default());
    bench.later(Span::ZERO, Input::Boot);
    bench.run(at(600_000), |_, effect| server.answer(effect));
    let armed = bench.log.iter().filter(|(_, effect)| matches!(effect, Effect::Arm(..))).count();
    let renewed = bench.notes().filter(|(_, note)| note.kind == NoteKind::Renewed).count();
    assert!((290..=301).contains(&renewed), "{renewed} renewals");
    assert!(armed < renewed * 3, "{armed} timers for {renewed} renewals");
}
