import { defineConfig } from 'vitest/config';

const { pageScriptModule, pageScriptPath } = (await import(
  new URL('scripts/bundling.mjs', import.meta.url).href
)) as { readonly pageScriptPath: string; pageScriptModule(): Promise<string> };

/** All tests run under `npm test`; those that need a kernel or data outside the repository skip themselves. */
export default defineConfig({
  // As the bundler does it: the page of a report carries a script of its own.
  plugins: [
    {
      name: 'page-script-inside',
      enforce: 'pre',
      load: (id) => (id === pageScriptPath ? pageScriptModule() : null),
    },
  ],
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    // Tests mostly compute: a worker for every core, not for all but one.
    maxWorkers: '100%',
    testTimeout: 20_000,
    hookTimeout: 60_000,
    coverage: { include: ['src/**'], reporter: ['text-summary', 'html'] },
  },
});
