// Reads a Markdown document into its code blocks, each with its line, language and directive. Runs nothing.

import { readFileSync } from 'node:fs';

import { fromMarkdown } from 'mdast-util-from-markdown';

import { directiveText, parseDirective } from './directive.mjs';

/**
 * The blocks of a document from top to bottom: { line, language, text, directive, problem }. `problem` says what is
 * wrong with the Markdown itself; such a block cannot run.
 */
export function readBlocks(path) {
  const blocks = [];
  visit(fromMarkdown(readFileSync(path, 'utf8')), blocks);
  return blocks.sort((one, other) => one.line - other.line);
}

function visit(parent, blocks) {
  const children = parent.children ?? [];
  children.forEach((node, index) => {
    if (node.type === 'code') blocks.push(readBlock(node, children[index - 1]));
    const dangling = node.type === 'html' && directiveText(node.value) !== null && children[index + 1]?.type !== 'code';
    if (dangling || (node.type === 'html' && isMisspelt(node.value))) {
      const problem = dangling ? 'a directive without a code block right after it'
        : 'a comment that looks like a directive; write <!-- snippet: ... --> on its own';
      blocks.push({ line: node.position.start.line, language: 'directive', text: '', directive: emptyDirective(), problem });
    }
    visit(node, blocks);
  });
}

const isMisspelt = (html) => /<!--\s*snippets?\b/i.test(html) && directiveText(html) === null;

const emptyDirective = () => parseDirective('');

function readBlock(node, before) {
  const language = node.lang?.split(',')[0] ?? '';
  const block = { line: node.position.start.line, language, info: node.lang ?? '', text: node.value, directive: emptyDirective() };
  if (!language) block.problem = 'a code block without a language; write ```text if it is only shown';
  const text = before?.type === 'html' ? directiveText(before.value) : null;
  if (text === null) return block;
  try {
    block.directive = parseDirective(text);
  } catch (error) {
    block.problem = error.message;
  }
  return block;
}
