// A run packed into an address: JSON without names, deflated, in letters that an address takes as they are.

import { say } from '../say.ts';
import { RUN_BYTES, type Line, type Run } from './run.ts';

/** What a packed run begins with; the number is the packing's version. */
const PREFIX = '#r1=';
/** The longest packed run, in characters. Chosen: what browsers, mail and chats still take as an address. */
export const LINK_MAX = 32_000;

type PackedLine = [steps: number, ns: number, act: Line['do'], scripted?: 1];
type Packed = [
  schema: number, engine: string, scenario: string, cluster: Run['cluster'], seed: number, until_us: number,
  end: [step: number, at_ns: number, commands: number] | null, digest: string | null, journal: PackedLine[],
];

/** The hash that leads to this run. It may be longer than an address should be. */
export async function pack(run: Run): Promise<string> {
  let [step, ns] = [0, 0];
  const journal = run.journal.map((line): PackedLine => {
    // Differences are shorter than moments.
    const [steps, later] = [line.step - step, line.at_ns - ns];
    [step, ns] = [line.step, line.at_ns];
    return line.scripted ? [steps, later, line.do, 1] : [steps, later, line.do];
  });
  const { schema, engine, scenario, cluster, seed, until_us, end, digest } = run;
  const packed: Packed = [schema, engine, scenario, cluster, seed, until_us, end && [end.step, end.at_ns, end.commands], digest, journal];
  return PREFIX + toBase64(await through(new TextEncoder().encode(JSON.stringify(packed)), new CompressionStream('deflate'), Infinity));
}

/** The run that a hash holds. Throws a sentence where it holds none. */
export async function unpack(hash: string): Promise<Run> {
  if (!hash.startsWith(PREFIX)) throw new Error(say('link_version', { theirs: hash.slice(1, hash.indexOf('=')), ours: PREFIX.slice(1, -1) }));
  const letters = hash.slice(PREFIX.length);
  if (letters.length > LINK_MAX) throw new Error(say('link_long', { n: letters.length, most: LINK_MAX }));
  let packed: unknown;
  try {
    packed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await through(fromBase64(letters), new DecompressionStream('deflate'), RUN_BYTES)));
  } catch (error) {
    if (error instanceof RangeError) throw new Error(say('link_large', { most: RUN_BYTES }));
    throw new Error(say('link_garbled'));
  }
  if (!isPacked(packed)) throw new Error(say('link_garbled'));
  return spread(packed);
}

/** Whether its parts are where they belong. What is in them the engine checks. */
function isPacked(value: unknown): value is Packed {
  if (!Array.isArray(value) || value.length !== 9) return false;
  const [, , , , , , end, , journal] = value as unknown[];
  const lines = Array.isArray(journal) && journal.every((line) => Array.isArray(line) && Number.isSafeInteger(line[0]) && Number.isSafeInteger(line[1]));
  return lines && (end === null || (Array.isArray(end) && end.length === 3));
}
function spread([schema, engine, scenario, cluster, seed, until_us, end, digest, lines]: Packed): Run {
  let [step, at_ns] = [0, 0];
  const journal = lines.map(([steps, later, act, scripted]): Line => {
    [step, at_ns] = [step + steps, at_ns + later];
    return { step, at_ns, do: act, scripted: scripted === 1 };
  });
  return { schema, engine, scenario, cluster, seed, until_us, end: end && { step: end[0], at_ns: end[1], commands: end[2] }, journal, digest };
}

/** What comes out of a stream that these bytes go into; a RangeError where that is more than `most`. */
async function through(bytes: Uint8Array<ArrayBuffer>, stream: CompressionStream | DecompressionStream, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > most) {
      void reader.cancel().catch(() => undefined);
      throw new RangeError();
    }
    parts.push(value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
function fromBase64(letters: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(letters.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
}
