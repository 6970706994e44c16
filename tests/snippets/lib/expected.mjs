// Compares output with what a document shows: `...` alone on a line stands for any lines, `...` inside a line for
// anything in it.

const ANYTHING = '...';

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

const tidy = (text) => text.replace(/\r\n/g, '\n').split('\n').map((line) => line.trimEnd()).join('\n').replace(/^\n+|\n+$/g, '');

/** A pattern for the whole of an output. */
function patternOf(expected) {
  let source = '';
  const lines = tidy(expected).split('\n');
  lines.forEach((line, index) => {
    const last = index === lines.length - 1;
    if (line.trim() === ANYTHING) source += last ? '[^]*' : '(?:[^\\n]*\\n)*?';
    else source += line.split(ANYTHING).map(escape).join('[^\\n]*') + (last ? '' : '\\n');
  });
  // `...` at the end of a text may stand for no lines at all.
  return new RegExp(`^${source.replace(/\\n\[\^\]\*$/, '(?:\\n[^]*)?')}$`);
}

/** Whether the output is the expected one; as `json` it may be laid out differently. */
export function isOutput(actual, expected, { json = false } = {}) {
  return patternOf(expected).test(tidy(actual)) || (json && isSameJson(actual, expected));
}

/** Whether two texts are the same JSON value. */
function isSameJson(actual, expected) {
  try {
    return JSON.stringify(JSON.parse(actual)) === JSON.stringify(JSON.parse(expected));
  } catch {
    return false; // One of them is no JSON: the texts decide.
  }
}

/** Throws unless the output is the expected one. */
export function assertOutput(actual, expected, options) {
  if (isOutput(actual, expected, options)) return;
  throw new Error(`the output is not the expected one\n--- expected\n${tidy(expected)}\n--- output\n${tidy(actual)}`);
}

/** Throws unless the output contains every text. */
export function assertContains(actual, texts) {
  for (const text of texts) {
    if (!actual.includes(text)) throw new Error(`the output does not contain "${text}"\n--- output\n${tidy(actual)}`);
  }
}
