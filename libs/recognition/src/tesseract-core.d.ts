/** The parts of the recogniser's module that are used here; the package has no types of its own. */
declare module 'tesseract.js-core/tesseract-core-simd-lstm.js' {
  export interface TesseractApi {
    /** 0 when it is ready. `engine` 1 is the one of neural networks. */
    Init(folder: null, languages: string, engine: 1): number;
    SetVariable(name: string, value: string): boolean;
    SetPageSegMode(mode: number): void;
    /** Takes the file `/input`, turned as pictures from cameras say it. 0 when it could be decoded. */
    SetImageFile(orientation: number, angle: number): number;
    Recognize(monitor: null): number;
    GetTSVText(page: number): string;
  }

  export interface TesseractModule {
    readonly FS: { writeFile(name: string, content: Uint8Array): void };
    readonly TessBaseAPI: new () => TesseractApi;
  }

  export default function load(options: {
    wasmBinary: Uint8Array;
    TesseractProgress: () => void;
    print: () => void;
    printErr: () => void;
  }): Promise<TesseractModule>;
}
