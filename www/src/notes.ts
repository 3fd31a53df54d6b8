// Notes and causes as sentences.

import { en } from '../locales/en.ts';
import { timerText } from './catalog.ts';
import type { NoteRow, RecordRow } from './engine.ts';
import { nodeOfHost, type Cluster } from './cluster.ts';
import { ppm, say, sayIfKnown, span } from './say.ts';
import { memberName, programName } from './words.ts';

function statusText(status: number): string {
  return sayIfKnown(`status_${status}`) ?? say('status_other', { status: String(status) });
}

/** Everything that the locale's sentence about a note may name. */
function values({ program, a, b }: Pick<NoteRow, 'program' | 'a' | 'b'>, cluster: Cluster): Record<string, string | number> {
  return {
    program: programName(program, cluster),
    term: String(b),
    index: String(b),
    leader: memberName(a),
    peer: memberName(a),
    n: a,
    status: String(a),
    span: span(b / 1000),
    stream: sayIfKnown(`stream_${b}`) ?? '',
  };
}

/** What workloads and pods are called. */
export interface Names {
  workload(id: number): string;
  pod(workload: number, template: number, number: number): string;
}

/** The pod of a key: workload, template and number, 16, 16 and 24 bits. */
function podOf(key: number, named: Names): string {
  return named.pod(Math.floor(key / 2 ** 40) % 2 ** 16, Math.floor(key / 2 ** 24) % 2 ** 16, key % 2 ** 24);
}
/** A pod on a node. */
const podOnNode: Special = (a, b, _, named) => ({ values: { n: String(a + 1), pod: podOf(b, named) } });
const ofNode: Special = (a) => ({ values: { n: String(a + 1) } });
const ofWorkload: Special = (a, _, __, named) => ({ values: { name: named.workload(a) } });

type Special = (a: number, b: number, cluster: Cluster, named: Names) => { key?: string; values?: Record<string, string | number> };

/** Kinds of notes whose `a` and `b` need unpacking. */
const SPECIAL: Readonly<Record<string, Special>> = {
  started: (a) => (a === 0 ? {} : { key: 'started_again' }),
  restart_in: (a) => (a === 0 ? { key: 'restart_at_once' } : { values: { span: span(a) } }),
  loses_leader: (a) => (a === 0 ? { key: 'loses_leader_none' } : {}),
  observed_holder: (a, _, cluster) =>
    a >>> 8 >= 0xffff ? { key: 'observed_nobody' } : { values: { holder: programName(a >>> 8, cluster) } },
  renewal_fails: (_, b) => ({ values: { status: statusText(b) } }),
  start_fails: (_, b) => ({ values: { status: statusText(b) } }),
  node_registered: ofNode,
  node_not_ready: ofNode,
  node_ready: ofNode,
  pod_started: podOnNode,
  pod_ready: podOnNode,
  pod_ended: podOnNode,
  pod_bound: podOnNode,
  pod_evicted: (a, b, _, named) => ({ values: { n: String(a + 1), name: named.workload(Math.floor(b / 2 ** 24)) } }),
  container_exited: podOnNode,
  container_restarts: (a, b, _, named) => ({ values: { span: span(a), pod: podOf(b, named) } }),
  pod_unschedulable: (a, b, _, named) => ({ values: { n: a, pod: podOf(b, named) } }),
  rollout_began: ofWorkload,
  rollout_complete: ofWorkload,
  rollout_deadline_exceeded: ofWorkload,
  service_request: (a, _, __, named) => ({ values: { name: named.workload(a & 0xffff), status: sayIfKnown(`visit_${a >>> 16}`) ?? '' } }),
  try_failed: (_, b) => ({ values: { status: statusText(b) } }),
  etcd_call: (a) => ({ key: a < 16 ? 'etcd_call' : 'etcd_call_failed', values: { call: sayIfKnown(`call_${a & 15}`) ?? '' } }),
  operation_done: (a) => ({ values: { operation: sayIfKnown(`operation_${a & 255}`) ?? '' } }),
  operation_failed: (a) => ({
    values: { operation: sayIfKnown(`operation_${a & 255}`) ?? '', status: statusText(a >>> 8) },
  }),
  operation_refused: (a) => ({ values: { operation: sayIfKnown(`operation_${a & 255}`) ?? '' } }),
  api_request: (a) => ({ values: { status: statusText((a >>> 8) & 0xffff) } }),
  server_out: (a) => ({ values: { api: a + 1 } }),
  server_in: (a) => ({ values: { api: a + 1 } }),
  static_pod_unready: (a, _, cluster) => ({ values: { pod: programName(a, cluster) } }),
  static_pod_ready: (a, _, cluster) => ({ values: { pod: programName(a, cluster) } }),
  probe_kills: (a, b, cluster) => ({ key: b === 0 ? 'probe_kills' : 'startup_kills', values: { pod: programName(a, cluster) } }),
  user_request: (a) => ({
    values: { call: sayIfKnown(`user_${a & 255}`) ?? '', api: ((a >>> 8) & 255) + 1, status: statusText(a >>> 16) },
  }),
};

/** A note as a sentence, without its full stop. */
export function noteText(note: Pick<NoteRow, 'program' | 'kind' | 'a' | 'b'>, cluster: Cluster, named: Names): string {
  const special = SPECIAL[note.kind]?.(note.a, note.b, cluster, named) ?? {};
  const filled = { ...values(note, cluster), ...special.values };
  return sayIfKnown(`note_${special.key ?? note.kind}`, filled) ?? `${filled['program']}: ${note.kind}`;
}

