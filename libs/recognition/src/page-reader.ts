import type { RecognisedPage, RecognisedWord } from '@longshore/documents';
import loadTesseract, {
  type TesseractApi,
  type TesseractModule,
} from 'tesseract.js-core/tesseract-core-simd-lstm.js';
import { readAsset, readLanguage } from './ocr-assets.ts';
import type { OcrThreadData } from './ocr-messages.ts';
import { openPictures, type Picture } from './pictures.ts';
import { PictureError } from './picture-error.ts';

/** Below this mean confidence a page may lie on its side or upside down. */
const DOUBTFUL = 60;
/** Turned by a quarter to the right, a half, and a quarter to the left, as cameras write it. */
const TURNS = [6, 3, 8] as const;
const WORD = 5;

/** Recognises the pages of one file. The returned function throws PictureError. */
export function createPageReader(data: OcrThreadData): (page: number) => Promise<RecognisedPage> {
  const picture = openPictures(data);
  let engine: Promise<Engine> | undefined;
  return async (number) => {
    const page = await picture(number);
    if (page.blank) return { words: [], blank: true };
    engine ??= openEngine(data);
    return { words: uprightWords(await engine, page), blank: false };
  };
}

interface Engine {
  readonly module: TesseractModule;
  readonly api: TesseractApi;
}

async function openEngine({ languages, folder }: OcrThreadData): Promise<Engine> {
  const silent = () => undefined;
  const module = await loadTesseract({
    wasmBinary: readAsset('tesseract.wasm'),
    ...{ TesseractProgress: silent, print: silent, printErr: silent },
  });
  for (const code of languages) {
    const language = readLanguage(code, folder);
    if (language === undefined)
      throw new PictureError(
        'not_recognised',
        `the language "${code}" is not installed here (see OCR_DATA_DIR)`,
      );
    module.FS.writeFile(`${code}.traineddata`, language);
  }
  const api = new module.TessBaseAPI();
  if (api.Init(null, languages.join('+'), 1) !== 0)
    throw new PictureError(
      'not_recognised',
      `the data of the languages ${languages.join(', ')} cannot be used`,
    );
  api.SetVariable('user_defined_dpi', '300');
  return { module, api };
}

/** The words of a page; when they look like nonsense, also turned, and the surest counts. */
function uprightWords(engine: Engine, picture: Picture): RecognisedWord[] {
  engine.module.FS.writeFile('/input', picture.file);
  let best = recognise(engine, picture, picture.orientation);
  if (picture.orientation !== 1) return best;
  for (const turn of confidence(best) < DOUBTFUL ? TURNS : []) {
    const turned = recognise(engine, picture, turn);
    if (confidence(turned) > Math.max(DOUBTFUL, confidence(best))) best = turned;
  }
  return best;
}

/** Of the words found, the mean; a page without any is not in doubt. */
function confidence(words: readonly RecognisedWord[]): number {
  if (words.length === 0) return 100;
  return words.reduce((sum, word) => sum + word.confidence, 0) / words.length;
}

function recognise({ api }: Engine, { scale }: Picture, orientation: number): RecognisedWord[] {
  if (api.SetImageFile(orientation, 0) !== 0)
    throw new PictureError('corrupt', 'it is damaged or cut off, and cannot be decoded');
  if (api.Recognize(null) !== 0) throw new PictureError('not_recognised', 'its text cannot be recognised');
  return wordsOf(api.GetTSVText(0), scale);
}

/** Rows of values separated by tabs: level, page, block, paragraph, line, word, left, top, width, height, confidence, text. */
function wordsOf(table: string, scale: number): RecognisedWord[] {
  const words: RecognisedWord[] = [];
  let line = -1;
  let lastLine = '';
  for (const row of table.split('\n')) {
    const cells = row.split('\t');
    const text = cells[11]?.trim() ?? '';
    if (Number(cells[0]) !== WORD || text === '') continue;
    const thisLine = cells.slice(1, 5).join();
    if (thisLine !== lastLine) line += 1;
    lastLine = thisLine;
    const [left = 0, top = 0, width = 0, height = 0] = cells.slice(6, 10).map((cell) => Number(cell) / scale);
    const edges = { left, top, right: left + width, bottom: top + height };
    words.push({ text, ...edges, confidence: Math.max(0, Math.min(100, Number(cells[10]))), line });
  }
  return words;
}
