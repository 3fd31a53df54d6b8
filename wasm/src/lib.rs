//! The engine for JavaScript: converts, decides nothing.
//!
//! Two speeds: `fill_frame` leaves one picture in memory for the page to read sixty times a second; everything else goes
//! through plain objects and is for when somebody asks.

#[cfg(feature = "bench")]
mod bench;
mod compare;
mod dto;
mod replay;
mod travel;
mod why;

use brownout_core::engine::Time;
use brownout_core::frame::{self, Frame, Scene};
use brownout_core::journal::{Act, Cluster, Dial, ENGINE_VERSION, FaultSpec, Run};
use brownout_core::metrics::text;
use brownout_core::sim::Command;
use brownout_core::timeline::Timeline;
use dto::{Catalog, Note, Value};
use js_sys::Float64Array;
use replay::Replay;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps what a panic said, so that the page can show it.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        PANIC.with(|text| *text.borrow_mut() = info.to_string());
    }));
}

/// What the engine said when it broke; empty if it didn't.
#[wasm_bindgen]
pub fn panic_text() -> String {
    PANIC.with(|text| text.borrow().clone())
}

/// The engine's version.
#[wasm_bindgen]
pub fn version() -> String {
    ENGINE_VERSION.to_owned()
}

fn to_js<T: Serialize>(value: &T) -> Result<JsValue, JsError> {
    let plain = serde_wasm_bindgen::Serializer::new().serialize_missing_as_null(true);
    value.serialize(&plain).map_err(|why| JsError::new(&why.to_string()))
}
fn from_js<T: DeserializeOwned>(field: &str, value: JsValue) -> Result<T, JsError> {
    serde_wasm_bindgen::from_value(value).map_err(|why| JsError::new(&format!("{field} can't be read: {why}")))
}
fn refuse(why: impl ToString) -> JsError {
    JsError::new(&why.to_string())
}
/// Microseconds as JavaScript counts them. Beyond 2^53 they would not be exact.
fn time(us: f64) -> Result<Time, JsError> {
    if (0.0..9_007_199_254_740.0).contains(&us) {
        return Ok(Time::from_ns(us as u64 * 1000));
    }
    Err(JsError::new(&format!("time = {us} us is outside 0..=9007199254740")))
}

fn us(time: Time) -> f64 {
    (time.ns() / 1000) as f64
}

/// One run.
#[wasm_bindgen]
pub struct Engine {
    run: Timeline,
    frame: Frame,
}

