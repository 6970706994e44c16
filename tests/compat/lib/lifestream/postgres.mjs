// A real PostgreSQL of a test's own, on a Unix socket in a folder of its own. Its data is not flushed to disk.

import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { Daemon } from '../cluster/daemon.mjs';
import { until } from '../cluster/waiting.mjs';

const DEBIANS = '/usr/lib/postgresql';

/** The folder of the programs: one in `PATH`, or the newest of Debian's. */
function programs() {
  const versions = existsSync(DEBIANS) ? readdirSync(DEBIANS).sort((a, b) => Number(b) - Number(a)) : [];
  const debians = versions.map((version) => join(DEBIANS, version, 'bin'));
  const hasAll = (folder) => ['initdb', 'postgres', 'pg_isready'].every((name) => existsSync(join(folder, name)));
  const found = [...(process.env.PATH ?? '').split(delimiter), ...debians].find(hasAll);
  if (!found) throw new Error('PostgreSQL is missing: run scripts/test-tools, or apt-get install postgresql');
  return found;
}

/** The user that the server runs as: it refuses root. */
function otherUser() {
  if (process.getuid() !== 0) return {};
  const [uid, gid] = ['-u', '-g'].map((option) => Number(execFileSync('id', [option, 'postgres'])));
  return { uid, gid };
}

/** Starts a server with an empty database. Gives the URL of the database as a setting has it. */
export async function startPostgres(workbench) {
  const folder = mkdtempSync(join(tmpdir(), 'faye-postgres-'));
  workbench.atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const user = otherUser();
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  const options = { cwd: '/', ...user };
  const program = programs();
  const data = join(folder, 'data');
  const initdb = ['-D', data, '-U', 'postgres', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'];
  execFileSync(join(program, 'initdb'), initdb, { ...options, stdio: ['ignore', 'ignore', 'inherit'] });
  const words = ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'fsync=off'];
  const daemon = new Daemon('PostgreSQL', [join(program, 'postgres'), ...words], options);
  workbench.alsoShow(() => daemon.describe());
  workbench.atEnd(async () => {
    // The processes of a server that was killed would live on for a moment, and write into the folder.
    if (daemon.isRunning) await daemon.end('SIGQUIT');
  });
  const isReady = () => {
    try {
      execFileSync(join(program, 'pg_isready'), ['-q', '-h', folder], { ...options, stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };
  await daemon.start((isOver) => until('PostgreSQL answers', () => isOver() || isReady()));
  return `postgres:///postgres?host=${folder}&user=postgres`;
}
