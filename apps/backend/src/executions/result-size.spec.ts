import { describe, expect, it } from '@jest/globals';
import { createResultSize } from './result-size.ts';

const file = (size: number) => ({ output: { ref: 'outputs/x', size } });
const tooLarge = expect.objectContaining({ status: 413 });

describe('results that are too large for one answer', () => {
  it('are refused with their texts before any is read', () => {
    const files = [file(60), file(60), { output: null }, { output: { inline: 'x'.repeat(500) } }];
    expect(() => createResultSize(files, { withTexts: true, maxBytes: 119 })).toThrow(tooLarge);
    const enough = createResultSize(files, { withTexts: true, maxBytes: 120 });
    for (const each of files) enough.add(each, { extracted_text: '' });
  });

  it('are measured without the texts where nobody asked for them', () => {
    const files = [file(60), file(60), file(60)];
    const size = createResultSize(files, { withTexts: false, maxBytes: 100 });
    size.add(files[0]!, { extracted_text: 'x'.repeat(50) });
    size.add(files[1]!, {});
    expect(() => size.add(files[2]!, null)).toThrow(tooLarge);
  });
});
