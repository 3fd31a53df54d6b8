//! The users' rows: how requests fare.

use super::{Rows, Scene, float, low, ms, share};
use crate::actor::role::Role;
use crate::engine::{LocalTime, Span};
use crate::inspect;
use crate::load::{Kind, Stream};

pub(super) fn load(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    let id = sim.directory().load();
    let Role::Load(load) = &sim.programs()[id.ix()].role else { return };
    let now = sim.local(id);
    for (api, kind) in (0..sim.directory().api_servers).flat_map(|api| Kind::ALL.map(|kind| (api, kind))) {
        let stream = load.stream(api, kind);
        let [sent, ok, failed, waiting, ended, success, p50, p99] = fare(stream, now);
        rows.push(&[api.into(), kind as u32, sent, ok, failed, waiting, ended, success, p50, p99]);
    }
}
pub(super) fn services(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    let id = sim.directory().load();
    let Role::Load(load) = &sim.programs()[id.ix()].role else { return };
    let now = sim.local(id);
    for (service, traffic) in load.traffic().iter().enumerate() {
        let [sent, ok, failed, waiting, ended, success, p50, p99] = fare(&traffic.stream, now);
        let (refused, timeouts, broken) = (low(traffic.refused), low(traffic.timeouts), low(traffic.broken));
        let service = service as u32;
        rows.push(&[service, sent, ok, failed, waiting, ended, success, p50, p99, refused, timeouts, broken]);
    }
}
/// Sent, well, failed and under way so far; ended, share of successes and latencies of the last ten seconds.
fn fare(stream: &Stream, now: LocalTime) -> [u32; 8] {
    let window = inspect::window(stream, now);
    let latency = |us: u32| if window.ok == 0 { float(-1) } else { ms(Span::from_us(us.into())) };
    [
        low(stream.sent),
        low(stream.ok),
        low(stream.failed),
        low(stream.waiting()),
        window.ended,
        window.success_ppm.map_or(float(-1), share),
        latency(window.p50_us),
        latency(window.p99_us),
    ]
}
