//! Branches and journeys, for JavaScript.

use crate::{Engine, time, us};
use brownout_core::engine::Time;
use brownout_core::journal::{Act, PacketSpec};
use brownout_core::timeline::{self, CHECKPOINT_BYTES, Timeline};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// One future of the run.
#[derive(Serialize)]
pub struct Branch {
    id: u32,
    name: String,
    parent: Option<u32>,
    forked_us: f64,
    seen_us: f64,
    played: bool,
    commands: Vec<Given>,
}
/// A command of a branch.
#[derive(Serialize)]
struct Given {
    /// Its place in the journal.
    place: usize,
    at_us: f64,
    scripted: bool,
    #[serde(rename = "do")]
    what: Act,
}

/// The branches of a run.
pub fn branches(run: &Timeline) -> Vec<Branch> {
    let played = run.branch().id;
    let given = |(place, entry): (usize, &timeline::Entry)| Given {
        place,
        at_us: us(entry.at),
        scripted: entry.scripted,
        what: Act::of(&entry.command),
    };
    let branch = |branch: &timeline::Branch| Branch {
        id: branch.id,
        name: branch.name.clone(),
        parent: branch.parent,
        forked_us: us(branch.forked.at),
        seen_us: us(branch.seen.at),
        played: branch.id == played,
        commands: branch.journal().iter().enumerate().map(given).collect(),
    };
    run.branches().iter().map(branch).collect()
}

/// One thing that might have been otherwise.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum WhatIf {
    /// Packets that were lost had been luckier.
    Arrive(Vec<Lost>),
    /// The command at this place of the journal had not been given.
    Without(u32),
}

/// A packet, and when it was lost.
#[derive(Deserialize)]
pub struct Lost {
    packet: PacketSpec,
    at_us: f64,
}

impl WhatIf {
    /// As the engine has it.
    pub fn read(self) -> Result<timeline::WhatIf, JsError> {
        Ok(match self {
            Self::Arrive(packets) => {
                let packets = packets.iter().map(|lost| Ok((lost.packet.packet(), time(lost.at_us)?)));
                timeline::WhatIf::Arrive(packets.collect::<Result<_, JsError>>()?)
            }
            Self::Without(place) => timeline::WhatIf::Without(place as usize),
        })
    }
}

/// How far one can go back, and what that costs.
#[derive(Serialize)]
pub struct Travel {
    /// The number of the branch that is played.
    branch: u32,
    seen_us: f64,
    checkpoints: usize,
    checkpoint_bytes: f64,
    /// As many as they may take at most.
    most_bytes: f64,
}

impl Travel {
    /// Of this run.
    pub fn of(run: &Timeline) -> Self {
        Self {
            branch: run.branch().id,
            seen_us: us(run.branch().seen.at),
            checkpoints: run.checkpoints(),
            checkpoint_bytes: run.checkpoint_bytes() as f64,
            most_bytes: CHECKPOINT_BYTES as f64,
        }
    }
}

#[wasm_bindgen]
impl Engine {
    /// When the next notable row comes that has been seen already, or when the last one before now came, in us; none: no
    /// number. What lies within `apart_us` of now does not count.
    pub fn note_beside(&self, forward: bool, apart_us: u32) -> Option<f64> {
        let (notes, now) = (self.run.trace().notes(), self.run.sim().now());
        let apart = u64::from(apart_us) * 1000;
        let (low, high) = (now.ns().saturating_sub(apart), now.ns() + apart);
        // What was left over from another future has been cut off; what is left was seen on this branch.
        let far = |at: &Time| if forward { at.ns() > high } else { at.ns() < low };
        let mut times = notes.since(0).map(|row| row.at).filter(far);
        if forward { times.next() } else { times.next_back() }.map(us)
    }
}
