/** `{{custom_data.vendor.name}}` in a text: what the request said stands there when a file is read. */
const PLACEHOLDER = /\{\{([^{}]*)\}\}/gu;
const PATH = /^custom_data((?:\.[A-Za-z0-9_-]+)+)$/u;

/** A text in pieces: as it is, or the keys under `custom_data` that lead to what stands there. */
export type TemplatePiece = string | { readonly keys: readonly string[] };

/** Takes a text apart; a text without placeholders is a single piece. */
export function templatePieces(text: string): TemplatePiece[] {
  return text.split(PLACEHOLDER).flatMap((piece, index): TemplatePiece[] => {
    if (index % 2 === 0) return piece === '' ? [] : [piece];
    const [, keys = ''] = PATH.exec(piece.trim()) ?? [];
    return [{ keys: keys.split('.').slice(1) }];
  });
}

/** Says what is wrong with the placeholders of a text, or undefined when nothing is. */
export function templateComplaint(text: string): string | undefined {
  for (const [whole, inside = ''] of text.matchAll(PLACEHOLDER)) {
    if (!PATH.test(inside.trim())) {
      return `"${whole}" names nothing: write {{custom_data.key}}, with further keys behind further dots`;
    }
  }
  return undefined;
}

/** The text with each placeholder replaced by `stand`. */
export function withoutPlaceholders(text: string, stand: string): string {
  return text.replaceAll(PLACEHOLDER, stand);
}
