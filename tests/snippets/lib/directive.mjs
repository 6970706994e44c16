// Parses the directive of a block, an HTML comment right before it. Knows every word and every reason for a skipped
// block, and nothing of how a block is run.

/** Words that stand alone, and words that need a value. */
const FLAGS = ['server', 'background', 'fails', 'loose', 'output', 'repository'];
const VALUES = ['file', 'terminal', 'output', 'expect', 'env', 'skip', 'stop', 'repository'];
const REPEATABLE = ['env', 'expect', 'stop'];

/** Why a block may be skipped. A new reason needs a change here, so that a review sees it. */
export const SKIP_REASONS = [
  'needs a public domain',
  'needs root',
  'needs the Internet',
  'needs a package registry',
  'needs Docker',
  'needs Kubernetes',
  'needs systemd',
  'needs an npm Faye server',
  'needs several machines',
  'needs a Redis Cluster',
  'builds the server',
  'takes minutes',
  'run by tests/install',
  'run by tests/examples',
];

/** How many blocks of all documents together may be skipped. Lower it when blocks begin to run. */
export const MOST_SKIPPED = 22;

const COMMENT = /^<!--\s*snippet:([\s\S]*?)-->\s*$/;
const WORD = /\s*([a-z]+)(?:=(?:"([^"]*)"|'([^']*)'))?(?=\s|$)/y;

/** The text of a directive, or null if the comment is another one. */
export function directiveText(html) {
  return COMMENT.exec(html)?.[1].trim() ?? null;
}

/** Parses `WORD KEY="VALUE" ...`; repeatable keys give arrays. Throws on anything unknown. */
export function parseDirective(text) {
  const directive = { env: [], expect: [], stop: [] };
  WORD.lastIndex = 0;
  while (WORD.lastIndex < text.length) {
    const start = WORD.lastIndex;
    const match = WORD.exec(text);
    if (!match) throw new Error(`directive: cannot parse "${text.slice(start).trim()}"; write WORD or KEY="VALUE"`);
    const [, word, double, single] = match;
    const value = double ?? single;
    if (!(value === undefined ? FLAGS : VALUES).includes(word)) {
      throw new Error(`directive: ${word}${value === undefined ? '' : '="…"'} is unknown; `
        + `words: ${FLAGS.join(', ')}; keys: ${VALUES.join(', ')}`);
    }
    if (REPEATABLE.includes(word)) directive[word].push(value);
    else if (word in directive) throw new Error(`directive: ${word} occurs twice`);
    else directive[word] = value ?? true;
    if (WORD.lastIndex === text.trimEnd().length) break;
  }
  for (const variable of directive.env) {
    if (!/^[A-Za-z_]\w*=/.test(variable)) throw new Error(`directive: env="${variable}" is not NAME=VALUE`);
  }
  for (const key of ['file', 'repository']) {
    if (/^$|^\/|(^|\/)\.\.(\/|$)/.test(directive[key] ?? 'inside')) throw new Error(`directive: ${key}="${directive[key]}" leaves its folder`);
  }
  if (directive.skip !== undefined && !SKIP_REASONS.includes(directive.skip)) {
    throw new Error(`directive: "${directive.skip}" is no accepted reason to skip a block; `
      + `reasons: ${SKIP_REASONS.join(', ')}`);
  }
  return directive;
}
