// Data: `json` and `yaml` must parse.

import { parseAllDocuments } from 'yaml';

/** Drops `...` outside of strings, with a comma that would be left over. */
function withoutEllipsis(text) {
  return text.replace(/"(?:\\.|[^"\\\n])*"|(,?)\s*(?:\.\.\.|…)\s*(,?)/g,
    (whole, before, after) => (whole.startsWith('"') ? whole : before && after ? ',' : ''));
}

/** Parses one value after the other; a value ends at the end of a line. */
function parseSeveral(text) {
  let pending = '';
  for (const line of text.split('\n')) {
    pending += `${line}\n`;
    try {
      JSON.parse(pending);
      pending = '';
    } catch {
      // The value may go on in the next line; what is left at the end is an error.
    }
  }
  if (pending.trim()) JSON.parse(pending);
}

export function json({ text, directive }) {
  if (directive.loose) parseSeveral(withoutEllipsis(text));
  else JSON.parse(text);
}

export function yaml({ text }) {
  for (const { errors } of parseAllDocuments(text)) {
    if (errors.length > 0) throw errors[0];
  }
}
