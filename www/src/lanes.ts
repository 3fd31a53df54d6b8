// What the timeline's lanes are painted by: how long which state lasted, from the sampled series. No pixels here.

import type { Row, Samples } from './samples.ts';

/** A stretch of the run in one state, in seconds. */
export interface Stretch<T> {
  readonly from: number;
  to: number;
  readonly key: string;
  readonly state: T;
}

/** Which member leads, in which term; -1: none. */
export interface Leads {
  readonly member: number;
  readonly term: number;
}
/** Who holds a Lease as the store says, and which processes believe that they lead; -1: nobody. */
export interface Holds {
  readonly holder: number;
  readonly believers: readonly { readonly api: number; readonly canAct: boolean }[];
}
/** A phase of the written analysis, by its place in its list. */
export interface Phase {
  readonly list: 'failure' | 'recovery';
  readonly index: number;
}
/** A rung that was hurt for the first time in an episode. */
export interface Hurt {
  readonly at: number;
  readonly rung: number;
}
export type PhaseList = readonly { readonly from_s: number; readonly to_s: number | null }[];

/** What lasts: a list of stretches, each of which ends where the next one begins. */
class Lasting<T> {
  readonly all: Stretch<T>[] = [];
  private readonly keyOf: (row: Row) => string;
  private readonly stateOf: (row: Row) => T;

  constructor(keyOf: (row: Row) => string, stateOf: (row: Row) => T) {
    this.keyOf = keyOf;
    this.stateOf = stateOf;
  }
  add(row: Row): void {
    const at = row[0] ?? 0;
    const last = this.all.at(-1);
    if (last !== undefined) last.to = at;
    const key = this.keyOf(row);
    if (last?.key !== key) this.all.push({ from: at, to: at, key, state: this.stateOf(row) });
  }
  /** The state at a moment; after the newest point it is what it was there. */
  at(seconds: number): T | undefined {
    return this.all.findLast(({ from }) => from <= seconds)?.state;
  }
}

function bits(mask: number): number[] {
  const set = [];
  for (let bit = 0; mask >> bit > 0; bit += 1) if (((mask >> bit) & 1) === 1) set.push(bit);
  return set;
}

/** Every lane, kept up with the series as they grow. */
export class Lanes {
  leads!: Lasting<Leads>;
  holds!: readonly [Lasting<Holds>, Lasting<Holds>];
  faults!: Lasting<number>;
  phases!: Lasting<Phase | undefined>;
  /** What must hold and does not, as a mask; undefined: this engine does not say. */
  broken: Lasting<number> | undefined;
  hurts: Hurt[] = [];
  /** How far they reach, in seconds. */
  end = 0;
  private hurtBefore: { mask: number; began: number } = { mask: 0, began: NaN };
  private version = -1;
  private done = 0;
  private readonly failure: PhaseList;
  private readonly recovery: PhaseList;

  constructor({ failure, recovery }: { failure: PhaseList; recovery: PhaseList }) {
    this.failure = failure;
    this.recovery = recovery;
    this.begin(() => -1);
  }
  /** Takes up what is new. Returns whether anything is. */
  follow(samples: Samples): boolean {
    const again = samples.version !== this.version;
    if (again) {
      this.version = samples.version;
      this.begin((name) => samples.column(name));
    }
    const fresh = this.done < samples.rows.length;
    for (; this.done < samples.rows.length; this.done += 1) this.add(samples.rows[this.done] ?? new Float64Array());
    return again || fresh;
  }
  private begin(column: (name: string) => number): void {
    const [term, leader, faults] = [column('term'), column('leader'), column('faults')];
    const cell = (row: Row, at: number): number => row[at] ?? NaN;
    const whole = (row: Row, at: number): number => (Number.isNaN(cell(row, at)) ? -1 : cell(row, at));
    this.leads = new Lasting(
      (row) => `${whole(row, leader)} ${whole(row, term)}`,
      (row) => ({ member: whole(row, leader), term: whole(row, term) }),
    );
    const holds = (component: number): Lasting<Holds> => {
      const [holder, believes, canAct] = ['holder', 'believes', 'can_act'].map((name) => column(`${name}_${component}`)) as [number, number, number];
      return new Lasting(
        (row) => `${whole(row, holder)} ${cell(row, believes)} ${cell(row, canAct)}`,
        (row) => ({
          holder: whole(row, holder),
          believers: bits(whole(row, believes)).map((api) => ({ api, canAct: ((whole(row, canAct) >> api) & 1) === 1 })),
        }),
      );
    };
    this.holds = [holds(0), holds(1)];
    this.faults = new Lasting((row) => String(whole(row, faults)), (row) => Math.max(0, whole(row, faults)));
    const [began, healed, hurt, broken] = [column('began_s'), column('healed_s'), column('hurt'), column('broken')];
    const phase = (row: Row): Phase | undefined => this.phase(row[0] ?? 0, cell(row, began), cell(row, healed));
    this.phases = new Lasting((row) => {
      const is = phase(row);
      return is === undefined ? '' : `${is.list} ${is.index}`;
    }, phase);
    this.broken = broken < 0 ? undefined : new Lasting((row) => String(whole(row, broken)), (row) => Math.max(0, whole(row, broken)));
    this.hurts = [];
    this.hurtBefore = { mask: 0, began: NaN };
    this.end = 0;
    this.done = 0;
    this.hurtOf = (row) => ({ mask: Math.max(0, whole(row, hurt)), began: cell(row, began) });
  }
  private hurtOf: (row: Row) => { mask: number; began: number } = () => ({ mask: 0, began: NaN });
  private add(row: Row): void {
    this.end = row[0] ?? 0;
    for (const lane of [this.leads, ...this.holds, this.faults, this.phases]) lane.add(row);
    this.broken?.add(row);
    const now = this.hurtOf(row);
    const same = now.began === this.hurtBefore.began;
    for (const rung of bits(same ? now.mask & ~this.hurtBefore.mask : now.mask)) this.hurts.push({ at: this.end, rung });
    this.hurtBefore = now;
  }
  private phase(now: number, began: number, healed: number): Phase | undefined {
    if (Number.isNaN(began)) return undefined;
    const list = Number.isNaN(healed) ? 'failure' : 'recovery';
    const since = now - (list === 'failure' ? began : healed);
    const index = this[list].findIndex(({ from_s, to_s }) => since >= from_s && (to_s === null || since < to_s));
    return index < 0 ? undefined : { list, index };
  }
  /** The rungs hurt so far in the episode under way at a moment. */
  hurtAt(seconds: number, samples: Samples): readonly number[] {
    const row = samples.rows[samples.upTo(seconds) - 1];
    return row === undefined ? [] : bits(this.hurtOf(row).mask);
  }
}
