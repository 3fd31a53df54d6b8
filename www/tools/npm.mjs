// The playground as a package for npm, in dist/npm/: node npm.mjs <dist>
//
// Everything that a figure and the page behind its link need, and the element that makes the figure.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { WWW } from './entries.mjs';

const dist = resolve(process.argv[2]);
const root = join(WWW, '..');
const target = join(dist, 'npm');
rmSync(target, { recursive: true, force: true });
mkdirSync(join(target, 'dist'), { recursive: true });

// No maps, no second copy of everything in one file, and this text is the README.
const left = /^preview\.|\.map$|^brownout\.html$|^embedding\.html$|^document-|^THIRD-PARTY|^npm$/;
for (const file of readdirSync(dist).filter((file) => !left.test(file))) cpSync(join(dist, file), join(target, 'dist', file));
for (const file of readdirSync(join(target, 'dist')).filter((file) => /\.(js|css)$/.test(file))) {
  const path = join(target, 'dist', file);
  writeFileSync(path, readFileSync(path, 'utf8').replace(/\n?(\/\/# sourceMappingURL=.*|\/\*# sourceMappingURL=.*\*\/)\s*$/, '\n'));
}
cpSync(join(dist, 'THIRD-PARTY-LICENSES.txt'), join(target, 'THIRD-PARTY-LICENSES.txt'));
for (const licence of ['LICENSE-APACHE', 'LICENSE-MIT']) cpSync(join(root, licence), join(target, licence));
writeFileSync(join(target, 'README.md'), readme(readFileSync(join(WWW, 'embed.md'), 'utf8')));
types();

const version = /^version = "([^"]+)"/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))?.[1];
if (version === undefined) throw new Error('Cargo.toml names no version.');
const description = {
  name: 'brownout-playground',
  version,
  description: 'A simulated Kubernetes control plane under packet loss, as a custom element',
  keywords: ['kubernetes', 'etcd', 'raft', 'simulation', 'custom-element'],
  license: 'MIT OR Apache-2.0',
  type: 'module',
  sideEffects: ['./dist/brownout-playground.js'],
  exports: {
    '.': { types: './dist/brownout-playground.d.ts', default: './dist/brownout-playground.js' },
    './dist/*': './dist/*',
    './package.json': './package.json',
  },
  types: './dist/brownout-playground.d.ts',
  files: ['dist', 'THIRD-PARTY-LICENSES.txt', 'LICENSE-APACHE', 'LICENSE-MIT'],
};
writeFileSync(join(target, 'package.json'), `${JSON.stringify(description, null, 2)}\n`);

/** A README runs no figures. */
function readme(text) {
  return text.replaceAll(/^<brownout-playground [^\n]*<\/brownout-playground>\n\n/gm, '').replace('The figure below is the whole thing, and it runs only while you look at it.', 'It runs only while somebody looks at it.');
}

/** The element's types, from its source. */
function types() {
  const tsc = join(WWW, 'node_modules/typescript/bin/tsc');
  const { status, error } = spawnSync(process.execPath, [
    tsc, '--ignoreConfig', '--declaration', '--emitDeclarationOnly', '--target', 'es2022', '--module', 'esnext', '--lib', 'esnext,dom,dom.iterable',
    '--moduleDetection', 'force', '--types', '', '--strict', '--outDir', join(target, 'dist'), join(WWW, 'src/embed/element.ts'),
  ], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`The element's types could not be written${error === undefined ? '' : `: ${error.message}`}.`);
  const made = join(target, 'dist/element.d.ts');
  cpSync(made, join(target, 'dist/brownout-playground.d.ts'));
  rmSync(made);
}
