// The futures of the run as lines on the scale of the lanes, each with its name and what can be done with it.

import type { TimeApp } from '../app.ts';
import { button, html, list, setAttribute, setMixed, setText, svg } from '../dom.ts';
import type { BranchRow } from '../engine.ts';
import { branchName } from '../lanewords.ts';
import { moment, say } from '../say.ts';
import type { State } from '../state.ts';
import { Scrubber } from './scrubber.ts';

/** The height of a row, in px. */
const ROW = 26;

/** "You changed the past at 12.4 s: this is Branch 2 now. Branch 1 keeps what happened." */
export function changedText(branches: readonly BranchRow[], { atUs, branch, from }: NonNullable<State['changed']>): string {
  const name = (id: number): string => branchName(branches.find((one) => one.id === id) ?? { id, name: '' });
  return say('branch_changed', { at: moment(atUs / 1000), branch: name(branch), from: name(from) });
}

function pencil(): SVGSVGElement {
  return svg('svg', { viewBox: '0 0 16 16', class: 'icon', 'aria-hidden': 'true' }, svg('path', { d: 'M11.5 1.5l3 3-9 9-4 1 1-4zM10 4l2 2' }));
}

/** Two pictures side by side. */
function sideBySide(): SVGSVGElement {
  return svg('svg', { viewBox: '0 0 16 16', class: 'icon', 'aria-hidden': 'true' }, svg('path', { d: 'M1.5 2.5h5.5v11h-5.5zM9 2.5h5.5v11h-5.5z' }));
}

export class Branches {
  private readonly app: TimeApp;
  private readonly changed = html('p', { class: 'changed' });
  private readonly rows = html('ul', {});
  private readonly lines = svg('svg', { class: 'lines', 'aria-hidden': 'true' });
  private readonly refused = html('p', { class: 'refused', role: 'status', id: 'refused-branches' });
  private readonly scroll: HTMLElement;
  private readonly timeline: HTMLElement;
  /** The branch whose deletion was asked for once. */
  private doomed: number | undefined;

  constructor(app: TimeApp, parent: HTMLElement) {
    this.app = app;
    this.timeline = parent;
    this.scroll = html('div', { class: 'branches', role: 'group', 'aria-label': say('branches') }, this.lines, this.rows);
    parent.append(this.changed, this.refused, this.scroll);
  }

  update(): void {
    const { past, state } = this.app;
    const { branches } = past;
    const several = branches.length > 1;
    this.scroll.hidden = !several;
    setAttribute(this.timeline, 'data-branches', several);
    const changed = state.changed === null ? '' : changedText(branches, state.changed);
    setText(this.changed, changed);
    this.changed.hidden = changed === '';
    const sentence = state.refused?.knob === 'branches' ? state.refused.sentence : '';
    setMixed(this.refused, sentence);
    if (!several) return;
    list(this.rows, branches, () => this.makeRow(), (row, branch) => this.updateRow(row, branch));
    this.draw();
  }

