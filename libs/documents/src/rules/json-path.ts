import { compile, type JSONValue } from 'json-p3';
import type { ReadDocument } from '../document.ts';

/** Prepares a JSONPath (RFC 9535). Documents that are not JSON have nothing at any path. */
export function compileJsonPath(path: string) {
  const query = compile(path);
  return ({ json }: ReadDocument): unknown[] =>
    json === undefined ? [] : query.query(json as JSONValue).values();
}
