// How the page shows each dial: its short name in links, its unit, and the scale of its slider.

import type { KnobSpec } from './engine.ts';
import { exact, type Key } from './say.ts';

export interface Quantity {
  /** Its name in the address. */
  param: string;
  /** The unit shown. */
  unit: string;
  /** The unit as spoken. */
  spoken: Key;
  /** Engine units in one shown unit. */
  factor: number;
  /** Whether equal steps of the slider are equal ratios. */
  log: boolean;
  /** On a log scale that begins at 0: the first value above it, in shown units. */
  floor?: number;
}

const SECONDS = { unit: 's', spoken: 'unit_s', factor: 1000, log: true } as const;
const MS = { unit: 'ms', spoken: 'unit_ms', factor: 1, log: true } as const;
const US = { unit: 'ms', spoken: 'unit_ms', factor: 1000, log: true } as const;
const RATE = { unit: '/s', spoken: 'unit_per_s', factor: 1000, log: true, floor: 0.1 } as const;

const QUANTITIES: Readonly<Record<string, Quantity>> = {
  loss_ppm: { param: 'loss', unit: '%', spoken: 'unit_percent', factor: 10_000, log: false },
  lease_duration_ms: { param: 'lease', ...SECONDS },
  renew_deadline_ms: { param: 'renew', ...SECONDS },
  retry_period_ms: { param: 'retry', ...SECONDS },
  link_delay_us: { param: 'latency', ...US },
  link_jitter_us: { param: 'jitter', ...US, floor: 0.01 },
  heartbeat_interval_ms: { param: 'heartbeat', ...MS },
  election_timeout_ms: { param: 'election', ...MS },
  fsync_us: { param: 'fsync', ...US },
  link_rate_mbps: { param: 'bandwidth', unit: 'Mbit/s', spoken: 'unit_mbps', factor: 1, log: true },
  read_rate_milli: { param: 'reads', ...RATE },
  write_rate_milli: { param: 'writes', ...RATE },
  cached_rate_milli: { param: 'cached', ...RATE },
  list_rate_milli: { param: 'lists', ...RATE },
  list_consistent: { param: 'newest', unit: '', spoken: 'value_on', factor: 1, log: false },
  cycle_rate_milli: { param: 'cycles', ...RATE },
  service_rate_milli: { param: 'visits', ...RATE },
  loss_place: { param: 'where', unit: '', spoken: 'value_on', factor: 1, log: false },
  pre_vote: { param: 'prevote', unit: '', spoken: 'value_on', factor: 1, log: false },
  node_failures_milli: { param: 'failures', unit: '/h', spoken: 'unit_per_h', factor: 1000, log: true, floor: 0.1 },
  pod_failure_rate_milli: { param: 'crashes', unit: '/h', spoken: 'unit_per_h', factor: 1000, log: true, floor: 0.1 },
  bug_no_fsync: { param: 'nofsync', unit: '', spoken: 'value_on', factor: 1, log: false },
  bug_short_lease: { param: 'shortlease', unit: '', spoken: 'value_on', factor: 1, log: false },
  bug_stale_reads: { param: 'stalereads', unit: '', spoken: 'value_on', factor: 1, log: false },
  bug_forgets_vote: { param: 'forgetsvote', unit: '', spoken: 'value_on', factor: 1, log: false },
  cpu_wait_us: { param: 'cpu', ...US, floor: 0.01 },
  cache_patience_ms: { param: 'patience', ...SECONDS, floor: 0.1 },
  bbr: { param: 'bbr', unit: '', spoken: 'value_on', factor: 1, log: false },
  resilient_cache: { param: 'resilient', unit: '', spoken: 'value_on', factor: 1, log: false },
  users_exempt: { param: 'exempt', unit: '', spoken: 'value_on', factor: 1, log: false },
  etcd_retries: { param: 'etcdretries', unit: '', spoken: 'value_on', factor: 1, log: false },
  liveness_probes: { param: 'liveness', unit: '', spoken: 'value_on', factor: 1, log: false },
  restart_sec_ms: { param: 'restart', ...SECONDS, floor: 0.1 },
  stream_read_deadline: { param: 'streamdeadline', unit: '', spoken: 'value_on', factor: 1, log: false },
  check_quorum: { param: 'checkquorum', unit: '', spoken: 'value_on', factor: 1, log: false },
};

/** How to show a dial; one that this page has no opinion on is shown as the engine counts it. */
export function quantity(spec: KnobSpec): Quantity {
  return QUANTITIES[spec.name] ?? { param: spec.name, unit: spec.unit, spoken: 'value_on', factor: 1, log: false };
}

/** Steps of a slider from its one end to the other. */
export const STEPS = 900;

function bounds(spec: KnobSpec, { factor, floor }: Quantity): [number, number] {
  return [Math.max(spec.min, (floor ?? 0) * factor, 1), spec.max];
}

/** The engine's value at a position of the slider, rounded to a number that people would choose. */
export function valueAt(spec: KnobSpec, position: number): number {
  const how = quantity(spec);
  if (!how.log) {
    const raw = spec.min + ((spec.max - spec.min) * position) / STEPS;
    const step = how.factor;
    return Math.min(spec.max, Math.round(raw / step) * step);
  }
  if (position <= 0) return spec.min;
  if (position >= STEPS) return spec.max;
  const [low, high] = bounds(spec, how);
  const raw = low * (high / low) ** (position / STEPS);
  const digit = 10 ** (Math.floor(Math.log10(raw)) - 1);
  return Math.min(spec.max, Math.max(spec.min, Math.round(Math.round(raw / digit) * digit)));
}

/** Where the slider stands for a value of the engine's. */
export function positionOf(spec: KnobSpec, value: number): number {
  const how = quantity(spec);
  if (!how.log) return Math.round(((value - spec.min) / (spec.max - spec.min)) * STEPS);
  const [low, high] = bounds(spec, how);
  if (value <= spec.min) return 0;
  return Math.round(Math.min(1, Math.max(0, Math.log(value / low) / Math.log(high / low))) * STEPS);
}

/** A value of the engine's with its unit, as people write it: "30 %", "0.5 s". */
export function quantityText(spec: KnobSpec, value: number): string {
  const { factor, unit } = quantity(spec);
  return `${exact(value / factor)}\u00a0${unit}`;
}

/** A value of the engine's as a plain number in the unit shown, without needless digits: for addresses and fields. */
export function shown(spec: KnobSpec, value: number): string {
  return String(Number((value / quantity(spec).factor).toPrecision(6)));
}
