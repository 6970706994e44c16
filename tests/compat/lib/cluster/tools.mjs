// Finds the programs that the tests start, and says what to install where one is missing.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The Debian package of each. */
const PACKAGES = {
  'redis-server': 'redis-server',
  'redis-cli': 'redis-tools',
  haproxy: 'haproxy',
  nginx: 'nginx-light',
  caddy: 'caddy',
  openssl: 'openssl',
};

/** Where Debian puts daemons, which is not in everybody's PATH. */
const MORE_FOLDERS = ['/usr/sbin', '/usr/local/sbin'];

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @returns the program's path */
export function tool(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...MORE_FOLDERS];
  const found = folders.map((folder) => join(folder, name)).find(isExecutable);
  if (!found) throw new Error(`${name} is missing: run scripts/test-tools, or apt-get install ${PACKAGES[name]}`);
  return found;
}
