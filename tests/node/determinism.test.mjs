// The runs that the native tests wrote, played again here: the same bits, to the last.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { engine } from './engine.mjs';

const file = new URL('../../target/determinism.json', import.meta.url);

test('every run has the digest that it has natively', () => {
  assert.ok(existsSync(file), 'run the native tests first: they write target/determinism.json');
  const runs = JSON.parse(readFileSync(file, 'utf8'));
  assert.ok(runs.length >= (process.env.BROWNOUT_QUICK === '1' ? 10 : 50), `only ${runs.length} runs`);
  for (const run of runs) {
    const replayed = engine.Engine.replay(JSON.stringify(run));
    assert.equal(replayed.digest(), run.digest, `seed ${run.seed} of ${run.scenario}`);
    const again = JSON.parse(replayed.journal());
    assert.deepEqual(again, run, `seed ${run.seed}: the journal comes back as it went in`);
    replayed.free();
  }
});
