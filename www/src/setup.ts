// What the page opens with: its address, or, where that says nothing, what was put into its file.

/** The place in the page for it: a query and a hash. */
const PLACE = 'brownout-setup';

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
const WHOLE = ONE_FILE ? `<!doctype html>\n${document.documentElement.outerHTML}` : undefined;

/** The page in one file, which opens with this. Throws where the host has no such file. */
export async function pageWith({ search, hash }: Setup): Promise<string> {
  const page = WHOLE ?? (await fetched('brownout.html'));
  const put = page.replace(new RegExp(`(<meta name="${PLACE}" content=")[^"]*`), (_, start: string) => start + escaped(search + hash));
  if (!put.includes(escaped(search + hash))) throw new Error(`brownout.html has no place called ${PLACE}`);
  return put;
}
async function fetched(name: string): Promise<string> {
  const answer = await fetch(new URL(name, location.href.replace(/[?#].*$/, '')));
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return await answer.text();
}
/** Text between the quotes of an attribute. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}
