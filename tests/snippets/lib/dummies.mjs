// Makes what settings of a document refer to and a machine of a test does not have: variables, files, certificates.

import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { basename } from 'node:path';

import { quote } from './terminal.mjs';

const secretOf = (name) => createHash('sha256').update(name).digest('hex');

/** The public key of a pair for an algorithm of JSON Web Tokens. */
function publicKey(algorithm) {
  const [type, options] = algorithm === 'EdDSA' ? ['ed25519', {}]
    : algorithm === 'ES256' ? ['ec', { namedCurve: 'P-256' }]
      : algorithm === 'ES384' ? ['ec', { namedCurve: 'P-384' }] : ['rsa', { modulusLength: 2048 }];
  return generateKeyPairSync(type, options).publicKey.export({ type: 'spki', format: 'pem' });
}

/** A value that is valid for the setting `key` of `table`. */
function valueFor(table, key, name) {
  if (key === 'url') return 'redis://127.0.0.1:6379';
  if (/^(RS|ES|PS|Ed)/.test(table.algorithm ?? '')) return publicKey(table.algorithm);
  return secretOf(name);
}

function* strings(value, table, key) {
  if (typeof value === 'string') yield { value, table, key };
  else if (value && typeof value === 'object' && !(value instanceof Date)) {
    for (const [name, inner] of Object.entries(value)) yield* strings(inner, Array.isArray(value) ? table : value, Array.isArray(value) ? key : name);
  }
}

/** Variables that settings name as `env:NAME`: lines of bash that set those that are not set yet. */
export function dummyVariables(settings) {
  const lines = [];
  for (const { value, table, key } of strings(settings, settings, '')) {
    const name = /^env:(\w+)$/.exec(value)?.[1];
    if (name) lines.push(`[ -n "\${${name}:-}" ] || export ${name}=${quote(valueFor(table, key, name))}`);
  }
  return lines.join('\n');
}

/** Makes files that settings name (`file:PATH`, a certificate and its key), unless the document has made them. */
export function writeDummyFiles(settings, sandbox) {
  for (const { value, table, key } of strings(settings, settings, '')) {
    const path = /^file:(.+)$/.exec(value)?.[1];
    if (path && !path.startsWith('/') && !sandbox.has(path)) sandbox.write(path, valueFor(table, key, basename(path)));
  }
  const { certificate, key } = settings.tls ?? {};
  if (certificate && key && !certificate.startsWith('/') && !sandbox.has(certificate) && !sandbox.has(key)) {
    makeCertificate(sandbox.write(certificate, ''), sandbox.write(key, ''));
  }
}

/** Writes a certificate for this machine that it signs itself. */
export function makeCertificate(certificate, key) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', certificate],
  { stdio: 'ignore' });
}

/** Absolute paths of secrets and certificates, which a test may not write, as names in the folder of the document. */
export function withoutAbsolutePaths(text) {
  return text
    .replace(/"file:\/[^"]*\/([^"/]+)"/g, '"file:$1"')
    .replace(/^(\s*(?:certificate|key|tls_ca|directory_ca|cache|path)\s*=\s*)"\/[^"]*\/([^"/]+)"/gm, '$1"$2"');
}
