import { JSONPathEnvironment, JSONPathRecursionLimitError, type JSONValue } from 'json-p3';
import type { ReadDocument } from '../document.ts';
import { ExpressionLimitError } from './expression-size.ts';
import type { Find } from './found.ts';

/** How deep `..` may look; each level costs a frame of the stack. */
const MAX_DEPTH = 1000;

const environment = new JSONPathEnvironment({ maxRecursionDepth: MAX_DEPTH });

/**
 * Prepares a JSONPath (RFC 9535). Documents that are not JSON have nothing at any path. The returned function throws
 * ExpressionLimitError.
 */
export function compileJsonPath(path: string) {
  const query = environment.compile(path);
  return ({ json }: ReadDocument): Find[] => {
    if (json === undefined) return [];
    try {
      // One by one: taken all at once, more than the stack holds would be too many.
      return Array.from(query.lazyQuery(json as JSONValue), (node) => ({
        value: node.value,
        place: () => ({ page: 1, path: node.getPath() }),
      }));
    } catch (error) {
      if (!(error instanceof JSONPathRecursionLimitError)) throw error;
      throw new ExpressionLimitError(`looks into something of more than ${MAX_DEPTH} levels`, {
        cause: error,
      });
    }
  };
}