  private makeRow(): HTMLElement {
    const id = (): number => Number(row.dataset['id']);
    const name = button('', () => this.app.switchBranch(id()), { class: 'branch-name' });
    const field = html('input', { type: 'text', hidden: true, autocomplete: 'off', spellcheck: 'false' });
    const rename = button('', () => this.app.act({ type: 'rename', branch: id() }), { class: 'shape-button rename' });
    rename.append(pencil());
    const compare = button('', () => this.app.compareWith(id()), { class: 'shape-button compare-with' });
    compare.append(sideBySide());
    const remove = button('', () => this.askToDelete(id()), { class: 'shape-button delete' });
    remove.addEventListener('blur', () => this.spare());
    field.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && this.rename(id(), field.value)) rename.focus();
      if (event.key === 'Escape') {
        event.stopPropagation();
        this.app.act({ type: 'rename', branch: null });
        rename.focus();
      }
    });
    field.addEventListener('blur', () => {
      if (this.app.state.renaming === id()) this.rename(id(), field.value);
    });
    const row = html('li', {}, name, field, html('span', { class: 'span' }), compare, rename, remove);
    return row;
  }
  private updateRow(row: HTMLElement, branch: BranchRow): void {
    const { id, parent, forked_us, played } = branch;
    const { state, past } = this.app;
    row.dataset['id'] = String(id);
    setAttribute(row, 'data-played', played);
    const [name, field, span, compare, rename, remove] = row.children as unknown as [HTMLButtonElement, HTMLInputElement, HTMLElement, HTMLButtonElement, HTMLButtonElement, HTMLButtonElement];
    const called = branchName(branch);
    setText(name, called);
    setAttribute(name, 'aria-current', played ? 'true' : undefined);
    setAttribute(name, 'title', played ? say('branch_played', { name: called }) : say('branch_switch', { name: called }));
    const of = past.branches.find((one) => one.id === parent);
    const values = { name: called, from: moment(forked_us / 1000), to: moment(this.seenUs(branch) / 1000), parent: of === undefined ? '' : branchName(of) };
    const line = say(of === undefined ? 'branch_line' : 'branch_line_of', values);
    setText(span, line);
    setAttribute(row, 'title', line);
    const now = past.played;
    const comparing = say('branch_compare', { name: called, played: now === undefined ? '' : branchName(now) });
    compare.hidden = played;
    setAttribute(compare, 'aria-label', comparing);
    setAttribute(compare, 'title', comparing);
    setAttribute(rename, 'aria-label', say('branch_rename', { name: called }));
    const sure = this.doomed === id;
    remove.hidden = played;
    setText(remove, sure ? say('branch_sure') : '✕');
    setAttribute(remove, 'data-sure', sure);
    setAttribute(remove, 'aria-label', say(sure ? 'branch_delete_sure' : 'branch_delete', { name: called }));
    const renaming = state.renaming === id;
    if (renaming === !field.hidden) return;
    field.hidden = !renaming;
    name.hidden = renaming;
    if (!renaming) return;
    setAttribute(field, 'aria-label', say('branch_new_name', { name: called }));
    field.value = called;
    field.focus();
    field.select();
  }
  private seenUs({ played, seen_us }: BranchRow): number {
    return played ? Math.max(seen_us, this.app.past.travel.seen_us) : seen_us;
  }
  /** Returns whether the field may close: it stays open while the engine has something to say about the name. */
  private rename(id: number, name: string): boolean {
    const branch = this.app.past.branches.find((one) => one.id === id);
    const same = branch !== undefined && branchName(branch) === name.trim();
    if (!same && !this.app.renameBranch(id, name)) return false;
    this.app.act({ type: 'rename', branch: null });
    return true;
  }
  /** Once to ask, once to do it: there is no way back. */
  private askToDelete(id: number): void {
    if (this.doomed !== id) {
      this.doomed = id;
      this.update();
      return;
    }
    this.doomed = undefined;
    this.app.deleteBranch(id);
    this.update();
    (this.rows.querySelector<HTMLElement>('[aria-current]') ?? document.getElementById('scrub'))?.focus();
  }
  private spare(): void {
    if (this.doomed === undefined) return;
    this.doomed = undefined;
    this.update();
  }
  /** A line for each branch, from where it leaves its parent's. */
  private draw(): void {
    const { branches } = this.app.past;
    const end = Scrubber.end(this.app) * 1e6;
    setAttribute(this.lines, 'height', branches.length * ROW);
    const x = (us: number): string => `${((us / end) * 100).toFixed(3)}%`;
    const y = (n: number): number => n * ROW + ROW / 2;
    const lines = branches.flatMap((branch, n) => {
      const { id, parent, forked_us } = branch;
      const at = branches.findIndex((one) => one.id === parent);
      const own = { key: `l${id}`, x1: x(forked_us), x2: x(this.seenUs(branch)), y1: y(n), y2: y(n), played: branch.played };
      const up = at < 0 ? [] : [{ key: `u${id}`, x1: x(forked_us), x2: x(forked_us), y1: y(at), y2: y(n), played: branch.played }];
      return [...up, own];
    });
    list(this.lines, lines, () => svg('line'), (line, { x1, x2, y1, y2, played }) => {
      for (const [name, value] of Object.entries({ x1, x2, y1, y2 })) setAttribute(line, name, value);
      setAttribute(line, 'data-played', played);
    });
  }
}
