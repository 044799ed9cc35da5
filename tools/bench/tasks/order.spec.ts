import { describe, expect, it } from '@jest/globals';
import { orderOf } from './order.ts';

/** Tasks as they were handled, each in a parcel of its own unless one is named. */
const handled = (...tasks: [rank: number, submitted: number, parcel?: string][]) =>
  tasks.map(([rank, submitted, parcel = `${rank} ${submitted}`]) => ({ rank, submitted, parcel }));

describe('the order of handled tasks', () => {
  it('is kept when the greater rank goes first, and among equals the first', () => {
    const order = orderOf(handled([2, 1], [2, 3], [1, 0], [1, 2]));
    expect(order).toEqual({ mostPassedParcels: 0, inOrder: 1 });
  });

  it('tells of a lower rank that goes before higher ones, by the parcels it passes', () => {
    const order = orderOf(handled([1, 0], [2, 1, 'a'], [2, 2, 'a'], [2, 3, 'b']));
    expect(order).toEqual({ mostPassedParcels: 2, inOrder: 0.75 });
  });

  it('tells of an equal that goes before one submitted earlier', () => {
    expect(orderOf(handled([0, 1], [0, 0])).mostPassedParcels).toBe(1);
  });

  it('does not ask for an order within a parcel', () => {
    expect(orderOf(handled([0, 1, 'a'], [0, 0, 'a'])).mostPassedParcels).toBe(0);
  });
});
