import { apiError, type Output } from '@longshore/contracts';

/**
 * An answer is held in memory several times, and beyond twice this it cannot be written down at all. Outputs that lie in
 * the database are small, and few enough.
 */
const MAX_RESULT_BYTES = 256 * 1024 * 1024;

interface SizedFile {
  readonly output: Output | null;
}

/**
 * Watches how large the results of an execution become in one answer. With texts that is known before any is read.
 * @throws ApiError 413 at once, or when it is too much.
 */
export function createResultSize(
  files: readonly SizedFile[],
  { withTexts, maxBytes = MAX_RESULT_BYTES }: { withTexts: boolean; maxBytes?: number | undefined },
) {
  let bytes = 0;
  const refuse = (found: number, advice: string) => {
    if (found > maxBytes)
      throw apiError('too_large', `The results have more than ${maxBytes} bytes: ${advice}`);
  };
  if (withTexts) {
    const stored = files.reduce((sum, file) => sum + storedBytes(file), 0);
    refuse(stored, 'ask for them without include_extracted_text, or through the native API');
  }
  return {
    /** Takes note of what was read of a file. */
    add(file: SizedFile, read: { readonly extracted_text?: string } | null): void {
      if (withTexts) return;
      bytes += Math.max(0, storedBytes(file) - Buffer.byteLength(read?.extracted_text ?? ''));
      refuse(bytes, 'post fewer files at a time');
    },
  };
}

function storedBytes({ output }: SizedFile): number {
  return output !== null && 'ref' in output ? output.size : 0;
}
