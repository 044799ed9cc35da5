import type { WorkflowDefinition } from '@longshore/contracts';
import type { Explanation } from '@longshore/documents';
import type { OcrSettings, RecognisingMessage } from '@longshore/recognition';

/** What the thread that reads is started with. */
export interface ExtractThreadData {
  /** How text is recognised in pictures and scans; absent where it is not. */
  readonly ocr: OcrSettings | undefined;
  readonly maxRecognisedPages: number | undefined;
}

/** What is asked of the thread that reads; one file at a time. */
export interface ExtractRequest {
  readonly bytes: Uint8Array;
  readonly name: string;
  /** Absent where only the text is wanted. */
  readonly definition?: WorkflowDefinition | undefined;
  readonly customData: unknown;
  /** Keep the columns of a page in its text. */
  readonly layout: boolean;
}

/** A file as it was read, and what was found in it. */
export interface Extracted {
  readonly kind: string;
  readonly pages: number;
  readonly text: string;
  readonly warnings: readonly string[];
  /** Absent where only the text was wanted. */
  readonly explanation?: Explanation;
}

export type ExtractReply =
  | { readonly type: 'ready' }
  /** No answer yet: a page is being recognised, or has been. */
  | RecognisingMessage
  | { readonly type: 'done'; readonly extracted: Extracted }
  /** The file or the workflow cannot be read; the message is a sentence for a person. */
  | { readonly type: 'refused'; readonly reason: string; readonly message: string };
