const WINDOW = 16 * 1024;
const HTML_NAME = /\.(?:html?|xhtml)$/iu;
const MARKDOWN_NAME = /\.(?:md|markdown)$/iu;
const XML_NAME = /\.xml$/iu;
const MESSAGE_NAME = /\.eml$/iu;

/** Elements that nothing but a page begins with. */
const HTML_START =
  /^<(?:html|head|body|meta|title|table|div|p|h[1-6]|ul|ol|center|font|style|script|span)(?=[\s/>])/iu;
/** What may stand before the first element of XML. */
const XML_PROLOG = /^(?:\s+|<\?[^>]*>|<!--(?:[^-]|-(?!->))*-->|<!doctype[^>[]*(?:\[[^\]]*\])?[^>]*>)*/iu;
/** A block of nothing but headers, folded ones too, up to an empty line. */
const HEADERS = /^(?:[A-Za-z][\w-]{0,76}:[^\n]*\n(?:[ \t][^\n]*\n)*){2,}\r?\n/u;
/** Headers that a message gets on its way, and who sent it. Words such as "Received:" stand above other texts too. */
const MESSAGE_HEADER = /^(?:mime-version|message-id|received|return-path|dkim-signature|content-type):/imu;
const SENDER = /^from:(?:[^\n@]|\n[ \t])*@/imu;
const WRITTEN_HEADER = /^(?:from|to|subject|date):/imu;

/** What kind of markup bytes hold, told from how they begin; undefined for text and for anything that is none. */
export function markupKind(bytes: Uint8Array, name: string): 'html' | 'xml' | 'rtf' | 'eml' | undefined {
  const head = headOf(bytes);
  const start = head.trimStart();
  if (start.startsWith('{\\rtf')) return 'rtf';
  if (start.startsWith('<')) return angledKind(start, name);
  return isMessage(head, name) ? 'eml' : undefined;
}

/** Whether bytes may be markup or a message: even a small one may unpack, or lay out, to far more than it is itself. */
export function mayBeMarkup(bytes: Uint8Array): boolean {
  return headOf(bytes).trimStart().startsWith('<') || markupKind(bytes, '') !== undefined;
}

/** The first characters, well enough to see ASCII in them, whatever the encoding. */
function headOf(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, WINDOW)).toString('latin1');
  return head.replace(/^(?:\u00EF\u00BB\u00BF|\u00FF\u00FE|\u00FE\u00FF)/u, '').replaceAll('\0', '');
}

function angledKind(start: string, name: string): 'html' | 'xml' | undefined {
  const root = start.slice(XML_PROLOG.exec(start)?.[0].length ?? 0);
  if (/^<\?xml[\s?]/u.test(start)) return /^<html[\s>]/iu.test(root) ? 'html' : 'xml';
  if (/^<(?:!doctype )?html[\s>]/iu.test(start) || HTML_NAME.test(name)) return 'html';
  // Markdown may begin with a bit of HTML.
  if (HTML_START.test(root)) return MARKDOWN_NAME.test(name) ? undefined : 'html';
  return XML_NAME.test(name) || /^<svg[\s>]/u.test(root) ? 'xml' : undefined;
}

function isMessage(head: string, name: string): boolean {
  const block = HEADERS.exec(`${head.slice(0, WINDOW)}\n\n`)?.[0];
  if (block === undefined) return false;
  return (
    (MESSAGE_HEADER.test(block) && SENDER.test(block)) ||
    (MESSAGE_NAME.test(name) && WRITTEN_HEADER.test(block))
  );
}
