import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { configurationPage, sampleEnv } from './documents.ts';
import type { Variable } from './variable.ts';
import { variables } from './variables.ts';

const all = Object.values<Variable>(variables);

function inRepository(path: string): string {
  return readFileSync(new URL(`../../../../../${path}`, import.meta.url), 'utf8');
}

describe('the documents about configuration', () => {
  it('docs/configuration.md says what the table says', () => {
    expect(inRepository('docs/configuration.md')).toBe(configurationPage());
  });

  it('sample.env says what the table says', () => {
    expect(inRepository('sample.env')).toBe(sampleEnv());
  });

  it('docs/coming-from.md names only variables that are read, and as aliases only what is one', () => {
    const rows = inRepository('docs/coming-from.md').matchAll(/^\| (`[A-Z][^|]*)\| ([^|]*)\| ([^|]*)\|$/gm);
    const named = (cell: string) => [...cell.matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, name]) => name);
    const here = [...rows].map(([, known, ours, became]) => ({
      known,
      ours,
      isAlias: /alias/.test(became!),
    }));
    expect(here.length).toBeGreaterThan(10);
    for (const { known, ours, isAlias } of here) {
      for (const name of named(ours!)) expect(all.map(({ env }) => env)).toContain(name);
      const aliases = all.flatMap(({ env, aliases: others }) => [env, ...others]);
      if (isAlias) for (const name of named(known!)) expect([...aliases, 'REDIS_PASSWORD']).toContain(name);
    }
  });

  it('sample.env names every variable and sets none', () => {
    const lines = sampleEnv().split('\n');
    for (const { env } of all) expect(lines.filter((line) => line.startsWith(`#${env}=`))).toHaveLength(1);
    expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
  });
});

describe('the table of variables', () => {
  it('gives no name to two variables', () => {
    const names = all.flatMap(({ env, aliases }) => [env, ...aliases]);
    expect(new Set(names).size).toBe(names.length);
  });

  const withDefault = all.filter(({ fallback }) => typeof fallback === 'object');
  it.each(withDefault.map((variable) => [variable.env, variable] as const))(
    'has a default for %s that its own schema takes',
    (_name, variable) => {
      const { text } = variable.fallback as { text: string };
      expect(variable.schema.safeParse(text).success).toBe(true);
    },
  );
});
