// What settings mean here: which dials they move, which do not matter, which nobody has, and which exclude each other.

import type { Change, KnobSpec } from '../engine.ts';
import { say } from '../say.ts';
import type { Process, Setting } from './flags.ts';
import { hasField, hasFlag, havers, nearest, COMPONENTS, type Component } from './known.ts';
import type { Shape } from './shape.ts';
import { valueOf } from './value.ts';
import { isFixedElsewhere, whyUnused } from './why.ts';

/** What became of a setting. `default`: it was not given, and its program has the default; `fixed`: the model has another value. */
export type Status = 'conflict' | 'refused' | 'unknown' | 'differs' | 'moved' | 'default' | 'same' | 'topology' | 'fixed' | 'unused';

export interface Row {
  readonly status: Status;
  readonly component: Component | null;
  readonly source: string;
  /** As it was written, and its value. */
  readonly written: string;
  readonly value: string;
  readonly dial?: string;
  readonly to?: number;
  /** What there is to say of it; empty: nothing. */
  readonly sentence: string;
}
export interface Verdict {
  readonly rows: readonly Row[];
  /** What the dials take, all at once. */
  readonly changes: readonly Change[];
}
/** What is asked of the page. */
export interface Here {
  readonly knobs: readonly KnobSpec[];
  readonly standing: ReadonlyMap<string, number>;
  readonly shape: Shape | undefined;
  /** The engine's sentence if a dial can't stand there. */
  refusal(name: string, value: number): string | undefined;
  /** A dial's value in words. */
  written(name: string, value: number): string;
}
/** A dial's value that a program has. */
interface Claim {
  readonly process: Process;
  readonly setting: Setting;
  readonly spec: KnobSpec;
  readonly value: number;
  sentence: string;
  status: Status;
}

/** Two dials of one program that exclude each other; `breaks` says when. */
interface Rule {
  readonly dials: readonly [string, string];
  readonly sentence: 'own_election' | 'own_lease' | 'own_retry';
  breaks(first: number, second: number): boolean;
}
const RULES: readonly Rule[] = [
  { dials: ['election_timeout_ms', 'heartbeat_interval_ms'], sentence: 'own_election', breaks: (election, heartbeat) => election < heartbeat * 5 },
  { dials: ['lease_duration_ms', 'renew_deadline_ms'], sentence: 'own_lease', breaks: (lease, renew) => lease <= renew },
  { dials: ['renew_deadline_ms', 'retry_period_ms'], sentence: 'own_retry', breaks: (renew, retry) => renew * 10 <= retry * 12 },
];

/** The names by which a dial's flag goes: `--a`, a field of a configuration, or what systemd calls it. */
function namesOf({ flag }: KnobSpec): string[] {
  return [...flag.matchAll(/--([a-z][\w-]*)|\b([a-z]+[A-Z]\w*|[A-Z]\w*=)/g)].map(([, long, field]) => long ?? field ?? '');
}
function fold(name: string): string {
  return name.replaceAll('-', '').toLowerCase();
}
/** The dial that a setting of this program moves. A dial may name the program, where several have such a flag. */
export function dialOf(knobs: readonly KnobSpec[], component: Component | null, name: string): KnobSpec | undefined {
  if (component !== null && !hasFlag(component, name) && !hasField(component, name) && (havers(name).length > 0 || COMPONENTS.some((one) => hasField(one, name)))) return undefined;
  return knobs.find((spec) => {
    const named = COMPONENTS.filter((one) => spec.flag.includes(one));
    return namesOf(spec).some((one) => fold(one) === fold(name)) && (named.length === 0 || component === null || named.includes(component));
  });
}

