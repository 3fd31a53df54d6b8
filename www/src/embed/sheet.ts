// The styles of a figure, apart from the page's: who never asks for one does not load them.

import text from '../../style/embed.css' with { type: 'text' };

/** To be adopted by the document; a policy that admits no inline styles admits this. */
export const SHEET = new CSSStyleSheet();
SHEET.replaceSync(text);
