// The standing things of the drawing. Each is a group that can be focused, with shapes and a few lines of text.

import type { App } from '../app.ts';
import { setAttribute, setText, svg } from '../dom.ts';
import type { Frame } from '../frame.ts';
import {
  DISC, HOST_H, cell, electorBox, hostCentre, hostWidth, linkCurve, memberCentre, onCurve, straight, type Box, type Layout,
} from '../layout.ts';
import { ppm, say, seconds, span } from '../say.ts';
import { same, type Selection } from '../state.ts';
import * as words from '../words.ts';

export interface Part {
  readonly node: SVGGElement;
  update(frame: Frame): void;
}

const LINE = 17;

/** A thing's group: named, focusable, selectable. */
function thing(app: App, selection: Selection, hit: SVGElement, ...shapes: SVGElement[]): { node: SVGGElement; name(frame: Frame): void } {
  hit.classList.add('hit');
  // The texts lie beside the button, not in it: its name says all that they say, in whole words.
  const target = svg('g', { class: 'target', role: 'button', tabindex: -1 }, hit);
  const picture = svg('g', { class: 'picture', 'aria-hidden': 'true' }, ...shapes);
  const node = svg('g', { class: `thing ${selection.thing}` }, target, picture);
  const select = (): void => app.act({ type: 'select', selection });
  target.addEventListener('click', select);
  target.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    select();
  });
  return {
    node,
    name(frame) {
      setAttribute(target, 'aria-label', words.describe(frame, selection));
      setAttribute(target, 'aria-pressed', String(same(app.state.selected, selection)));
    },
  };
}

function text(x: number, y: number, style: string, end = false): SVGTextElement {
  return svg('text', { x, y, class: style, 'text-anchor': end ? 'end' : 'start' });
}

function hitBox({ x, y, w, h }: Box, inset = 2): SVGRectElement {
  return svg('rect', { x: x - inset, y: y - inset, width: w + 2 * inset, height: h + 2 * inset, rx: 8 });
}

const ELECTOR_SHAPES: Readonly<Record<words.ElectorShape, string>> = {
  holder: 'M-6 -6H6V6H-6Z',
  standby: 'M-5 -5H5V5H-5Z',
  exited: 'M-5 -5L5 5M5 -5L-5 5',
};

export function electorPart(app: App, layout: Layout, row: number, api: number, component: 0 | 1): Part {
  const box = electorBox(layout, api, component);
  const shape = svg('path', { transform: `translate(${box.x + 25} ${box.y + 10})`, class: 'shape' });
  const name = text(box.x + 37, box.y + 15, 'name');
  name.textContent = say(`${layout.compact ? 'component_tiny' : 'component_short'}_${component}`);
  const state = text(layout.narrow ? box.x + 20 : box.x + 37, box.y + 31, 'figure');
  const lamps = (['believes', 'can_act'] as const).map((lamp, index) => {
    const y = box.y + (layout.narrow ? 47 : 14) + index * 16;
    const x = layout.narrow ? box.x + 26 : box.x + box.w - (layout.compact ? 62 : 104);
    const dot = svg('circle', { cx: x, cy: y - 4, r: 4.5, class: 'lamp' });
    const label = text(x + 9, y, 'small');
    label.textContent = say(layout.compact ? `draw_${lamp}_short` : `draw_${lamp}`);
    return { lamp, group: svg('g', {}, dot, label) };
  });
  const { node, name: nameIt } = thing(
    app, { thing: 'elector', row }, hitBox({ ...box, x: box.x + 16, w: box.w - 16 }, 1), shape, name, state, ...lamps.map(({ group }) => group),
  );
  return {
    node,
    update(frame) {
      const { elector } = frame;
      const now = words.electorShape(frame, row);
      setAttribute(node, 'data-shape', now);
      setAttribute(shape, 'd', ELECTOR_SHAPES[now]);
      const left = elector.lease_left(row);
      const back = elector.restart_in(row);
      const rest =
        now === 'exited' ? (back > 0 ? say('draw_back_in', { span: span(back) }) : '') : left > 0 ? (layout.compact ? seconds(left) : span(left)) : say(layout.compact ? 'draw_expired_short' : 'draw_expired');
      // Where there is no room the shape alone says that it stands by, or has exited.
      const brief = layout.narrow && ((now === 'standby' && left <= 0) || (now === 'exited' && back > 0));
      const first = brief ? '' : say(now);
      setText(state, [first, rest].filter((part) => part !== '').join(' · '));
      setAttribute(state, 'data-tone', now === 'exited' ? 'bad' : left > 0 ? '' : 'wait');
      for (const { lamp, group } of lamps) {
        const on = elector[lamp](row) === 1;
        setAttribute(group, 'class', now === 'holder' || on ? 'shown' : 'hidden');
        setAttribute(group, 'data-on', String(on));
      }
      nameIt(frame);
    },
  };
}

