/** Names and their short forms in English, German, French, Spanish, Italian, Portuguese and Dutch, without accents. */
const MONTHS: readonly string[] = [
  'january jan januar janner janvier janv enero ene gennaio gen januari janeiro',
  'february feb februar feber fevrier fevr febrero febbraio februari fevereiro fev',
  'march mar marz maerz mrz mars marzo maart mrt marco',
  'april apr avril avr abril abr aprile',
  'may mai mayo maggio mag mei maio',
  'june jun juni juin junio giugno giu junho',
  'july jul juli juillet juil julio luglio lug julho',
  'august aug aout agosto ago augustus',
  'september sep sept septembre septiembre settembre set sett setembro',
  'october oct oktober okt octobre octubre ottobre ott outubro out',
  'november nov novembre noviembre novembro',
  'december dec dezember dez decembre diciembre dic dicembre dezembro',
];

const NUMBERS: ReadonlyMap<string, number> = new Map(
  MONTHS.flatMap((names, index) => names.split(' ').map((name) => [name, index + 1] as const)),
);

/** The number of a month, 1 to 12, by its name in any case, with or without accents; undefined for what is none. */
export function monthNumber(name: string): number | undefined {
  const bare = name.toLowerCase().normalize('NFD').replaceAll(/\p{M}/gu, '');
  return NUMBERS.get(bare);
}
