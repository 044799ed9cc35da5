import { expect, it } from '@jest/globals';
import { fileNameOf } from './file-name.ts';

const cases: readonly [path: string, disposition: string | undefined, name: string | null][] = [
  ['/a/invoice.pdf?X-Signature=secret', undefined, 'invoice.pdf'],
  ['/a/invoice.pdf', 'attachment; filename="other.pdf"', 'invoice.pdf'],
  ['/a/r%C3%A4chnung%201.pdf', undefined, 'rächnung 1.pdf'],
  ['/a/%2e%2e%2f%2e%2e%2fetc%2fpasswd', undefined, 'passwd'],
  ['/a/..%5C..%5Cboot.ini', undefined, 'boot.ini'],
  ['/a/%FF%FE.pdf', undefined, '%FF%FE.pdf'],
  ['/', undefined, null],
  ['/folder/', undefined, null],
  ['/download', undefined, 'download'],
  ['/download', 'attachment; filename="invoice.pdf"', 'invoice.pdf'],
  ['/download', 'attachment; filename=invoice.pdf; size=3', 'invoice.pdf'],
  ['/download', `attachment; filename="x.pdf"; filename*=UTF-8''r%C3%A4.pdf`, 'rä.pdf'],
  ['/download', 'attachment; filename="a\\"b.pdf"', 'a"b.pdf'],
  ['/download', 'attachment; filename="../../etc/passwd"', 'passwd'],
  ['/download', 'attachment; filename=""', 'download'],
  ['/download', 'attachment', 'download'],
  ['/', 'attachment; filename="/"', null],
];

it.each(cases)('the file at %s, sent as %s, is called %s', (path, disposition, name) => {
  expect(fileNameOf(new URL(`https://example.com${path}`), disposition)).toBe(name);
});
