import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { engine, memory } from './engine.mjs';

const root = new URL('../../', import.meta.url);

test('the engine loads and knows its version', () => {
  const version = readFileSync(new URL('Cargo.toml', root), 'utf8').match(/^version = "(.+)"$/m)[1];
  const [own, model, ...more] = engine.version().split('+');
  assert.deepEqual([own, more], [version, []]);
  assert.match(model, /^[0-9a-f]{8}$/);
});

test('its memory can be read', () => {
  assert.ok(memory.buffer.byteLength > 0);
});

test('the page and these tests use the same module', () => {
  const read = (path) => readFileSync(new URL(path, root));
  assert.deepEqual(read('target/wasm-node/brownout_bg.wasm'), read('www/pkg/brownout_bg.wasm'));
});

test('the module does not tell where it was built', () => {
  const bytes = readFileSync(new URL('www/pkg/brownout_bg.wasm', root)).toString('latin1');
  assert.deepEqual(bytes.match(/[\w./ -]*\/\.cargo\/[\w./-]*/g) ?? [], []);
  assert.ok(!bytes.includes(fileURLToPath(root)));
});

test('the lock file of npm names no registry, so it works behind any mirror', () => {
  const lock = JSON.parse(readFileSync(new URL('www/package-lock.json', root), 'utf8'));
  const resolved = Object.entries(lock.packages).filter(([, { resolved }]) => resolved !== undefined);
  assert.deepEqual(resolved, []);
});
