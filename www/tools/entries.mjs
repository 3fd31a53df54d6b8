// What a page consists of: its HTML names its scripts and styles, and nothing else does.
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

export const WWW = fileURLToPath(new URL('..', import.meta.url));

/** A module script or a style sheet of our own. */
export const ENTRY = /<script type="module" src="(?<script>[^":]+)"><\/script>|<link rel="stylesheet" href="(?<style>[^":]+)"\s*\/?>/g;

/** The entries that a page names, as paths relative to www/. */
export function entries(html) {
  return [...html.matchAll(ENTRY)].map(({ groups }) => posix.normalize(groups.script ?? groups.style));
}
