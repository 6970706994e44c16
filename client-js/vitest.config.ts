import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    // The hooks import the client by the name of the package; under test that is the source, not what was built.
    alias: { 'faye-client': fileURLToPath(new URL('src/browser.ts', import.meta.url)) },
  },
  test: { include: ['test/**/*.test.{ts,tsx}'], exclude: ['test/consumers/**'] },
});
