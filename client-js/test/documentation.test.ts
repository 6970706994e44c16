/**
 * Whatever an application can name has documentation where editors show it: in the declarations of the package.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const types = new URL('../dist/types/', import.meta.url);

/** Declarations that others only refer to; no entry exports them. */
const INTERNAL = ['environment', 'feature'];

const names = readdirSync(types).flatMap((file) => /^(.*)\.d\.ts$/.exec(file)?.[1] ?? []).filter((name) => !INTERNAL.includes(name));

const TOP = /^export (?:declare )?(?:abstract )?(?:class|interface|type|function|const) (\w+)/;
/** Members are one level deep: tsc writes no deeper ones of their own accord but in type literals. */
const MEMBER = /^ {4}(?:(?:readonly|static|get|set) )*(?:'([^']+)'|(\w+)|\[Symbol\.(\w+)\])\??[(<:]/;

/** The declarations in a text without documentation. One of several overloads has to have it. */
function undocumented(text: string): string[] {
  const missing: string[] = [];
  let holder = '';
  let before = '';
  let last: string | undefined;
  for (const line of text.split('\n')) {
    const top = TOP.exec(line)?.[1];
    const member = MEMBER.exec(line)?.slice(1).find(Boolean);
    if (top) holder = top;
    const name = top ?? (member && `${holder}.${member}`);
    if (name && !before.endsWith('*/') && name !== last) missing.push(name);
    if (name) last = name;
    if (line.trim()) before = line;
  }
  return missing;
}

test('the check finds what lacks documentation', () => {
  const text = [
    '/** A. */', 'export interface A {', '    /** Known. */', '    known: string;', '    other?: string;', "    'a:b': [];",
    '    /** Twice. */', '    twice(a: string): void;', '    twice(a: number): void;', '    get it(): string;', '}',
    'export declare function b(): void;',
  ].join('\n');
  expect(undocumented(text)).toEqual(['A.other', 'A.a:b', 'A.it', 'b']);
});

test('there are declarations to look at', () => {
  expect(names).toEqual(expect.arrayContaining(['client', 'emitter', 'subscription', 'publication', 'react', 'options']));
});

test.each(names)('everything public in %s has documentation', (name) => {
  expect(undocumented(readFileSync(new URL(`${name}.d.ts`, types), 'utf8'))).toEqual([]);
});

test.each(['subscribe', 'publish', 'addExtension', 'state'])('so has %s of the client, in several words', (name) => {
  const text = readFileSync(new URL('client.d.ts', types), 'utf8');
  const [, comment] = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s+(?:get )?${name}\\b`).exec(text) ?? [];
  expect(comment?.split(/\s+/).length ?? 0).toBeGreaterThan(10);
});
