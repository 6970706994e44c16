// Writes JSON values as literals of other languages, for the snippets.

const inJson = (text) => JSON.stringify(text);
/** A script element must not end inside a string. */
const inScript = (text) => inJson(text).replaceAll('<', String.raw`\u003c`);
/** Ruby reads `#{…}`, `#$…` and `#@…` inside double quotes. */
const inRuby = (text) => inJson(text).replaceAll('#', String.raw`\#`);
const inPhp = (text) => `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`;

const LANGUAGES = {
  javascript: { string: inScript, words: ['null', 'true', 'false'], object: ['{', ': ', '}'], empty: '{}' },
  ruby: { string: inRuby, words: ['nil', 'true', 'false'], object: ['{', ' => ', '}'], empty: '{}' },
  php: { string: inPhp, words: ['null', 'true', 'false'], object: ['[', ' => ', ']'], empty: 'new stdClass()' },
  python: { string: inJson, words: ['None', 'True', 'False'], object: ['{', ': ', '}'], empty: '{}' },
};

/** Returns the value as an expression of 'javascript', 'ruby', 'php' or 'python'. */
export function literal(value, language) {
  const { string, words, object, empty } = LANGUAGES[language];
  const [nothing, yes, no] = words;
  if (value === null) return nothing;
  if (value === true) return yes;
  if (value === false) return no;
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return string(value);
  const write = (part) => literal(part, language);
  if (Array.isArray(value)) return `[${value.map(write).join(', ')}]`;
  const entries = Object.entries(value);
  if (entries.length === 0) return empty;
  const [open, to, close] = object;
  return open + entries.map(([key, part]) => string(key) + to + write(part)).join(', ') + close;
}
