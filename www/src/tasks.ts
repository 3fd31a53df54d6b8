// The first minute: one small thing to do after the other. Each ticks itself when it happens.

import { rowsWhere, type Frame } from './frame.ts';
import type { Key } from './say.ts';
import { leaderRow } from './words.ts';

/** What a task is held against: the world when it was set. */
export interface Before {
  failedWrites: number;
  term: number;
  exits: number;
}

export interface Task {
  text: Key;
  /** What to say when it takes long. */
  hint?: Key;
  /** The control to point at, by its element's id. */
  control: string;
  done(frame: Frame, before: Before): boolean;
}

function sum(rows: readonly number[], column: (row: number) => number): number {
  return rows.reduce((total, row) => total + column(row), 0);
}

function writes({ load }: Frame): number[] {
  return rowsWhere(load, (row) => load.kind(row) === 1);
}

function schedulers({ elector }: Frame): number[] {
  return rowsWhere(elector, (row) => elector.component(row) === 1);
}

export function remember(frame: Frame): Before {
  return {
    failedWrites: sum(writes(frame), frame.load.failed),
    term: frame.member.term(leaderRow(frame)),
    exits: sum(schedulers(frame), frame.elector.exits),
  };
}

export const TASKS: readonly Task[] = [
  {
    text: 'task_write_fails',
    hint: 'task_write_fails_hint',
    control: 'dial-loss_ppm',
    done: (frame, { failedWrites }) => sum(writes(frame), frame.load.failed) > failedWrites,
  },
  {
    text: 'task_heal',
    control: 'dial-loss_ppm',
    done: (frame) =>
      frame.world.faults(0) === 0 &&
      rowsWhere(frame.link, (row) => frame.link.loss_ppm(row) > 0).length === 0 &&
      writes(frame).every((row) => frame.load.success(row) === 1),
  },
  {
    text: 'task_new_leader',
    control: 'fault-crash',
    done: (frame, { term }) =>
      rowsWhere(frame.host, (row) => frame.host.up(row) === 0).length > 0 &&
      leaderRow(frame) >= 0 &&
      frame.member.term(leaderRow(frame)) > term,
  },
  {
    text: 'task_lease',
    control: 'fault-hang-api',
    done: (frame, { exits }) => sum(schedulers(frame), frame.elector.exits) > exits,
  },
];