/** A command as the journal has it. */
export type Act =
  | { set: { name: string; value: number }[] }
  | { inject: { name: string; host: number; to: number | null; value: number | null } }
  | { heal: number }
  | 'heal_all'
  | { spare: unknown }
  | { nothing: string }
  | Operation;

/** What is done with kubectl, or with a machine. */
export type Operation =
  | { scale: { workload: number; replicas: number } }
  | { rollout: number }
  | { create: { name: string; kind: string; replicas: number } }
  | { delete_pod: { workload: number; template: number; number: number; force: boolean } }
  | { [act in 'cordon' | 'uncordon' | 'drain' | 'delete_node']?: number }
  | 'add_node';

/** What a command's sentence may name. */
export interface Named extends Names {
  /** Where a dial stands. */
  dial(name: string, value: number): string;
  fault: Cluster;
}

/** A command as a sentence. */
export function commandText(act: Act | undefined, { dial, workload, pod, fault }: Named): string {
  if (act === undefined) return say('note_command');
  if (act === 'heal_all') return say('command_heal_all');
  if (act === 'add_node') return say('command_add_node');
  if ('heal' in act) return say('command_heal');
  if ('spare' in act) return say('command_spare');
  if ('nothing' in act) return say('command_nothing');
  if ('set' in act) return say('command_set', { dials: act.set.map(({ name, value }) => dial(name, value)).join('; ') });
  if ('inject' in act) return say('command_inject', { what: faultText(act.inject, fault) });
  if ('scale' in act) return say('command_scale', { name: workload(act.scale.workload), n: act.scale.replicas });
  if ('rollout' in act) return say('command_rollout', { name: workload(act.rollout) });
  if ('create' in act) return say('command_create', { name: act.create.name, n: act.create.replicas });
  if ('delete_pod' in act) {
    const { workload: of, template, number, force } = act.delete_pod;
    return say(force ? 'command_force_delete_pod' : 'command_delete_pod', { pod: pod(of, template, number) });
  }
  const [name = '', node = 0] = Object.entries(act)[0] ?? [];
  return sayIfKnown(`command_${name}`, { n: String(node + 1) }) ?? say('note_command');
}

/** A fault as a clause: "host 2 is cut off". */
export function faultText({ name, host, to, value }: { name: string; host: number; to: number | null; value: number | null }, cluster: Cluster): string {
  const named = (host: number): string => {
    const node = nodeOfHost(host, cluster);
    return node < 0 ? say('name_host', { n: host + 1 }) : say('name_node', { n: String(node + 1) });
  };
  const values = { n: host + 1, host: named(host), to: to === null ? '' : named(to), value: value ?? '', loss: ppm(value ?? 0) };
  return sayIfKnown(`force_${name}`, values) ?? name;
}

/** Whether both commands move the same dials, as one drag does. */
export function sameDials(a: Act | undefined, b: Act | undefined): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || !('set' in a) || !('set' in b)) return false;
  const names = (act: { set: { name: string }[] }): string => act.set.map(({ name }) => name).join();
  return names(a) === names(b);
}

/** The engine's reasons for a loss. */
const REASONS = [en.drop_0, en.drop_1, en.drop_2, en.drop_3, en.drop_4];

function reasonText(english: string): string {
  return sayIfKnown(`drop_${REASONS.findIndex((reason) => reason === english)}`) ?? english;
}
function classText(name: string): string {
  return sayIfKnown(`class_${name}`) ?? name;
}

/** A row of the record as a sentence; the engine's own where the locale has none. */
export function causeText(row: RecordRow, cluster: Cluster, named: Names, command: (place: number) => string): string {
  if (typeof row.kind === 'string') return noteText({ ...row, kind: row.kind }, cluster, named);
  if (row.what === 'command') return command(row.a);
  const values = {
    program: programName(row.program, cluster),
    timer: timerText(row.text.replace(/^timer /, '')),
    reason: reasonText(row.text.replace(/^packet dropped: /, '')),
    class: classText(row.text.replace(/^message read: /, '')),
  };
  return sayIfKnown(`cause_${row.what}`, values) ?? row.text;
}

/** Notes that a listener wants to hear of at once. */
export const SPOKEN: ReadonlySet<string> = new Set([
  'leads', 'loses_leader', 'acquired', 'lease_lost', 'exited', 'unhealthy', 'healthy',
]);

/** Which way a note points, for the mark beside it. */
export function noteTone(kind: string): 'good' | 'bad' | 'plain' {
  if (['leads', 'finds_leader', 'stream_up', 'etcd_connected', 'healthy', 'acquired', 'started', 'caches_ready', 'server_in', 'static_pod_ready'].includes(kind)) return 'good';
  const bad = [
    'exited', 'loses_leader', 'steps_down', 'stream_down', 'slow_fsync', 'etcd_disconnected', 'unhealthy',
    'renewal_fails', 'lease_lost', 'operation_failed', 'operation_refused', 'caches_lost', 'terminating', 'server_out', 'static_pod_unready', 'probe_kills',
  ];
  return bad.includes(kind) ? 'bad' : 'plain';
}
