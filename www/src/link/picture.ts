// The drawing as it stands on the page, as SVG that other programs open, and any SVG as PNG. Boxes and words of HTML become
// shapes and text; drawings are taken with the colours that the style sheet gives them.

import { svg } from '../dom.ts';
import { say } from '../say.ts';
import type { Palette } from '../view/palette.ts';
import type { Sheet } from './sheet.ts';

export const FONT = 'system-ui, sans-serif';
/** Pixels of a PNG for one of the page. */
const SCALE = 2;
/** Room around a picture, and for a line below it, in px. */
const [MARGIN, LINE] = [16, 15];
/** What a letter of an address takes, in px, and lines at most: a longer address gives way to that of the settings. */
const [LETTER, LINES] = [7, 5];
/** What the style sheet may say of a shape, and what a shape is where nobody says. */
const STYLES: Readonly<Record<string, string>> = {
  fill: 'rgb(0, 0, 0)', 'fill-opacity': '1', stroke: 'none', 'stroke-width': '1px', 'stroke-opacity': '1', 'stroke-dasharray': 'none',
  'stroke-linecap': 'butt', 'stroke-linejoin': 'miter', opacity: '1', 'paint-order': 'normal', 'text-anchor': 'start',
};
const FONTS = ['font-family', 'font-size', 'font-weight'];

/** A picture with a background, its title and the address of its run. */
export function framed(picture: SVGSVGElement, sheet: Sheet, palette: Palette): SVGSVGElement {
  const [width, height] = [Number(picture.getAttribute('width')), Number(picture.getAttribute('height'))];
  const lines = [say('picture_about', { title: sheet.title, seed: String(sheet.run.seed), digest: sheet.run.digest ?? '', engine: sheet.run.engine }), ...wrapped(sheet, Math.floor(width / LETTER))];
  const size = { width: width + 2 * MARGIN, height: height + 2 * MARGIN + (lines.length + 1) * LINE };
  const paper = getComputedStyle(document.body).backgroundColor;
  picture.setAttribute('x', String(MARGIN));
  picture.setAttribute('y', String(MARGIN));
  const words = lines.map((line, index) =>
    svg('text', { x: MARGIN, y: MARGIN + height + (index + 1.5) * LINE, fill: palette.muted, 'font-family': FONT, 'font-size': 11 }, line),
  );
  return svg(
    'svg', { ...size, viewBox: `0 0 ${size.width} ${size.height}` },
    svg('title', {}, sheet.title), svg('desc', {}, sheet.link), svg('rect', { width: size.width, height: size.height, fill: paper }), picture, ...words,
  );
}
function wrapped({ link, settings }: Sheet, letters: number): string[] {
  const shown = link.length <= letters * LINES ? link : settings;
  return shown.match(new RegExp(`.{1,${letters}}`, 'g'))?.slice(0, LINES) ?? [];
}

