// Pages: `html` is opened in headless Chromium at the server's origin, `jsx` and `tsx` are bundled and, if they export
// a component as the default, shown. An error in the console fails the block.

import { existsSync } from 'node:fs';

import { build } from 'esbuild';
import { chromium } from 'playwright-core';

import { assertContains } from '../lib/expected.mjs';
import { waitFor } from '../lib/terminal.mjs';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  // The page is handed over by the runner, so that Chromium does not know that it is of the loopback network.
  '--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets'];
/** A page with a held request is never idle; then it has had this time for its errors. */
const QUIET_MILLISECONDS = 3_000;

let browser = null;

function launch() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) {
    throw new Error(`there is no browser at ${executablePath}: install the Debian package chromium, or set CHROMIUM`);
  }
  return chromium.launch({ executablePath, args: FLAGS });
}

export async function closeBrowser() {
  if (browser) await (await browser).close();
  browser = null;
}

async function openPage(sandbox, name, content, { expect }) {
  browser ??= launch();
  const context = await (await browser).newContext();
  try {
    const page = await context.newPage();
    const lines = [];
    const errors = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (entry) => (entry.type() === 'error' ? errors : lines).push(entry.text()));
    await page.route(`${sandbox.origin}/${name}`, (route) => route.fulfill({ contentType: 'text/html; charset=utf-8', body: content }));
    await page.route(`${sandbox.origin}/favicon.ico`, (route) => route.fulfill({ status: 204 }));
    await page.goto(`${sandbox.origin}/${name}`);
    const output = async () => `${lines.join('\n')}\n${await page.innerText('body')}`;
    let seen = '';
    if (expect.length > 0) {
      await waitFor(async () => {
        seen = await output();
        return errors.length > 0 || expect.every((text) => seen.includes(text));
      }, () => `the page shows\n${seen}\nwithout ${expect.join(', ')}`);
    } else {
      await Promise.race([page.waitForLoadState('networkidle'), page.waitForTimeout(QUIET_MILLISECONDS)]);
    }
    if (errors.length > 0) throw new Error(`errors in the console of the page:\n${errors.join('\n')}`);
    seen = await output();
    assertContains(seen, expect);
    return seen;
  } finally {
    await context.close();
  }
}

export const html = ({ sandbox, text, directive, line }) => openPage(sandbox, `line-${line}.html`, text, directive);

/** A kind of block for components of React. */
export const component = (loader) => async ({ sandbox, text, directive, line, packages }) => {
  const name = `line-${line}.${loader}`;
  sandbox.write(name, text);
  const shown = /^export default/m.test(text);
  const entry = shown ? `import { createElement } from 'react';\nimport { createRoot } from 'react-dom/client';\n`
    + `import Shown from './${name}';\ncreateRoot(document.getElementById('root')).render(createElement(Shown));\n` : `import './${name}';\n`;
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: sandbox.folder, loader: 'js' },
    bundle: true, write: false, format: 'iife', platform: 'browser', jsx: 'automatic', nodePaths: [packages],
    define: { 'process.env.NODE_ENV': '"development"' }, logLevel: 'silent',
  });
  if (!shown) {
    if (directive.expect.length > 0) throw new Error('expect needs a component that is exported as the default');
    return '';
  }
  const script = outputFiles[0].text.replaceAll('</script', '<\\/script');
  return openPage(sandbox, `line-${line}.html`, `<!doctype html><div id="root"></div><script>${script}</script>`, directive);
};

