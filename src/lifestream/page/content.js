// Makes nodes of the sanitised HTML of an entry. Only elements and attributes of
// the lists below are copied, whatever the HTML has, and no string becomes markup
// of this document.

/** The elements and attributes that the sanitiser of the server leaves (src/entries/sanitise). */
const ATTRIBUTES = {
  A: ['href', 'rel'], IMG: ['src', 'alt', 'title', 'width', 'height', 'loading', 'referrerpolicy'],
  OL: ['start'], TD: ['colspan', 'rowspan'], TH: ['colspan', 'rowspan'],
};
const ELEMENTS = new Set(['P', 'BR', 'A', 'EM', 'STRONG', 'B', 'I', 'U', 'S', 'CODE', 'PRE', 'BLOCKQUOTE', 'UL', 'OL', 'LI',
  'H3', 'H4', 'H5', 'H6', 'IMG', 'FIGURE', 'FIGCAPTION', 'TABLE', 'CAPTION', 'THEAD', 'TBODY', 'TFOOT', 'TR', 'TH', 'TD', 'HR']);
/** Attributes with a URL, and its schemes. */
const SCHEMES = { href: /^(https?|mailto):/i, src: /^https?:/i };
/** Elements below one another. */
const DEPTH = 100;
export const FOREIGN = 'nofollow ugc noopener noreferrer';

// The parsed document is inert: it runs no script and loads no image.
const policy = globalThis.trustedTypes?.createPolicy('lifestream-entry', { createHTML: (html) => html });

function parse(html) {
  return new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, 'text/html').body;
}

/** The address of an image of sanitised HTML, as it is written. */
const source = (image) => image.getAttribute('src');

function link(image, isInLink) {
  const alt = image.getAttribute('alt')?.trim() ? image.getAttribute('alt') : '';
  const text = alt ? `Image: ${alt}` : 'Image';
  if (isInLink || !SCHEMES.src.test(source(image) ?? '')) return document.createTextNode(text);
  const made = document.createElement('a');
  made.className = 'image';
  made.setAttribute('href', source(image));
  made.setAttribute('rel', FOREIGN);
  made.textContent = text;
  return made;
}

function copy(node, { images, isInLink, depth }) {
  if (node.nodeType === Node.TEXT_NODE) return document.createTextNode(node.data);
  if (node.nodeType !== Node.ELEMENT_NODE || !ELEMENTS.has(node.tagName) || depth > DEPTH) return null;
  if (node.tagName === 'IMG' && images === 'link') return link(node, isInLink);
  const made = document.createElement(node.tagName);
  for (const { name, value } of node.attributes) {
    if (ATTRIBUTES[node.tagName]?.includes(name) && (SCHEMES[name]?.test(value) ?? true)) made.setAttribute(name, value);
  }
  const inner = { images, isInLink: isInLink || node.tagName === 'A', depth: depth + 1 };
  made.append(...children(node, inner));
  return made;
}

function children(node, state) {
  return [...node.childNodes].map((child) => copy(child, state)).filter(Boolean);
}

/** Nodes for sanitised HTML, and the addresses of its images. `images` is `show` or `link`. */
export function content(html, images) {
  const body = parse(html);
  return {
    nodes: children(body, { images, isInLink: false, depth: 0 }),
    sources: new Set([...body.querySelectorAll('img')].map(source)),
  };
}
