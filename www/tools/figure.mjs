// The page as a figure for other pages: the same page, told at once that it is one.

/** embed.html, from index.html. */
export function figure(html) {
  const replace = (text, from, to) => {
    if (!text.includes(from)) throw new Error(`index.html has no ${from}`);
    return text.replace(from, to);
  };
  const marked = replace(html, '<html ', '<html data-embed ');
  // Search engines are to find the page, not its figures.
  return replace(marked, '<title', '<meta name="robots" content="noindex">\n<title');
}
