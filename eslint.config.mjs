import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

/** Which libraries of ours each kind of project may import. What is not named here is forbidden. */
const mayImport = {
  contracts: [],
  runtime: ['contracts'],
  documents: ['contracts'],
  recognition: ['documents'],
  'embedded-postgres': ['runtime'],
  'api-client': ['contracts', 'runtime'],
  broker: ['contracts', 'runtime'],
  connectors: ['contracts', 'runtime'],
  client: ['contracts'],
  tasks: ['contracts', 'runtime', 'api-client', 'broker'],
  worker: ['contracts', 'runtime', 'tasks', 'documents', 'recognition', 'connectors'],
  backend: ['contracts', 'runtime', 'broker', 'connectors'],
  cli: ['contracts', 'runtime', 'client', 'documents', 'recognition', 'embedded-postgres'],
  testing: ['contracts', 'runtime', 'api-client', 'embedded-postgres'],
  tools: ['contracts', 'runtime', 'api-client', 'embedded-postgres', 'testing'],
};

/** npm packages that stay in their place: workers reach broker, backend and databases only through our libraries. */
const bannedPackages = {
  worker: ['bullmq', 'ioredis', 'axios', 'express', 'pg'],
  tasks: ['bullmq', 'ioredis', 'axios', 'express', 'pg'],
  contracts: ['bullmq', 'ioredis', 'axios', 'express', 'pg', 'winston'],
  documents: ['bullmq', 'ioredis', 'axios', 'express', 'pg', 'winston'],
  backend: ['bullmq', 'ioredis', 'axios'],
  cli: ['bullmq', 'ioredis', 'axios', 'express', 'pg'],
};

const depConstraints = Object.entries(mayImport).map(([type, allowed]) => ({
  sourceTag: `type:${type}`,
  onlyDependOnLibsWithTags: allowed.map((name) => `type:${name}`),
  ...(bannedPackages[type] ? { bannedExternalImports: bannedPackages[type] } : {}),
}));

/** Specs may use what proves things; the code they prove may not. */
const specConstraints = Object.keys(mayImport).map((type) => ({
  sourceTag: `type:${type}`,
  onlyDependOnLibsWithTags: ['*'],
}));

export default tseslint.config(
  { ignores: ['**/node_modules', '**/dist', '.nx', '.longshore', '**/*.mjs', '**/*.cjs'] },
  ...tseslint.configs.recommended,
  { plugins: { '@nx': nx } },
  {
    files: ['**/*.ts'],
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 4],
      'no-console': 'error',
      '@nx/enforce-module-boundaries': [
        'error',
        { enforceBuildableLibDependency: false, allow: [], depConstraints },
      ],
    },
  },
  {
    files: ['**/*.spec.ts', '**/src/testing/**', 'tools/**', '**/*.fixture.ts'],
    rules: {
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      'no-console': 'off',
      '@nx/enforce-module-boundaries': [
        'error',
        { enforceBuildableLibDependency: false, allow: [], depConstraints: specConstraints },
      ],
    },
  },
  prettier,
);
