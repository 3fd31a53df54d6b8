// Where runs go out and come in: the part of the address that says where the run stands, files that are dropped, and the
// dialog that shares. What is not needed before somebody shares comes when they do.

import type { TimeApp } from '../app.ts';
import { isRefusal, type Progress } from '../begin.ts';
import { html } from '../dom.ts';
import type { Engine, Module } from '../engine.ts';
import { say } from '../say.ts';
import type { Opened } from './open.ts';
import { isLink, RUN_BYTES, type Run } from './run.ts';

/** What the desk may ask of the page. */
export interface House {
  readonly app: TimeApp;
  readonly module: Module;
  engine(): Engine;
  /** The query that leads back to these settings. */
  settings(): string;
  /** Puts another run in the place of this one, once it is there. */
  takeIn(load: (progress: Progress) => Promise<Opened | undefined>): Promise<boolean>;
  /** Does it when the run has come to where it is on its way to. */
  whenThere(call: () => void): void;
  /** The address has to be written again. */
  changed(): void;
}

/** What is left of a run whose engine broke. */
export interface Rescue {
  /** The address that leads to where it broke; empty: nothing is known. */
  readonly link: string;
  readonly report: string;
}

export class Desk {
  readonly house: House;
  /** What the address says besides the settings, and where the run stood then. */
  private kept: { readonly text: string; readonly at: string } | undefined;
  /** The run as it was when the newest command was seen: a broken engine can't be asked any more. */
  private known: string | undefined;
  private isOpening = false;

  /** `kept`: what of the address says where the run stands. */
  constructor(house: House, kept: string) {
    this.house = house;
    if (kept !== '') this.kept = { text: kept, at: this.standing() };
    addEventListener('hashchange', () => {
      if (isLink(location.hash)) void this.openLink(location.hash);
    });
    this.catchFiles();
  }
  /** The address of this page as it is. */
  address(): string {
    return this.house.settings() + (this.kept?.text ?? '');
  }
  /** Looks whether the run went on from where the address says. A reload must not lie. */
  look(): void {
    if (this.kept === undefined || this.kept.at === this.standing()) return;
    this.kept = undefined;
    this.house.changed();
  }
  /** Keeps the run for the day its engine can't tell it any more. */
  remember(): void {
    this.known = this.house.engine().journal();
  }
  /** What can be saved of a run whose engine broke; nobody asks the engine. */
  async rescue(said: string): Promise<Rescue> {
    const { app, module } = this.house;
    let link = '';
    if (this.known !== undefined) {
      const { pack } = await import('./pack.ts');
      const run: Run = JSON.parse(this.known);
      const until_us = Math.max(run.until_us, Math.floor(app.past.nowUs));
      const hash = await pack({ ...run, until_us, end: null, digest: null });
      link = new URL(this.house.settings() + hash, location.href).href;
    }
    const values = { said, engine: module.catalog.engine_version, link: link === '' ? say('none') : link, browser: navigator.userAgent };
    return { link, report: say('broken_report_text', values) };
  }
  /** Opens the dialog that shares the run as it is now. */
  share(): void {
    this.house.app.act({ type: 'run', running: false });
    this.house.whenThere(() => void this.openDialog());
  }
  /** Opens a run that somebody saved. */
  async openFile(file: File): Promise<boolean> {
    try {
      if (file.size > RUN_BYTES) throw new Error(say('file_large', { n: file.size, most: RUN_BYTES }));
      const run = readRun(await file.text());
      const { openRun } = await import('./open.ts');
      return await this.take((progress) => openRun(run, progress), '');
    } catch (error) {
      this.refuse(error);
      return false;
    }
  }
  private async openLink(hash: string): Promise<void> {
    try {
      const { openLink } = await import('./open.ts');
      await this.take((progress) => openLink(hash, progress), hash);
    } catch (error) {
      this.refuse(error);
    }
  }
  private async take(load: (progress: Progress) => Promise<Opened | undefined>, kept: string): Promise<boolean> {
    this.kept = undefined;
    const taken = await this.house.takeIn(load);
    this.kept = taken && kept !== '' ? { text: kept, at: this.standing() } : undefined;
    this.house.changed();
    return taken;
  }
  private refuse(error: unknown): void {
    // What broke the engine the page has told.
    if (!isRefusal(error)) return;
    this.house.app.act({ type: 'notice', sentence: error.message });
    this.house.changed();
  }
  private async openDialog(): Promise<void> {
    if (this.isOpening) return;
    this.isOpening = true;
    try {
      const { ShareDialog } = await import('../view/share.ts');
      await new ShareDialog(this).open();
    } catch (error) {
      this.house.app.act({ type: 'notice', sentence: say('share_unavailable') });
      console.warn(error);
    } finally {
      this.isOpening = false;
    }
  }
  /** Where the run stands: what has happened so far, commands included, on which branch. */
  private standing(): string {
    const { digest, travel } = this.house.app.past;
    return `${digest} ${travel.branch}`;
  }
  private catchFiles(): void {
    const hint = html('div', { class: 'drop-hint', 'aria-hidden': 'true', hidden: true }, say('file_drop'));
    document.body.append(hint);
    const holdsFile = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;
    addEventListener('dragover', (event) => {
      if (!holdsFile(event)) return;
      event.preventDefault();
      hint.hidden = false;
    });
    addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) hint.hidden = true;
    });
    addEventListener('drop', (event) => {
      hint.hidden = true;
      if (!holdsFile(event)) return;
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file !== undefined) void this.openFile(file);
    });
  }
}

/** The run of a file: alone, or in what was saved with everything. */
function readRun(text: string): Run {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Error(say('file_not_json'));
  }
  const inner = typeof data === 'object' && data !== null && 'run' in data ? data.run : data;
  if (typeof inner !== 'object' || inner === null || !('journal' in inner)) throw new Error(say('file_no_run'));
  return inner as Run;
}
