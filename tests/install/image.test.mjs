/** The container image: what it declares, what it holds, and that the server starts in it as a runtime would start it. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { files, folder, run, unpack, version } from './lib/dist.mjs';
import { address, check, start, stop } from './lib/server.mjs';

const IMAGE_BYTES = 30_000_000;

const archive = unpack(files.image);
const [manifest] = JSON.parse(readFileSync(join(archive, 'manifest.json'), 'utf8'));
const { config } = JSON.parse(readFileSync(join(archive, manifest.Config), 'utf8'));
const root = join(folder(), 'root');
mkdirSync(root);
for (const layer of manifest.Layers) unpack(join(archive, layer), root);

test('it declares an account, a port, the version and a graceful stop', () => {
  assert.deepEqual(manifest.RepoTags, [`docker.io/library/faye:${version}`]);
  assert.equal(config.User, '10001:10001');
  assert.deepEqual(Object.keys(config.ExposedPorts), ['8000/tcp']);
  assert.deepEqual(config.Entrypoint, ['/usr/local/bin/faye']);
  assert.equal(config.StopSignal, 'SIGTERM');
  assert.equal(config.WorkingDir, '/var/lib/faye');
  assert.equal(config.Labels['org.opencontainers.image.version'], version);
  assert.equal(config.Labels['org.opencontainers.image.licenses'], 'Apache-2.0');
});

test('it is small, has root certificates and licences, and has no shell', () => {
  assert.ok(statSync(files.image).size < IMAGE_BYTES, `${statSync(files.image).size} bytes`);
  for (const file of ['bin/sh', 'usr/bin/sh', 'bin/bash', 'usr/bin/apt-get']) assert.ok(!existsSync(join(root, file)), file);
  const certificates = readFileSync(join(root, 'etc/ssl/certs/ca-certificates.crt'), 'utf8').match(/-----BEGIN CERTIFICATE-----/g);
  assert.ok(certificates.length > 100, `${certificates.length} root certificates`);
  for (const file of ['LICENSE', 'THIRD-PARTY-NOTICES.txt', 'RUST-LIBRARY-NOTICES.html']) {
    assert.ok(statSync(join(root, 'usr/share/doc/faye', file)).size > 0, file);
  }
  assert.match(readFileSync(join(root, 'var/lib/dpkg/status.d/libc6'), 'utf8'), /^Version: /m);
});

test('its binary is that of the tarball', () => {
  const binary = run('tar', ['--extract', '--gzip', '--to-stdout', '--wildcards', '--file', files.tarball, '*/faye'], { encoding: 'buffer' });
  assert.ok(binary.equals(readFileSync(join(root, 'usr/local/bin/faye'))));
});

test('the server starts in it with a read-only file system', async () => {
  assert.match(readFileSync(join(root, 'etc/passwd'), 'utf8'), new RegExp(`^faye:x:${config.User}:`, 'm'));
  assert.equal(statSync(join(root, config.WorkingDir)).uid, 10001);
  const env = Object.fromEntries(config.Env.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
  assert.equal(env.FAYE_SERVER__LISTEN, '0.0.0.0:8000');
  // Another port of the loopback address, so that the test opens nothing on this machine.
  const variables = { ...env, FAYE_SERVER__LISTEN: '127.0.0.1:0' };
  const server = start(['chroot', `--userspec=${config.User}`, root, ...config.Entrypoint], { root, env: variables });
  await check(await address(server));
  await stop(server);
});
