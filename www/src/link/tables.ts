// The series and the events of a run as CSV and JSON.

import { csv, type Cell } from '../csv.ts';
import { programName } from '../words.ts';
import { events, type Sheet } from './sheet.ts';

/** A table of a run. Its address is the last column of the first row. */
function table(names: readonly string[], rows: readonly (readonly Cell[])[], link: string): string {
  return csv([...names, 'link'], rows.map((row, index) => [...row, index === 0 ? link : '']));
}

interface Series {
  readonly names: readonly string[];
  readonly rows: readonly Float64Array[];
}
/** Every point of the series up to now. */
export function series({ house, run }: Sheet): Series {
  const engine = house.engine();
  const names: string[] = engine.sample_columns();
  const cells = engine.samples(0);
  const rows: Float64Array[] = [];
  for (let at = 0; at + names.length <= cells.length; at += names.length) rows.push(cells.subarray(at, at + names.length));
  // Who went back has seen more than has happened.
  return { names, rows: rows.filter(([seconds = 0]) => seconds * 1e6 <= run.until_us) };
}

/** The series: a row for each moment that was sampled. */
export function seriesCsv(sheet: Sheet): string {
  const { names, rows } = series(sheet);
  return table(names, rows.map((row) => [...row]), sheet.link);
}
/** The events of note: what happened, where, and its sentence. */
export function eventsCsv(sheet: Sheet): string {
  const { cluster } = sheet.house.app;
  const rows = events(sheet).map(({ number, at_us, program, kind, a, b, text }): Cell[] => [number, at_us / 1e6, programName(program, cluster), kind, a, b, text]);
  return table(['number', 't_s', 'program', 'kind', 'a', 'b', 'text'], rows, sheet.link);
}
/** The run alone, to open again. */
export function runJson({ run, link }: Sheet): string {
  return `${JSON.stringify({ ...run, link }, undefined, 1)}\n`;
}
/** The run with its series and events. Page and engine open it like the run alone. */
export function everythingJson(sheet: Sheet): string {
  const { names, rows } = series(sheet);
  // JSON has no NaN: nothing was measured.
  const columns = Object.fromEntries(names.map((name, index) => [name, rows.map((row) => (Number.isNaN(row[index]) ? null : row[index]))]));
  return `${JSON.stringify({ link: sheet.link, run: sheet.run, series: columns, events: events(sheet) })}\n`;
}
/** The metrics of this moment, with a family that says of which run. */
export function metricsText({ house, link, run }: Sheet): string {
  const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  const labels = Object.entries({ scenario: run.scenario, seed: String(run.seed), engine: run.engine, digest: run.digest ?? '', link });
  const written = labels.map(([name, value]) => `${name}="${escaped(value)}"`).join(',');
  const about = `# HELP brownout_run The simulated run that these metrics are of.\n# TYPE brownout_run info\nbrownout_run_info{${written}} 1\n`;
  return house.engine().metrics().replace(/# EOF\n$/, () => `${about}# EOF\n`);
}
