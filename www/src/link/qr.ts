// An address as a QR code.

import { encode } from 'uqr';
import { svg } from '../dom.ts';

/** The longest address that is drawn, in characters. Chosen: a telephone still reads it from a projector. */
export const QR_MAX = 1200;
/** Cells of white around it, as the standard asks for. */
const BORDER = 4;

/** The code as a drawing with this name. Black on white in every theme: readers want it so. */
export function qrCode(text: string, name: string): SVGSVGElement {
  const { data, size } = encode(text, { border: BORDER, ecc: 'L', boostEcc: true });
  const cells = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])));
  return svg(
    'svg', { class: 'qr', viewBox: `0 0 ${size} ${size}`, role: 'img', 'aria-label': name, 'shape-rendering': 'crispEdges' },
    svg('rect', { width: size, height: size, fill: '#fff' }), svg('path', { d: cells.join(''), fill: '#000' }),
  );
}
