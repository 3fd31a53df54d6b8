// What was measured on real systems, and the same of this run, as far as its series, notes and milestones have it.

import { programAt, type Cluster, type Program } from './cluster.ts';
import type { Catalog, NoteRow } from './engine.ts';
import { NONE, nowMs, type Frame } from './frame.ts';
import type { Samples } from './samples.ts';

/** A statistic. null: it never happened. */
export interface Stat {
  readonly place: string;
  readonly name: string;
  /** ms, s, share or count. */
  readonly unit: string;
  /** The least and the most that was measured. */
  readonly low: number | null;
  readonly high: number | null;
  /** The median of the model's seeds, and whether it is inside what was measured. */
  readonly model: number | null;
  readonly inside: boolean;
}
/** What was measured in a scenario's situation. */
export interface Situation {
  readonly scenario: string;
  readonly system: string;
  readonly setting: string;
  readonly stats: readonly Stat[];
}

/**
 * The same of this run: a value in the statistic's unit, which may only be known to be no later than that; or that it
 * has not happened, or cannot be told yet. undefined: a single run does not count it.
 */
export type Here = { readonly value: number; readonly orLess?: true } | 'not' | 'early' | undefined;

/** Scenarios in which host 1 is the one that something is done to. */
const FIRST_IS_FAULTY: ReadonlySet<string> = new Set(['lossy-member', 'member-cut']);
/** The scenario in which it is whoever led. */
const LEADER_CRASHES = 'leader-crash';
/** The reference's requests, and the engine's. */
const KINDS: Readonly<Record<string, string>> = { PATCH: 'Write', 'quorum GET': 'Read', 'cached GET': 'GetCached' };
/** Shares look back over so many seconds, and are taken once a second. */
const WINDOW = 10;
const LOOKS = 1;
/** The stretch that a share is of, in seconds since the fault. */
const STRETCH = { from: 30, to: 110 };

/** A stretch of the run with a fault, in seconds and in rows of the series. */
interface Trouble {
  readonly from: number;
  readonly to: number;
  readonly first: number;
  readonly end: number;
}

export class ThisRun {
  /** Seconds since the fault, and since it was healed; NaN: not yet. */
  readonly since: number;
  readonly healedSince: number;
  private readonly samples: Samples;
  private readonly frame: Frame;
  private readonly catalog: Catalog;
  private readonly cluster: Cluster;
  /** What was noted so far, oldest first; the oldest of all may be forgotten. */
  private readonly notes: readonly NoteRow[];
  private readonly now: number;
  private readonly scenario: string;
  /** Rows of the series up to now. */
  private readonly rows: number;
  private readonly trouble: Trouble | undefined;

  constructor(samples: Samples, notes: readonly NoteRow[], frame: Frame, { catalog, cluster, scenario }: { catalog: Catalog; cluster: Cluster; scenario: string }) {
    this.samples = samples;
    this.notes = notes;
    this.frame = frame;
    this.catalog = catalog;
    this.cluster = cluster;
    this.scenario = scenario;
    this.now = nowMs(frame) / 1000;
    this.rows = samples.upTo(this.now);
    this.trouble = this.find(scenario === LEADER_CRASHES);
    this.since = this.now - (this.trouble?.from ?? NaN);
    this.healedSince = this.trouble?.to === Infinity ? NaN : this.now - (this.trouble?.to ?? NaN);
  }

