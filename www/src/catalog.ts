// The engine's names in the language at hand.

import type { Catalog } from './engine.ts';
import { sayOf } from './say.ts';

/** The catalog with all that the engine says in English said by `say`, which gets our name for it and the English. */
export function catalogIn(catalog: Catalog, say: (name: string, english: string) => string = sayOf): Catalog {
  const seen = new Map<string, number>();
  // Some alerts come twice, with other numbers.
  const nth = (name: string): string => {
    const n = (seen.get(name) ?? 0) + 1;
    seen.set(name, n);
    return n === 1 ? name : `${name}_${n}`;
  };
  return {
    ...catalog,
    scenarios: catalog.scenarios.map((spec) => ({
      ...spec, title: say(`scenario_title_${spec.name}`, spec.title), summary: say(`scenario_summary_${spec.name}`, spec.summary),
    })),
    knobs: catalog.knobs.map((spec) => ({ ...spec, help: say(`dial_help_${spec.name}`, spec.help), source: say(`dial_source_${spec.name}`, spec.source) })),
    alerts: catalog.alerts.map((spec) => ({ ...spec, help: say(`alert_help_${nth(spec.name)}`, spec.help) })),
    lamps: catalog.lamps.map((spec) => ({ ...spec, help: say(`lamp_help_${spec.name}`, spec.help) })),
    verdicts: catalog.verdicts.map((spec) => ({ ...spec, help: say(`verdict_help_${spec.name}`, spec.help) })),
    presets: catalog.presets.map((preset) => {
      const { name, question, about, labels: [a, b] } = preset;
      return {
        ...preset, question: say(`preset_question_${name}`, question), about: say(`preset_about_${name}`, about),
        labels: [say(`preset_a_${name}`, a), say(`preset_b_${name}`, b)],
      };
    }),
  };
}

/** What the engine calls a timer. */
export function timerText(name: string): string {
  return sayOf(`timer_${name}`, name.replaceAll('_', ' '));
}
