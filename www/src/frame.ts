// The engine's memory as columns: views made for one frame, used and dropped within it.

import type { TableSpec } from './engine.ts';

/** "None" in a column of integers. */
export const NONE = 0xffff_ffff;

/** The columns that the page reads. A table may have more. */
const COLUMNS = {
  world: [
    'now_ms', 'now_us', 'members', 'api_servers', 'external', 'nodes', 'control_hosts', 'notes_end', 'samples_end',
    'packets_in_flight', 'faults', 'violations',
  ],
  host: ['up', 'paused', 'disk_times', 'clock_ppm'],
  member: [
    'running', 'role', 'term', 'leader', 'last_index', 'commit_index', 'applied_index', 'revision',
    'election_elapsed', 'election_timeout', 'leaderless', 'syncing', 'pending', 'streams',
  ],
  api: ['host', 'running', 'hung', 'etcd_state', 'healthy', 'in_flight', 'requests', 'failures', 'oldest', 'stale'],
  elector: [
    'api', 'component', 'running', 'believes', 'can_act', 'observed', 'lease_left', 'renew_left', 'next_try',
    'restart_in', 'exits', 'calling',
  ],
  lease: ['holder', 'renewed_ago', 'transitions', 'left'],
  link: ['from', 'to', 'loss_ppm', 'cut', 'delay_us', 'packets', 'dropped'],
  stream: ['from', 'to', 'kind', 'up', 'cwnd', 'rto', 'backoff', 'backlog', 'queue'],
  flight: ['number', 'from', 'to', 'class', 'lost', 'sent', 'progress'],
  fault: ['id', 'kind', 'host', 'to', 'value', 'since'],
  load: ['api', 'kind', 'sent', 'ok', 'failed', 'waiting', 'ended', 'success', 'p50', 'p99'],
  service: [
    'workload', 'sent', 'ok', 'failed', 'waiting', 'ended', 'success', 'p50', 'p99', 'refused', 'timeouts', 'broken',
  ],
  manager: ['api', 'phase', 'paced'],
  controller: ['synced', 'depth', 'busy', 'backoff', 'retries', 'longest', 'adds'],
  scheduler: ['api', 'works', 'synced', 'active', 'backoff', 'unschedulable', 'binding'],
  level: ['api', 'level', 'seats', 'taken', 'queued', 'rejected'],
  cache: ['api', 'kind', 'ready', 'revision', 'behind', 'heard', 'objects', 'initializations', 'watchers'],
  episode: ['episode', 'settled', 'began_ms', 'healed_ms', 'over'],
  hurt: ['at_ms', 'sign', 'program'],
  kind_hurt: ['at_ms'],
  step: ['state', 'at_ms'],
  harm: ['desired', 'serving', 'missing_ms', 'blocked', 'blocked_ms', 'requests', 'failed'],
  alert: ['state', 'since_ms', 'value', 'instances'],
  lamp: ['lit_ms', 'value'],
  verdict: ['state', 'checks', 'broken', 'first_ms', 'n0', 'n1', 'n2', 'n3'],
  workload: [
    'id', 'kind', 'desired', 'current', 'updated', 'ready', 'template', 'pods', 'pods_ready', 'endpoints', 'endpoints_ready',
    'claims', 'claims_bound', 'stuck',
  ],
  node: ['registered', 'ready', 'cordoned', 'taints', 'up', 'kubelet', 'pods', 'running', 'lease_age', 'rules_behind'],
  pod: ['workload', 'template', 'number', 'node', 'phase', 'ready', 'deleting', 'unschedulable', 'restarts', 'runs', 'serves'],
} as const;

type Columns = typeof COLUMNS;
export type TableName = keyof Columns;

/** One column. Out of range it reads 0, so that a view of a table with fewer rows stays quiet. */
export type Column = (row: number) => number;
export type Table<Name extends TableName> = { readonly rows: number } & Readonly<Record<Columns[Name][number], Column>>;
export type Frame = { readonly [Name in TableName]: Table<Name> } & {
  /** The workloads' names, by number. */
  readonly names: readonly string[];
  /** The kinds of API users' requests, by number. */
  readonly kinds: readonly string[];
  /** The controllers' work queues, the resources, and the priority levels, by number. */
  readonly controllers: readonly string[];
  readonly objects: readonly string[];
  readonly levels: readonly string[];
};

/** What is wrong with the engine's layout for this page, or nothing. */
export function missing(layout: readonly TableSpec[]): string[] {
  return Object.entries(COLUMNS).flatMap(([name, columns]) => {
    const table = layout.find((table) => table.name === name);
    const has = new Set(table?.columns.map(([column]) => column));
    return columns.filter((column) => !has.has(column)).map((column) => `${name}.${column}`);
  });
}

/** The tables that start at byte `at`. They are good until the engine is called again. */
export function read(memory: ArrayBuffer, at: number, layout: readonly TableSpec[], named: Pick<Frame, 'names' | 'kinds' | 'controllers' | 'objects' | 'levels'>): Frame {
  const tables: Record<string, Record<string, Column | number>> = {};
  for (const { name, columns } of layout) {
    const rows = new Uint32Array(memory, at, 1)[0] ?? 0;
    at += 4;
    const table: Record<string, Column | number> = { rows };
    for (const [column, kind] of columns) {
      const view = kind === 'F32' ? new Float32Array(memory, at, rows) : new Uint32Array(memory, at, rows);
      table[column] = (row) => view[row] ?? 0;
      at += rows * 4;
    }
    tables[name] = table;
  }
  return { ...tables, ...named } as unknown as Frame;
}

/** The simulated time in milliseconds. */
export function nowMs({ world }: Frame): number {
  return world.now_ms(0) + world.now_us(0) / 1000;
}

/** The rows of a table for which a condition holds. */
export function rowsWhere(table: { readonly rows: number }, holds: (row: number) => boolean): number[] {
  const rows = [];
  for (let row = 0; row < table.rows; row += 1) if (holds(row)) rows.push(row);
  return rows;
}
