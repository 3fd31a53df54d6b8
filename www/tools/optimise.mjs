// Optimises a wasm module and checks the result: node optimise.mjs <from> <to>
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [from, to] = process.argv.slice(2);
const tool = fileURLToPath(new URL('../node_modules/binaryen/bin/wasm-opt', import.meta.url));

// No feature flags: the module says itself what it uses, and asking for more makes modules that no browser loads.
// Functions with one caller stay apart if they are large: browsers' compilers do badly with one huge function.
const options = ['-O3', '--one-caller-inline-max-function-size=100'];
const { status, error } = spawnSync(process.execPath, [tool, ...options, from, '-o', to], { stdio: 'inherit' });
if (status !== 0) {
  console.error(`wasm-opt failed${error ? `: ${error.message}` : '.'}`);
  process.exit(1);
}

try {
  const module = new WebAssembly.Module(readFileSync(to));
  const fromEnv = WebAssembly.Module.imports(module).filter(({ module }) => module === 'env');
  if (fromEnv.length > 0) {
    const names = fromEnv.map(({ name }) => name).join(', ');
    throw new Error(`it imports ${names} from "env": some crate expects an operating system.`);
  }
} catch (error) {
  rmSync(to, { force: true });
  console.error(`The optimised module is unusable: ${error.message}`);
  process.exit(1);
}
