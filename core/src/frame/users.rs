//! The users' rows: how requests fare.

use super::{Rows, Scene, float, low, ms, share};
use crate::actor::role::Role;
use crate::engine::Span;
use crate::inspect;
use crate::load::Kind;

pub(super) fn load(Scene { sim, .. }: &Scene<'_>, rows: &mut Rows) {
    let id = sim.directory().load();
    let Role::Load(load) = &sim.programs()[id.ix()].role else { return };
    let now = sim.local(id);
    for (api, kind) in (0..sim.directory().api_servers).flat_map(|api| Kind::ALL.map(|kind| (api, kind))) {
        let stream = load.stream(api, kind);
        let window = inspect::window(stream, now);
        let latency = |us: u32| if window.ok == 0 { float(-1) } else { ms(Span::from_us(us.into())) };
        rows.push(&[
            api.into(),
            kind as u32,
            low(stream.sent),
            low(stream.ok),
            low(stream.failed),
            low(stream.waiting()),
            window.ended,
            window.success_ppm.map_or(float(-1), share),
            latency(window.p50_us),
            latency(window.p99_us),
        ]);
    }
}
