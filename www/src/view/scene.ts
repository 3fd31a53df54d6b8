// The scene in words: the same as the drawing, for those who read it.

import { html, list, setText } from '../dom.ts';
import { nowMs, rowsWhere, type Frame } from '../frame.ts';
import { moment, ppm, say } from '../say.ts';

import * as words from '../words.ts';
import type { Ladder } from './ladder.ts';

type Cells = readonly string[];

/** Nodes and pods listed at most: who has thousands reads the counts. */
const MOST = 100;

function stateAfterName(sentence: string): string {
  return sentence.slice(sentence.indexOf(', ') + 2);
}

class WordTable {
  readonly node: HTMLElement;
  private readonly body = html('tbody');

  constructor(caption: string, heads: Cells) {
    const head = html('thead', {}, html('tr', {}, ...heads.map((text) => html('th', { scope: 'col' }, text))));
    this.node = html('table', {}, html('caption', {}, caption), head, this.body);
  }
  update(rows: readonly Cells[]): void {
    list(this.body, rows, () => html('tr'), (line, cells) => list(line, cells, () => html('td'), setText));
  }
}

export class Scene {
  private readonly details = html('details', { class: 'scene', id: 'scene' }, html('summary', {}, say('words')));
  private readonly summary = html('p', {});
  private readonly members = new WordTable(say('words_members'), [say('col_member'), say('col_state')]);
  private readonly apis = new WordTable(say('words_apis'), [say('col_api'), say('col_state')]);
  private readonly electors = new WordTable(say('words_electors'), [say('col_program'), say('col_state')]);
  private readonly requests = new WordTable(say('words_requests'), [say('col_kind'), say('col_state')]);
  private readonly workloads = new WordTable(say('words_workloads'), [say('col_workload'), say('col_state')]);
  private readonly work = new WordTable(say('work_label'), [say('col_queue'), say('col_state')]);
  private readonly nodes = new WordTable(say('words_nodes'), [say('col_node'), say('col_state')]);
  private readonly pods = new WordTable(say('words_pods'), [say('col_pod'), say('col_state')]);
  private readonly hosts = new WordTable(say('words_hosts'), [say('col_host'), say('col_state')]);
  private readonly links = new WordTable(say('words_links'), [say('col_link'), say('col_state'), say('col_loss')]);

  constructor(parent: HTMLElement, redraw: () => void) {
    const tables = [this.requests, this.workloads, this.pods, this.nodes, this.work, this.electors, this.apis, this.members, this.hosts, this.links];
    this.details.append(this.summary, ...tables.map(({ node }) => node));
    this.details.addEventListener('toggle', redraw);
    parent.append(this.details);
  }

  update(frame: Frame, ladder: Pick<Ladder, 'lines'>): void {
    if (!this.details.open) return;
    setText(this.summary, say('words_summary', { time: moment(nowMs(frame)), rungs: ladder.lines(frame).join('; ') }));
    const all = (rows: number): number[] => Array.from({ length: rows }, (_, row) => row);
    const state = (thing: 'member' | 'api' | 'elector' | 'node' | 'controller' | 'host', row: number): string => stateAfterName(words.describe(frame, { thing, row }));
    this.members.update(all(frame.member.rows).map((row) => [say('name_member', { n: row + 1 }), state('member', row)]));
    this.apis.update(
      all(frame.api.rows).map((row) => [say('name_api', { n: row + 1 }), state('api', row)]),
    );
    this.requests.update(frame.kinds.map((_, kind) => [words.kindName(frame, kind), words.fareText(words.fareOf(frame, kind))]));
    this.workloads.update(
      all(frame.workload.rows).map((row) => {
        const id = frame.workload.id(row);
        return [words.workloadName(frame, id), stateAfterName(words.describe(frame, { thing: 'workload', row: id }))];
      }),
    );
    this.nodes.update(all(Math.min(MOST, frame.node.rows)).map((row) => [words.nodeName(row), state('node', row)]));
    this.pods.update(
      all(Math.min(MOST, frame.pod.rows)).map((row) => {
        const selection = words.podSelection(frame, row);
        return [words.title(frame, selection), stateAfterName(words.describe(frame, selection))];
      }),
    );
    this.electors.update(all(frame.elector.rows).map((row) => [words.electorName(frame, row), state('elector', row)]));
    const scheduler = { thing: 'scheduler', row: 0 } as const;
    this.work.update([
      ...all(frame.controller.rows).map((row) => [words.controllerName(frame, row), state('controller', row)]),
      [words.title(frame, scheduler), stateAfterName(words.describe(frame, scheduler))],
    ]);
    this.hosts.update(all(frame.world.control_hosts(0)).map((row) => [words.title(frame, { thing: 'host', row }), state('host', row)]));
    const { link } = frame;
    this.links.update(
      rowsWhere(link, (row) => link.from(row) !== link.to(row)).map((row) => [
        `${words.hostName(frame, link.from(row))} – ${words.hostName(frame, link.to(row))}`,
        link.cut(row) === 1 ? say('cut') : say('up'),
        ppm(link.loss_ppm(row)),
      ]),
    );
  }
}
