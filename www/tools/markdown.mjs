// Pages that are written in Markdown.
import MarkdownIt from 'markdown-it';

/** HTML for a text of ours: what is HTML in it stays. */
export function render(text) {
  const markdown = new MarkdownIt({ html: true });
  const { rules } = markdown.renderer;
  const plain = (tokens, index, options, _env, self) => self.renderToken(tokens, index, options);
  rules.heading_open = (tokens, index, options, env, self) => {
    tokens[index].attrSet('id', slug(tokens[index + 1].content));
    return plain(tokens, index, options, env, self);
  };
  // What is wider than the screen scrolls in its own place, also by keyboard.
  rules.table_open = (...args) => `<div class="table" tabindex="0">${plain(...args)}`;
  rules.table_close = (...args) => `${plain(...args)}</div>`;
  const fence = rules.fence;
  rules.fence = (...args) => fence(...args).replace('<pre>', '<pre tabindex="0">');
  return markdown.render(text);
}

function slug(heading) {
  return heading.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '');
}