const API_SHAPES: Readonly<Record<words.ApiShape, string>> = {
  ready: 'M0 -9L8 -4.5V4.5L0 9L-8 4.5V-4.5Z',
  hurt: 'M0 -9L9 7H-9Z',
  hung: 'M-7 -8H-2V8H-7ZM2 -8H7V8H2Z',
  down: 'M-6 -6L6 6M6 -6L-6 6',
};

export function apiPart(app: App, layout: Layout, row: number): Part {
  const box = cell(layout, 'api', row);
  const shape = svg('path', { transform: `translate(${box.x + 30} ${box.y + 18})`, class: 'shape' });
  const left = layout.narrow ? box.x + 20 : box.x + 46;
  const top = layout.narrow ? box.y + 30 + LINE - 4 : box.y + 14;
  const state = text(left, top, 'name');
  const detail = text(left, top + LINE, 'figure');
  const number = text(box.x + 46, box.y + 23, 'muted');
  number.textContent = layout.narrow ? String(row + 1) : '';
  const { node, name } = thing(app, { thing: 'api', row }, hitBox({ ...box, x: box.x + 16, w: box.w - 16 }), shape, number, state, detail);
  return {
    node,
    update(frame) {
      const { api } = frame;
      const now = words.apiShape(frame, row);
      setAttribute(node, 'data-shape', now);
      setAttribute(shape, 'd', API_SHAPES[now]);
      setText(state, words.apiText(frame, row));
      const flying = say('draw_in_flight', { n: api.in_flight(row) });
      const oldest = api.oldest(row) > 1000 ? say('draw_oldest', { span: span(api.oldest(row)) }) : '';
      setText(detail, now === 'down' ? '' : layout.compact ? oldest || flying : [flying, oldest].filter((part) => part !== '').join(' · '));
      setAttribute(detail, 'data-tone', oldest === '' ? '' : 'wait');
      name(frame);
    },
  };
}

export function memberPart(app: App, layout: Layout, row: number): Part {
  const box = cell(layout, 'etcd', row);
  const { x, y } = memberCentre(layout, row);
  const disc = svg('circle', { cx: x, cy: y, r: DISC - 4, class: 'disc' });
  const ring = svg('circle', { cx: x, cy: y, r: DISC - 8, class: 'ring' });
  const cross = svg('path', { d: `M${x - 8} ${y - 8}l16 16m0 -16l-16 16`, class: 'cross' });
  const number = svg('text', { x, y: y + 5, class: 'number', 'text-anchor': 'middle' }, String(row + 1));
  const left = layout.narrow ? box.x + 20 : x + DISC + 14;
  const first = layout.narrow ? y + DISC + 21 : box.y + 16;
  // Beside a disc there is room for three lines, below it for four.
  const lines = (layout.narrow ? [0, 1, 2, 3] : [0, 1, 2]).map((index) => text(left, first + index * (LINE + 1.5), index === 0 ? 'name' : 'figure'));
  const { node, name } = thing(
    app, { thing: 'member', row }, hitBox({ ...box, x: box.x + 16, w: box.w - 16 }), disc, ring, cross, number, ...lines,
  );
  return {
    node,
    update(frame) {
      const { member } = frame;
      const now = words.memberShape(frame, row);
      setAttribute(node, 'data-shape', now);
      const leaderless = now !== 'down' && now !== 'leader' && member.leader(row) === 0;
      const commit = say('draw_commit', { commit: member.commit_index(row) });
      const applied = say('draw_applied', { applied: member.applied_index(row) });
      const behind = member.commit_index(row) - member.applied_index(row);
      const texts =
        now === 'down'
          ? [say('down')]
          : [
              words.roleText(frame, row),
              leaderless ? say('draw_no_leader', { span: span(member.leaderless(row)) }) : say('draw_term', { term: String(member.term(row)) }),
              ...(layout.narrow ? [commit, applied] : [behind > 0 && !layout.compact ? `${commit} · ${say('draw_behind', { n: behind })}` : commit]),
            ];
      lines.forEach((line, index) => {
        setText(line, texts[index] ?? '');
        setAttribute(line, 'data-tone', index === 1 && leaderless ? 'bad' : '');
      });
      name(frame);
    },
  };
}

