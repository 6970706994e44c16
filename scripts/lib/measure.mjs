// Parts of the measuring scripts: programs on one core each, their CPU time and memory, and the table of figures.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus } from 'node:os';

const CLOCK_TICKS = Number(execFileSync('getconf', ['CLK_TCK']));
const running = [];

/** The cores of the server that is measured, and of everything else. */
export const [SERVER_CORE, OTHER_CORE] = cpus().length > 1 ? ['0', '1'] : ['0', '0'];

export const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
export const median = (values) => quantile(values, 0.5);

/** The value below which this part of the values is. */
export function quantile(values, part) {
  return values.toSorted((one, other) => one - other)[Math.min(values.length - 1, Math.floor(values.length * part))];
}

/** Starts a program on a core; it ends with `stopAll`. */
export function start(core, program, words, options) {
  const child = spawn('taskset', ['-c', core, program, ...words], { stdio: ['ignore', 'pipe', 'inherit'], ...options });
  running.push(child);
  return child;
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

export async function stopAll() {
  for (const child of running.splice(0)) await stop(child);
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

/** Waits until `/readyz` answers 200. */
export async function ready(child, port) {
  while (child.exitCode === null) {
    try {
      if ((await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200) return;
    } catch {
      // Not yet.
    }
    await pause(50);
  }
  throw new Error('the server has not started');
}

/** Microseconds of CPU that a process has used. */
export function used({ pid }) {
  const words = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(words[11]) + Number(words[12])) * 1e6 / CLOCK_TICKS;
}

/** MiB of memory of a process that are resident. */
export function resident({ pid }) {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096 / 2 ** 20;
}

/** Figures by name, each with the values of all rounds. */
export class Figures {
  #values = new Map();

  note(name, value) {
    if (!this.#values.has(name)) this.#values.set(name, []);
    this.#values.get(name).push(value);
  }

  print() {
    console.log('| what | median | from | to |\n| --- | --- | --- | --- |');
    const shown = (value) => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2));
    for (const [name, values] of this.#values) {
      console.log(`| ${name} | ${shown(median(values))} | ${shown(Math.min(...values))} | ${shown(Math.max(...values))} |`);
    }
  }
}
