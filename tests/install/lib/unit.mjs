/**
 * Runs a service as its systemd unit describes it, without systemd: the account, the environment, the folders, capabilities,
 * a read-only file system, and the commands before the start. What the unit has beyond that (system call filters, namespaces)
 * is checked by `systemd-analyze verify` only.
 */

import assert from 'node:assert/strict';
import { chownSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, run } from './dist.mjs';
import { start } from './server.mjs';

/** Keys that this file carries out. */
const DONE = new Set(['Type', 'EnvironmentFile', 'ExecStartPre', 'ExecStart', 'User', 'Group', 'DynamicUser', 'StateDirectory',
  'WorkingDirectory', 'NoNewPrivileges', 'CapabilityBoundingSet', 'ProtectSystem', 'LimitNOFILE', 'UMask']);
/** Keys for which a test of this folder needs systemd itself. */
const LEFT = new Set(['ExecReload', 'Restart', 'RestartSec', 'OOMPolicy', 'TimeoutStopSec', 'AmbientCapabilities', 'PrivateUsers',
  'ProtectHome', 'ProtectClock', 'ProtectControlGroups', 'ProtectHostname', 'ProtectKernelLogs', 'ProtectKernelModules',
  'ProtectKernelTunables', 'ProtectProc', 'PrivateDevices', 'PrivateTmp', 'RestrictAddressFamilies', 'RestrictNamespaces',
  'RestrictRealtime', 'RestrictSUIDSGID', 'LockPersonality', 'MemoryDenyWriteExecute', 'RemoveIPC', 'SystemCallArchitectures',
  'SystemCallFilter', 'SystemCallErrorNumber']);

/** The [Service] section: a key with all its values. */
export function service(text) {
  const section = text.split(/^\[/m).find((part) => part.startsWith('Service]'));
  assert.ok(section, 'the unit has no [Service]');
  const keys = new Map();
  for (const line of section.split('\n').slice(1)) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? assert.fail(`the unit has the line ${line}`);
    assert.ok(DONE.has(key) || LEFT.has(key), `the unit has ${key}: carry it out in tests/install/lib/unit.mjs, or list it there`);
    keys.set(key, [...(keys.get(key) ?? []), value]);
  }
  return keys;
}

/** An account of the root by its name. */
export function account(root, name) {
  const line = readFileSync(join(root, 'etc/passwd'), 'utf8').split('\n').find((one) => one.startsWith(`${name}:`));
  const [, , uid, gid, , home, shell] = line?.split(':') ?? assert.fail(`there is no account ${name}`);
  return { uid: Number(uid), gid: Number(gid), home, shell };
}

/** The variables of an EnvironmentFile, which is optional with a "-". */
function environment(root, file) {
  const path = join(root, file.replace(/^-/, ''));
  if (!existsSync(path)) {
    assert.ok(file.startsWith('-'), `${file} is missing`);
    return {};
  }
  const lines = readFileSync(path, 'utf8').split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

/** Starts the service of a root folder. */
export function startUnit(root, path) {
  const keys = service(readFileSync(join(root, path), 'utf8'));
  const one = (key) => {
    const values = keys.get(key) ?? [];
    assert.ok(values.length <= 1, `${key} is there more than once`);
    return values[0];
  };
  // A dynamic user has a number of this range.
  const { uid, gid } = one('DynamicUser') === 'yes' ? { uid: 61184, gid: 61184 } : account(root, one('User'));
  const state = `/var/lib/${one('StateDirectory')}`;
  mkdirSync(join(root, state), { recursive: true, mode: 0o755 });
  chownSync(join(root, state), uid, gid);

  assert.equal(one('ProtectSystem'), 'strict');
  assert.equal(one('NoNewPrivileges'), 'yes');
  assert.equal(one('CapabilityBoundingSet'), '');
  const env = environment(root, one('EnvironmentFile'));
  // A container may not raise its hard limit.
  const files = Math.min(Number(one('LimitNOFILE')), Number(run('sh', ['-c', 'ulimit -Hn'])) || Infinity);
  const limits = ['prlimit', `--nofile=${files}`];
  const privileges = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'];
  const shell = ['sh', '-c', `umask ${one('UMask')}; cd ${one('WorkingDirectory')}; exec "$@"`, 'sh'];
  const enter = ['chroot', root, ...limits, ...privileges, ...shell];
  for (const command of keys.get('ExecStartPre') ?? []) {
    const { status, stderr, stdout } = attempt(enter[0], [...enter.slice(1), ...command.split(' ')], { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env } });
    assert.equal(status, 0, `ExecStartPre=${command}: ${stdout}${stderr}`);
  }
  return start([...enter, ...one('ExecStart').split(' ')], { root, state, isReadOnly: true, env });
}
