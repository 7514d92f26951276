/**
 * How `npm test` runs. Two files at a time at most: many of them start servers of their own, and
 * a test that measures patience (timeouts, blocking pops) must not starve.
 */
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "kernel/**/*.test.ts", "host/**/*.test.ts"],
    pool: "forks",
    maxWorkers: Math.min(2, availableParallelism()),
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ["default"],
  },
});
