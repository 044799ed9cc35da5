export { createRecognise, type OcrSettings } from './open-ocr.ts';
export { MAX_RECOGNITION_MS, type RecognisingMessage, startClocks } from './reading-clocks.ts';
export { OCR_CONFIG_KEYS, recognitionMeans } from './recognition-means.ts';
