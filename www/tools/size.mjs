// Sizes of everything in dist/, held against the budgets: node size.mjs <dist> <report.json>
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

/**
 * Compressed bytes; a kB has 1000. The engine, and all that the page needs before it can be used: more is a failure.
 * They hold the line where the whole control plane has brought it, well above the goals.
 */
const BUDGETS = { engine: 665_000, first: 796_000 };
/** Where it should be; more is said. */
const GOALS = { engine: 150_000, first: 300_000 };

const [dist, reportFile] = process.argv.slice(2);
const { first } = JSON.parse(readFileSync(reportFile, 'utf8'));

const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  .map((path) => {
    const bytes = readFileSync(path);
    const name = path.slice(dist.length + 1);
    return { name, raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes).length };
  })
  .sort((a, b) => b.gzip - a.gzip || a.name.localeCompare(b.name));

const row = (name, ...cells) => console.log(`${name.padEnd(44)}${cells.map((cell) => String(cell).padStart(11)).join('')}`);
row('bytes (* = loaded first)', 'raw', 'gzip', 'brotli');
for (const { name, raw, gzip, brotli } of files) row(`${first.includes(name) ? '*' : ' '} ${name}`, raw, gzip, brotli);

const gzipOf = (select) => files.filter(select).reduce((total, { gzip }) => total + gzip, 0);
const spent = {
  engine: gzipOf(({ name }) => name.endsWith('.wasm')),
  first: gzipOf(({ name }) => first.includes(name)),
};
for (const [what, budget] of Object.entries(BUDGETS)) {
  const over = spent[what] > budget;
  console.log(`${what}: ${spent[what]} of ${budget} bytes gzip${over ? ': OVER BUDGET' : ''}`);
  if (!over && spent[what] > GOALS[what]) console.log(`${what}: the goal is ${GOALS[what]}`);
  if (over || spent[what] === 0) process.exitCode = 1;
}
