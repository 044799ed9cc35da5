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
  testTimeout: 30_000,
  // Suites mostly wait for processes, so two go well on two cores; the default would be one.
  maxWorkers: 2,
};
