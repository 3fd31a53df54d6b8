// The languages of the page. English is built in; every other one is loaded when somebody wants it.

import type { en } from '../locales/en.ts';

/** A form of a word that goes with a number, as its language counts them. */
export type Form = Intl.LDMLPluralRule;
/** A sentence with names in braces; where a count decides, one for each form that the language has. */
export type Template = string | ({ readonly other: string } & { readonly [form in Form]?: string });
export type Key = keyof typeof en;
/** Every sentence of the page: a locale that lacks one does not compile. */
export type Sentences = Readonly<Record<Key, Template>>;

export interface Locale {
  /** For the document and for Intl. */
  readonly tag: string;
  readonly dir: 'ltr' | 'rtl';
  readonly sentences: Sentences;
  /** What the engine says in English, in this language, by our name for it: `scenario_title_quiet`. */
  engine(name: string, english: string): string;
}

/** The languages that can be chosen, by what they call themselves. */
export const LANGUAGES: Readonly<Record<string, string>> = { en: 'English', de: 'Deutsch' };

/** Languages made up for tests: never offered, but an address may name them. */
export const PSEUDO = ['x-double', 'x-long', 'x-rtl', 'x-hostile'];

const LOADERS: Readonly<Record<string, () => Promise<Locale>>> = {
  de: async () => {
    const { de, catalog } = await import('../locales/de.ts');
    return { tag: 'de', dir: 'ltr', sentences: de, engine: (name, english) => catalog[name] ?? english };
  },
};

/** The first language of the browser's that the page has; else English. */
export function preferred(languages: readonly string[]): string {
  const known = languages.map((tag) => tag.toLowerCase().split('-')[0] ?? '').find((tag) => Object.hasOwn(LANGUAGES, tag));
  return known ?? 'en';
}

/** The language of this name; undefined: English, which is here already. Fails where its file cannot be had. */
export async function loadLocale(name: string): Promise<Locale | undefined> {
  const tag = name === 'auto' ? preferred(navigator.languages) : name;
  if (PSEUDO.includes(tag)) return (await import('./pseudo.ts')).pseudo(tag);
  return await LOADERS[tag]?.();
}
