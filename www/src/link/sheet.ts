// What everything that leaves the page says of the run: which one it is, and the address that leads to it.

import { NOTES_ALL, type NoteRow } from '../engine.ts';
import { capital, moment, say } from '../say.ts';
import { noteText } from '../notes.ts';
import type { House } from './desk.ts';
import { LINK_MAX, pack } from './pack.ts';
import type { Run } from './run.ts';

/** A run as it was when somebody shared it. */
export interface Sheet {
  readonly house: House;
  readonly run: Run;
  readonly title: string;
  /** The address with the run; where it would be too long, the one with the settings. */
  readonly link: string;
  /** The address with the settings alone. */
  readonly settings: string;
  /** How many characters the packed run has. */
  readonly packed: number;
  /** Whether the link holds the run. */
  readonly whole: boolean;
}

/** The run of the page as it is now. */
export async function sheetOf(house: House): Promise<Sheet> {
  const run: Run = JSON.parse(house.engine().journal());
  const settings = new URL(house.settings(), location.href).href;
  // Of two runs side by side only the settings say both.
  const hash = house.app.state.compare === null ? await pack(run) : '';
  const whole = hash !== '' && hash.length <= LINK_MAX;
  const scenario = house.app.catalog.scenarios.find(({ name }) => name === run.scenario)?.title ?? run.scenario;
  const title = say('share_title', { scenario, at: moment(run.until_us / 1000) });
  return { house, run, title, settings, link: whole ? settings + hash : settings, packed: hash.length, whole };
}

/** What a file of this run is called, before its end. */
export function fileName({ run }: Sheet): string {
  return `brownout-${run.scenario}-${run.seed}-${(run.until_us / 1e6).toFixed(1)}s`.replaceAll(/[^\w.-]/g, '_');
}

/** Everything of note up to now, oldest first, each with its sentence. */
export function events({ house }: Sheet): (NoteRow & { text: string })[] {
  const { app } = house;
  const notes: NoteRow[] = house.engine().notes(0, NOTES_ALL);
  return notes.map((note) => ({ ...note, text: capital(noteText(note, app.cluster, app.named)) }));
}
