// The engine: what the page may ask of it, and how it is loaded.

import init, { Comparison, Engine, panic_text } from '../pkg/brownout.js';
import wasm from '../pkg/brownout_bg.wasm';
import type { Act } from './notes.ts';
import type { Topology } from './state.ts';
import { missing, read, type Frame } from './frame.ts';

export interface TableSpec {
  name: string;
  columns: [name: string, kind: 'U32' | 'F32'][];
}

export interface KnobSpec {
  name: string;
  flag: string;
  unit: string;
  default: number;
  min: number;
  max: number;
  help: string;
  source: string;
}

/** Everything the engine has names for. Constant for a build. */
export interface Catalog {
  engine_version: string;
  scenarios: ({ name: string; title: string; summary: string } & Topology)[];
  knobs: KnobSpec[];
  places: string[];
  faults: string[];
  notes: { name: string; notable: boolean; help: string }[];
  classes: string[];
  tables: TableSpec[];
  /** Kinds of API users' requests. */
  request_kinds: string[];
  object_kinds: string[];
  /** The controllers' work queues. */
  controllers: string[];
  /** Priority levels. */
  levels: string[];
  rungs: string[];
  signs: string[];
  steps: string[];
  /** What a written incident analysis claims. */
  phases: { failure: PhaseSpec[]; recovery: PhaseSpec[] };
  alerts: { name: string; severity: 'warning' | 'critical'; hold_ms: number; unit: Unit; help: string }[];
  lamps: { name: string; unit: Unit; threshold: number; help: string }[];
  /** What must hold in every run. */
  verdicts: { name: string; help: string }[];
  /** Questions that two runs answer. */
  presets: { name: string; question: string; about: string; labels: [string, string]; scenario: string; opens_us: number }[];
}

export interface PhaseSpec {
  name: string;
  from_s: number;
  to_s: number | null;
}

/** What an alert's or a lamp's number counts. */
export type Unit = 'count' | 'milli_percent' | 'us' | 'milli_per_second' | 'milli_burn';

/** A thing that happened. `a` and `b` mean what the note's kind says. */
export interface NoteRow {
  number: number;
  id: number;
  cause: number;
  at_us: number;
  program: number;
  kind: string;
  a: number;
  b: number;
}

/** A row of the record. `kind` is the note's if it is one; `text` is the engine's own sentence. */
export interface RecordRow {
  id: number;
  cause: number;
  at_us: number;
  program: number;
  what: string;
  kind: string | null;
  a: number;
  b: number;
  text: string;
}

/** One step of an answer, from now back. `kind`: the note's, the timer's name, or the message's class. */
export interface WhyStep {
  what: string;
  at_us: number;
  since_us: number | null;
  program: number | null;
  other: number | null;
  count: number;
  /** How long a message is under way, of links that are slow. */
  took_us: number;
  id: number | null;
  kind: string | null;
  a: number;
  b: number;
}
/** A packet that the dice lost, as the engine names it. */
export interface Lost {
  packet: unknown;
  at_us: number;
}
/** Why something is so. */
export interface Answer {
  steps: WhyStep[];
  end: 'input' | 'draw' | 'start' | 'record';
  /** The command it ends at, by its place in the journal. */
  command: number | null;
  draws: Lost[];
}
/** One thing that might have been otherwise. */
export type WhatIf = { arrive: readonly Lost[] } | { without: number };

/** A future of the run. */
export interface BranchRow {
  id: number;
  /** What the learner calls it; empty: nothing yet. */
  name: string;
  parent: number | null;
  forked_us: number;
  seen_us: number;
  played: boolean;
  commands: { place: number; at_us: number; scripted: boolean; do: Act }[];
}

/** How far the branch that is played has been seen, and what it costs to go back. */
export interface Travel {
  branch: number;
  seen_us: number;
  checkpoints: number;
  checkpoint_bytes: number;
  most_bytes: number;
}

export interface FaultRequest {
  name: string;
  host?: number;
  to?: number;
  value?: number;
}

export interface Change {
  name: string;
  value: number;
}

export { Comparison, Engine };

/** The engine's module, with the memory that its frames lie in. */
export interface Module {
  catalog: Catalog;
  create(scenario: string, seed: number, topology: Topology | null): Engine;
  /** The run that a journal describes, played to its end. */
  replay(journal: string): Engine;
  /** Reads again what things are called. */
  named(engine: Engine): void;
  /** The frame as it is now, good until the engine is called again. Unless `all`, nodes and pods are as they were last. */
  frame(engine: Engine, all: boolean): Frame;
  /** What the engine said when it broke. */
  panicText(): string;
}

/** Loads the engine; falls back to reading all bytes where a host sends the module with a wrong type. */
export async function load(): Promise<Module> {
  const { memory } = await init({ module_or_path: new URL(wasm, import.meta.url) });
  const catalog: Catalog = Engine.catalog();
  const lacking = missing(catalog.tables);
  if (lacking.length > 0) throw new Error(`The engine's frame lacks ${lacking.join(', ')}.`);
  let names: readonly string[] = [];
  return {
    catalog,
    named(engine) {
      names = engine.workload_names();
    },
    replay: (journal) => Engine.replay(journal),
    create: (scenario, seed, topology) => new Engine(scenario, seed, topology),
    frame(engine, all) {
      // First the call: it may move the memory.
      const at = engine.fill_frame(all);
      return read(memory.buffer, at, catalog.tables, { names, kinds: catalog.request_kinds, controllers: catalog.controllers, objects: catalog.object_kinds, levels: catalog.levels });
    },
    panicText: () => panic_text(),
  };
}
