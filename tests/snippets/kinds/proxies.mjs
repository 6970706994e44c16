// Settings of proxies: checked by the program that reads them. A part of a file gets the blocks around it that it needs.

import { makeCertificate } from '../lib/dummies.mjs';
import { quote } from '../lib/terminal.mjs';

/** Tries each way to complete the text; the one that was meant gives the error. */
async function tryEach(sandbox, candidates, commandOf) {
  const errors = [];
  for (const candidate of candidates) {
    const { output, code } = await sandbox.terminal('(check)').run(commandOf(candidate), { isolated: true });
    if (code === 0) return output;
    errors.push(output);
  }
  throw new Error(`no way to read it:\n${[...new Set(errors)].join('\n')}`);
}

export async function nginx({ sandbox, text, line }) {
  const scratch = (name) => sandbox.scratch(`nginx-${line}-${name}`);
  let socket = 0;
  // `nginx -t` binds the addresses and reads the certificates: it gets sockets and a certificate of its own.
  let body = text.replace(/^(\s*listen)\s+[^\s;]+/gm, (_whole, word) => `${word} unix:${scratch(`${++socket}.sock`)}`);
  if (/ssl_certificate/.test(body)) {
    makeCertificate(scratch('cert.pem'), scratch('key.pem'));
    body = body.replace(/(ssl_certificate_key)\s+[^;]+/g, `$1 ${scratch('key.pem')}`)
      .replace(/(ssl_certificate)\s+[^;]+/g, `$1 ${scratch('cert.pem')}`);
  }
  const main = (inner) => `pid ${scratch('pid')};\nerror_log stderr;\n${inner}`;
  const http = (inner) => main(`events {}\nhttp {\naccess_log off;\n${temporaryPaths(scratch)}${inner}\n}`);
  const candidates = /^\s*(events|http)\s*\{/m.test(body) ? [main(body)] : [
    http(body),
    http(`server {\nlisten unix:${scratch('0.sock')};\n${body}\n}`),
    http(`server {\nlisten unix:${scratch('0.sock')};\nlocation / {\n${body}\n}\n}`),
  ];
  return tryEach(sandbox, candidates.map((candidate, index) => ({ candidate, path: sandbox.write(`.check/nginx-${line}-${index}.conf`, candidate) })),
    ({ path }) => `nginx -t -q -p ${quote(sandbox.scratch(''))} -c ${quote(path)}`);
}

const temporaryPaths = (scratch) => ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  .map((name) => `${name}_temp_path ${scratch(name)};\n`).join('');

export async function haproxy({ sandbox, text, line }) {
  const defaults = 'defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n';
  // Without any listener HAProxy does not start.
  const listener = `\nlisten of-the-check\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n`
    + `  bind unix@${sandbox.scratch(`haproxy-${line}.sock`)}\n`;
  const candidates = (/^defaults/m.test(text) ? [text] : [`${defaults}${text}`, `${defaults}backend faye\n${text}`])
    .map((candidate) => `${candidate}${listener}`);
  return tryEach(sandbox, candidates.map((candidate, index) => sandbox.write(`.check/haproxy-${line}-${index}.cfg`, candidate)),
    (path) => `haproxy -c -f ${quote(path)}`);
}

export async function caddy({ sandbox, text, line }) {
  const candidates = [text, `:8080 {\n${text}\n}`];
  return tryEach(sandbox, candidates.map((candidate, index) => sandbox.write(`.check/Caddyfile-${line}-${index}`, candidate)),
    (path) => `caddy validate --adapter caddyfile --config ${quote(path)}`);
}