/** Judges everything that was read. */
export function judge(processes: readonly Process[], here: Here): Verdict {
  const rows: Row[] = [];
  const claims: Claim[] = [];
  for (const process of processes) {
    const own = judgeProcess(process, here, rows);
    checkRules(process, own, here);
    claims.push(...own);
  }
  const taken = new Map<string, Claim>();
  for (const claim of claims) {
    if (claim.status !== 'moved') continue;
    const first = taken.get(claim.spec.name);
    if (first === undefined) taken.set(claim.spec.name, claim);
    else if (first.value !== claim.value) differ(claim, first, here);
  }
  for (const claim of taken.values()) {
    if (claim.value === here.standing.get(claim.spec.name)) claim.status = 'same';
  }
  rows.push(...claims.map((claim) => rowOf(claim.process, claim.setting, { status: again(claim, taken, here), dial: claim.spec.name, to: claim.value, sentence: claim.sentence })));
  rows.push(...unsaid(processes, claims, taken, here));
  const changes = rows.filter(({ status }) => status === 'moved' || status === 'default').map(({ dial = '', to = 0 }) => ({ name: dial, value: to }));
  return { rows, changes: [...new Map(changes.map((change) => [change.name, change])).values()] };
}
/** A later claim of what is taken already is no other one. */
function again(claim: Claim, taken: ReadonlyMap<string, Claim>, here: Here): Status {
  return claim.status === 'moved' && taken.get(claim.spec.name) !== claim && claim.value === here.standing.get(claim.spec.name) ? 'same' : claim.status;
}

function rowOf({ component, source }: Process, { written, value }: Setting, rest: Pick<Row, 'status' | 'dial' | 'to' | 'sentence'>): Row {
  return { component, source, written, value, ...rest };
}

/** What one program claims; rows of what claims nothing. */
function judgeProcess(process: Process, here: Here, rows: Row[]): Claim[] {
  const { component } = process;
  const program = component ?? say('own_program');
  const last = new Map<string, Setting>();
  const repeated = new Set<string>();
  for (const setting of process.settings) {
    const before = last.get(setting.name);
    const isOther = before !== undefined && (before.kind === 'variable') !== (setting.kind === 'variable');
    if (isOther) {
      const [variable, flag] = setting.kind === 'variable' ? [setting, before] : [before, setting];
      rows.push(rowOf(process, variable, { status: 'conflict', sentence: say('own_variable_and_flag', { variable: variable.written, flag: flag.written }) }));
      last.set(setting.name, flag);
    } else {
      if (before !== undefined && !isList(setting.name)) repeated.add(setting.name);
      last.set(setting.name, setting);
    }
  }
  for (const name of repeated) {
    const setting = last.get(name);
    if (setting !== undefined) rows.push(rowOf(process, setting, { status: 'differs', sentence: say('own_twice') }));
  }
  const claims: Claim[] = [];
  for (const setting of last.values()) {
    const spec = dialOf(here.knobs, component, setting.name);
    if (spec === undefined) {
      const row = unclaimed(process, setting, here.shape);
      if (row !== undefined) rows.push(row);
      continue;
    }
    const value = valueOf(spec, setting, program);
    if (typeof value === 'string') {
      rows.push(rowOf(process, setting, { status: 'conflict', dial: spec.name, sentence: value }));
      continue;
    }
    const outside = value < spec.min || value > spec.max;
    const sentence = outside ? (here.refusal(spec.name, value < 0 ? 0 : Math.min(value, 0xffff_ffff)) ?? say('own_outside')) : '';
    claims.push({ process, setting, spec, value, sentence, status: outside ? 'refused' : 'moved' });
  }
  return claims;
}
/** Flags that are lists when they are given again. */
function isList(name: string): boolean {
  return ['feature-gates', 'v', 'service-account-issuer', 'tls-sni-cert-key', 'service-account-key-file', 'api-audiences', 'register-with-taints', 'node-labels'].includes(name);
}

function unclaimed(process: Process, setting: Setting, shape: Shape | undefined): Row | undefined {
  const { component } = process;
  const { name, kind } = setting;
  const told = (component === 'etcd' && name === 'initial-cluster') || (component === 'kube-apiserver' && name === 'etcd-servers') ? shape?.sentences.get(name) : undefined;
  if (told !== undefined) return rowOf(process, setting, { status: 'topology', sentence: told });
  if (name === 'livenessProbe') return undefined;
  if (name === 'RestartSec=') return rowOf(process, setting, { status: 'unused', sentence: say('own_why_none') });
  const others = havers(name);
  const isField = kind === 'field';
  if (component === null ? others.length > 0 : hasFlag(component, name) || (isField && hasField(component, name))) return rowOf(process, setting, { status: isFixedElsewhere(component, setting) ? 'fixed' : 'unused', sentence: whyUnused(component, setting) });
  const program = component ?? say('own_program');
  const meant = nearest(component, name, isField);
  const dashes = isField || kind === 'variable' ? '' : '--';
  const spelt = meant === undefined ? undefined : kind === 'variable' ? `ETCD_${meant.toUpperCase().replaceAll('-', '_')}` : `${dashes}${meant}`;
  const sentence =
    others.length > 0 && component !== null
      ? say('own_others', { program, others: others.join(', ') })
      : spelt === undefined
        ? say('own_unknown', { program })
        : say('own_meant', { program, meant: spelt });
  return rowOf(process, setting, { status: 'unknown', sentence });
}

