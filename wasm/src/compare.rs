//! Two runs with the same luck, for the page that draws them side by side.

use super::dto::RecordRow;
use super::{Engine, from_js, refuse, to_js, us};
use brownout_core::compare::presets::{self, OPENS, Preset, SCENARIO, Side};
use brownout_core::compare::{self, Divergence};
use brownout_core::fault::FaultId;
use brownout_core::frame::Frame;
use brownout_core::journal::Act;
use brownout_core::sim::Command;
use brownout_core::timeline::{Timeline, shown};
use serde::Serialize;
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

/// A preset as the page's card shows it.
#[derive(Serialize)]
pub struct PresetSpec {
    name: &'static str,
    question: &'static str,
    about: &'static str,
    /// What is special about A and about B.
    labels: [&'static str; 2],
    /// What both begin with.
    scenario: &'static str,
    /// When both runs open.
    opens_us: f64,
}
impl PresetSpec {
    /// Every preset.
    pub fn all() -> Vec<Self> {
        let spec = |preset: &Preset| {
            let Preset { name, question, about, sides: [a, b] } = preset;
            let opens_us = us(OPENS);
            Self { name, question, about, labels: [a.label, b.label], scenario: SCENARIO, opens_us }
        };
        presets::ALL.iter().map(spec).collect()
    }
}

#[derive(Serialize)]
struct DivergenceDto {
    at_us: f64,
    a: Option<RecordRow>,
    b: Option<RecordRow>,
}

fn dto(found: Option<Divergence>) -> Result<JsValue, JsError> {
    to_js(&found.map(|Divergence { at, a, b }| DivergenceDto {
        at_us: us(at),
        a: a.as_ref().map(RecordRow::new),
        b: b.as_ref().map(RecordRow::new),
    }))
}

fn side(preset: &str, side: u32) -> Result<&'static Side, JsError> {
    let preset = Preset::named(preset).ok_or_else(|| {
        let names: Vec<&str> = presets::ALL.iter().map(|preset| preset.name).collect();
        JsError::new(&format!("preset = {} is not known; there are: {}", shown(preset), names.join(", ")))
    })?;
    preset.sides.get(side as usize).ok_or_else(|| JsError::new(&format!("side = {side} is neither 0 nor 1")))
}

#[wasm_bindgen]
impl Engine {
    /// A (0) or B (1) of a preset at its beginning. Once it has been run to the preset's `opens_us`, it is to be prepared.
    pub fn of_preset(preset: &str, of: u32, seed: u32) -> Result<Engine, JsError> {
        let run = side(preset, of)?.begin(seed.into()).map_err(refuse)?;
        Ok(Self { run, frame: Frame::default() })
    }
    /// Puts the preset's script ahead: who leads now may be in it.
    pub fn prepare_preset(&mut self, preset: &str, of: u32) -> Result<(), JsError> {
        side(preset, of)?.prepare(&mut self.run).map_err(refuse)
    }
    /// The same run a second time, to go another way from here.
    pub fn fork(&self) -> Engine {
        Self { run: self.run.fork(), frame: Frame::default() }
    }
    /// Another branch as a run of its own, to be played to here.
    pub fn fork_of(&self, branch: u32) -> Result<Engine, JsError> {
        Ok(Self { run: self.run.fork_of(branch).map_err(refuse)?, frame: Frame::default() })
    }
    /// When the branch that is played and this one first differ in what is done, in us; none: no number.
    pub fn parts_from(&self, branch: u32) -> Result<Option<f64>, JsError> {
        Ok(self.run.parts_from(branch).map_err(refuse)?.map(us))
    }
    /// Plays what another run of the same beginning does, as a branch of this one. Returns the moment to run to, in us.
    pub fn take_up(&mut self, other: &Engine) -> Result<f64, JsError> {
        Ok(us(self.run.take_up(&other.run).map_err(refuse)?))
    }
}

/// Where two runs part.
#[wasm_bindgen]
pub struct Comparison(compare::Comparison);

#[wasm_bindgen]
impl Comparison {
    /// Begins here if both are the same run so far, else at their beginning.
    #[wasm_bindgen(constructor)]
    pub fn new(a: &Engine, b: &Engine) -> Comparison {
        Self(compare::Comparison::new(&a.run, &b.run))
    }
    /// Compares what is new. To be called whenever either has moved.
    pub fn advance(&mut self, a: &Engine, b: &Engine) {
        self.0.advance(&a.run, &b.run);
    }
    /// The first thing that differs: `{at_us, a, b}`, each a row of the record or null; null: none so far.
    pub fn found(&self) -> Result<JsValue, JsError> {
        dto(self.0.found())
    }
    /// The first thing a person would want to hear of that happens in one and not, within a second, in the other.
    pub fn heard(&self) -> Result<JsValue, JsError> {
        dto(self.0.heard())
    }
    /// Does the same to both, or to neither: an act of the journal's format. The error is a sentence.
    pub fn both(&mut self, a: &mut Engine, b: &mut Engine, act: JsValue) -> Result<(), JsError> {
        self.0.advance(&a.run, &b.run);
        let act: Act = from_js("act", act)?;
        let command = act.command().map_err(refuse)?;
        let others = match command {
            Command::Heal(id) => twin(&a.run, &b.run, id).map(Command::Heal),
            ref same => Some(same.clone()),
        };
        // First the checks: what one refuses the other must not get.
        a.run.sim().may(&command).map_err(refuse)?;
        if let Some(others) = &others {
            b.run.sim().may(others).map_err(refuse)?;
        }
        // A goes first: it has at least as many branches and commands, so that its limits are met before B's.
        a.run.command(command).map_err(refuse)?;
        if let Some(others) = others {
            b.run.command(others).map_err(refuse)?;
        }
        self.0.advance(&a.run, &b.run);
        Ok(())
    }
    /// Does something in B only, now, and whatever else is done: the one difference.
    pub fn differ(&mut self, a: &Engine, b: &mut Engine, act: JsValue) -> Result<(), JsError> {
        let act: Act = from_js("act", act)?;
        let now = b.run.sim().now();
        b.run.schedule(now, act.command().map_err(refuse)?).map_err(refuse)?;
        self.0.advance(&a.run, &b.run);
        Ok(())
    }
}

/// The same fault in the other run, which may know it by another number. None: the fault is the difference.
fn twin(a: &Timeline, b: &Timeline, id: FaultId) -> Option<FaultId> {
    let (_, fault, _) = a.sim().faults().iter().find(|(theirs, ..)| *theirs == id)?;
    b.sim().faults().iter().find(|(_, other, _)| other == fault).map(|(id, ..)| *id)
}
