import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { exitCodes } from '../cli-error.ts';
import { askPerson } from './ask-person.ts';

const setup = (isTTY: boolean) => {
  const input = Object.assign(new PassThrough(), { isTTY });
  const output = Object.assign(new PassThrough(), { isTTY });
  return { input, output, ask: askPerson({ input, output }) };
};

describe('whoever sits at a terminal', () => {
  it('is asked one question after the other', async () => {
    const { input, output, ask } = setup(true);
    const first = ask!('name? ');
    input.write('Ada\n');
    expect(await first).toBe('Ada');
    const second = ask!('age? ');
    input.write('36\n');
    expect(await second).toBe('36');
    expect(String(output.read())).toContain('age? ');
  });

  it.each([['\u0003'], ['\u0004']])('may go instead of answering: %j', async (key) => {
    const { input, ask } = setup(true);
    const asked = ask!('name? ');
    input.write(key);
    await expect(asked).rejects.toMatchObject({ message: 'Nothing was sent.', exitCode: exitCodes.usage });
  });

  it('is not asked where there is no terminal', () => {
    expect(setup(false).ask).toBeUndefined();
  });
});
