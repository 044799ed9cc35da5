import type { ImageFormat } from './recognition.ts';

export type DocumentKind =
  | 'txt'
  | 'md'
  | 'csv'
  | 'json'
  | 'xml'
  | 'html'
  | 'rtf'
  | 'eml'
  | 'pdf'
  | 'docx'
  | 'odt'
  | 'xlsx'
  | 'ods'
  | 'pptx'
  | 'odp'
  | 'epub'
  | 'msg'
  | 'zip'
  | ImageFormat;

/** A run of text that stands by itself: a word group, or what is in one cell. */
export interface Segment {
  readonly text: string;
  /** Left and right edge. Characters in plain text, points in a PDF, cells elsewhere: compared, never converted. */
  readonly left: number;
  readonly right: number;
}

/** One visual row of a document, its segments from left to right. */
export interface Line {
  readonly page: number;
  /** Distance from the top and height of the row, in the same unit as each other. */
  readonly top: number;
  readonly height: number;
  /** Number of its row in a sheet or table, counted from 1, where cells have several lines. */
  readonly row?: number;
  readonly segments: readonly Segment[];
}

/** What stands in a field of a form. */
export interface FormField {
  /** As the form names it inside, and as it tells a person, where it does. */
  readonly names: readonly string[];
  readonly value: string;
  readonly page: number;
  /** Upper left corner and size, in points. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Cells as they stand; a row may be shorter than its header. */
export interface Table {
  /** Name of the sheet that the table is. */
  readonly name?: string;
  /** The page that it is on, where it is all of it, and the numbers of its rows there, counted from 1, the header's first. */
  readonly page?: number;
  readonly rowNumbers?: readonly number[];
  /** What computes the cells of a sheet, by their addresses (`B7`). Only kept: nothing is computed here. */
  readonly formulas?: ReadonlyMap<string, string>;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What a file says. `lines` and `tables` are worked out when they are first asked for. */
export interface ReadDocument {
  readonly kind: DocumentKind;
  readonly mediaType: string;
  /** The whole text in reading order, without NUL and lone surrogates. */
  readonly text: string;
  /** Pages, slides or sheets; 1 where a kind has none. */
  readonly pageCount: number;
  readonly lines: readonly Line[];
  readonly tables: readonly Table[];
  /** The fields of a form that are filled in, in the order of its pages. */
  readonly fields?: readonly FormField[];
  /** The parsed value of a JSON document, or an XML document's elements as such a value; nothing elsewhere. */
  readonly json?: unknown;
  /** What the file says about itself: title, author, subject and the like. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Sentences about what was left out, or may not be as a person sees it. */
  readonly warnings?: readonly string[];
}

/** Bounds of one reading. Time and heap are the business of the thread that reads. */
export interface ReadLimits {
  /** Size of the file. Default 100 MiB. */
  readonly maxBytes: number;
  /** Size of a file of text or markup, which is held in memory as a whole, and of the text found in any other. Default 64 MiB. */
  readonly maxTextBytes: number;
  /**
   * Values in a JSON file, counted by its commas, colons and brackets. Default 4,194,304.
   *
   * Parsing JSON is one step of the engine that nothing can interrupt: when it exhausts the heap of a thread, it takes
   * the whole process along. At most 128 bytes per counted mark keep it within 512 MiB.
   */
  readonly maxJsonMarks: number;
  /** Cells and other separate pieces of text, 256 bytes of heap each at most. Default 2,097,152. */
  readonly maxPieces: number;
  /** Pages of a PDF, slides or sheets. Default 2,000. */
  readonly maxPages: number;
  /** Size of everything inside a packed file (docx, xlsx, odt and the like); each XML part counts as text. Default 256 MiB. */
  readonly maxUnpackedBytes: number;
  /** Size of a picture in which text is recognised, in pixels. Pages of a PDF are drawn smaller to keep it. Default 40,000,000. */
  readonly maxPixels: number;
  /** Pages on which text is recognised, blank ones apart. Default 100. */
  readonly maxRecognisedPages: number;
}

export const DEFAULT_READ_LIMITS: ReadLimits = Object.freeze({
  maxBytes: 100 * 1024 * 1024,
  maxTextBytes: 64 * 1024 * 1024,
  maxJsonMarks: 4 * 1024 * 1024,
  maxPieces: 2 * 1024 * 1024,
  maxPages: 2000,
  maxUnpackedBytes: 256 * 1024 * 1024,
  maxPixels: 40_000_000,
  maxRecognisedPages: 100,
});
