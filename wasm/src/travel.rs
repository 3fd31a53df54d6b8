//! Branches and journeys, for JavaScript.

use crate::{time, us};
use brownout_core::journal::{Act, PacketSpec};
use brownout_core::timeline::{self, Timeline};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::JsError;

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
    seen_us: f64,
    checkpoints: usize,
    checkpoint_bytes: f64,
}

impl Travel {
    /// Of this run.
    pub fn of(run: &Timeline) -> Self {
        Self {
            seen_us: us(run.branch().seen.at),
            checkpoints: run.checkpoints(),
            checkpoint_bytes: run.checkpoint_bytes() as f64,
        }
    }
}
