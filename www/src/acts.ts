// The commands of a run as sentences.

import type { App } from './app.ts';
import { commandText, type Act } from './notes.ts';
import { say, sayIfKnown } from './say.ts';
import { written } from './spoken.ts';

export function actText(app: App, act: Act | undefined): string {
  return commandText(act, {
    dial: (name, value) => say('command_dial', { dial: sayIfKnown(`dial_${name}`) ?? name, value: written(app, name, value) }),
    workload: (id) => app.named.workload(id),
    pod: (workload, template, number) => app.named.pod(workload, template, number),
    fault: app.cluster,
  });
}
