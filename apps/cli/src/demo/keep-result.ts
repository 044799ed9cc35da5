import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeFolder } from '@longshore/runtime';

/** For its owner alone: documents are nobody else's business. */
const OWNER_ONLY = { mode: 0o600 };

/**
 * Writes the result of a demo to `file`; where nothing can be written there, into a new folder among the temporary files, whose name nobody
 * can know before. Answers the path it was written to.
 */
export function keepResult(result: unknown, file: string, temporary = tmpdir()): string {
  const text = `${JSON.stringify(result, null, 2)}\n`;
  try {
    makeFolder(dirname(file), 0o711);
    writeFileSync(file, text, OWNER_ONLY);
    return file;
  } catch {
    // Not under the prefix of demo homes: those are swept away.
    const elsewhere = join(mkdtempSync(join(temporary, 'longshore-result-')), 'demo-result.json');
    writeFileSync(elsewhere, text, { ...OWNER_ONLY, flag: 'wx' });
    return elsewhere;
  }
}
