// What the page opens with: its address, or, where that says nothing, what was put into its file.

/** The place in the page for it: a query and a hash. */
export const PLACE = 'brownout-setup';

export interface Setup {
  readonly search: string;
  readonly hash: string;
}

/** What the page opens with. */
export function setup(): Setup {
  if (location.search !== '' || location.hash !== '') return location;
  const text = document.querySelector<HTMLMetaElement>(`meta[name="${PLACE}"]`)?.content ?? '';
  const at = text.indexOf('#');
  return at < 0 ? { search: text, hash: '' } : { search: text.slice(0, at), hash: text.slice(at) };
}

/** The page in one file as it was before any script changed it; undefined where it is not one file. */
export const ORIGINAL = ONE_FILE ? `<!doctype html>\n${document.documentElement.outerHTML}` : undefined;
