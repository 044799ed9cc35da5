import type { z } from 'zod';
import type { stepsSchema } from './steps.ts';

/**
 * True when the same content may give another output under another name: by overrides, or by an expression that names
 * `$file`. Then a result is not one of the content alone.
 */
export function dependsOnFileName({ steps }: { readonly steps: z.infer<typeof stepsSchema> }): boolean {
  return steps.some(({ extract }) => {
    return extract?.overrides !== undefined || JSON.stringify(extract ?? null).includes('$file');
  });
}
