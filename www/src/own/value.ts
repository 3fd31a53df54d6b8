// A setting's value as a dial's number: durations in Go's syntax or the plain numbers that some flags take, switches, rates.

import type { KnobSpec } from '../engine.ts';
import { quoted, say } from '../say.ts';
import { goDuration, goSwitch, systemdSpan, type Setting } from './flags.ts';

/** Flags of etcd's that are whole numbers of milliseconds; etcd exits when they have a unit. */
const PLAIN_MS: ReadonlySet<string> = new Set(['heartbeat-interval', 'election-timeout']);
/** Units of dials that are times, in milliseconds. */
const TIMES: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, seconds: 1000, min: 60_000 };

/** The number in the dial's unit, or the sentence that says what is wrong with it. */
export function valueOf(spec: KnobSpec, setting: Setting, program: string): number | string {
  const value = setting.value.trim();
  const scale = TIMES[spec.unit];
  if (scale !== undefined) {
    const ms = milliseconds(setting.name, value);
    return typeof ms === 'number' ? Math.round(ms / scale) : say(ms, { value: quoted(value), program });
  }
  if (spec.unit === 'switch') {
    const on = goSwitch(value);
    return on === undefined ? say('own_bad_switch', { value: quoted(value), program }) : Number(on);
  }
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(value)) return say('own_bad_number', { value: quoted(value), program });
  return Math.round(Number(value) * (spec.unit.startsWith('1/1000 ') ? 1000 : spec.unit === 'ppm' ? 1e6 : 1));
}
function milliseconds(name: string, value: string): number | 'own_bad_plain' | 'own_bad_duration' | 'own_bad_seconds' {
  if (PLAIN_MS.has(name)) return /^\d+$/.test(value) ? Number(value) : 'own_bad_plain';
  if (/[sS]econds$/.test(name)) return /^\d+$/.test(value) ? Number(value) * 1000 : 'own_bad_seconds';
  return (name === 'RestartSec=' ? systemdSpan(value) : goDuration(value)) ?? 'own_bad_duration';
}
