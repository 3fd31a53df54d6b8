use super::*;
use crate::client::bench::at;
use crate::engine::Purpose;
use crate::etcd::rpc::{Key, Value};

const READ: Op = Op::Range { key: Key(1), serializable: false };
const WRITE: Op = Op::Put { key: Key(1), value: Value::words(10, [0; 3]), lease: 0 };
const LATE: u64 = 3_600_000;

struct Rig {
    client: EtcdClient,
    rng: Rng,
    out: Out,
}

impl Rig {
    fn started() -> Self {
        let mut rig = Self { client: EtcdClient::default(), rng: Rng::stream(1, Purpose::Test, 0), out: Vec::new() };
        rig.client.start(at(0), &mut rig.rng, &mut rig.out);
        assert_eq!(rig.take(), [Action::Open]);
        rig
    }
    fn ready() -> Self {
        let mut rig = Self::started();
        rig.client.on_connected(at(0), &mut rig.out);
        assert_eq!(rig.take(), [Action::Up(Up::Connected)]);
        rig
    }
    fn take(&mut self) -> Out {
        core::mem::take(&mut self.out)
    }
    fn call(&mut self, op: Op, deadline_ms: u64) -> u32 {
        self.client.call(op, at(deadline_ms), &mut self.out)
    }
    fn down(&mut self, ms: u64) -> Out {
        self.client.on_down(at(ms), &mut self.rng, Down::Kernel(Reason::Reset), &mut self.out);
        self.take()
    }
    fn reply(&mut self, ms: u64, id: u32, result: Result<Response, EtcdError>) -> Out {
        self.client.on_reply(at(ms), &mut self.rng, &Reply { id, result }, &mut self.out);
        self.take()
    }
    /// Lets timers go off until `ms`; what came of it, and when.
    fn run(&mut self, ms: u64) -> Vec<(u64, Action<Up>)> {
        let mut seen = Vec::new();
        while let Some(next) = self.client.next_timer().filter(|next| *next <= at(ms)) {
            self.client.on_timer(next, &mut self.rng, &mut self.out);
            seen.extend(self.take().into_iter().map(|action| (next.ns() / 1_000_000, action)));
        }
        seen
    }
}

fn sent(id: u32, op: Op) -> Action<Up> {
    Action::Send(Frame::Rpc(Request { id, op }))
}
fn failed(call: u32, error: EtcdError) -> Action<Up> {
    Action::Up(Up::Done(call, Err(Failure::Etcd(error))))
}

#[test]
fn refused_dials_follow_the_ladder_and_success_resets_it() {
    let mut rig = Rig::started();
    let (mut now, mut ideal) = (0, 1000);
    for n in 0..14 {
        rig.down(now);
        let dial = rig.client.next_timer().expect("it waits for the next dial").ns() / 1_000_000 + 1;
        assert_eq!(rig.run(dial).len(), 1, "dial {n}");
        let wait = dial - now;
        let spread = if n == 0 { 1 } else { ideal / 5 + 1 };
        assert!((ideal - spread..=ideal + spread).contains(&wait), "dial {n} after {wait} ms, not about {ideal}");
        now = dial;
        ideal = (ideal * 16 / 10).min(120_000);
    }
    rig.client.on_connected(at(now), &mut rig.out);
    rig.take();
    assert_eq!(rig.down(now)[1], Action::Open, "the first dial after a break does not wait");
    rig.down(now);
    assert_eq!(rig.run(now + 1000), [(now + 1000, Action::Open)]);
}

#[test]
fn a_silent_dial_is_given_up_after_20_s() {
    let mut rig = Rig::started();
    assert_eq!(rig.run(21_000), [(20_000, Action::Abort), (21_000, Action::Open)]);
}

#[test]
fn calls_wait_for_a_connection_until_their_own_deadline() {
    let mut rig = Rig::started();
    let short = rig.call(WRITE, 2_000);
    let long = rig.call(WRITE, 34_000);
    assert_eq!(rig.take(), []);
    assert_eq!(rig.run(3_000), [(2_000, Action::Up(Up::Done(short, Err(Failure::Deadline))))]);
    rig.client.on_connected(at(3_000), &mut rig.out);
    assert_eq!(rig.take(), [Action::Up(Up::Connected), sent(1, WRITE)]);
    let ok = Response { revision: 5, succeeded: true, kv: None, range: None };
    assert_eq!(rig.reply(3_001, 1, Ok(ok.clone())), [Action::Up(Up::Done(long, Ok(ok)))]);
    assert_eq!(rig.client.calls(), 0);
}

