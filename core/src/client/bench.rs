//! For tests of programs: a host with a clock, timers, and a world that answers.

use crate::actor::role::{Note, Timer};
use crate::actor::wire::Message;
use crate::actor::{Actor, ConnNames, Cx, Effect, Input, KnownRules, ProgramId};
use crate::engine::{LocalTime, Purpose, Rng, Span};
use crate::knob::Knobs;
use crate::net::packet::HostId;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A program by itself.
pub struct Bench<A> {
    pub actor: A,
    pub now: LocalTime,
    pub knobs: Knobs,
    pub log: Vec<(LocalTime, Effect)>,
    me: ProgramId,
    rng: Rng,
    conns: ConnNames,
    timers: BTreeMap<Timer, LocalTime>,
    inbox: BTreeMap<(LocalTime, u32), Input>,
    inputs: u32,
}

/// The local time `ms` milliseconds after zero.
pub fn at(ms: u64) -> LocalTime {
    LocalTime::ZERO + Span::from_ms(ms)
}

impl<A: Actor> Bench<A> {
    pub fn new(actor: A, me: ProgramId) -> Self {
        Self {
            actor,
            now: LocalTime::ZERO,
            knobs: Knobs::default(),
            log: Vec::new(),
            me,
            rng: Rng::stream(1, Purpose::Test, 0),
            conns: ConnNames::default(),
            timers: BTreeMap::new(),
            inbox: BTreeMap::new(),
            inputs: 0,
        }
    }
    /// Tells it something now and returns what it does.
    pub fn tell(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.actor.handle(
            &mut Cx {
                me: self.me,
                host: HostId(0),
                now: self.now,
                knobs: &self.knobs,
                rng: &mut self.rng,
                effects: &mut effects,
                conns: &mut self.conns,
                known: &mut KnownRules::default(),
            },
            input,
        );
        for effect in &effects {
            match effect {
                Effect::Arm(timer, after) => {
                    self.timers.insert(*timer, self.now + *after);
                }
                Effect::Disarm(timer) => {
                    self.timers.remove(timer);
                }
                Effect::Exit(_) => self.timers.clear(),
                _ => {}
            }
        }
        self.log.extend(effects.iter().map(|effect| (self.now, effect.clone())));
        effects
    }
    /// Tells it something later.
    pub fn later(&mut self, after: Span, input: Input) {
        self.inputs += 1;
        self.inbox.insert((self.now + after, self.inputs), input);
    }
    /// Runs until `until`; `world` answers each effect with inputs and how long they take.
    pub fn run<W>(&mut self, until: LocalTime, mut world: impl FnMut(LocalTime, &Effect) -> W)
    where
        W: IntoIterator<Item = (Span, Input)>,
    {
        loop {
            let timer = self.timers.iter().map(|(timer, at)| (*at, *timer)).min();
            let mail = self.inbox.keys().next().copied();
            let input = match (timer, mail) {
                (Some((at, timer)), mail) if at <= until && mail.is_none_or(|(mail, _)| at < mail) => {
                    self.timers.remove(&timer);
                    self.now = at;
                    Input::Timer(timer)
                }
                (_, Some(key)) if key.0 <= until => {
                    self.now = key.0;
                    self.inbox.remove(&key).expect("its key was just read")
                }
                _ => break,
            };
            for effect in self.tell(input) {
                for (after, input) in world(self.now, &effect) {
                    self.later(after, input);
                }
            }
        }
        self.now = until;
    }
    /// What it told the record, and when.
    pub fn notes(&self) -> impl Iterator<Item = (LocalTime, Note)> {
        self.log.iter().filter_map(|(at, effect)| match effect {
            Effect::Note(note) => Some((*at, *note)),
            _ => None,
        })
    }
    /// What it wrote, and when.
    pub fn sent(&self) -> impl Iterator<Item = (LocalTime, &Message)> {
        self.log.iter().filter_map(|(at, effect)| match effect {
            Effect::Send(_, _, message) => Some((*at, message)),
            _ => None,
        })
    }
}
