// Runs one application of examples/ with a server of its own: in a copy, with free ports in the place of 8000 and 3000.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePort } from './ports.mjs';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
const MODULES = fileURLToPath(new URL('../node_modules/', import.meta.url));

export const PUSH_SECRET = 'the push secret of the examples';

/** Replaces the documented addresses in every file of the copy. */
function readdress(folder, replacements) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    let text = readFileSync(path, 'utf8');
    for (const [documented, real] of replacements) text = text.replaceAll(documented, real);
    writeFileSync(path, text);
  }
}

/** The packages that `npm install` would put there; faye-client as a copy, as from a pack. */
function installPackages(folder) {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'faye-client'), { recursive: true });
  for (const name of readdirSync(MODULES)) {
    if (!name.startsWith('.') && name !== 'faye-client') symlinkSync(join(MODULES, name), join(modules, name), 'dir');
  }
  for (const part of ['package.json', 'dist', 'react']) {
    cpSync(join(REPOSITORY, 'client-js', part), join(modules, 'faye-client', part), { recursive: true });
  }
}

/** Waits until the application answers. */
async function answers(url, application) {
  for (;;) {
    if (application.exitCode !== null || application.signalCode !== null) throw new Error('the application ended');
    try {
      return await fetch(url);
    } catch {
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  }
}

/**
 * @param workbench   ends what is started, and shows the output of the application if the test fails
 * @param name        the folder
 * @param commandFor  gives program and arguments for a port
 * @returns { server, url, folder, environment }
 */
export async function startExample(workbench, name, commandFor) {
  const root = mkdtempSync(join(tmpdir(), 'faye-example-'));
  workbench.atEnd(() => rmSync(root, { recursive: true, force: true }));
  for (const part of ['faye.toml', 'page', 'plain', name]) {
    cpSync(join(REPOSITORY, 'examples', part), join(root, part), { recursive: true });
  }
  const port = await freePort();
  const appAddresses = [['127.0.0.1:3000', `127.0.0.1:${port}`], ['localhost:3000', `localhost:${port}`]];
  readdress(root, appAddresses);
  const server = await workbench.startServer({ FAYE_PUSH_SECRET: PUSH_SECRET }, readFileSync(join(root, 'faye.toml'), 'utf8'));
  readdress(root, [['127.0.0.1:8000', new URL(server.url).host]]);
  const folder = join(root, name);
  installPackages(folder);

  const environment = {
    PATH: `${join(MODULES, '.bin')}:${process.env.PATH}`,
    LANG: 'C.UTF-8',
    HOME: root,
    FAYE_PUSH_SECRET: PUSH_SECRET,
    FAYE_URL: server.url,
    PORT: String(port),
  };
  const [program, ...programArguments] = commandFor(port);
  // esbuild serves as long as its standard input is open.
  const application = spawn(program, programArguments, { cwd: folder, env: environment, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  let output = '';
  for (const stream of [application.stdout, application.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => { output = (output + text).slice(-4_000); });
  }
  application.on('error', (error) => { output += `${error.message}: scripts/test-tools installs what the examples need`; });
  const ended = once(application, 'exit');
  workbench.alsoShow(() => `--- the application wrote:\n${output}`);
  workbench.atEnd(async () => {
    // The whole process group: npm starts the application by a shell.
    try {
      process.kill(-application.pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
    await ended.catch(() => {});
  });
  const url = `http://127.0.0.1:${port}/`;
  await answers(url, application);
  return { server, url, folder, environment };
}