#[test]
fn a_call_given_up_under_way_is_cancelled_at_etcd() {
    let mut rig = Rig::ready();
    let call = rig.call(READ, 2_000);
    let expired = Action::Up(Up::Done(call, Err(Failure::Deadline)));
    rig.take();
    assert_eq!(rig.run(2_000), [(2_000, Action::Send(Frame::Cancel(1))), (2_000, expired)]);
    assert_eq!(rig.reply(2_001, 1, Err(EtcdError::Timeout)), [], "its late answer is for nobody");
    let call = rig.call(READ, 9_000);
    rig.take();
    rig.client.abandon(call, &mut rig.out);
    assert_eq!(rig.take(), [Action::Send(Frame::Cancel(2))]);
}

#[test]
fn a_dead_connection_is_noticed_after_40_s_of_silence() {
    let mut rig = Rig::ready();
    let write = rig.call(WRITE, LATE);
    rig.take();
    let seen = rig.run(40_000);
    assert_eq!(seen[0], (30_000, Action::Send(Frame::Ping)));
    assert_eq!(seen[1], (40_000, Action::Abort));
    assert_eq!(seen[2], (40_000, Action::Up(Up::Disconnected(Down::Keepalive))));
    assert_eq!(seen[3..], [(40_000, Action::Open), (40_000, failed(write, EtcdError::ConnectionBroken))]);
}

#[test]
fn any_read_is_life() {
    let mut rig = Rig::ready();
    assert_eq!(rig.run(35_000), [(30_000, Action::Send(Frame::Ping))]);
    rig.client.on_read(at(39_999));
    assert_eq!(rig.run(69_998), []);
    assert_eq!(rig.run(70_000), [(69_999, Action::Send(Frame::Ping))]);
}

#[test]
fn after_a_break_a_read_is_tried_again_and_a_write_is_not() {
    let mut rig = Rig::ready();
    let _read = rig.call(READ, LATE);
    let write = rig.call(WRITE, LATE);
    rig.take();
    let broken = Action::Up(Up::Disconnected(Down::Kernel(Reason::Reset)));
    assert_eq!(rig.down(1_000), [broken, Action::Open, failed(write, EtcdError::ConnectionBroken)]);
    rig.client.on_connected(at(1_001), &mut rig.out);
    assert_eq!(rig.take(), [Action::Up(Up::Connected)]);
    let again = rig.run(2_000);
    assert_eq!(again.len(), 1);
    assert!((1_022..=1_027).contains(&again[0].0), "the pause is 25 ms and 10 %: {again:?}");
    assert_eq!(again[0].1, sent(3, READ));
}

#[test]
fn a_read_is_tried_a_hundred_times_and_no_more() {
    let mut rig = Rig::ready();
    let read = rig.call(READ, LATE);
    assert_eq!(rig.take(), [sent(1, READ)]);
    for n in 1..100 {
        assert_eq!(rig.reply(n * 100, n as u32, Err(EtcdError::LeaderChanged)), []);
        assert_eq!(rig.run(n * 100 + 28).len(), 1);
    }
    assert_eq!(rig.reply(10_000, 100, Err(EtcdError::LeaderChanged)), [failed(read, EtcdError::LeaderChanged)]);
}

#[test]
fn which_errors_of_etcd_are_tried_again() {
    for (op, error, again) in [
        (READ, EtcdError::Timeout, true),
        (WRITE, EtcdError::Timeout, false),
        (WRITE, EtcdError::TimeoutLeaderFail, false),
        (WRITE, EtcdError::LeaderChanged, false),
        (READ, EtcdError::DeadlineExceeded, true),
        (WRITE, EtcdError::DeadlineExceeded, true),
        (READ, EtcdError::TooManyRequests, false),
    ] {
        let mut rig = Rig::ready();
        let call = rig.call(op.clone(), LATE);
        rig.take();
        let told = rig.reply(7_000, 1, Err(error));
        assert_eq!(told.is_empty(), again, "{op:?} after {error:?}: {told:?}");
        assert!(again || told == [failed(call, error)]);
    }
}

#[test]
fn one_call_too_many_is_refused() {
    let mut rig = Rig::started();
    for _ in 0..LIMIT {
        rig.call(READ, LATE);
    }
    assert_eq!(rig.take(), []);
    let call = rig.call(READ, LATE);
    assert_eq!(rig.take(), [failed(call, EtcdError::TooManyRequests)]);
}