  /** What a statistic is in this run. */
  of({ name, place }: Stat): Here {
    const { trouble } = this;
    if (trouble === undefined) return this.counts(name) ? 'early' : undefined;
    const [, what = '', figure = ''] = /^(PATCH|quorum GET|cached GET) (.*)$/.exec(name) ?? [];
    if (figure === 'first error') return this.firstFailure(trouble, what, place);
    if (figure === '30-110 ok') return this.share(trouble, what, place);
    if (figure === 'again') return this.again(trouble, what, place);
    switch (name) {
      case 'elections won':
        return { value: this.cell('leader_changes', Math.min(trouble.end, this.rows) - 1) - this.cell('leader_changes', trouble.first - 1) };
      case 'first election':
        return this.firstNote(trouble, 'leads', 'etcd', this.members());
      case 'kcm first exit':
        return this.firstNote(trouble, 'exited', 'controller', this.servers());
      case 'kcm first change':
        return this.holderChanges(trouble);
      case 'kcm renews again':
        return this.afterHeal(trouble, (row) => this.cell('lease_left_0_ms', row) > this.cell('lease_left_0_ms', row - 1));
      case 'first loss of leader':
        return this.firstNote(trouble, 'loses_leader', 'etcd', this.membersAt(trouble, place));
      case 'without leader':
        return this.shareBetween(trouble, ['loses_leader', 'finds_leader'], 'etcd', this.membersAt(trouble, place));
      case 'readyz first fails':
        return this.firstNote(trouble, 'unhealthy', 'api', this.apis(place));
      case 'readyz failing':
        return this.shareBetween(trouble, ['unhealthy', 'healthy'], 'api', this.apis(place));
      default:
        return undefined;
    }
  }
  private counts(name: string): boolean {
    return /^(PATCH|quorum GET|cached GET|kcm|elections|first|without|readyz)/.test(name);
  }

  /** The newest stretch of the run with a fault; if asked, the newest that cost etcd its leader. */
  private find(electing: boolean): Trouble | undefined {
    const found: Trouble[] = [];
    const exact = (name: string, row: number): number => {
      const [at, before, known] = [this.cell('t_s', row), this.cell('t_s', row - 1), this.cell(name, row)];
      return known >= before && known <= at ? known : at;
    };
    for (let row = 1; row < this.rows; row += 1) {
      if (!(this.cell('faults', row) > 0) || this.cell('faults', row - 1) > 0) continue;
      let end = row;
      while (end < this.rows && this.cell('faults', end) > 0) end += 1;
      found.push({ from: exact('began_s', row), to: end < this.rows ? exact('healed_s', end) : Infinity, first: row, end });
      row = end;
    }
    const elected = ({ first, end }: Trouble): boolean => this.cell('leader_changes', end - 1) > this.cell('leader_changes', first - 1);
    return (electing ? found.findLast(elected) : undefined) ?? found.at(-1);
  }
  private cell(name: string, row: number): number {
    return this.samples.rows[row]?.[this.samples.column(name)] ?? NaN;
  }
  private at(row: number): number {
    return this.cell('t_s', row);
  }
  /** When something first holds of a row, in seconds from a moment on. */
  private first(from: number, since: number, holds: (row: number) => boolean): Here {
    for (let row = from; row < this.rows; row += 1) if (holds(row)) return { value: Math.max(0, this.at(row) - since) };
    return 'not';
  }
  private afterHeal({ to, end }: Trouble, holds: (row: number) => boolean): Here {
    return to === Infinity ? 'early' : this.first(end, to, holds);
  }
  private holderChanges({ first, from }: Trouble): Here {
    let holder = NaN;
    return this.first(first - 1, from, (row) => {
      const now = this.cell('holder_0', row);
      const changed = holder >= 0 && now >= 0 && now !== holder;
      if (now >= 0) holder = now;
      return changed;
    });
  }

