/** The upper halves of code pages of DOS, which no TextDecoder knows. */
const LETTERS = 'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ';
const UPPER_HALVES: Readonly<Record<number, string>> = {
  437: `${LETTERS}¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00A0`,
  850: `${LETTERS}ø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00AD±‗¾¶§÷¸°¨·¹³²■\u00A0`,
};

/** Decodes bytes by a code page of DOS; null: there is none of this number here. */
export function dosDecoder(codePage: number): { decode: (bytes: Uint8Array) => string } | null {
  const upper = UPPER_HALVES[codePage];
  if (upper === undefined) return null;
  const letterOf = (byte: number) => (byte < 128 ? String.fromCharCode(byte) : upper.charAt(byte - 128));
  return { decode: (bytes) => Array.from(bytes, letterOf).join('') };
}
