import { DEFAULT_READ_LIMITS } from '@longshore/documents';
import { loadConfig } from '@longshore/runtime';
import type { ReadingPoolOptions } from './reading-pool.ts';

const KEYS = ['ocrLanguages', 'ocrDataFolder', 'ocrMaxPages', 'ocrPageTimeoutMs'] as const;
/** The recogniser holds some 100 MiB, a picture of 40 million pixels in colour 160, and what it makes of it as much. */
const MAX_MEMORY_MB = 768;

/** What this worker was told about recognising text in pictures and scans. @throws {ConfigError} with every problem */
export function recognitionMeans(): Pick<ReadingPoolOptions, 'ocr' | 'limits'> {
  const { ocrLanguages, ocrDataFolder, ocrMaxPages, ocrPageTimeoutMs } = loadConfig(KEYS);
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
