// The service worker, dist/worker.js, for exactly the files that are there: node worker.mjs <dist>
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { WWW } from './entries.mjs';

const dist = resolve(process.argv[2]);
// The page in one file is offline anyway; nobody who is needs maps or licences.
const left = /\.map$|^brownout\.html$|\.txt$|^npm$|^worker\.js$|^preview\./;
const files = readdirSync(dist).filter((file) => !left.test(file)).sort();
const digest = createHash('sha256');
for (const file of files) digest.update(file).update(readFileSync(join(dist, file)));

await build({
  absWorkingDir: WWW,
  entryPoints: ['worker/worker.js'],
  outdir: dist,
  minify: true,
  target: 'es2022',
  charset: 'utf8',
  define: { VERSION: JSON.stringify(digest.digest('hex').slice(0, 16)), FILES: JSON.stringify(files) },
  logLevel: 'warning',
});
