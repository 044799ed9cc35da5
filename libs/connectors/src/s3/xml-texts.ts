import { SaxesParser } from 'saxes';

/** An element of an answer: the texts of its children by their names, the last of several. */
export type Texts = Readonly<Record<string, string>>;

/**
 * The elements of a document as flat records: those of a name that is asked for, and the root. Namespaces, attributes and what
 * is nested deeper are passed over. @throws when it is no XML
 */
export function xmlTexts(xml: string, name: string): { root: Texts; items: Texts[] } {
  const root: Record<string, string> = {};
  const items: Record<string, string>[] = [];
  const path: string[] = [];
  let text = '';
  const parser = new SaxesParser();
  parser.on('opentag', (tag) => {
    path.push(tag.name);
    text = '';
    if (path.length === 2 && tag.name === name) items.push({});
  });
  parser.on('text', (piece) => (text += piece));
  parser.on('cdata', (piece) => (text += piece));
  parser.on('closetag', (tag) => {
    if (path.length === 3 && path[1] === name) items.at(-1)![tag.name] = text;
    if (path.length === 2) root[tag.name] = text;
    path.pop();
  });
  parser.write(xml).close();
  return { root, items };
}
