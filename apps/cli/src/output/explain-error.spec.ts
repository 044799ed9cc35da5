import { describe, expect, it } from '@jest/globals';
import { coreWorkerNames } from '@longshore/contracts';
import { ChildStartError, variables } from '@longshore/runtime';
import { explainError } from './explain-error.ts';

describe('a worker that cannot have its health port', () => {
  it.each([...coreWorkerNames])('is told with the variable that chooses another: %s', (name) => {
    const said = 'Port 8081 on 127.0.0.1 is in use by another process: stop it, or choose another port';
    const told = explainError(new ChildStartError({ name, code: 1, signal: null, lastLines: [said] }));
    const variable = / with (\w+)$/.exec(told)?.[1];
    expect(Object.values(variables).map(({ env }) => env)).toContain(variable);
    expect(variable).toContain('HEALTH_PORT');
  });
});
