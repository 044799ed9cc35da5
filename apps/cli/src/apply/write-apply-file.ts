import type { ExportResponse } from '@longshore/contracts';
import { Document, isMap, isScalar, visit } from 'yaml';

/** All documents of an export as one file that `longshore apply` accepts and finds unchanged. */
export function writeApplyFile({ workflows, deployments, pipelines, schedules }: ExportResponse): string {
  const documents = [
    ...workflows.map(({ document, version }) => writeDocument(document, `version ${version}`)),
    ...[...deployments, ...pipelines].map(({ document, version }) =>
      writeDocument(document, `runs version ${version}`),
    ),
    ...schedules.map(({ document }) => writeDocument(document)),
  ];
  return documents.join('---\n');
}

function writeDocument(content: object, comment?: string): string {
  const document = new Document(content, { aliasDuplicateObjects: false });
  if (comment !== undefined) document.commentBefore = ` ${comment}`;
  // A field on one line, where that is short enough to be read.
  visit(document, {
    Map: (_key, map) => {
      const short = map.items.every(({ value }) => isScalar(value)) && String(map).length <= 80;
      map.flow =
        map.items.length === 0 ||
        (short && map.items.some(({ key }) => isScalar(key) && key.value === 'type'));
    },
  });
  if (isMap(document.contents)) document.contents.flow = false;
  return document.toString({ lineWidth: 0, singleQuote: true, flowCollectionPadding: true });
}
