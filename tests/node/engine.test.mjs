// The calls that the page makes, and what it is told when they are wrong.
import assert from 'node:assert/strict';
import test from 'node:test';
import { engine, memory } from './engine.mjs';

const { Engine } = engine;
const US = 1_000_000;

/** The sentence with which a call is refused. */
function refusal(call) {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof Error && !(error instanceof WebAssembly.RuntimeError), String(error));
    return error.message;
  }
  return assert.fail('it was not refused');
}

/** The frame as tables of columns. */
function frame(run) {
  const { tables } = Engine.catalog();
  let at = run.fill_frame(true);
  const end = at + run.frame_words() * 4;
  const read = {};
  for (const { name, columns } of tables) {
    const [rows] = new Uint32Array(memory.buffer, at, 1);
    at += 4;
    read[name] = { rows };
    for (const [column, kind] of columns) {
      const view = new (kind === 'F32' ? Float32Array : Uint32Array)(memory.buffer, at, rows);
      read[name][column] = [...view];
      at += rows * 4;
    }
  }
  assert.equal(at, end, 'the tables fill the frame exactly');
  return read;
}

test('a frame says what its tables promise', () => {
  const run = new Engine('quiet', 1);
  run.run(5 * US, 1e9);
  const { request_kinds } = Engine.catalog();
  const { world, member, elector, lease, load, link, node, pod, workload } = frame(run);
  assert.deepEqual([world.now_ms[0], member.rows, elector.rows, lease.rows], [5000, 3, 6, 2]);
  assert.equal(load.rows, 3 * request_kinds.length);
  assert.deepEqual([node.rows, workload.rows, pod.rows], [10, 3, 30]);
  assert.ok(pod.runs.every((runs) => runs === 1), 'every pod really runs');
  assert.equal(member.role.filter((role) => role === 3).length, 1);
  assert.ok(elector.believes.filter((believes) => believes).length === 2, 'two holders, one for each component');
  assert.deepEqual(elector.believes, elector.can_act);
  assert.ok(lease.left.every((left) => left > 5000 && left <= 15_000), String(lease.left));
  assert.ok(load.success.every((share) => share === 1 || share === -1), String(load.success));
  assert.ok(link.packets.some((packets) => packets > 100));
});

test('time goes back and forth and comes out the same', () => {
  const run = new Engine('lossy-member', 3);
  run.run(40 * US, 1e9);
  const digest = run.digest();
  run.run(7 * US, 1e9);
  assert.equal(run.now_us(), 7 * US);
  while (!run.run(40 * US, 1000));
  assert.equal(run.digest(), digest);
  run.step_back();
  run.step_event();
  assert.equal(run.digest(), digest);
});

test('notes are numbered, and each has its causes', () => {
  const run = new Engine('leader-crash', 1);
  run.run(60 * US, 1e9);
  const notes = run.notes(0, 1000);
  const leads = notes.filter(({ kind }) => kind === 'leads');
  assert.ok(leads.length >= 1);
  const why = run.why({ event: leads.at(-1).id });
  assert.equal(why.end, 'input', JSON.stringify(why));
  assert.ok(why.steps.length > 3 && why.steps.every((step, n) => n === 0 || step.at_us <= why.steps[n - 1].at_us), 'older and older');
  assert.equal(why.steps[0].kind, 'leads');
  assert.deepEqual(run.notes(notes.at(-1).number, 10).map(({ number }) => number), [notes.at(-1).number]);
});

