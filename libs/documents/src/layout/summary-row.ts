/** How a row begins that sums others up, or carries their sum to the next page. */
const SUMMARY =
  /^(?:(?:sub|grand|net|gross|invoice|order)?[\s-]*totals?|(?:zwischen|gesamt|rechnungs|end|netto|brutto)?summe|(?:gesamt|rechnungs|end|netto|brutto)betrag|gesamt|[üu]bertrag|sous[\s-]?total|total\s+(?:ht|ttc|général)|montant\s+total|report|à\s+reporter|importe\s+total|suma(?:\s+(?:y\s+sigue|anterior))?|totale(?:\s+complessivo)?|subtotale|imponibile|riporto|a\s+riportare|totaal|subtotaal|(?:amount\s+|balance\s+)?(?:carried|brought)\s+(?:forward|over)|balance\s+due|amount\s+due|sum|合計|小計|総計)(?![\p{L}\p{N}])/iu;
const PART = /^(?:sub|zwischen|sous|[üu]bertrag|.*(?:carried|brought)|report|à|suma|riporto|a\s|小計)/iu;
/** What may follow such words in a cell of their own. */
const REST =
  /^[\s:.*]*(?:\(?(?:[A-Z]{3}|\p{Sc}|net|gross|netto|brutto|ht|ttc|due|excl\.?|incl\.?)\)?[\s:.*]*)*$/iu;
/** Between a subtotal and a total. */
const TAX =
  /^(?:(?:plus|zzgl\.?|incl\.?|inkl\.?|\+)\s+)?(?:\d{1,2}(?:[.,]\d+)?\s?%\s+)?(?:VAT|MwSt|USt|Umsatzsteuer|TVA|IVA|GST|sales\s+tax|tax|BTW|moms|消費税)(?![\p{L}\p{N}])/iu;

/**
 * Whether a row sums up what stands above it. A row of goods may begin like one ("Total station, 1 pc"), so it counts only
 * when its words say nothing else, or when it leaves a cell empty.
 */
export function isSummaryRow(cells: readonly string[], columns = cells.length): boolean {
  const first = cells.find((cell) => cell !== '') ?? '';
  const words = SUMMARY.exec(first)?.[0];
  if (words === undefined) return false;
  const filled = cells.filter((cell) => cell !== '').length;
  return REST.test(first.slice(words.length)) ? filled < Math.max(columns, 3) : filled * 2 <= columns;
}

/** What the words at the start of a line sum up: all of a table, a part of it that goes on, or nothing. */
export function summaryOf(text: string): 'all' | 'part' | undefined {
  const words = SUMMARY.exec(text)?.[0];
  if (words === undefined) return undefined;
  return PART.test(words) ? 'part' : 'all';
}

/** Whether a row, below one that sums up, tells of taxes. */
export function isTaxRow(cells: readonly string[]): boolean {
  return TAX.test(cells.find((cell) => cell !== '') ?? '');
}