/** What real programs refuse to start with. What is not given has the default, or, of a fragment, stands where the dial does. */
function checkRules(process: Process, claims: readonly Claim[], here: Here): void {
  const valueAt = (name: string): number => {
    const claimed = claims.find(({ spec }) => spec.name === name)?.value;
    const spec = here.knobs.find((spec) => spec.name === name);
    return claimed ?? (process.whole ? spec?.default : here.standing.get(name)) ?? 0;
  };
  for (const { dials, sentence, breaks } of RULES) {
    const concerned = claims.filter(({ spec }) => dials.includes(spec.name));
    const [first, second] = [valueAt(dials[0]), valueAt(dials[1])];
    if (concerned.length === 0 || !breaks(first, second)) continue;
    const program = process.component ?? say('own_program');
    const most = here.written(dials[0], Math.round(second * (sentence === 'own_election' ? 5 : sentence === 'own_retry' ? 1.2 : 1)));
    for (const claim of concerned) {
      claim.status = 'conflict';
      // Said once; the other one leads there.
      const [one] = concerned;
      if (claim === one || one === undefined) claim.sentence = say(sentence, { program, first: here.written(dials[0], first), second: here.written(dials[1], second), most });
      else claim.sentence ||= say('own_see', { flag: one.setting.written });
    }
  }
}

/** What it would do in reality that two programs differ. */
const DIFFERENCES: Readonly<Record<string, 'own_differ_election' | 'own_differ_heartbeat' | 'own_differ_lease' | 'own_differ_renew' | 'own_differ_retry'>> = {
  election_timeout_ms: 'own_differ_election', heartbeat_interval_ms: 'own_differ_heartbeat',
  lease_duration_ms: 'own_differ_lease', renew_deadline_ms: 'own_differ_renew', retry_period_ms: 'own_differ_retry',
};
function differ(claim: Claim, first: Claim, here: Here): void {
  const taken = say('own_first_taken', { value: here.written(first.spec.name, first.value), source: nameOf(first.process) });
  const elected = first.process.component !== claim.process.component && claim.spec.name in DIFFERENCES && claim.process.component !== 'etcd';
  claim.status = 'differs';
  claim.sentence = `${taken} ${say(elected ? 'own_differ_programs' : (DIFFERENCES[claim.spec.name] ?? 'own_differ'))}`;
}
/** What a program is called in a sentence. */
function nameOf({ component, source }: Process): string {
  return component === null || source.startsWith(component) ? source : `${component} (${source})`;
}

/** The dials of programs whose whole command was seen: a flag that is not there has its default. */
function unsaid(processes: readonly Process[], claims: readonly Claim[], taken: ReadonlyMap<string, Claim>, here: Here): Row[] {
  const rows: Row[] = [];
  const done = new Set<string>();
  for (const process of processes) {
    const { component } = process;
    if (!process.whole || component === null) continue;
    for (const spec of here.knobs) {
      const name = namesOf(spec).find((one) => (hasFlag(component, one) || hasField(component, one)) && dialOf([spec], component, one) !== undefined);
      if (name === undefined || process.settings.some((setting) => fold(setting.name) === fold(name))) continue;
      const written = hasFlag(component, name) ? `--${name}` : name;
      const setting: Setting = { name, written, kind: 'flag', value: '' };
      const claim = taken.get(spec.name);
      if (claim !== undefined && claim.value !== spec.default) {
        const implied: Claim = { process, setting, spec, value: spec.default, sentence: '', status: 'differs' };
        differ(implied, claim, here);
        rows.push(rowOf(process, setting, { status: 'differs', dial: spec.name, to: spec.default, sentence: implied.sentence }));
      } else if (!claims.some((other) => other.spec === spec) && here.standing.get(spec.name) !== spec.default && !done.has(spec.name)) {
        done.add(spec.name);
        rows.push(rowOf(process, setting, { status: 'default', dial: spec.name, to: spec.default, sentence: say('own_default') }));
      }
    }
  }
  return rows;
}
