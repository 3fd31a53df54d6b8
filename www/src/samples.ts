// The series of the run as far as it has been seen, for charts and lanes alike. Time may go back and come again: what was
// seen stays, until the past is changed.

/** Rows kept: somewhat more than the engine does, which is half an hour of them. */
const KEPT = 9000;
/** Rows dropped at once when there are more. */
const DROPPED = 1000;

export type Row = Float64Array;

export class Samples {
  names: readonly string[] = [];
  rows: readonly Row[] = [];
  /** Another number: what was here before may be gone; otherwise rows were only added. */
  version = 0;
  private all: Row[] = [];

  /** Adds rows laid out one after the other; a moment that comes again means that the past was changed. */
  add(names: readonly string[], cells: Float64Array): void {
    this.names = names;
    for (let at = 0; at + names.length <= cells.length; at += names.length) {
      const row = cells.subarray(at, at + names.length);
      while ((this.all.at(-1)?.[0] ?? -1) >= (row[0] ?? 0)) {
        this.all.pop();
        this.version += 1;
      }
      this.all.push(row);
    }
    if (this.all.length > KEPT) {
      this.all.splice(0, this.all.length - KEPT + DROPPED);
      this.version += 1;
    }
    this.rows = this.all;
  }
  clear(): void {
    this.all = [];
    this.rows = this.all;
    this.version += 1;
  }
  /** How many rows are not later than this moment. */
  upTo(seconds: number): number {
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.rows[middle]?.[0] ?? 0) <= seconds) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  /** The rows of the last `length` seconds before `end`. */
  window(end: number, length: number): readonly Row[] {
    return this.rows.slice(this.upTo(end - length), this.upTo(end));
  }
  /** Where a column is in a row; -1: this engine has none. */
  column(name: string): number {
    return this.names.indexOf(name);
  }
}
