import type { WorkflowDefinition } from '@longshore/contracts';
import type {
  DocumentKind,
  Examination,
  FieldProblem,
  ReadLimits,
  UnreadableReason,
} from '@longshore/documents';
import type { OcrSettings, RecognisingMessage } from '@longshore/recognition';

/** What the pool asks of a thread; one request at a time, answered by one reply. */
export interface ReadingRequest {
  readonly bytes: Uint8Array;
  readonly name: string;
  /** What the request said with its files, null without. */
  readonly customData: unknown;
  readonly includeText: boolean;
  readonly definitionId: string;
  /** Sent with the first file of a definition only; the thread keeps what it compiled. */
  readonly definition: WorkflowDefinition | undefined;
  /** Set when the thread shall drop the definitions that it kept so far. */
  readonly forget: boolean;
}

/** What a file says, structured by its workflow. */
export interface ReadingResult {
  readonly output: Readonly<Record<string, unknown>>;
  /** What is missing or wrong in the output, and whether the file fails for it; empty when all is well. */
  readonly problems: readonly FieldProblem[];
  /** Where each value of the output comes from. */
  readonly fields?: Examination['fields'];
  readonly document: {
    readonly kind: DocumentKind;
    readonly mediaType: string;
    readonly pageCount: number;
    readonly characters: number;
    /** What a person should know of how it was read: parts left out, say. */
    readonly warnings: readonly string[];
  };
  /** The whole text, only where it was asked for. */
  readonly text?: string;
  /** Milliseconds inside the thread. */
  readonly elapsedMs: number;
}

export type ReadingReply =
  | { readonly type: 'ready' }
  /** No answer yet: recognition of a page, which has a time limit of its own, begins or ends. */
  | RecognisingMessage
  | { readonly type: 'done'; readonly result: ReadingResult }
  | { readonly type: 'unreadable'; readonly detail: UnreadableReason; readonly message: string }
  | { readonly type: 'bad_definition'; readonly message: string }
  /** The stack is for those who run the platform; the message is told to clients. */
  | { readonly type: 'crashed'; readonly message: string; readonly stack: string };

/** What a thread is started with. */
export interface ReaderThreadData {
  readonly ceiling: Partial<ReadLimits>;
  readonly ocr: OcrSettings | undefined;
}
