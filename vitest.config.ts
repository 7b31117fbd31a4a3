import { defineConfig } from "vitest/config";

/**
 * `unit`: pure modules, tidy rules and contracts; no process and no fixed port, a few seconds in all. `npm run check` runs these.
 * `system`: whole programs, outside peers, simulation and the browser. `npm test` runs both.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "{kernel,coap,mqtt,schemas,agent,manager,gateway,tools}/**/*.test.{ts,mjs}",
            "test/{tidy,contract,fuzz,bench}/**/*.test.ts",
          ],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "system",
          include: ["test/{integration,interop,sim,e2e}/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // Real processes share two cores: more files at once only makes each of them late.
          maxWorkers: 2,
          // And now and then so late that a deadline passes. tools/retried-tests.ts names what needed its second try.
          retry: 1,
        },
      },
    ],
  },
});
