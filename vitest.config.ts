import { defineConfig } from 'vitest/config';

/** All tests run under `npm test`; those that need a kernel or data outside the repository skip themselves. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    coverage: { include: ['src/**'], reporter: ['text-summary', 'html'] },
  },
});
