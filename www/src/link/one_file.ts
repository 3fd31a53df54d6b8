// The page in one file that opens with a run.

import { ORIGINAL, PLACE, type Setup } from '../setup.ts';
import { escaped } from './snippets.ts';

/** The page in one file, which opens with this. Throws where the host has no such file. */
export async function pageWith({ search, hash }: Setup): Promise<string> {
  const page = ORIGINAL ?? (await fetched('brownout.html'));
  const tag = `<meta name="${PLACE}" content="`;
  const at = page.indexOf(tag) + tag.length;
  if (at < tag.length) throw new Error(`brownout.html has no place called ${PLACE}`);
  return page.slice(0, at) + escaped(search + hash) + page.slice(page.indexOf('"', at));
}
async function fetched(name: string): Promise<string> {
  const answer = await fetch(new URL(name, location.href.replace(/[?#].*$/, '')));
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return await answer.text();
}
