// What every transport shows: whether time runs, what moment it is, how fast it runs.

import { setAttribute, setText } from '../dom.ts';
import { exact, moment, preciseMoment, say } from '../say.ts';
import { SPEEDS, type State } from '../state.ts';

export interface TransportParts {
  readonly play: HTMLElement;
  readonly time: HTMLElement;
  readonly speed: HTMLInputElement;
  readonly speedValue: HTMLElement;
  readonly lag: HTMLElement;
}

/** `fine`: the moment is shown to the microsecond. */
export function updateTransport({ play, time, speed: slider, speedValue, lag }: TransportParts, { running, speed }: State, nowMs: number, behind: boolean, fine: boolean): void {
  setText(play, say(running ? 'pause' : 'play'));
  setAttribute(play, 'data-running', String(running));
  const digits = fine || speed <= 0.01 ? 6 : speed < 0.5 ? 3 : 1;
  setText(time, digits === 1 ? moment(nowMs) : preciseMoment(nowMs, digits));
  const index = String(SPEEDS.indexOf(speed));
  if (slider.value !== index) slider.value = index;
  slider.style.setProperty('--fill', String(Number(index) / (SPEEDS.length - 1)));
  setAttribute(slider, 'aria-valuetext', say('speed_spoken', { speed: exact(speed) }));
  setText(speedValue, say('speed_value', { speed: exact(speed) }));
  setText(lag, running && behind ? say('behind') : '');
}
