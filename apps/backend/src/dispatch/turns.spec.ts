import { describe, expect, it } from '@jest/globals';
import { noTurns, RESCUED, RESCUED_OF, takeTurns, turnsAsParameters, type Turn } from './turns.ts';

const turnOf = (organisation_id: string, start: number, level = 'default 0'): Turn => ({
  ...{ organisation_id, level, start },
  share: 1,
});
const turn = (...of: Parameters<typeof turnOf>) => ({ turns: [turnOf(...of)] });
const parameters = (turns: ReturnType<typeof noTurns>) => {
  const { from, taken } = turnsAsParameters(turns);
  return { from: JSON.parse(from) as unknown, taken: JSON.parse(taken) as unknown };
};

describe('turns', () => {
  it('remember only who is ahead of those that were served last, on each level apart', () => {
    const turns = noTurns();
    takeTurns(turns, [turn('a', 0), turn('b', 0), turn('a', 1), turn('c', 0, 'high 0')], { goOn: true });
    expect(parameters(turns)).toEqual({
      from: { 'default 0': 1, 'high 0': 0 },
      taken: { 'default 0 a': 2, 'high 0 c': 1 },
    });
  });

  it('never go back: who comes with less than the others had starts level with them', () => {
    const turns = noTurns();
    takeTurns(turns, [turn('a', 5)], { goOn: true });
    takeTurns(turns, [turn('b', 5), turn('c', 2)], { goOn: true });
    expect(parameters(turns)).toMatchObject({ from: { 'default 0': 5 } });
  });

  it('of a parcel across levels are taken on each of them, and it is one publication', () => {
    const turns = noTurns();
    takeTurns(turns, [{ turns: [turnOf('a', 3), turnOf('a', 0, 'high 0')] }], { goOn: true });
    expect(parameters(turns).taken).toEqual({ 'default 0 a': 4, 'high 0 a': 1 });
    expect(turns.sinceRescue).toBe(1);
  });

  it('are forgotten when nothing waits any more', () => {
    const turns = noTurns();
    takeTurns(turns, [turn('a', 0)], { goOn: false });
    expect(turns.levels.size).toBe(0);
  });

  it('save up one place for what waited too long, and no more', () => {
    const turns = noTurns();
    for (let round = 0; round < 5; round += 1)
      takeTurns(
        turns,
        Array.from({ length: 7 }, (_, start) => turn('a', start)),
        { goOn: true },
      );
    expect(turns.sinceRescue).toBe(RESCUED_OF);
    takeTurns(turns, [turn('b', 0, RESCUED)], { goOn: true });
    expect(turns.sinceRescue).toBe(1);
  });
});
