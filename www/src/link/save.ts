// Files for whoever keeps them.

/** How long a file's address is kept after it was asked for, in ms: browsers read it later. */
const KEPT = 60_000;

/** Hands a file to the browser, which asks or saves as its user likes. */
export function save(name: string, content: string | Blob, type: string): void {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: `${type};charset=utf-8` }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT);
}
