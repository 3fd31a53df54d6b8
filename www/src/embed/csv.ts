// The series of a run as a table that spreadsheets read.

import type { Samples } from '../samples.ts';

/** One line per moment; what was not measured is empty. */
export function csv({ names, rows }: Samples): string {
  const lines = rows.map((row) => Array.from(row, (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(9))) : '')).join(','));
  return [names.join(','), ...lines, ''].join('\r\n');
}
