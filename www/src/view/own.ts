// The learner's own cluster: what its manifests and flags say, and which dials take it. Loaded when somebody asks for it.

import type { OwnApp } from '../app.ts';
import { button, html, setMixed, setText } from '../dom.ts';
import type { Change } from '../engine.ts';
import { EXAMPLES } from '../own/examples.ts';
import { judge, type Row, type Status, type Verdict } from '../own/match.ts';
import { MOST_BYTES, isBinary, read, type Read } from '../own/read.ts';
import { shapeOf, type Shape } from '../own/shape.ts';
import { capital, clipped, say, sayIfKnown } from '../say.ts';
import { written } from '../spoken.ts';

/** How long nobody types before the text is read, in ms. */
const PAUSE = 200;
/** The most lines that a table shows. */
const MOST_ROWS = 200;
/** The most letters of a value that it shows. */
const MOST_LETTERS = 40;
/** What is said first. */
const ORDER: readonly Status[] = ['conflict', 'refused', 'unknown', 'differs', 'moved', 'default', 'topology', 'fixed', 'same', 'unused'];
const FINDINGS: ReadonlySet<Status> = new Set(['conflict', 'refused', 'unknown', 'differs']);

/** What was made of the text. */
interface Judged {
  readonly found: Read;
  readonly shape: Shape | undefined;
  readonly verdict: Verdict;
}

