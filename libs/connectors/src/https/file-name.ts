/**
 * How a fetched file may be called, the best first: the name at the end of its address when it has an extension,
 * else what the server calls it, else that name without an extension. Not cleaned: a server may send anything.
 */
export function fileNameOf(url: URL, contentDisposition: string | undefined): string | null {
  const inPath = nameInPath(url);
  if (inPath !== null && /\.[A-Za-z0-9]{1,8}$/.test(inPath)) return inPath;
  return nameInHeader(contentDisposition ?? '') ?? inPath;
}

function nameInPath({ pathname }: URL): string | null {
  const decoded = decoding(pathname.slice(pathname.lastIndexOf('/') + 1));
  return lastSegment(decoded);
}

function nameInHeader(header: string): string | null {
  const [, encoded] = /filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(header) ?? [];
  if (encoded !== undefined) return lastSegment(decoding(encoded));
  const [, quoted, bare] = /filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s"]+))/i.exec(header) ?? [];
  const name = quoted?.replaceAll(/\\(.)/g, '$1') ?? bare;
  // Headers come as Latin-1; most servers mean UTF-8.
  return name === undefined ? null : lastSegment(Buffer.from(name, 'latin1').toString());
}

function decoding(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Bytes that are no UTF-8 stay as they were written.
    return text;
  }
}

/** What was encoded may hold folders too. */
function lastSegment(name: string): string | null {
  const last = name.split(/[/\\]/).at(-1)!;
  return last === '' || last === '.' || last === '..' ? null : last;
}
