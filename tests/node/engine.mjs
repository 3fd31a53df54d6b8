// The engine as Node's tests and benchmarks use it: the module that the page loads, with its memory.
import { existsSync } from 'node:fs';

const built = new URL('../../target/wasm-node/brownout.js', import.meta.url);
if (!existsSync(built)) {
  throw new Error('The engine is not built for Node: run `cargo xtask test --only wasm`.');
}

export const engine = await import(built);

/** The engine's memory. Its buffer is another one after each growth: never keep it. */
export const memory = engine.__wasm.memory;
