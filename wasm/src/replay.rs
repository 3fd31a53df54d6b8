//! Runs that come from outside, for JavaScript: played in as many calls as the page likes.

use crate::{Engine, from_js, refuse, us};
use brownout_core::frame::Frame;
use brownout_core::journal::Run;
use brownout_core::timeline::Until;
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// The largest journal text that is read, in bytes.
const JOURNAL_BYTES: usize = 4 << 20;

/// A run that is being played to where a journal says.
#[wasm_bindgen]
pub struct Replay {
    engine: Engine,
    until: Until,
}

#[wasm_bindgen]
impl Replay {
    /// The beginning of the run that this JSON describes. The error is a sentence.
    #[wasm_bindgen(constructor)]
    pub fn new(json: &str) -> Result<Replay, JsError> {
        if json.len() > JOURNAL_BYTES {
            let size = json.len();
            return Err(JsError::new(&format!("the journal has {size} bytes; at most {JOURNAL_BYTES} are read")));
        }
        let data = js_sys::JSON::parse(json).map_err(|_| JsError::new("the journal is not JSON"))?;
        let run: Run = from_js("the journal", data)?;
        let until = run.until();
        let run = run.timeline().map_err(refuse)?;
        Ok(Self { engine: Engine { run, frame: Frame::default() }, until })
    }
    /// Plays on by at most `budget` events. Returns whether it got there.
    pub fn go_on(&mut self, budget: u32) -> Result<bool, JsError> {
        self.engine.run.play_on(self.until, budget).map_err(refuse)
    }
    /// The moment it has come to, in us.
    pub fn now_us(&self) -> f64 {
        self.engine.now_us()
    }
    /// The moment it goes to, in us.
    pub fn until_us(&self) -> f64 {
        us(self.until.at)
    }
    /// The run as it is, to go on with.
    pub fn engine(self) -> Engine {
        self.engine
    }
}
