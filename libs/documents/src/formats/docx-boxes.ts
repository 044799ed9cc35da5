const BOX = 'w:txbxContent';
const TAG = /<(\/?)(mc:AlternateContent|mc:Choice|mc:Fallback|w:drawing|w:txbxContent)\b([^<>]*)>/gu;

/** Word nests a few. Each level costs a copy of what is inside of it. */
const MOST_DEEP = 32;

/** An element of those above, by its places in the XML: where its tags begin and end. */
interface Element {
  readonly name: string;
  readonly start: number;
  readonly inside: number;
  insideEnd: number;
  end: number;
  readonly children: Element[];
  holdsBox: boolean;
}

/**
 * Word writes a text box in two ways, of which the library reads the older one. Where there is only the newer one, its text is given as the
 * older is. What is not nested as it has to be, or deeper than Word does it, is left as it is.
 */
export function textBoxesOnce(xml: string): string {
  const root = xml.includes(BOX) ? elementsOf(xml) : undefined;
  return root === undefined ? xml : contentOf(xml, root);
}

function elementsOf(xml: string): Element | undefined {
  const root = element('', 0, 0);
  const open = [root];
  for (const { 0: tag, 1: slash = '', 2: name = '', 3: rest = '', index } of xml.matchAll(TAG)) {
    if (rest.endsWith('/')) continue;
    if (slash === '') {
      const opened = element(name, index, index + tag.length);
      open.at(-1)?.children.push(opened);
      open.push(opened);
      if (open.length > MOST_DEEP) return undefined;
      continue;
    }
    const closed = open.pop();
    const around = open.at(-1);
    if (closed?.name !== name || around === undefined) return undefined;
    closed.insideEnd = index;
    closed.end = index + tag.length;
    if (closed.holdsBox || name === BOX) around.holdsBox = true;
  }
  root.insideEnd = xml.length;
  return open.length === 1 ? root : undefined;
}

function element(name: string, start: number, inside: number): Element {
  return { name, start, inside, insideEnd: inside, end: inside, children: [], holdsBox: false };
}

function contentOf(xml: string, { inside, insideEnd, children }: Element): string {
  const pieces: string[] = [];
  let from = inside;
  for (const child of children) {
    pieces.push(xml.slice(from, child.start), rewritten(xml, child));
    from = child.end;
  }
  pieces.push(xml.slice(from, insideEnd));
  return pieces.join('');
}

function rewritten(xml: string, found: Element): string {
  const { name, start, inside, insideEnd, end, children } = found;
  if (name === BOX) return xml.slice(start, inside) + contentOf(xml, found) + xml.slice(insideEnd, end);
  if (!found.holdsBox) return xml.slice(start, end);
  if (name === 'w:drawing') return `<w:pict>${boxesIn(xml, found)}</w:pict>`;
  if (name !== 'mc:AlternateContent') return contentOf(xml, found);
  const ways = children.filter((way) => way.holdsBox);
  const chosen = ways.find((way) => way.name === 'mc:Fallback') ?? ways[0];
  return chosen === undefined ? '' : contentOf(xml, chosen);
}

/** The text boxes of a drawing, which may be a group of several. */
function boxesIn(xml: string, { children }: Element): string {
  return children.map((child) => (child.name === BOX ? rewritten(xml, child) : boxesIn(xml, child))).join('');
}
