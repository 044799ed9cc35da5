import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createProgram } from '../program.ts';

const ID = '019a0000-0000-7000-8000-000000000001';
const AT = '2026-05-01T02:30:00.000Z';

const deployment = {
  ...{ id: ID, organisation: 'acme', api_name: 'invoices', workflow: 'bills', workflow_version: 3 },
  ...{ active: false, settings: {}, address: '/deployment/api/acme/invoices/', created_at: AT },
};
const workflow = { id: ID, organisation: 'acme', name: 'bills', version: 3, created_at: AT, updated_at: AT };

afterEach(() => {
  jest.restoreAllMocks();
});

/** Runs a command line against a backend that gives these answers in turn. */
async function run(words: string[], ...answers: unknown[]) {
  const asked: string[] = [];
  jest.spyOn(globalThis, 'fetch').mockImplementation(async (input) => {
    const { pathname, search } = new URL(String(input));
    asked.push(`${pathname}${search}`);
    return Response.json(answers.shift());
  });
  const [out, err]: string[][] = [[], []];
  const terminal = {
    out: (line: string) => void out!.push(line),
    err: (line: string) => void err!.push(line),
    status: () => undefined,
  };
  const connection = ['--url', 'http://127.0.0.1:1', '--api-key', 'lsk_org_0123456789abcdef'];
  await createProgram(terminal).parseAsync([...words, ...connection], { from: 'user' });
  return { asked, out: out!, err: err! };
}

describe('longshore deployments', () => {
  it('lists them with their workflows and addresses', async () => {
    const { asked, out } = await run(['deployments'], { deployments: [deployment], next_cursor: null });
    expect(asked).toEqual(['/api/v1/deployments?limit=100']);
    expect(out[2]).toMatch(
      /^invoices +acme +bills \(version 3\) +inactive +\/deployment\/api\/acme\/invoices\/$/,
    );
  });

  it('says how there come to be some, and that there are more', async () => {
    const none = await run(['deployments'], { deployments: [], next_cursor: null });
    expect(none.out).toEqual(['There are no deployments: "longshore apply" makes them.']);
    const page = { deployments: [deployment], next_cursor: 'abc' };
    expect((await run(['deployments', '--limit', '1'], page)).err).toEqual([
      'There are more: a greater --limit shows them.',
    ]);
    const { out, err } = await run(['deployments', '--limit', '1', '--json'], page);
    expect([JSON.parse(out[0]!), err]).toEqual([page, []]);
  });
});

describe('longshore pipelines', () => {
  const pipeline = {
    ...{ id: ID, organisation: 'acme', pipeline_id: 'inbox', workflow: 'bills', workflow_version: 3 },
    ...{ active: true, source: 's3', destination: 'postgresql', created_at: AT },
    address: '/deployment/pipeline/api/acme/inbox',
  };

  it('lists them with their workflows, sources and destinations, page by page', async () => {
    const { asked, out } = await run(
      ['pipelines', '--limit', '2'],
      { pipelines: [pipeline], next_cursor: 'abc' },
      { pipelines: [{ ...pipeline, pipeline_id: 'outbox', active: false }], next_cursor: null },
    );
    expect(asked).toEqual(['/api/v1/pipelines?limit=2', '/api/v1/pipelines?limit=1&cursor=abc']);
    expect(out.slice(2)).toEqual([
      expect.stringMatching(/^inbox +acme +bills \(version 3\) +s3 +postgresql +active +\S+\/acme\/inbox$/),
      expect.stringMatching(/^outbox .* inactive /),
    ]);
  });

  it('says how there come to be some, and that there are more', async () => {
    const none = await run(['pipelines'], { pipelines: [], next_cursor: null });
    expect(none.out).toEqual(['There are no pipelines: "longshore apply" makes them.']);
    const page = { pipelines: [pipeline], next_cursor: 'abc' };
    expect((await run(['pipelines', 'list', '--limit', '1'], page)).err).toEqual([
      'There are more: a greater --limit shows them.',
    ]);
    const { out, err } = await run(['pipelines', '--limit', '1', '--json'], page);
    expect([JSON.parse(out[0]!), err]).toEqual([page, []]);
  });
});

describe('longshore workflows', () => {
  it('lists them with their latest version, page by page', async () => {
    const { asked, out } = await run(
      ['workflows', '--limit', '2'],
      { workflows: [workflow], next_cursor: 'abc' },
      { workflows: [{ ...workflow, name: 'letters' }], next_cursor: null },
    );
    expect(asked).toEqual(['/api/v1/workflows?limit=2', '/api/v1/workflows?limit=1&cursor=abc']);
    expect(out.slice(2)).toEqual([
      expect.stringMatching(/^bills +acme +3 +2026-05-01 02:30$/),
      expect.stringMatching(/^letters /),
    ]);
  });
});