/** An SVG's text, as a file holds it. */
export function written(picture: SVGSVGElement): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(picture)}\n`;
}

/** An SVG as PNG. */
export async function png(picture: SVGSVGElement): Promise<Blob> {
  const [width, height] = [Number(picture.getAttribute('width')), Number(picture.getAttribute('height'))];
  const url = URL.createObjectURL(new Blob([written(picture)], { type: 'image/svg+xml' }));
  try {
    const image = new Image(width, height);
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [width * SCALE, height * SCALE];
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob === null ? reject(new Error(say('picture_failed'))) : resolve(blob)), 'image/png');
    });
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** What an element of the page shows. */
export function drawn(root: Element): SVGSVGElement {
  const { left, top, width, height } = root.getBoundingClientRect();
  const picture = svg('svg', { width: Math.ceil(width), height: Math.ceil(height), viewBox: `0 0 ${Math.ceil(width)} ${Math.ceil(height)}` });
  draw(root, { x: left, y: top }, picture);
  return picture;
}

interface Origin {
  readonly x: number;
  readonly y: number;
}

/** Draws an element and all in it, from the back to the front. */
function draw(element: Element, origin: Origin, into: SVGElement): void {
  const style = getComputedStyle(element);
  if (style.display === 'none' || style.opacity === '0' || element.classList.contains('visually-hidden')) return;
  const box = element.getBoundingClientRect();
  const [x, y] = [box.left - origin.x, box.top - origin.y];
  if (element instanceof SVGSVGElement) {
    const copy = shape(element);
    if (copy === undefined) return;
    for (const [name, value] of Object.entries({ x, y, width: box.width, height: box.height })) copy.setAttribute(name, round(value));
    copy.setAttribute('overflow', 'visible');
    into.append(copy);
    return;
  }
  if (element instanceof HTMLCanvasElement) {
    if (element.width > 0 && element.height > 0) into.append(svg('image', { href: element.toDataURL(), x: round(x), y: round(y), width: round(box.width), height: round(box.height) }));
    return;
  }
  if (style.visibility === 'visible') into.append(...boxOf(style, x, y, box));
  for (const child of element.childNodes) {
    if (child instanceof Element) draw(child, origin, into);
    else if (child instanceof Text && style.visibility === 'visible') into.append(...words(child, style, origin));
  }
}
/** The background and the borders of a box. */
function boxOf(style: CSSStyleDeclaration, x: number, y: number, { width, height }: DOMRect): SVGElement[] {
  const border = (side: string): { wide: number; colour: string } => ({
    wide: style.getPropertyValue(`border-${side}-style`) === 'none' ? 0 : parseFloat(style.getPropertyValue(`border-${side}-width`)),
    colour: style.getPropertyValue(`border-${side}-color`),
  });
  const [top, right, bottom, left] = ['top', 'right', 'bottom', 'left'].map(border);
  const fill = style.backgroundColor;
  const shows = (colour: string): boolean => colour !== 'transparent' && !/,\s*0\)$|\/\s*0\)$/.test(colour);
  const rx = Math.min(parseFloat(style.borderTopLeftRadius) || 0, width / 2, height / 2);
  const around = [right, bottom, left].every((side) => side?.wide === top?.wide && side?.colour === top?.colour);
  const [wide, colour] = around && top !== undefined && shows(top.colour) ? [top.wide, top.colour] : [0, 'none'];
  const shapes: SVGElement[] = [];
  if (shows(fill) || wide > 0) {
    const inset = wide / 2;
    shapes.push(svg('rect', { x: round(x + inset), y: round(y + inset), width: round(Math.max(0, width - wide)), height: round(Math.max(0, height - wide)), rx: round(rx), fill: shows(fill) ? fill : 'none', ...(wide > 0 ? { stroke: colour, 'stroke-width': wide } : {}) }));
  }
  if (around) return shapes;
  const line = (d: string, side: { wide: number; colour: string } | undefined): void => {
    if (side !== undefined && side.wide > 0 && shows(side.colour)) shapes.push(svg('path', { d, stroke: side.colour, 'stroke-width': side.wide, fill: 'none' }));
  };
  line(`M${round(x)} ${round(y)}h${round(width)}`, top);
  line(`M${round(x)} ${round(y + height)}h${round(width)}`, bottom);
  line(`M${round(x)} ${round(y)}v${round(height)}`, left);
  line(`M${round(x + width)} ${round(y)}v${round(height)}`, right);
  return shapes;
}
/** The lines of a text where the browser broke them. */
function words(node: Text, style: CSSStyleDeclaration, origin: Origin): SVGElement[] {
  const lines: { x: number; y: number; text: string }[] = [];
  const range = document.createRange();
  for (const { index, 0: word } of node.data.matchAll(/\S+/g)) {
    range.setStart(node, index);
    range.setEnd(node, index + word.length);
    const box = range.getBoundingClientRect();
    const [x, y] = [box.left - origin.x, box.top - origin.y + box.height * 0.78];
    const last = lines.at(-1);
    if (box.width === 0) continue;
    if (last !== undefined && Math.abs(last.y - y) < 2) last.text += ` ${word}`;
    else lines.push({ x, y, text: word });
  }
  const font = Object.fromEntries(FONTS.map((name) => [name, style.getPropertyValue(name)]));
  const upper = style.textTransform === 'uppercase';
  return lines.map(({ x, y, text }) => svg('text', { x: round(x), y: round(y), fill: style.color, ...font }, upper ? text.toUpperCase() : text));
}
/** A drawing's shape with its style in itself; undefined: it shows nothing. */
function shape(element: Element): SVGElement | undefined {
  const style = getComputedStyle(element);
  if (style.display === 'none' || (element.childElementCount === 0 && style.visibility !== 'visible')) return undefined;
  const copy = element.cloneNode(false) as SVGElement;
  for (const { name } of [...copy.attributes]) if (/^(class|id|style|role|tabindex|aria-|data-)/.test(name)) copy.removeAttribute(name);
  for (const [name, usual] of Object.entries(STYLES)) {
    const value = style.getPropertyValue(name);
    if (value !== '' && value !== usual) copy.setAttribute(name, value.replace(/^rgba\(\d+, \d+, \d+, 0\)$/, 'none'));
    else copy.removeAttribute(name);
  }
  if (element instanceof SVGTextElement) for (const name of FONTS) copy.setAttribute(name, style.getPropertyValue(name));
  if (style.transform !== 'none' && !element.hasAttribute('transform')) copy.setAttribute('transform', style.transform);
  for (const child of element.childNodes) {
    const drawn = child instanceof Element ? shape(child) : child instanceof Text ? child.cloneNode() : undefined;
    if (drawn !== undefined) copy.append(drawn);
  }
  return copy;
}
function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
