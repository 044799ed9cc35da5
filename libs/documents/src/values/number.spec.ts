import { describe, expect, it } from '@jest/globals';
import { parseNumber } from './number.ts';

describe('a number', () => {
  it.each([
    ['12', 12],
    ['1,234.56', 1234.56],
    ['1.234,56', 1234.56],
    ['1 234,56', 1234.56],
    ['1\u00a0234\u202f567,5', undefined],
    ['1\u202f234\u202f567,5', 1234567.5],
    ["1'234.50", 1234.5],
    ['12,5', 12.5],
    ['1,234', 1234],
    ['1.234', 1.234],
    ['1.234.567', 1234567],
    ['1,234,567.8', 1234567.8],
    ['(12.00)', -12],
    ['(€ 1,200.00)', -1200],
    ['12.00-', -12],
    ['\u221212', -12],
    ['-$5', -5],
    ['$ -5.25', -5.25],
    ['EUR 1.200,75', 1200.75],
    ['2.150,75 EUR', 2150.75],
    ['19 %', 19],
    ['.5', 0.5],
    ['+7', 7],
    ['0,00', 0],
    ['1.5e3', 1500],
    ['12,34,56', undefined],
    ['1.234.56', undefined],
    ['12 apples', undefined],
    ['2026-03-01', undefined],
    ['', undefined],
    ['-', undefined],
    ['(5', undefined],
    ['1,23,456.7', undefined],
    ['NaN', undefined],
  ])('%s is %s', (text, value) => {
    expect(parseNumber(text)).toBe(value);
  });

  it('takes the decimal mark that it is told', () => {
    expect(parseNumber('1,234', ',')).toBe(1.234);
    expect(parseNumber('1.234', ',')).toBe(1234);
    expect(parseNumber('1,234', '.')).toBe(1234);
    expect(parseNumber('1,5', '.')).toBeUndefined();
  });
});

describe('a number as it is written elsewhere', () => {
  it.each([
    ['1.234,-', 1234],
    ["CHF 1'234.–", 1234],
    ['100EUR', 100],
    ['ABC100', undefined],
    ['12 abc', undefined],
    ['R$ 1.234,56', 1234.56],
    ['1 234,50 kr', 1234.5],
    ['1 234 567,89 Kč', 1234567.89],
    ['12,000円', 12000],
    ['1,234.56 CR', 1234.56],
    ['1.234,56 S', -1234.56],
    ['+1.234,56 H', 1234.56],
    ['12.00 DR', -12],
  ])('%s is %s', (text, value) => {
    expect(parseNumber(text)).toBe(value);
  });

  it('lets a habit settle only what is open', () => {
    expect(parseNumber('1.234', undefined, ',')).toBe(1234);
    expect(parseNumber('1,234', undefined, ',')).toBe(1.234);
    expect(parseNumber('1,234.56', undefined, ',')).toBe(1234.56);
  });
});
