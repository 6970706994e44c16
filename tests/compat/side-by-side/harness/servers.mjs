// Starts the two servers that are compared and stops them again.
// FAYE_BIN names our binary; FAYE_TARGET=reference puts a second npm Faye in its place, which proves the harness.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const repository = path.resolve(here, '../../../..');
const binary = process.env.FAYE_BIN ?? path.join(repository, 'target/release/faye');
const startDeadline = 20_000;

export const targetIsReference = process.env.FAYE_TARGET === 'reference';

// How long a connect is held. It is long, so that on a slow machine no hold ends and no session dies under a case;
// groups that wait for just that ask for the short one.
export const longTimeoutSeconds = 40;
export const shortTimeoutSeconds = 2;

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

function startProcess(command, options, environment) {
  const child = spawn(command, options, {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.stdin.on('error', () => {});

  return new Promise((resolve, reject) => {
    let output = '';
    let complaints = '';
    const fail = (why) => {
      child.kill('SIGKILL');
      reject(new Error(`${command} ${options.join(' ')}: ${why}\n${output}\n${complaints}`));
    };
    const timer = setTimeout(() => fail('no line says where it listens'), startDeadline);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`ended with ${code}`));
    child.stderr.on('data', (chunk) => { complaints = (complaints + chunk).slice(-4000); });
    child.stdout.on('data', (chunk) => {
      output = (output + chunk).slice(-4000);
      const match = /listening on (http:\/\/\S+)/.exec(output);
      if (!match) return;
      clearTimeout(timer);
      child.removeAllListeners('exit');
      child.once('exit', () => running.delete(child));
      const url = new URL(match[1]);
      resolve({
        host: url.hostname,
        port: Number(url.port),
        mount: url.pathname,
        isAlive: () => child.exitCode === null && child.signalCode === null,
        complaints: () => complaints,
        stop: () => new Promise((stopped) => {
          if (child.exitCode !== null || child.signalCode !== null) return stopped();
          child.once('exit', stopped);
          child.kill('SIGKILL');
        }),
      });
    });
  });
}

function startReference(timeoutSeconds) {
  return startProcess(process.execPath, [path.join(here, 'reference-server.mjs')], {
    REFERENCE_TIMEOUT: String(timeoutSeconds),
    REFERENCE_MOUNT: '/faye',
  });
}

// Throws before anything is started if there is nothing to compare.
export function requireTarget() {
  if (!targetIsReference && !existsSync(binary)) {
    throw new Error(`${binary} does not exist. Run "cargo build --release", or let FAYE_BIN name the binary.`);
  }
}

function startOurs(timeoutSeconds) {
  return startProcess(binary, ['--listen', '127.0.0.1:0'], {
    FAYE_SERVER__TIMEOUT: `${timeoutSeconds}s`,
    FAYE_SERVER__MOUNT: '/faye',
  });
}

// One npm Faye and one target. `actsAsReference` tells a step which behaviour it may expect of a server.
export async function startPair(timeoutSeconds) {
  const started = await Promise.allSettled([
    startReference(timeoutSeconds),
    targetIsReference ? startReference(timeoutSeconds) : startOurs(timeoutSeconds),
  ]);
  const failed = started.find(({ status }) => status === 'rejected');
  if (failed) {
    await Promise.all(started.map(({ value }) => value?.stop()));
    throw failed.reason;
  }
  const [reference, target] = started.map(({ value }) => value);
  reference.actsAsReference = true;
  target.actsAsReference = targetIsReference;
  return { timeoutSeconds, reference, target, stop: () => Promise.all([reference.stop(), target.stop()]) };
}
