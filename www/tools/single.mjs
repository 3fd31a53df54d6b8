// The page as one file, brownout.html, which opens without a server, from a disk or a stick: node single.mjs <dist>
//
// Scripts, styles, the engine and the icon are all inside. The policy admits exactly these, by their hashes.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { ENTRY, WWW, entries } from './entries.mjs';

const [dist] = process.argv.slice(2);

/** The script and the style that an entry becomes, with everything they import. */
async function bundle(entry) {
  const { outputFiles } = await build({
    absWorkingDir: WWW,
    entryPoints: [entry],
    outdir: dist,
    write: false,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    define: { ONE_FILE: 'true' },
    loader: { '.wasm': 'dataurl', '.svg': 'dataurl', '.png': 'dataurl', '.woff2': 'dataurl' },
    logLevel: 'warning',
  });
  const text = (end) => outputFiles.find(({ path }) => path.endsWith(end))?.text;
  return { script: text('.js'), style: text('.css') };
}

const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Replaces text that must be there: a page without its policy, say, is not to be written. */
function replace(html, from, to) {
  if (!html.includes(from)) throw new Error(`index.html has no ${from}`);
  return html.replace(from, () => to);
}

let html = readFileSync(join(WWW, 'index.html'), 'utf8');
const scripts = [];
const styles = [];
for (const [tag] of [...html.matchAll(ENTRY)]) {
  const { script, style } = await bundle(entries(tag)[0]);
  if (script !== undefined) scripts.push(script);
  // Styles that scripts import are libraries': they come first, so that the page's own may override them.
  if (style !== undefined) (script === undefined ? styles.push(style) : styles.unshift(style));
  html = replace(html, tag, script === undefined ? '' : `<script type="module">${script}</script>`);
}
html = replace(html, '</title>', `</title>\n${styles.map((style) => `<style>${style}</style>`).join('')}`);

html = replace(html, "script-src 'self'", `script-src ${scripts.map(hash).join(' ')}`);
html = replace(html, "style-src 'self'", `style-src ${styles.map(hash).join(' ')}`);
html = replace(html, "connect-src 'self'", 'connect-src data:');
html = html.replace(/<link rel="manifest"[^>]*>\n?/, '');
html = html.replace(/(<link rel="icon" href=")([^":]+)"/, (_, start, file) => {
  if (extname(file) !== '.svg') throw new Error('the icon is not an SVG');
  return `${start}data:image/svg+xml,${encodeURIComponent(readFileSync(join(WWW, 'public', file), 'utf8').trim())}"`;
});
// A file that travels alone carries the licences with it; two hyphens would end the comment.
const licences = readFileSync(join(dist, 'THIRD-PARTY-LICENSES.txt'), 'utf8').replaceAll(/-{2,}/g, '—');
html = replace(html, '</html>', `<!--\n${licences}-->\n</html>`);
writeFileSync(join(dist, 'brownout.html'), html);
