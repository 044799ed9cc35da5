import { DEFAULT_READ_LIMITS, type ReadLimits } from '@longshore/documents';
import type { OcrSettings } from './open-ocr.ts';

/** What a process is told about recognising text, by the names of the configuration. */
export const OCR_CONFIG_KEYS = ['ocrLanguages', 'ocrDataFolder', 'ocrMaxPages', 'ocrPageTimeoutMs'] as const;

interface OcrConfig {
  readonly ocrLanguages: readonly string[];
  readonly ocrDataFolder?: string | undefined;
  /** 0 turns recognition off. */
  readonly ocrMaxPages: number;
  readonly ocrPageTimeoutMs: number;
}

/** How text is recognised, and what the limits of reading gain by it; empty where recognition is off. */
interface RecognitionMeans {
  readonly ocr?: OcrSettings;
  readonly limits?: Pick<ReadLimits, 'maxRecognisedPages'>;
}

/** The recogniser holds some 100 MiB, a picture of 40 million pixels in colour 160, and what it makes of it as much. */
const MAX_MEMORY_MB = 768;

/** What the configuration of a process says about recognising text in pictures and scans. */
export function recognitionMeans(config: OcrConfig): RecognitionMeans {
  const { ocrLanguages, ocrDataFolder, ocrMaxPages, ocrPageTimeoutMs } = config;
  if (ocrMaxPages === 0) return {};
  const { maxPixels } = DEFAULT_READ_LIMITS;
  return {
    ocr: {
      ...{ languages: ocrLanguages, folder: ocrDataFolder, maxPageMs: ocrPageTimeoutMs },
      ...{ maxMemoryMb: MAX_MEMORY_MB, maxPixels },
    },
    limits: { maxRecognisedPages: ocrMaxPages },
  };
}