export class Own {
  private readonly app: OwnApp;
  private readonly done: (sentence: string) => void;
  private readonly text = html('textarea', { id: 'own-text', rows: 9, spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off', wrap: 'off' });
  private readonly summary = html('p', { class: 'own-summary', role: 'status' });
  private readonly problems = html('ul', { class: 'own-problems' });
  private readonly result = html('div', { class: 'own-result' });
  private readonly topology = html('input', { type: 'checkbox', id: 'own-topology' });
  private readonly topologyLabel = html('label', { for: 'own-topology' });
  private readonly topologyLine = html('div', { class: 'own-topology', hidden: true }, this.topology, this.topologyLabel);
  private readonly start = button(say('own_start'), () => void this.startOver(), { id: 'own-start', class: 'primary' });
  private readonly move = button(say('own_move'), () => this.moveDials(), { id: 'own-move' });
  private readonly refused = html('p', { class: 'refused', role: 'status', id: 'refused-own' });
  private readonly dialog: HTMLDialogElement;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private judged: Judged | undefined;
  /** What files were not taken, a sentence each. */
  private turnedAway: readonly string[] = [];

  /** `done` hears what was done, in a sentence. */
  constructor(app: OwnApp, done: (sentence: string) => void) {
    this.app = app;
    this.done = done;
    const files = html('input', { type: 'file', id: 'own-files', multiple: true, accept: '.yaml,.yml,.json,.conf,.env,.service,.txt,text/*' });
    files.addEventListener('change', () => {
      void this.add([...(files.files ?? [])]);
      files.value = '';
    });
    this.text.addEventListener('input', () => this.later());
    this.topology.addEventListener('change', () => this.offer());
    const examples = EXAMPLES.map(([name, text]) => button(say(name), () => this.put(text), { class: 'quiet-button' }));
    this.dialog = html(
      'dialog', { class: 'chooser own', id: 'own-dialog', 'aria-labelledby': 'own-title' },
      html('div', { class: 'head' }, html('h2', { id: 'own-title' }, say('own_title')), button(say('close'), () => this.dialog.close(), { class: 'quiet-button' })),
      html('p', { class: 'muted' }, say('own_about')),
      html('div', { class: 'own-head' }, html('label', { for: 'own-text' }, say('own_text')), html('span', { class: 'own-examples' }, html('span', { class: 'muted' }, say('own_examples')), ...examples)),
      this.text,
      html('div', { class: 'own-files' }, html('label', { for: 'own-files' }, say('own_files')), files, html('span', { class: 'muted' }, say('own_drop')), button(say('own_clear'), () => this.put(''), { id: 'own-clear', class: 'quiet-button' })),
      this.summary, this.problems, this.result, html('p', { class: 'muted note' }, say('own_note')),
      html('div', { class: 'own-foot' }, this.topologyLine, html('div', { class: 'buttons' }, this.start, this.move), this.refused),
    );
    this.takeDrops();
    document.body.append(this.dialog);
  }

  open(): void {
    this.app.act({ type: 'run', running: false });
    this.app.act({ type: 'accepted' });
    this.judge();
    this.dialog.showModal();
    this.text.focus();
  }
  private takeDrops(): void {
    const { dialog } = this;
    for (const kind of ['dragenter', 'dragover'] as const) {
      dialog.addEventListener(kind, (event) => {
        if (event.dataTransfer?.types.includes('Files') !== true) return;
        event.preventDefault();
        dialog.classList.add('dropping');
      });
    }
    for (const kind of ['dragleave', 'drop'] as const) dialog.addEventListener(kind, () => dialog.classList.remove('dropping'));
    dialog.addEventListener('drop', (event) => {
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      void this.add(files);
    });
  }
  /** Puts files' texts after what is there, each under its name. */
  private async add(files: readonly File[]): Promise<void> {
    const turnedAway: string[] = [];
    const texts = this.text.value.trim() === '' ? [] : [this.text.value.trimEnd()];
    for (const file of files) {
      const source = clipped(file.name);
      if (file.size > MOST_BYTES) {
        turnedAway.push(say('own_file_too_long', { source, kb: Math.ceil(file.size / 1024), most: MOST_BYTES / 1024 }));
        continue;
      }
      const text = await textOf(file);
      if (text === undefined) turnedAway.push(say('own_binary', { source }));
      else texts.push(`# ${source}\n${text.trimEnd()}`);
    }
    this.put(`${texts.join('\n---\n')}\n`, turnedAway);
  }
  private put(text: string, turnedAway: readonly string[] = []): void {
    this.text.value = text;
    this.turnedAway = turnedAway;
    this.judge();
  }
  private later(): void {
    this.turnedAway = [];
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.judge(), PAUSE);
  }

  /** Reads the text and shows what it says. */
  private judge(): void {
    clearTimeout(this.timer);
    const { app } = this;
    const found = this.text.value.trim() === '' ? { processes: [], problems: [] } : read(this.text.value);
    const shape = shapeOf(found.processes, app.cluster);
    const verdict = judge(found.processes, {
      knobs: app.catalog.knobs, standing: app.knobs, shape,
      refusal: (name, value) => app.refusal(name, value),
      written: (name, value) => written(app, name, value),
    });
    this.judged = { found, shape, verdict };
    const sentences = [...this.turnedAway, ...found.problems];
    this.problems.replaceChildren(...sentences.map((sentence) => html('li', {}, sentence)));
    this.problems.hidden = sentences.length === 0;
    setText(this.summary, this.summaryText(this.judged, sentences.length));
    this.showRows(verdict.rows);
    this.showTopology(shape);
    this.offer();
  }
  private summaryText({ found, verdict: { rows, changes } }: Judged, problems: number): string {
    if (this.text.value.trim() === '' && problems === 0) return say('own_empty');
    const findings = problems + rows.filter(({ status }) => FINDINGS.has(status)).length;
    return say('own_summary', {
      n: found.processes.length,
      moved: changes.length === 0 ? say('own_summary_none') : say('own_summary_moved', { n: changes.length }),
      wrong: findings === 0 ? say('own_summary_fine') : say('own_summary_wrong', { n: findings }),
    });
  }
  private showRows(all: readonly Row[]): void {
    const rows = [...all].sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
    const matter = rows.filter(({ status }) => status !== 'unused');
    const rest = rows.filter(({ status }) => status === 'unused');
    const folded = html('details', { class: 'more', id: 'own-unused' }, html('summary', {}, say('own_unused', { n: rest.length })), ...(rest.length === 0 ? [] : this.table(rest, say('own_unused', { n: rest.length }))));
    this.result.replaceChildren(...(matter.length === 0 ? [] : this.table(matter, say('own_table'))), ...(rest.length === 0 ? [] : [folded]));
  }
  private table(rows: readonly Row[], name: string): HTMLElement[] {
    const heads = (['own_col_flag', 'own_col_value', 'own_col_dial', 'own_col_what'] as const).map((key) => html('th', { scope: 'col', role: 'columnheader' }, say(key)));
    const caption = html('caption', { class: 'visually-hidden' }, name);
    const table = html('table', { class: 'own-table', role: 'table' }, caption, html('thead', { role: 'rowgroup' }, html('tr', { role: 'row' }, ...heads)), html('tbody', { role: 'rowgroup' }, ...rows.slice(0, MOST_ROWS).map((row) => this.row(row))));
    return rows.length > MOST_ROWS ? [table, html('p', { class: 'muted' }, say('own_more_rows', { n: rows.length - MOST_ROWS }))] : [table];
  }
  private row({ status, component, source, written: name, value, dial, to, sentence }: Row): HTMLElement {
    const { app } = this;
    const where = component === null || source === component ? source : `${component} · ${source}`;
    const label = dial === undefined ? '' : (sayIfKnown(`dial_${dial}`) ?? capital(app.catalog.knobs.find((spec) => spec.name === dial)?.flag ?? ''));
    const standing = dial === undefined ? 0 : (app.knobs.get(dial) ?? 0);
    const moves = (status === 'moved' || status === 'default') && to !== undefined && to !== standing;
    const stands = dial === undefined ? '' : moves ? say('own_from_to', { from: written(app, dial, standing), to: written(app, dial, to) }) : say('own_stays', { value: written(app, dial, standing) });
    return html(
      'tr', { 'data-status': status, role: 'row' },
      html('th', { scope: 'row', role: 'rowheader' }, html('code', {}, clipped(name, 80)), html('span', { class: 'where' }, where)),
      html('td', { role: 'cell' }, status === 'default' || (status === 'differs' && value === '') ? html('span', { class: 'muted' }, say('own_not_given')) : html('code', value.length > MOST_LETTERS ? { title: clipped(value, 400) } : {}, clipped(value, MOST_LETTERS))),
      html('td', { role: 'cell' }, ...(dial === undefined ? [] : [html('span', { class: 'own-dial' }, label), html('span', { class: 'where' }, stands)])),
      html('td', { role: 'cell' }, html('span', { class: 'own-status' }, sayIfKnown(`own_status_${status}`) ?? status), ...(sentence === '' ? [] : [' ', sentence])),
    );
  }
  private showTopology(shape: Shape | undefined): void {
    const { cluster } = this.app;
    const topology = shape?.topology;
    const isOther = topology !== undefined && (topology.members !== cluster.members || topology.api_servers !== cluster.apis || topology.external !== cluster.external);
    this.topologyLine.hidden = !isOther;
    this.topology.checked = isOther && shape?.sure === true;
    if (topology === undefined) return;
    const parts = { members: say('own_topology_members', { n: topology.members }), apis: say('own_topology_apis', { n: topology.api_servers }) };
    setText(this.topologyLabel, say('own_topology', { ...parts, etcd: say(`topology_${topology.external ? 'external' : 'stacked'}`) }));
  }
  /** Brings the buttons up to what could be done. */
  private offer(): void {
    const changes = this.changes();
    const sentence = changes.length === 0 ? undefined : this.app.check(changes);
    this.start.disabled = sentence !== undefined || (changes.length === 0 && !this.topology.checked);
    this.move.disabled = sentence !== undefined || changes.length === 0;
    this.refuse(sentence);
  }
  private changes(): readonly Change[] {
    return this.judged?.verdict.changes ?? [];
  }
  private refuse(sentence: string | undefined): void {
    setMixed(this.refused, sentence === undefined ? '' : say('own_refused', { sentence: capital(sentence) }));
  }

  private moveDials(): void {
    const changes = this.changes();
    if (this.app.setKnobs(changes)) this.close(changes);
    else this.refuse(this.app.state.refused?.sentence);
  }
  private async startOver(): Promise<void> {
    const changes = this.changes();
    const topology = this.topology.checked ? (this.judged?.shape?.topology ?? null) : null;
    this.dialog.close();
    if (await this.app.restart(topology, changes, 'own')) this.done(say('own_done', { n: changes.length }));
    else if (this.app.state.refused?.knob === 'own') {
      this.dialog.showModal();
      this.refuse(this.app.state.refused.sentence);
    }
  }
  private close(changes: readonly Change[]): void {
    this.dialog.close();
    this.done(say('own_done', { n: changes.length }));
  }
}

/** A file's text; undefined: it is none. */
async function textOf(file: File): Promise<string | undefined> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
    return isBinary(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