test('a question is answered in steps, and one that cannot be asked in a sentence', () => {
  const run = new Engine('quorum-lost', 1);
  run.run(40 * US, 1e9);
  for (const question of ['leader', { member: 0 }, { lease: 0 }, { watch: 0 }, { api: 1 }, { requests: { api: 0, kind: 2 } }, { service: 0 }, { workload: 0 }, { node: 0 }]) {
    const { steps, end } = run.why(question);
    assert.ok(steps.length > 0 && ['input', 'draw', 'start', 'record'].includes(end), JSON.stringify(question));
  }
  assert.equal(refusal(() => run.why({ member: 7 })), 'member = 7 is not there: there are 3, numbered from 0');
  assert.match(refusal(() => run.why({ nonsense: 1 })), /question can't be read/);
});

test('acting in the past begins a branch, and the same run without a command another', () => {
  const run = new Engine('quiet', 1);
  run.run(5 * US, 1e9);
  run.set_knobs([{ name: 'loss_ppm', value: 300_000 }]);
  run.run(10 * US, 1e9);
  const digest = run.digest();
  run.run(7 * US, 1e9);
  run.set_knobs([{ name: 'loss_ppm', value: 0 }]);
  assert.deepEqual(run.branches().map(({ id, parent, played }) => [id, parent, played]), [[0, undefined, false], [1, 0, true]].map(([a, b, c]) => [a, b ?? null, c]));
  const lost = run.what_if({ without: 0 });
  assert.equal(lost, 5 * US);
  run.run(10 * US, 1e9);
  assert.notEqual(run.digest(), digest);
  run.run(run.switch_branch(0), 1e9);
  run.run(10 * US, 1e9);
  assert.equal(run.digest(), digest);
  assert.equal(refusal(() => run.switch_branch(9)), 'branch = 9 is not there; there are: 0, 1, 2');
  assert.match(refusal(() => run.what_if({ arrive: [] })), /arrive has no packets/);
});

test('what is not allowed is refused in a sentence, and the run goes on as it was', () => {
  const run = new Engine('quiet', 1);
  run.run(2 * US, 1e9);
  const before = [run.digest(), run.journal()];
  const set = (name, value) => refusal(() => run.set_knobs([{ name, value }]));
  assert.equal(set('loss_ppm', 999_999), 'loss_ppm = 999999 is outside 0..=900000 (ppm)');
  assert.match(set('lease_duration_ms', 9000), /lease_duration_ms = 9000 must be greater than renew_deadline_ms = 10000/);
  assert.match(set('election_timeout_ms', 300), /at least 5 times heartbeat_interval_ms = 100/);
  assert.match(set('loss_place', 4), /loss_place = member-5 is not there: this cluster has members 1 to 3/);
  assert.match(set('nonsense', 1), /dial = "nonsense" is not known; there are: loss_ppm/);
  assert.match(set('loss_ppm', -1), /can't be read/);
  assert.match(set('loss_ppm', 1.5), /can't be read/);
  assert.match(refusal(() => run.inject({ name: 'meteor' })), /fault = "meteor" is not known; there are: cut, isolate/);
  assert.match(refusal(() => run.inject({ name: 'crash', host: 99 })), /host = 99 is outside 0..=13/);
  assert.match(refusal(() => run.inject({ name: 'cut', host: 0 })), /to is missing/);
  assert.match(refusal(() => run.inject({ name: 'slow-disk', host: 0, value: 0 })), /value \(times\) = 0 is outside/);
  assert.match(refusal(() => run.heal(7)), /fault = 7 is not in force/);
  assert.match(refusal(() => run.run(-5, 1)), /time = -5 us is outside/);
  assert.match(refusal(() => run.run(Number.NaN, 1)), /time = NaN us is outside/);
  assert.match(refusal(() => new Engine('atlantis', 1)), /scenario = "atlantis" is not known; there are: quiet/);
  assert.match(refusal(() => run.operate({ scale: { workload: 9, replicas: 1 } })), /workload = 9 is not there/);
  assert.match(refusal(() => run.operate({ scale: { workload: 0, replicas: 9999 } })), /replicas = 9999 is outside 0..=5000/);
  assert.match(refusal(() => run.operate({ drain: 10 })), /node = 10 is outside 0..=9/);
  assert.match(refusal(() => run.operate({ create: { name: 'A b', kind: 'deployment', replicas: 1 } })), /name = "A b" must be/);
  assert.match(refusal(() => run.operate({ create: { name: 'shop', kind: 'job', replicas: 1 } })), /kind = "job" is not known; there are/);
  assert.match(refusal(() => run.operate({ explode: 1 })), /act can't be read/);
  assert.match(refusal(() => new Engine('quiet', 1, { members: 4, api_servers: 1, external: false, nodes: 10 })), /members = 4 is not allowed/);
  assert.match(refusal(() => new Engine('quiet', 1, { members: 3, api_servers: 3, external: false, nodes: 2 })), /nodes = 2 is not allowed/);
  assert.match(run.check_knob('retry_period_ms', 9000), /times 1\.2/);
  assert.equal(run.check_knob('retry_period_ms', 3000), undefined);
  assert.deepEqual([run.digest(), run.journal()], before);
});

test('a journal from outside is checked field by field', () => {
  const run = new Engine('quiet', 1);
  run.run(3 * US, 1e9);
  run.inject({ name: 'crash', host: 1 });
  run.run(6 * US, 1e9);
  const good = JSON.parse(run.journal());
  const why = (change) => {
    const bad = structuredClone(good);
    change(bad);
    return refusal(() => Engine.replay(JSON.stringify(bad)));
  };
  assert.equal(Engine.replay(JSON.stringify(good)).digest(), good.digest);
  assert.match(why((run) => { run.schema = 2; }), /schema = 2 is not known; this engine reads 1/);
  assert.match(why((run) => { run.scenario = '<b>x</b>'; }), /scenario = "<b>x<\/b>" is not known/);
  assert.match(why((run) => { run.seed = 2 ** 60; }), /seed|can't be read/);
  assert.match(why((run) => { run.until_us = 2 ** 60; }), /until_us|can't be read/);
  assert.match(why((run) => { run.journal[0].do.inject.name = 'x'; }), /journal\[0\]: fault = "x" is not known/);
  assert.match(why((run) => { run.journal[0].do.inject.host = 88; }), /journal\[0\]: host = 88 is outside/);
  assert.match(why((run) => { run.journal[0].step = 1e9; }), /journal\[0\]\.step = 1000000000 is not reached/);
  assert.match(why((run) => { run.journal.push({ ...run.journal[0], at_ns: 0 }); }), /journal\[1\] comes before/);
  assert.match(why((run) => { delete run.journal; }), /journal/);
  assert.equal(refusal(() => Engine.replay('{')), 'the journal is not JSON');
  assert.match(refusal(() => Engine.replay('x'.repeat(5 << 20))), /has 5242880 bytes; at most 4194304 are read/);
});

test('a run from outside is played in slices, and can be left half-way', () => {
  const run = new Engine('quiet', 1);
  run.run(3 * US, 1e9);
  run.inject({ name: 'crash', host: 1 });
  run.run(6 * US, 1e9);
  const replay = new engine.Replay(run.journal());
  assert.equal(replay.until_us(), 6 * US);
  let [slices, before] = [0, -1];
  for (; !replay.go_on(500); slices += 1) {
    assert.ok(replay.now_us() >= before && replay.now_us() <= 6 * US);
    before = replay.now_us();
  }
  assert.ok(slices > 2, `${slices} slices`);
  const played = replay.engine();
  assert.deepEqual([played.digest(), played.journal()], [run.digest(), run.journal()]);
  const left = new engine.Replay(run.journal());
  assert.equal(left.go_on(10), false);
  left.free();
});

test('the metrics are OpenMetrics text of all that is scraped', () => {
  const run = new Engine('quiet', 1);
  run.run(20 * US, 1e9);
  const text = run.metrics();
  assert.ok(text.endsWith('\n# EOF\n'));
  for (const name of ['etcd_server_has_leader', 'apiserver_request', 'kube_node_status_condition']) assert.ok(text.includes(`# TYPE ${name} `), name);
});

test('a journal that asks for nonsense after the moment it was played to breaks nothing', () => {
  const run = new Engine('quiet', 1);
  run.run(3 * US, 1e9);
  run.inject({ name: 'pause', host: 1 });
  run.run(4 * US, 1e9);
  const bad = JSON.parse(run.journal());
  bad.journal.push({ step: 0, at_ns: 6e9, do: { inject: { name: 'crash', host: 77 } } });
  const replayed = Engine.replay(JSON.stringify(bad));
  assert.equal(replayed.digest(), run.digest());
  replayed.run(10 * US, 1e9);
  run.run(10 * US, 1e9);
  assert.equal(replayed.digest(), run.digest());
});

test('a step is always one event', () => {
  const run = new Engine('leader-crash', 1);
  run.run(19.999 * US, 1e9);
  for (let n = 0; n < 400; n += 1) {
    const before = run.steps();
    run.step_event();
    assert.equal(run.steps(), before + 1);
  }
});

test('series have a point every quarter of a second', () => {
  const run = new Engine('quiet', 1);
  run.run(10 * US, 1e9);
  const names = run.sample_columns();
  const cells = run.samples(0);
  assert.equal(cells.length % names.length, 0);
  const times = [];
  for (let at = 0; at < cells.length; at += names.length) times.push(cells[at]);
  assert.deepEqual(times.slice(1, 5).map((t, n) => t - times[n]), [0.25, 0.25, 0.25, 0.25]);
  assert.equal(run.samples(40).length, cells.length - 40 * names.length);
});

test('what kubectl does goes through the API, and a node that is added registers itself', () => {
  const run = new Engine('quiet', 1);
  run.run(5 * US, 1e9);
  run.operate({ scale: { workload: 0, replicas: 18 } });
  run.operate('add_node');
  run.run(90 * US, 1e9);
  const { node, workload } = frame(run);
  assert.equal(node.rows, 11);
  assert.equal(node.registered[10], 1);
  assert.deepEqual([workload.desired[0], workload.ready[0]], [18, 18]);
  assert.equal(Engine.replay(run.journal()).digest(), run.digest());
});

test('a cluster of another shape is part of the journal', () => {
  const run = new Engine('quiet', 7, { members: 3, api_servers: 2, external: true, nodes: 4 });
  run.run(10 * US, 1e9);
  const { world, api, host, node } = frame(run);
  assert.deepEqual([world.external[0], world.control_hosts[0], api.rows, host.rows, node.rows], [1, 5, 2, 6, 4]);
  assert.equal(Engine.replay(run.journal()).digest(), run.digest());
});
