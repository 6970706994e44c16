// An entry as an element, the same as src/lifestream/entry.rs writes; a test
// compares them.

import { content, FOREIGN } from './content.js';
import { absolute } from './time.js';

const HUES = 12;
const LONG = 1600;

const isText = (text) => Boolean(text?.trim());
const isWeb = (url) => /^https?:\/\//.test(url ?? '');

/** The colour of a feed: FNV-1a of its name. */
function hue(name) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % HUES;
}

/** An element with attributes in this order; an attribute `true` has no value. */
function make(name, attributes = {}, ...inner) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value === true ? '' : value);
  element.append(...inner);
  return element;
}

function meta({ kind, feed, entry }, source, path) {
  const made = make('p', { class: 'meta' },
    make('a', { class: 'source', href: `${path}?feed=${feed.name}`, 'data-feed': feed.name }, source));
  if (kind === 'page') made.append(make('span', { class: 'kind' }, 'page changed'));
  made.append(make('a', { class: 'when u-uid', href: `${path}/entry/${entry.id}` },
    make('time', { class: 'dt-published', datetime: entry.at }, absolute(entry.at))));
  return made;
}

function body({ title, summary, html }, images) {
  const short = isText(summary) ? make('p', { class: 'p-summary' }, summary) : null;
  if (!isText(html)) return { nodes: summary === title ? [] : [short], sources: new Set() };
  const { nodes, sources } = content(html, images);
  const whole = make('div', { class: 'e-content' }, ...nodes);
  if (html.length <= LONG) return { nodes: [whole], sources };
  return { nodes: [short, make('details', { class: 'more' }, make('summary', {}, 'Show all'), whole)], sources };
}

function file({ url, type }, images) {
  const kind = type?.split('/')[0];
  if (kind === 'image' && images === 'show') {
    return make('img', { class: 'u-photo', src: url, alt: '', loading: 'lazy', referrerpolicy: 'no-referrer' });
  }
  if (kind === 'audio') return make('audio', { class: 'u-audio', controls: true, preload: 'none', src: url, 'aria-label': 'Audio' });
  if (kind === 'video') {
    return make('video', { class: 'u-video', controls: true, preload: 'none', playsinline: true, src: url, 'aria-label': 'Video' });
  }
  const name = kind === 'image' ? 'Image' : 'File';
  return make('a', { class: 'file', href: url, rel: FOREIGN }, type ? `${name} (${type})` : name);
}

function media(files, sources, images) {
  const shown = (files ?? []).filter(({ url, type }) =>
    isWeb(url) && !(type?.split('/')[0] === 'image' && sources.has(url)));
  if (!shown.length) return null;
  return make('ul', { class: 'media' }, ...shown.map((each) => make('li', {}, file(each, images))));
}

function foot({ authors = [], tags = [], truncated }, url) {
  if (!authors.length && !tags.length && !url) return null;
  const made = make('ul', { class: 'foot' });
  for (const author of authors) made.append(make('li', { class: 'p-author' }, author));
  for (const tag of tags) made.append(make('li', { class: 'p-category' }, tag));
  if (url) {
    const text = truncated ? 'Read the rest' : 'Original';
    made.append(make('li', {}, make('a', { class: 'original u-url', href: url, rel: FOREIGN }, text)));
  }
  return made;
}

/**
 * The element of a message that is not about a deletion.
 *
 * @param look  `path` of the lifestream; `images`: `show` or `link`
 */
export function article(message, { path, images }) {
  const { seq, feed, entry } = message;
  const title = isText(entry.title) ? entry.title : null;
  const source = isText(feed.title) ? feed.title : feed.name;
  const url = isWeb(entry.url) ? entry.url : null;
  const { nodes, sources } = body(entry, images);
  const heading = title && make('h2', { class: 'p-name' },
    url ? make('a', { class: 'u-url', href: url, rel: FOREIGN }, title) : title);
  const parts = [meta(message, source, path), heading, ...nodes, media(entry.media, sources, images),
    foot(entry, title && !entry.truncated ? null : url)];
  return make('article', {
    class: `entry h-entry hue-${hue(feed.name)}`, id: `entry-${entry.id}`, 'data-seq': seq, 'data-at': entry.at,
    'data-feed': feed.name, tabindex: '-1', 'aria-label': title ?? source,
  }, ...parts.filter(Boolean));
}
