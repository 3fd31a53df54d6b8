// The dialog that shares a run: links, what to paste elsewhere, a code to photograph, and files.

import { button, html, setAttribute, setText } from '../dom.ts';
import type { Desk } from '../link/desk.ts';
import { charts } from '../link/plot.ts';
import { pageWith } from '../link/one_file.ts';
import { drawn, framed, png, written } from '../link/picture.ts';
import { labReport } from '../link/report.ts';
import { LINK_MAX } from '../link/pack.ts';
import { QR_MAX, qrCode } from '../link/qr.ts';
import { save } from '../link/save.ts';
import { fileName, sheetOf, type Sheet } from '../link/sheet.ts';
import { element, iframe, markdown } from '../link/snippets.ts';
import { eventsCsv, everythingJson, metricsText, runJson, seriesCsv } from '../link/tables.ts';
import { say, type Key } from '../say.ts';
import { copyable } from './copy.ts';
import { readPalette, type Palette } from './palette.ts';

/** What a frame on another page measures; the width is the column's. */
const FRAME = { width: '100%', height: 640 };

interface Out {
  readonly label: Key;
  /** What the file's name ends with. */
  readonly end: string;
  readonly type: string;
  make(sheet: Sheet, palette: Palette): string | Blob | Promise<Blob>;
}
const OUT: readonly Out[] = [
  { label: 'out_run', end: '.json', type: 'application/json', make: runJson },
  { label: 'out_page', end: '.html', type: 'text/html', make: pageOf },
  { label: 'out_report', end: '-report.md', type: 'text/markdown', make: labReport },
  { label: 'out_series', end: '-series.csv', type: 'text/csv', make: seriesCsv },
  { label: 'out_events', end: '-events.csv', type: 'text/csv', make: eventsCsv },
  { label: 'out_everything', end: '-everything.json', type: 'application/json', make: everythingJson },
  { label: 'out_metrics', end: '-metrics.txt', type: 'application/openmetrics-text', make: metricsText },
  { label: 'out_drawing_svg', end: '-drawing.svg', type: 'image/svg+xml', make: (sheet, palette) => written(drawing(sheet, palette)) },
  { label: 'out_drawing_png', end: '-drawing.png', type: 'image/png', make: (sheet, palette) => png(drawing(sheet, palette)) },
  { label: 'out_charts_svg', end: '-charts.svg', type: 'image/svg+xml', make: (sheet, palette) => written(plots(sheet, palette)) },
  { label: 'out_charts_png', end: '-charts.png', type: 'image/png', make: (sheet, palette) => png(plots(sheet, palette)) },
];

function drawing(sheet: Sheet, palette: Palette): SVGSVGElement {
  const stage = document.querySelector('#ladder .stage');
  if (stage === null || stage.getBoundingClientRect().width === 0) throw new Error(say('picture_none'));
  return framed(drawn(stage), sheet, palette);
}
function plots(sheet: Sheet, palette: Palette): SVGSVGElement {
  return framed(charts(sheet.house.app, palette), sheet, palette);
}

/** The whole page in one file that opens with this run. */
async function pageOf({ link }: Sheet): Promise<Blob> {
  return new Blob([await pageWith(new URL(link))], { type: 'text/html;charset=utf-8' });
}

export class ShareDialog {
  private readonly desk: Desk;
  private readonly dialog = html('dialog', { class: 'share', id: 'share-dialog', 'aria-labelledby': 'share-title' });
  private readonly status = html('p', { class: 'status', role: 'status' });
  private readonly snippets = html('div', { class: 'snippets' });
  private readonly code = html('div', { class: 'code' });
  private readonly whole = html('input', { type: 'radio', name: 'share-what', id: 'share-run' });
  private readonly bare = html('input', { type: 'radio', name: 'share-what', id: 'share-settings' });

  constructor(desk: Desk) {
    this.desk = desk;
    // Whoever closes it is done with it: the next one is of the run as it is then.
    this.dialog.addEventListener('close', () => this.dialog.remove());
  }
  /** Shows it. The browser gives the keyboard back to whoever had it. */
  async open(): Promise<void> {
    const sheet = await sheetOf(this.desk.house);
    const close = button(say('close'), () => this.dialog.close(), { class: 'quiet-button' });
    this.dialog.append(
      html('header', {}, html('h2', { id: 'share-title' }, say('share_heading')), close),
      html('p', { class: 'muted' }, say('picture_about', { title: sheet.title, seed: String(sheet.run.seed), digest: sheet.run.digest ?? '', engine: sheet.run.engine })),
      this.choice(sheet), this.snippets, this.files(sheet), this.status,
    );
    document.body.append(this.dialog);
    this.show(sheet);
    this.dialog.showModal();
  }

