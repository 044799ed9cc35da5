/** What says how an amount is meant: a currency, a rate, whether tax is in it. Long or with digits it says something else. */
const TAX =
  '(?:incl|excl|inkl|exkl|zzgl|plus|before|after|including|excluding|inclusive|exclusive)\\.?\\s+(?:of\\s+)?(?:the\\s+)?(?:VAT|tax(?:es)?|GST|MwSt\\.?|USt\\.?|TVA|IVA)|brutto|netto|gross|net|TTC|HT|TVAC|HTVA';
const CURRENCY = '(?:(?:in|en)\\s+)?(?:[A-Z]{3}|Euros?|\\p{Sc})';
const RATE = '\\d{1,2}(?:[.,]\\d{1,2})?\\s?%';
const WORDS = new RegExp(`^(?:(?:${TAX}|${CURRENCY}|${RATE}|\\([^()\\d]{1,40}\\)|\\(${RATE}\\))\\s*)+$`, 'u');
const BEFORE_COLON = new RegExp(`^\\s*(?:${TAX}|${CURRENCY}|${RATE})(?=\\s*[:=])`, 'u');
const IN_PARENTHESES = new RegExp(
  `^\\s*(?:[(（](?:[^()（）\\d]{1,40}|${RATE})[)）]|\\[[^\\[\\]\\d]{1,40}\\])`,
  'u',
);
const ABOUT_TAX = new RegExp(`(?<![\\p{L}\\p{N}])(?:${TAX})(?![\\p{L}\\p{N}])`, 'iu');
/** A remark behind a number or a date. */
const REMARK = new RegExp(`\\s*(?:[(（][^()（）]{0,60}[)）]|[,;]?\\s+(?:${TAX})\\.?)\\s*$`, 'iu');

/** How much of a text behind a label still belongs to the label, as in "Total (EUR): 5" and "VAT 19 %: 5". */
export function endOfQualifier(text: string): number {
  return (IN_PARENTHESES.exec(text) ?? BEFORE_COLON.exec(text))?.[0].length ?? 0;
}

/** Whether a qualifier tells of taxes: a total before tax is another than the one that is only called a total. */
export function tellsOfTax(text: string): boolean {
  return ABOUT_TAX.test(text);
}

/** Whether a text says nothing but how an amount is meant. */
export function isQualifier(text: string): boolean {
  return text.length <= 60 && WORDS.test(text);
}

/** A text without a remark at its end, as in "119.00 EUR (incl. VAT)"; undefined when there is none. */
export function withoutRemark(text: string): string | undefined {
  if (text.length > 160) return undefined;
  const bare = text.replace(REMARK, '');
  return bare === text || bare.trim() === '' ? undefined : bare.trim();
}