#[wasm_bindgen]
impl Engine {
    /// The beginning of a run, on the scenario's own cluster unless `cluster` says otherwise:
    /// `{members, api_servers, external, nodes}`. The error is a sentence.
    #[wasm_bindgen(constructor)]
    pub fn new(scenario: &str, seed: u32, cluster: JsValue) -> Result<Engine, JsError> {
        let cluster: Option<Cluster> = from_js("cluster", cluster)?;
        let seed = u64::from(seed);
        let run = match cluster {
            None => Timeline::new(scenario, seed),
            Some(cluster) => cluster.directory().and_then(|directory| Timeline::with(scenario, directory, seed)),
        };
        let run = run.map_err(refuse)?;
        Ok(Self { run, frame: Frame::default() })
    }
    /// Everything the engine has names for.
    pub fn catalog() -> Result<JsValue, JsError> {
        to_js(&Catalog::new())
    }
    /// Goes to this moment, forward or back, by at most `budget` events. Returns whether it got there.
    pub fn run(&mut self, until_us: f64, budget: u32) -> Result<bool, JsError> {
        Ok(self.run.seek(time(until_us)?, budget))
    }
    /// Executes one event.
    pub fn step_event(&mut self) {
        self.run.step_event();
    }
    /// Takes one event back.
    pub fn step_back(&mut self) {
        self.run.seek_step(self.run.sim().steps().saturating_sub(1));
    }
    /// Moves dials, all or none: `[{name, value}]`. The error names the field, the value and the range.
    pub fn set_knobs(&mut self, changes: JsValue) -> Result<(), JsError> {
        let changes: Vec<Dial> = from_js("changes", changes)?;
        let changes = changes.iter().map(Dial::knob).collect::<Result<_, _>>().map_err(refuse)?;
        self.run.command(Command::Set(changes)).map_err(refuse)?;
        Ok(())
    }
    /// Why a dial may not stand there now; nothing if it may.
    pub fn check_knob(&self, name: String, value: u32) -> Option<String> {
        let checked = Dial { name, value }
            .knob()
            .and_then(|(knob, value)| self.run.sim().may(&Command::Set(vec![(knob, value)])));
        checked.err().map(|why| why.to_string())
    }
    /// Injects a fault: `{name, host, to, value, enter, leave}`. Returns its number.
    pub fn inject(&mut self, fault: JsValue) -> Result<u32, JsError> {
        let spec: FaultSpec = from_js("fault", fault)?;
        let fault = spec.fault().map_err(refuse)?;
        let id = self.run.command(Command::Inject(fault)).map_err(refuse)?;
        Ok(id.map_or(0, |id| id.0))
    }
    /// Heals the fault of this number.
    pub fn heal(&mut self, id: u32) -> Result<(), JsError> {
        self.run.command(Command::Heal(brownout_core::fault::FaultId(id))).map_err(refuse)?;
        Ok(())
    }
    /// Heals every fault.
    pub fn heal_all(&mut self) -> Result<(), JsError> {
        self.run.command(Command::HealAll).map_err(refuse)?;
        Ok(())
    }
    /// Has something done with kubectl, or plugs a machine in: an act of the journal's format, such as
    /// `{scale: {workload, replicas}}`, `{drain: node}` or `"add_node"`. The error names the field and what is allowed.
    pub fn operate(&mut self, act: JsValue) -> Result<(), JsError> {
        let act: Act = from_js("act", act)?;
        self.run.command(act.command().map_err(refuse)?).map_err(refuse)?;
        Ok(())
    }
    /// The branches of the run: what was done in each, and which one is played.
    pub fn branches(&self) -> Result<JsValue, JsError> {
        to_js(&travel::branches(&self.run))
    }
    /// Plays another branch. Returns the moment to run to, in us: until then the world stands somewhere before.
    pub fn switch_branch(&mut self, id: u32) -> Result<f64, JsError> {
        Ok(us(self.run.switch(id).map_err(refuse)?))
    }
    /// Calls a branch something.
    pub fn rename_branch(&mut self, id: u32, name: &str) -> Result<(), JsError> {
        self.run.rename(id, name).map_err(refuse)
    }
    /// Forgets a branch that is not played.
    pub fn delete_branch(&mut self, id: u32) -> Result<(), JsError> {
        self.run.delete(id).map_err(refuse)
    }
    /// Begins a branch in which one thing is otherwise: `{arrive: [{packet, at_us}]}` or `{without: command}`. Returns the
    /// moment to run to, in us.
    pub fn what_if(&mut self, what: JsValue) -> Result<f64, JsError> {
        let what: travel::WhatIf = from_js("what", what)?;
        Ok(us(self.run.what_if(what.read()?).map_err(refuse)?))
    }
    /// How far this branch has been played, in us; how many checkpoints there are, and what they take in bytes.
    pub fn travel(&self) -> Result<JsValue, JsError> {
        to_js(&travel::Travel::of(&self.run))
    }
    /// The moment it is, in us.
    pub fn now_us(&self) -> f64 {
        us(self.run.sim().now())
    }
    /// Events executed so far.
    pub fn steps(&self) -> f64 {
        self.run.sim().steps() as f64
    }
    /// The digest of everything executed so far, in hex.
    pub fn digest(&self) -> String {
        format!("{:016x}", self.run.sim().history())
    }
    /// The workloads' names, by number.
    pub fn workload_names(&self) -> Result<JsValue, JsError> {
        let sim = self.run.sim();
        to_js(&(0..sim.workloads()).map(|workload| sim.workload_name(workload)).collect::<Vec<_>>())
    }
    /// Fills the frame and returns where in memory it begins, in bytes. Unless `all`, large tables stay as they were.
    pub fn fill_frame(&mut self, all: bool) -> u32 {
        let scene = Scene { sim: self.run.sim(), trace: self.run.trace(), samples: self.run.history().end() };
        self.frame.fill(&scene, all).as_ptr() as u32
    }
    /// How many words the frame has.
    pub fn frame_words(&self) -> u32 {
        self.frame.words().len() as u32
    }
    /// The notable rows from number `from` on, at most the newest `max` of them.
    pub fn notes(&self, from: f64, max: u32) -> Result<JsValue, JsError> {
        let ring = self.run.trace().notes();
        let end = ring.end().min(self.run.sim().marks().notes);
        let from = (from as u64).max(end.saturating_sub(u64::from(max)));
        let rows = frame::note_rows(ring, from, self.run.sim().now());
        to_js(&rows.map(|(number, row)| Note::new(number, row)).collect::<Vec<_>>())
    }
    /// Why something is so or happened: `{event: id}`, `"leader"`, `{member: n}`, `{lease: component}`, `{watch: api}`,
    /// `{api: n}`, `{requests: {api, kind}}`, `{service: workload}`, `{workload: n}`, `{pod: {…}}` or `{node: n}`.
    /// The answer: steps from now back, and what it ends at.
    pub fn why(&self, question: JsValue) -> Result<JsValue, JsError> {
        let question: why::Question = from_js("question", question)?;
        let question = question.read(&self.run)?;
        to_js(&why::Answer::of(&self.run.why(&question)))
    }
    /// Where every dial stands: `[{name, value}]`.
    pub fn knobs(&self) -> Result<JsValue, JsError> {
        to_js(&Value::all(self.run.sim().knobs()))
    }
    /// The names of the columns of [`Engine::samples`].
    pub fn sample_columns(&self) -> Result<JsValue, JsError> {
        to_js(&dto::sample_columns(self.run.sim().directory().api_servers))
    }
    /// The points of the series from number `from` on, one after the other, each with a value per column.
    pub fn samples(&self, from: f64) -> Float64Array {
        let apis = self.run.sim().directory().api_servers;
        let cells = dto::sample_cells(self.run.history().since(from as u64), apis);
        Float64Array::from(cells.as_slice())
    }
    /// The metrics of this moment as OpenMetrics text, of all that Prometheus would scrape.
    pub fn metrics(&self) -> String {
        text::write(&text::targets(self.run.sim()), text::Format::OpenMetrics)
    }
    /// The run as data, in JSON: scenario, seed, journal, time and digest.
    pub fn journal(&self) -> Result<String, JsError> {
        let run = to_js(&Run::of(&self.run))?;
        js_sys::JSON::stringify(&run).map(String::from).map_err(|_| JsError::new("the journal can't be written"))
    }
    /// The run that this JSON describes, played to its end. The error is a sentence.
    pub fn replay(json: &str) -> Result<Engine, JsError> {
        let mut replay = Replay::new(json)?;
        while !replay.go_on(u32::MAX)? {}
        Ok(replay.engine())
    }
}