  private say(text: string): void {
    setText(this.status, text);
  }
  /** What a link carries. */
  private choice(sheet: Sheet): HTMLElement {
    const { app } = sheet.house;
    this.whole.checked = sheet.whole;
    this.whole.disabled = !sheet.whole;
    this.bare.checked = !sheet.whole;
    for (const radio of [this.whole, this.bare]) radio.addEventListener('change', () => this.show(sheet));
    const why = sheet.whole
      ? say('share_run_about', { n: sheet.packed })
      : app.state.compare !== null
        ? say('share_run_compare')
        : say('share_run_long', { n: sheet.packed, most: LINK_MAX });
    const option = (radio: HTMLInputElement, label: string, about: string): HTMLElement => {
      setAttribute(radio, 'aria-describedby', `${radio.id}-about`);
      return html('div', { class: 'option' }, radio, html('label', { for: radio.id }, label), html('p', { class: 'muted', id: `${radio.id}-about` }, about));
    };
    return html(
      'fieldset', {}, html('legend', {}, say('share_what')),
      option(this.whole, say('share_run'), why), option(this.bare, say('share_settings'), say('share_settings_about')),
    );
  }
  private show(sheet: Sheet): void {
    const link = this.whole.checked ? sheet.link : sheet.settings;
    const { width, height } = FRAME;
    const told = (what: string): void => this.say(what);
    this.code.replaceChildren(button(say('share_code'), () => this.showCode(link, sheet), { id: 'share-code' }));
    this.snippets.replaceChildren(
      copyable('share-link', say('share_link'), link, 3, told),
      this.code,
      copyable('share-markdown', say('share_markdown'), markdown(link, sheet.title), 3, told),
      copyable('share-iframe', say('share_iframe'), iframe(link, sheet.title, width, height), 4, told),
      copyable('share-element', say('share_element'), element(sheet.settings, sheet.title), 4, told),
      html('p', { class: 'muted' }, say('share_element_about')),
    );
  }
  private showCode(link: string, sheet: Sheet): void {
    if (link.length <= QR_MAX) {
      this.code.replaceChildren(qrCode(link, say('share_code_name', { title: sheet.title })));
      this.say(say('share_code_shown'));
      return;
    }
    const short = button(say('share_code_short'), () => {
      this.bare.checked = true;
      this.show(sheet);
      this.showCode(sheet.settings, sheet);
      this.bare.focus();
    });
    this.code.replaceChildren(html('p', {}, say('share_code_long', { n: link.length, most: QR_MAX })), short);
    short.focus();
  }

  private files(sheet: Sheet): HTMLElement {
    const buttons = OUT.map((out) => html('li', {}, button(say(out.label), () => void this.saveFile(out, sheet), { id: out.label.replaceAll('_', '-') })));
    const input = html('input', { type: 'file', accept: '.json,application/json', id: 'share-open', 'aria-describedby': 'share-open-about' });
    input.addEventListener('change', () => {
      const [file] = input.files ?? [];
      if (file === undefined) return;
      this.dialog.close();
      void this.desk.openFile(file);
    });
    return html(
      'section', { 'aria-labelledby': 'share-files' }, html('h3', { id: 'share-files' }, say('share_files')), html('ul', { class: 'buttons' }, ...buttons),
      html('div', { class: 'copyable' }, html('label', { for: 'share-open' }, say('share_open')), input),
      html('p', { class: 'muted', id: 'share-open-about' }, say('share_open_about')),
    );
  }
  private async saveFile({ end, type, make }: Out, sheet: Sheet): Promise<void> {
    const name = fileName(sheet) + end;
    try {
      save(name, await make(sheet, readPalette(sheet.house.app.catalog.classes)), type);
      this.say(say('out_done', { name }));
    } catch (error) {
      this.say(say('out_failed', { name, sentence: error instanceof Error ? error.message : String(error) }));
      if (error instanceof WebAssembly.RuntimeError) throw error;
    }
  }
}
