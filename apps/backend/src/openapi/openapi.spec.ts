import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { RELEASE, routes } from '@longshore/contracts';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { apiPage } from './api-page.ts';
import { openApiDocument } from './document.ts';
import { READER_POLICY, readerPage } from './reader.ts';

const document = openApiDocument(RELEASE);

describe('the OpenAPI document', () => {
  it('has nothing for a linter to complain about', async () => {
    const config = await createConfig({
      extends: ['recommended'],
      rules: {
        // What is said of one is said of all: the address is where the document was fetched.
        'no-server-example.com': 'off',
        'info-contact': 'off',
        'tag-description': 'off',
      },
    });
    const problems = await lintFromString({ source: JSON.stringify(document), config });
    const lines = problems.map(
      ({ ruleId, message, location }) => `${ruleId} at ${location[0]?.pointer}: ${message}`,
    );
    expect(lines).toEqual([]);
  });

  it('describes each public route and no other', () => {
    const described = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    const open = Object.entries(routes).filter(([, { area }]) => area === 'public');
    expect(described.sort()).toEqual(open.map(([name]) => name).sort());
    expect(JSON.stringify(document)).not.toContain('/internal');
  });

  it('says what a form takes, with its files', () => {
    const { requestBody } = document.paths['/deployment/api/{org}/{api_name}']!['post']!;
    expect(requestBody!.content['multipart/form-data']!.schema).toEqual({
      $ref: '#/components/schemas/ExecuteForm',
    });
    const form = document.components.schemas['ExecuteForm'] as { properties: Record<string, unknown> };
    expect(form.properties['files']).toMatchObject({
      type: 'array',
      items: { type: 'string', contentMediaType: 'application/octet-stream' },
    });
  });

  it('names the keys that open a route, and every code with which it refuses', () => {
    const { security, responses } = document.paths['/deployment/api/{org}/{api_name}']!['post']!;
    expect(security).toEqual([{ deploymentKey: [] }, { organisationKey: [] }]);
    expect(responses['429']).toEqual({ $ref: '#/components/responses/Error429' });
    expect(document.components.responses['Error429']!['description']).toContain('`too_many_executions`');
  });
});

describe('the reader', () => {
  const page = readerPage(document);

  it('shows every operation', () => {
    for (const methods of Object.values(document.paths))
      for (const { operationId } of Object.values(methods)) expect(page).toContain(`id="${operationId}"`);
  });

  it('loads nothing and runs nothing, and its policy allows nothing', () => {
    expect(page).not.toMatch(/<script|<link|<img|<iframe|\son\w+=|(?:src|href)="(?!#|\/openapi\.json")/);
    expect(READER_POLICY).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]{43}='; /);
  });

  it('names every operation, and shows code as code', () => {
    expect(page).toContain('Operation: <code>executeDeployment</code>');
    expect(page).not.toMatch(/<td>[^<]*`/);
  });

  it('takes words for words', () => {
    const { info } = document;
    const hostile = { ...document, info: { ...info, title: '<b>"&', description: 'a `<i>` b' } };
    const shown = readerPage(hostile);
    expect(shown).toContain('<h1>&lt;b&gt;&quot;&amp; API');
    expect(shown).toContain('<p>a <code>&lt;i&gt;</code> b</p>');
  });

  it('links only to what is there', () => {
    const anchors = new Set([...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id));
    const targets = [...page.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id);
    expect(targets.filter((target) => !anchors.has(target))).toEqual([]);
  });
});

it('docs/api.md says what the table of routes says', () => {
  const page = readFileSync(new URL('../../../../docs/api.md', import.meta.url), 'utf8');
  expect(page).toBe(apiPage(document));
});