export function hostPart(app: App, layout: Layout, row: number): Part {
  const { x, y } = hostCentre(layout, row);
  const w = hostWidth(layout);
  const box = { x: x - w / 2, y: y - HOST_H / 2, w, h: HOST_H };
  const body = svg('rect', { x: box.x, y: box.y, width: box.w, height: box.h, rx: 6, class: 'body' });
  const label = svg('text', { x, y: y + 5, class: 'name', 'text-anchor': 'middle' });
  const { node, name } = thing(app, { thing: 'host', row }, hitBox(box), body, label);
  return {
    node,
    update(frame) {
      const now = words.hostShape(frame, row);
      setAttribute(node, 'data-shape', now);
      setText(label, now === 'on' ? say('name_host', { n: row + 1 }) : words.hostText(frame, row));
      name(frame);
    },
  };
}

/** What connects the API servers' own hosts with the members'. */
export function wires(layout: Layout): Part {
  const { members, controlHosts } = layout.cluster;
  const node = svg('g', { class: 'wires', 'aria-hidden': 'true' });
  for (let from = members; from < controlHosts; from += 1) {
    for (let to = 0; to < members; to += 1) {
      const [a, , b] = straight(layout, from, to);
      node.append(svg('path', { d: `M${a.x} ${a.y + HOST_H / 2}L${b.x} ${b.y - HOST_H / 2}`, class: 'wire' }));
    }
  }
  return { node, update: () => undefined };
}

export function linkPart(app: App, layout: Layout, from: number, to: number, counts: boolean): Part {
  const [a, b, c] = linkCurve(layout, from, to);
  const d = `M${a.x} ${a.y}Q${b.x} ${b.y} ${c.x} ${c.y}`;
  const at = onCurve([a, b, c], 0.5);
  const line = svg('path', { d, class: 'line' });
  const label = svg('text', { x: at.x, y: at.y + (to - from > 1 ? 17 : -9), class: 'small', 'text-anchor': 'middle' });
  const cross = svg('path', { d: `M${at.x - 6} ${at.y - 6}l12 12m0 -12l-12 12`, class: 'cross' });
  const { node, name } = thing(app, { thing: 'link', row: from, other: to }, svg('path', { d }), line, cross, label);
  return {
    node,
    update(frame) {
      const { link } = frame;
      const rows = [words.linkRow(frame, from, to), words.linkRow(frame, to, from)];
      const cuts = rows.filter((row) => link.cut(row) === 1).length;
      const losses = rows.map((row) => link.loss_ppm(row));
      const loss = Math.max(...losses);
      setAttribute(node, 'data-shape', cuts === 2 ? 'cut' : cuts === 1 ? 'half' : loss > 0 ? 'lossy' : 'sound');
      const dropped = rows.reduce((sum, row) => sum + link.dropped(row), 0);
      const packets = rows.reduce((sum, row) => sum + link.packets(row), 0);
      const state = cuts > 0 ? say('cut') : loss > 0 ? (layout.narrow ? ppm(loss) : say('draw_loss', { loss: ppm(loss) })) : '';
      const counted = counts ? `${say('draw_packets', { n: packets })} · ${say('draw_dropped', { n: dropped })}` : '';
      setText(label, layout.narrow ? state || (counts ? say('draw_dropped', { n: dropped }) : '') : [state, counted].filter((part) => part !== '').join(' · '));
      name(frame);
    },
  };
}
