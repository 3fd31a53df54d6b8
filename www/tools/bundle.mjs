// Bundles the page: node bundle.mjs <dist> <report.json>
//
// The HTML files of www/ say what there is: each local module script and style sheet that they name is an entry.
// Everything but the HTML gets a name with a hash of its content, and every path is relative; only what other sites name
// keeps its name, which is in STABLE. A comment `<!-- x.md -->` becomes that text.
import { build } from 'esbuild';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join, posix, relative, resolve, sep } from 'node:path';
import { ENTRY, WWW, entries } from './entries.mjs';
import { figure } from './figure.mjs';
import { render } from './markdown.mjs';

const [dist, reportFile] = process.argv.slice(2).map((path) => resolve(path));

/** Entries that other sites import, and what they are called for ever. They are in one piece. */
const STABLE = new Map([['src/embed/element.ts', 'brownout-playground']]);

function bundle(entryPoints, more = {}) {
  return build({
    absWorkingDir: WWW,
    entryPoints,
    outdir: dist,
    bundle: true,
    splitting: true,
    minify: true,
    sourcemap: 'linked',
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none', // THIRD-PARTY-LICENSES.txt has them all.
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    loader: { '.wasm': 'file', '.svg': 'file', '.png': 'file', '.woff2': 'file' },
    define: { ONE_FILE: 'false' },
    metafile: true,
    logLevel: 'warning',
    ...more,
  });
}

/** The outputs by the entry they come from; names as they are in dist/. */
function outputsByEntry({ outputs }) {
  const inDist = (path) => basename(path);
  return new Map(
    Object.entries(outputs)
      .filter(([, { entryPoint }]) => entryPoint !== undefined)
      .map(([path, { entryPoint, cssBundle }]) => [
        entryPoint,
        { path, file: inDist(path), style: cssBundle && inDist(cssBundle) },
      ]),
  );
}

/** Links that fetch all of a script and the engine at once, where a browser would find them one after the other. */
function early(path, metafile) {
  const files = [...loadedWith(path, metafile)].map((file) => basename(file));
  const link = (file) => {
    if (file.endsWith('.js')) return `<link rel="modulepreload" href="${file}">`;
    return file.endsWith('.wasm') ? `<link rel="preload" as="fetch" crossorigin href="${file}">` : '';
  };
  return files.map(link).join('');
}

/** A page with the names of the outputs in place of its entries. A figure loads nothing before it is seen. */
function rewrite(html, built, metafile) {
  const sheet = (file) => `<link rel="stylesheet" href="${file}">`;
  // Styles that scripts import are libraries': they come first, so that the page's own may override them.
  let imported = entries(html).map((entry) => built.get(entry).style).filter((style) => style !== undefined).map(sheet).join('');
  return html.replaceAll(ENTRY, (...match) => {
    const { script, style } = match.at(-1);
    const { file, path } = built.get(posix.normalize(script ?? style));
    const before = imported + (script === undefined || metafile === undefined ? '' : early(path, metafile));
    imported = '';
    return before + (style === undefined ? `<script type="module" src="${file}"></script>` : sheet(file));
  });
}

/** Everything that loading an output fetches at once: all but what is imported later, on demand. */
function loadedWith(path, { outputs }, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  const { imports = [], cssBundle } = outputs[path] ?? {};
  for (const { path, kind, external } of imports) {
    if (kind !== 'dynamic-import' && !external) loadedWith(path, { outputs }, found);
  }
  if (cssBundle !== undefined) loadedWith(cssBundle, { outputs }, found);
  return found;
}

/** The npm packages that something in the bundle comes from, with their terms. */
function packages({ inputs }) {
  const folders = new Set();
  for (const input of Object.keys(inputs)) {
    const folder = input.split(sep).join('/').match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0];
    if (folder !== undefined) folders.add(join(WWW, folder));
  }
  return [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
    return { name, version, licence: license ?? '', text: file ? readFileSync(join(folder, file), 'utf8') : '' };
  });
}

const pages = readdirSync(WWW).filter((file) => file.endsWith('.html'));
const html = new Map(pages.map((page) => [page, readFileSync(join(WWW, page), 'utf8')]));
html.set('embed.html', figure(html.get('index.html')));
for (const [page, text] of html) html.set(page, text.replace(/<!-- (\S+\.md) -->/g, (_, file) => render(readFileSync(join(WWW, file), 'utf8'))));
const all = [...new Set([...html.values()].flatMap(entries))];
const { metafile } = await bundle(all.filter((entry) => !STABLE.has(entry)));
const built = outputsByEntry(metafile);
for (const [entry, name] of STABLE) {
  const { metafile } = await bundle([{ in: entry, out: name }], { entryNames: '[name]', splitting: false });
  for (const [found, output] of outputsByEntry(metafile)) built.set(found, output);
}

mkdirSync(dist, { recursive: true });
for (const [page, text] of html) writeFileSync(join(dist, page), rewrite(text, built, page === 'index.html' ? metafile : undefined));
if (existsSync(join(WWW, 'public'))) cpSync(join(WWW, 'public'), dist, { recursive: true });

const first = new Set(['index.html']);
for (const entry of entries(html.get('index.html') ?? '')) {
  for (const path of loadedWith(built.get(entry).path, metafile)) first.add(relative(dist, resolve(WWW, path)));
}
writeFileSync(reportFile, JSON.stringify({ first: [...first], packages: packages(metafile) }));
