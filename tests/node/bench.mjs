// Measures the engine as wasm under Node, with the same work as the native benchmark: node bench.mjs [name]
import { readFileSync } from 'node:fs';

const file = new URL('../../target/wasm-bench/brownout_bg.wasm', import.meta.url);
const begun = performance.now();
const engine = await import(new URL('../../target/wasm-bench/brownout.js', import.meta.url));
const loaded = performance.now() - begun;

const RUNS = 5;

/** The median time in milliseconds of a few calls, after one to warm up, and what the last returned. */
function median(work) {
  work();
  const times = [];
  let result;
  for (let run = 0; run < RUNS; run += 1) {
    const begun = performance.now();
    result = work();
    times.push(performance.now() - begun);
  }
  return [times.sort((a, b) => a - b)[RUNS >> 1], result];
}

/** Rounds until the compiler has done its best with what is called often, and rounds that count. */
const [WARM, ROUNDS] = [7, 9];

/**
 * Several works in turns, so that a busy moment of the machine meets all alike: the fastest time of each in ms, and the
 * median over the rounds of each one's time by the first one's.
 */
function inTurns(works) {
  const times = works.map(() => []);
  for (let round = 0; round < WARM + ROUNDS; round += 1) {
    for (const [n, work] of works.entries()) {
      const begun = performance.now();
      work();
      if (round >= WARM) times[n].push(performance.now() - begun);
    }
  }
  return times.map((own) => {
    const ratios = own.map((ms, round) => ms / times[0][round]).sort((a, b) => a - b);
    return { ms: Math.min(...own), ratio: ratios[ROUNDS >> 1] };
  });
}

const BENCHES = {
  async compile() {
    const bytes = readFileSync(file);
    const times = [];
    for (let run = 0; run < 20; run += 1) {
      const begun = performance.now();
      await WebAssembly.compile(bytes);
      times.push(performance.now() - begun);
    }
    console.log(`compile: ${times.sort((a, b) => a - b)[10].toFixed(2)} ms; load and start: ${loaded.toFixed(1)} ms`);
  },
  queue() {
    for (const name of ['ours-8', 'ours-24', 'ours-40', 'ours-72', 'heap4-24', 'btree-24']) {
      const [ms, events] = median(() => engine.bench_queue(name, 3_000_000));
      console.log(`queue ${name}: ${(events / ms / 1000).toFixed(2)} million a second`);
    }
  },
  standard() {
    const events = engine.bench_standard(true, 300);
    const works = [
      () => engine.bench_standard(false, 300),
      () => engine.bench_standard(true, 300),
      () => engine.bench_recorded(300),
      () => engine.bench_bare(events),
    ];
    const [off, on, recorded, bare] = inTurns(works);
    const speed = ({ ms }) => (300_000 / ms).toFixed(0);
    const cost = ({ ratio }) => `${(100 * (ratio - 1)).toFixed(0)} %`;
    console.log(
      `standard: ${speed(off)} simulated s per wall s, ${(events / off.ms / 1000).toFixed(2)} million events a second; ` +
        `with trace ${speed(on)}; with trace, checkpoints and series ${speed(recorded)}; bare loop ${speed(bare)}`,
    );
    console.log(`standard: the trace costs ${cost(on)}; trace, checkpoints and series ${cost(recorded)}`);
  },
  travel() {
    const travelled = new engine.Travelled();
    for (const [name, count] of [['checkpoints', 2_000], ['frames', 20_000]]) {
      const [ms, done] = median(() => travelled[name](count));
      console.log(`${name}: ${((ms / done) * 1000).toFixed(1)} us each`);
    }
    const timed = (work) => {
      const begun = performance.now();
      work();
      return performance.now() - begun;
    };
    const seeks = Array.from({ length: 101 }, (_, n) => timed(() => travelled.rewind(n))).sort((a, b) => a - b);
    console.log(`seek in half an hour: ${seeks[50].toFixed(1)} ms at the median, ${seeks[95].toFixed(1)} ms at the 95th percentile`);
    console.log(`play backwards: ${(timed(() => travelled.backwards(600)) / 600).toFixed(2)} ms a frame`);
    travelled.free();
  },
  raft() {
    for (const members of [3, 5]) {
      const [ms] = median(() => engine.bench_raft_hour(members));
      console.log(`raft ${members} members: ${(3_600_000 / ms).toFixed(0)} simulated s per wall s`);
    }
  },
};

const [chosen] = process.argv.slice(2);
for (const [name, bench] of Object.entries(BENCHES)) {
  if (chosen === undefined || name === chosen) await bench();
}
