use super::*;
use crate::api::rpc::Level;
use crate::client::bench::at;
use crate::object::Key;

const GET: Request = Request::get(Key::user_object(0, 5), Level::GlobalDefault);

fn request(http: &mut Http, ms: u64, timeout_ms: u64) -> Out {
    let mut out = Vec::new();
    http.request(at(ms), GET, Span::from_ms(timeout_ms), 77, &mut out);
    out
}
fn sent(id: u32) -> Action<News> {
    Action::Send(Frame::Api(Request { id, ..GET }))
}
fn done(id: u32, ms: u64, status: Status) -> Action<News> {
    Action::Up(News::Done(Done { id, tag: 77, started: at(ms), status, kv: None, list: None, retry_after: None }))
}
fn connected(http: &mut Http, ms: u64) -> Out {
    let mut out = Vec::new();
    http.on_connected(at(ms), &mut out);
    out
}
fn run(http: &mut Http, ms: u64) -> Vec<(u64, Action<News>)> {
    let mut seen = Vec::new();
    while let Some(next) = http.next_timer().filter(|next| *next <= at(ms)) {
        let mut out = Vec::new();
        http.on_timer(next, &mut out);
        seen.extend(out.into_iter().map(|action| (next.ns() / 1_000_000, action)));
    }
    seen
}

#[test]
fn it_dials_on_demand_and_shares_the_connection() {
    let mut http = Http::default();
    assert_eq!(http.next_timer(), None);
    assert_eq!(request(&mut http, 0, 5_000), [Action::Open]);
    assert_eq!(request(&mut http, 1, 5_000), []);
    assert_eq!(connected(&mut http, 2), [sent(1), sent(2)]);
    assert_eq!(request(&mut http, 3, 5_000), [sent(3)]);
    let mut out = Vec::new();
    http.on_reply(at(4), &Reply::new(2, Status::Ok), &mut out);
    assert_eq!(out, [done(2, 1, Status::Ok)]);
    assert_eq!(http.pending(), 2);
}

#[test]
fn a_request_out_of_time_is_cancelled_and_the_connection_stays() {
    let mut http = Http::default();
    request(&mut http, 0, 5_000);
    connected(&mut http, 1_000);
    let ended = run(&mut http, 6_000);
    assert_eq!(ended, [(5_000, Action::Send(Frame::Cancel(1))), (5_000, done(1, 0, Status::ClientTimeout))]);
    let mut out = Vec::new();
    http.on_reply(at(6_001), &Reply::new(1, Status::Ok), &mut out);
    assert_eq!(out, [], "its late answer is for nobody");
    assert_eq!(request(&mut http, 6_002, 5_000), [sent(2)]);
}

#[test]
fn a_request_that_never_left_is_only_forgotten() {
    let mut http = Http::default();
    request(&mut http, 0, 5_000);
    assert_eq!(run(&mut http, 5_000), [(5_000, done(1, 0, Status::ClientTimeout))]);
    assert_eq!(connected(&mut http, 5_001), []);
}

#[test]
fn a_broken_connection_fails_them_all_and_the_next_request_dials() {
    let mut http = Http::default();
    request(&mut http, 0, 5_000);
    request(&mut http, 1, 5_000);
    connected(&mut http, 2);
    let mut out = Vec::new();
    http.on_down(&mut out);
    assert_eq!(out, [done(1, 0, Status::ConnectionError), done(2, 1, Status::ConnectionError)]);
    assert_eq!(http.next_timer(), None);
    assert_eq!(request(&mut http, 10, 5_000), [Action::Open]);
    out.clear();
    http.on_down(&mut out);
    assert_eq!(out, [done(3, 10, Status::ConnectionError)], "a refused dial fails what waits for it");
    assert_eq!(request(&mut http, 20, 5_000), [Action::Open]);
    assert_eq!(connected(&mut http, 21), [sent(4)], "nothing of the last dial is left");
}

#[test]
fn a_silent_dial_is_given_up_after_30_s() {
    let mut http = Http::default();
    request(&mut http, 0, 60_000);
    assert_eq!(run(&mut http, 40_000), [(30_000, Action::Abort), (30_000, done(1, 0, Status::ConnectionError))]);
}

#[test]
fn a_dead_connection_is_noticed_after_45_s_of_silence() {
    let mut http = Http::default();
    request(&mut http, 0, 60_000);
    connected(&mut http, 0);
    let seen = run(&mut http, 50_000);
    assert_eq!(seen[0], (30_000, Action::Send(Frame::Ping)));
    assert_eq!(seen[1..], [(45_000, Action::Abort), (45_000, done(1, 0, Status::ConnectionError))]);
}

#[test]
fn a_pong_is_life() {
    let mut http = Http::default();
    request(&mut http, 0, 600_000);
    connected(&mut http, 0);
    assert_eq!(run(&mut http, 44_000), [(30_000, Action::Send(Frame::Ping))]);
    http.on_read(at(44_000));
    assert_eq!(run(&mut http, 74_000), [(74_000, Action::Send(Frame::Ping))]);
}

#[test]
fn one_request_too_many_fails_at_once() {
    let mut http = Http::default();
    for _ in 0..LIMIT {
        request(&mut http, 0, 1_000);
    }
    assert_eq!(request(&mut http, 1, 1_000), [done(LIMIT + 1, 1, Status::ConnectionError)]);
    assert_eq!(run(&mut http, 2_000).len(), LIMIT as usize);
    assert_eq!((http.pending(), http.queue.len()), (0, 0));
}
