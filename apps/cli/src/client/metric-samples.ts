/** One measurement. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/;
const LABEL = /(?<!\w)([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** The measurements in a text in the format of Prometheus. What is none is left out. */
export function readSamples(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', spelled = ''] = SAMPLE.exec(line) ?? [];
    const value = Number(spelled);
    return name === undefined || !Number.isFinite(value) ? [] : [{ name, labels: labelsOf(labels), value }];
  });
}

function labelsOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(LABEL)].map(([, name, value]) => [
    name!,
    value!.replace(/\\(.)/g, (_escaped, one: string) => (one === 'n' ? '\n' : one)),
  ]);
  return Object.fromEntries(pairs) as Record<string, string>;
}
