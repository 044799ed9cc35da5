import { availableParallelism } from 'node:os';

/** Every suite runs as native ES modules, on the TypeScript that production runs. */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/{apps,libs,tools}/**/*.spec.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.longshore', '<rootDir>/.nx'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
  globalSetup: '<rootDir>/libs/shared/testing/src/jest/set-up.ts',
  globalTeardown: '<rootDir>/libs/shared/testing/src/jest/tear-down.ts',
  testSequencer: '<rootDir>/libs/shared/testing/src/jest/longest-first.ts',
  // Against hanging alone: how long something may take is for the test itself to say, and a busy machine takes five times as long.
  testTimeout: 180_000,
  // Suites wait for processes about a third of their time, so three go well on two cores; the default would be one. A suite can
  // be a whole platform, so many cores are not filled.
  maxWorkers: Math.min(6, Math.ceil(1.5 * availableParallelism())),
};
