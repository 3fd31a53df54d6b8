// Languages for tests, made of English: they show what another language, or a hostile one, would do to the page.

import { en } from '../locales/en.ts';
import type { Locale, Sentences, Template } from './locale.ts';

/** Changes what stands around the names in braces. */
function around(text: string, change: (part: string) => string): string {
  return text.split(/(\{\w+\})/).map((part) => (/^\{\w+\}$/.test(part) ? part : change(part))).join('');
}

const CHANGES: Readonly<Record<string, (text: string) => string>> = {
  'x-double': (text) => `${text} ${text}`,
  'x-long': (text) => around(text, (part) => part.replace(/\p{L}{2,}/gu, (word) => word + word.toLowerCase())),
  // Marks on both sides, and letters that are read from right to left as those of such a language are.
  'x-rtl': (text) => `\u200f${around(text, (part) => part.replace(/\p{L}[\p{L} ]*/gu, (words) => `\u202e${words}\u202c`))}\u200f`,
  'x-hostile': (text) => `<img src=x onerror="globalThis.hostile=1">'"{braces}&amp;</script> ${text}`,
};

/** The made-up language of this name. */
export function pseudo(name: string): Locale {
  const change = CHANGES[name] ?? ((text: string) => text);
  const changed = (template: Template): Template =>
    typeof template === 'string' ? change(template) : { ...template, ...Object.fromEntries(Object.entries(template).map(([form, text]) => [form, change(text)])) };
  // Formats of numbers are no words.
  const keep = new Set(['span_h', 'span_min', 'span_s', 'span_ms', 'percent', 'percent_less', 'per_second', 'times', 'pods_count', 'in_seats']);
  const sentences = Object.fromEntries(Object.entries(en).map(([key, template]) => [key, keep.has(key) ? template : changed(template)]));
  return { tag: 'en', dir: name === 'x-rtl' ? 'rtl' : 'ltr', sentences: sentences as Sentences, engine: (_, english) => change(english) };
}