  private kind(what: string): number {
    return this.catalog.request_kinds.indexOf(KINDS[what] ?? '');
  }
  private servers(): number[] {
    return Array.from({ length: this.cluster.apis }, (_, n) => n);
  }
  private members(): number[] {
    return Array.from({ length: this.cluster.members }, (_, n) => n);
  }
  /** The API servers that a place of the reference is about. */
  private apis(place: string): number[] {
    if (place === 'each host') return this.servers();
    if (!FIRST_IS_FAULTY.has(this.scenario)) return [];
    return this.servers().filter((n) => (n === 0) === (place === 'the faulty host'));
  }
  private firstFailure({ first, from }: Trouble, what: string, place: string): Here {
    const columns = this.apis(place).map((api) => `success_${api}_${this.kind(what)}`);
    if (columns.length === 0) return undefined;
    const known = (column: string, row: number): number => (this.cell(column, row) >= 0 ? this.cell(column, row) : 1);
    const here = this.first(first, from, (row) => columns.some((column) => known(column, row) < known(column, row - 1)));
    if (typeof here !== 'object') return here;
    // The series looks once a second; the milestones know when the first of all failed.
    const hurt = this.frame.kind_hurt.at_ms(this.kind(what));
    const since = hurt / 1000 - from;
    return hurt !== NONE && since <= here.value && since > here.value - 1.5 * LOOKS ? { value: since } : here;
  }
  /** The mean of looks back that together cover the stretch, as far as it has passed under the fault. */
  private share({ from, to }: Trouble, what: string, place: string): Here {
    const until = Math.min(from + STRETCH.to, to);
    const values: number[] = [];
    for (let at = from + STRETCH.from + WINDOW; at <= until; at += WINDOW) {
      const row = this.samples.upTo(at + 1e-6) - 1;
      if (row >= this.rows - 1) break;
      for (const api of this.apis(place)) {
        const value = this.cell(`success_${api}_${this.kind(what)}`, row);
        if (value >= 0) values.push(value);
      }
    }
    if (this.apis(place).length === 0) return undefined;
    return values.length === 0 ? 'early' : { value: values.reduce((sum, value) => sum + value, 0) / values.length };
  }
  private again(trouble: Trouble, what: string, place: string): Here {
    const columns = this.apis(place).map((api) => `success_${api}_${this.kind(what)}`);
    if (columns.length === 0) return undefined;
    const here = this.afterHeal(trouble, (row) => columns.some((column) => this.cell(column, row) > 0 && !(this.cell(column, row) <= this.cell(column, row - 1))));
    return typeof here === 'object' ? { ...here, orLess: true } : here;
  }

  /** The members that a place of the reference is about. */
  private membersAt({ first }: Trouble, place: string): number[] {
    const led = this.cell('leader', first - 1);
    const faulty = this.scenario === LEADER_CRASHES ? led : FIRST_IS_FAULTY.has(this.scenario) ? 0 : NaN;
    const healthy = place.startsWith('healthy');
    const leads = /leader$/.test(place);
    return this.members().filter((n) => (place === 'the faulty member' ? n === faulty : (n === led) === leads && !(healthy && n === faulty)));
  }
  /** What programs of a kind noted, one list for each of them; undefined: there is none, or the record does not reach back. */
  private noted({ from }: Trouble, what: Program['what'], own: readonly number[], kinds: readonly string[]): NoteRow[][] | undefined {
    const [oldest] = this.notes;
    if (own.length === 0 || (oldest !== undefined && oldest.number > 0 && oldest.at_us / 1e6 > from)) return undefined;
    const lists = own.map((): NoteRow[] => []);
    for (const note of this.notes) {
      if (!kinds.includes(note.kind) || note.at_us / 1e6 > this.now) continue;
      const program = programAt(note.program, this.cluster);
      if (program.what === what && 'n' in program) lists[own.indexOf(program.n)]?.push(note);
    }
    return lists;
  }
  /** When the first of some programs noted something, in seconds since the fault. */
  private firstNote(trouble: Trouble, kind: string, what: Program['what'], own: readonly number[]): Here {
    const lists = this.noted(trouble, what, own, [kind]);
    if (lists === undefined) return undefined;
    const since = lists.flat().map(({ at_us }) => at_us / 1e6 - trouble.from).filter((since) => since >= 0);
    return since.length === 0 ? 'not' : { value: Math.min(...since) };
  }
  /** The share of the fault's time between two kinds of notes, on average of some programs. */
  private shareBetween(trouble: Trouble, [begins, ends]: readonly [string, string], what: Program['what'], own: readonly number[]): Here {
    const lists = this.noted(trouble, what, own, [begins, ends]);
    const [from, to] = [trouble.from, Math.min(trouble.to, this.now)];
    if (lists === undefined) return undefined;
    if (to <= from) return 'early';
    const shares = lists.map((notes) => {
      let [sum, since] = [0, NaN];
      for (const { kind, at_us } of [...notes, { kind: ends, at_us: to * 1e6 }]) {
        const at = Math.min(to, Math.max(from, at_us / 1e6));
        if (kind === begins && !(since >= 0)) since = at;
        else if (kind === ends && since >= 0) [sum, since] = [sum + at - since, NaN];
      }
      return sum / (to - from);
    });
    return { value: shares.reduce((sum, share) => sum + share, 0) / shares.length };
  }
}
