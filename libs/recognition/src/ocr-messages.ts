import type { PictureSource, RecognisedPage } from '@longshore/documents';

/** What a recognising thread is started with: one file. */
export interface OcrThreadData {
  readonly format: PictureSource['format'];
  readonly bytes: Uint8Array;
  readonly languages: readonly string[];
  /** Folder with further languages as `<code>.traineddata` or `<code>.traineddata.gz`. */
  readonly folder: string | undefined;
  readonly maxPixels: number;
}

/** Asks for one page, counted from 1. */
export interface OcrRequest {
  readonly page: number;
}

/** The answer to a request. `failed` carries a sentence for a person about the file. */
export type OcrReply =
  | { readonly type: 'page'; readonly page: RecognisedPage }
  | { readonly type: 'failed'; readonly reason: 'corrupt' | 'not_recognised'; readonly message: string };
