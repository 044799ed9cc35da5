import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionDetail } from '@longshore/contracts';
import type { TestPlatform } from '../platform.ts';

/** A client as a user would write one: posts, polls, and keeps its own list of what was accepted. */
export function deploymentClient(platform: TestPlatform) {
  const headers = { authorization: `Bearer ${platform.apiKey}` };

  async function apply(documents: unknown[]): Promise<void> {
    const answer = await fetch(`${platform.url}/api/v1/apply`, {
      method: 'POST',
      headers: { authorization: `Bearer ${platform.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ documents }),
    });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** Posts files and answers the execution's id; retries while the backend is away, as the contract asks. */
  async function post(apiName: string, files: ReadonlyMap<string, string>): Promise<string> {
    for (;;) {
      try {
        const form = new FormData();
        for (const [name, text] of files) form.append('files', new Blob([text]), name);
        const answer = await fetch(`${platform.url}/deployment/api/default/${apiName}/`, {
          method: 'POST',
          headers,
          body: form,
        });
        const body = (await answer.json()) as { message: { execution_id: string } };
        if (answer.status !== 200) throw new Error(`answer ${answer.status}: ${JSON.stringify(body)}`);
        return body.message.execution_id;
      } catch (error) {
        if ((error as Error).name !== 'TypeError') throw error; // What fetch throws when nobody answers.
        await pause(200);
      }
    }
  }

  async function detail(executionId: string): Promise<ExecutionDetail | null> {
    const answer = await fetch(`${platform.url}/api/v1/executions/${executionId}`, { headers }).catch(
      () => null,
    );
    // Of a backend that is killed meanwhile the answer may end in the middle.
    return answer?.ok ? ((await answer.json().catch(() => null)) as ExecutionDetail | null) : null;
  }

  /** Polls until the execution has ended. @throws when it has not within the bound. */
  async function ended(executionId: string, withinMs: number): Promise<ExecutionDetail> {
    const until = Date.now() + withinMs;
    let last: ExecutionDetail | null = null;
    while (Date.now() < until) {
      last = (await detail(executionId)) ?? last;
      if (last !== null && ['COMPLETED', 'ERROR', 'STOPPED'].includes(last.status)) return last;
      await pause(100);
    }
    throw new Error(`execution ${executionId} did not end: ${JSON.stringify(last)}`);
  }

  return { apply, post, detail, ended };
}

export const invoiceWorkflow = [
  {
    kind: 'workflow',
    name: 'invoices',
    steps: [
      { read: {} },
      { extract: { fields: { number: { type: 'string', required: true, label: 'Invoice number' } } } },
    ],
  },
  { kind: 'deployment', api_name: 'invoices', workflow: 'invoices' },
];

/** A text invoice; `lines` makes it take its time. */
export function invoice(number: string, lines = 1): string {
  const line = `Berth ${number}, mooring and water, two nights, with a hand at the lines                  12.50\n`;
  return `Invoice number: ${number}\n${line.repeat(lines)}`;
}
