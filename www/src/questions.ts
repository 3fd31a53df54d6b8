// What can be asked about a thing or a rung: the question that fits how it is now.

import { NONE, rowsWhere, type Frame } from './frame.ts';
import type { Rung } from './health.ts';
import type { Question, Selection } from './state.ts';
import { apiShape, leaderRow, nodeShape, serviceRow } from './words.ts';

/** The row with the least of something; -1 if there is none. */
function worst(rows: readonly number[], of: (row: number) => number): number {
  return rows.reduce((least, row) => (least < 0 || of(row) < of(least) ? row : least), -1);
}

/** About the requests of a kind: to the API server where they fare worst. */
function requests({ load }: Frame, kind: number): Question | undefined {
  const rows = rowsWhere(load, (row) => load.kind(row) === kind && (load.ended(row) > 0 || load.waiting(row) > 0));
  const row = worst(rows, (at) => (load.ended(at) === 0 ? -1 : load.success(at)));
  return row < 0 ? undefined : { requests: { api: load.api(row), kind } };
}

/** The question about what is selected; nothing if there is none to ask. */
export function questionAbout(frame: Frame, { thing, row, other = 0, third = 0 }: Selection): Question | undefined {
  switch (thing) {
    case 'member':
      return frame.member.running(row) === 1 && frame.member.role(row) === 3 ? 'leader' : { member: row };
    case 'api':
      return { api: row };
    case 'elector':
      return { lease: frame.elector.component(row) };
    case 'controller':
      return { lease: 0 };
    case 'scheduler':
      return { lease: 1 };
    case 'users':
      return requests(frame, row);
    case 'node':
      return { node: row };
    case 'workload':
      return { workload: row };
    case 'pod':
      return { pod: { workload: row, template: third, number: other } };
    case 'host':
    case 'link':
      return undefined;
  }
}

/** The question about a rung that is hurt. */
export function questionOf(frame: Frame, rung: Rung): Question | undefined {
  const { member, api, lease, node, workload, load, service } = frame;
  switch (rung) {
    case 'etcd': {
      if (leaderRow(frame) < 0) return 'leader';
      const lost = rowsWhere(member, (row) => member.running(row) === 0 || member.leader(row) === 0)[0];
      return lost === undefined ? 'leader' : { member: lost };
    }
    case 'api': {
      const hurt = rowsWhere(api, (row) => apiShape(frame, row) !== 'ready')[0];
      return { api: hurt ?? 0 };
    }
    case 'election':
      return { lease: Math.max(0, worst(rowsWhere(lease, () => true), (row) => lease.left(row))) };
    case 'control':
      return { lease: frame.manager.api(0) === NONE || frame.scheduler.api(0) !== NONE ? 0 : 1 };
    case 'nodes': {
      const lost = rowsWhere(node, (row) => nodeShape(frame, row) !== 'ready')[0];
      if (lost !== undefined) return { node: lost };
      const short = rowsWhere(workload, (row) => workload.ready(row) < workload.desired(row))[0];
      return short === undefined ? undefined : { workload: workload.id(short) };
    }
    case 'users': {
      const failing = worst(rowsWhere(load, (row) => load.ended(row) > 0), (row) => load.success(row));
      const refused = worst(rowsWhere(service, (row) => service.ended(row) > 0), (row) => service.success(row));
      const users = failing < 0 ? 1 : load.success(failing);
      const visits = refused < 0 ? 1 : service.success(refused);
      if (visits < users && serviceRow(frame, service.workload(refused)) >= 0) return { service: service.workload(refused) };
      return failing < 0 ? undefined : { requests: { api: load.api(failing), kind: load.kind(failing) } };
    }
    case 'network':
      return undefined;
  }
}

/** Which rung an alert or an early warning is about, by its name. */
const RUNG_OF: readonly (readonly [RegExp, Rung])[] = [
  [/etcd|storage|no_leader/i, 'etcd'],
  [/watch|events_delayed/i, 'api'],
  [/ControllerManager|Scheduler|renewal/i, 'election'],
  [/KubeAPI|Apiserver|ErrorBudget|KubeClient/i, 'api'],
  [/queue/i, 'control'],
  [/Node|Kubelet|Pod|Deployment|StatefulSet|DaemonSet|Job/i, 'nodes'],
];

/** The question about an alert that is lit. */
export function questionOfAlert(frame: Frame, name: string): Question | undefined {
  if (/watch_drops|events_delayed/.test(name)) {
    const { api } = frame;
    return { watch: Math.max(0, worst(rowsWhere(api, () => true), (row) => -api.stale(row))) };
  }
  const rung = RUNG_OF.find(([pattern]) => pattern.test(name))?.[1];
  return rung === undefined ? undefined : questionOf(frame, rung);
}
