/** A part of a picture and its place on it, in pixels from the upper left corner. */
export interface Stripe {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly content: Uint8Array;
}

interface StripedPicture {
  readonly width: number;
  readonly height: number;
  readonly stripes: readonly Stripe[];
  /** How the stripes are packed and coloured, in the words of PDF. */
  readonly look: string;
}

/** A PDF of one page that shows a picture, a point for each pixel. */
export function picturePdf({ width, height, stripes, look }: StripedPicture): Uint8Array {
  const places = stripes.map(
    (stripe, index) =>
      `q ${stripe.width} 0 0 ${stripe.height} ${stripe.left} ${height - stripe.top - stripe.height} cm /S${index} Do Q`,
  );
  const names = stripes.map((_, index) => `/S${index} ${index + 5} 0 R`);
  const page = `/MediaBox[0 0 ${width} ${height}]/Resources<</XObject<<${names.join('')}>>>>/Contents 4 0 R`;
  return assemble([
    Buffer.from('<</Type/Catalog/Pages 2 0 R>>'),
    Buffer.from('<</Type/Pages/Kids[3 0 R]/Count 1>>'),
    Buffer.from(`<</Type/Page/Parent 2 0 R${page}>>`),
    stream('', Buffer.from(places.join('\n'))),
    ...stripes.map((stripe) =>
      stream(
        `/Type/XObject/Subtype/Image/Width ${stripe.width}/Height ${stripe.height}${look}`,
        stripe.content,
      ),
    ),
  ]);
}

function stream(head: string, content: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.from(`<<${head}/Length ${content.length}>>stream\n`),
    content,
    Buffer.from('\nendstream'),
  ]);
}

function assemble(objects: readonly Buffer[]): Uint8Array {
  const parts = [Buffer.from('%PDF-1.7\n')];
  let length = 9;
  let table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`;
  for (const [index, object] of objects.entries()) {
    const part = Buffer.concat([Buffer.from(`${index + 1} 0 obj\n`), object, Buffer.from('\nendobj\n')]);
    table += `${String(length).padStart(10, '0')} 00000 n \n`;
    length += part.length;
    parts.push(part);
  }
  const end = `trailer<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${length}\n%%EOF\n`;
  return new Uint8Array(Buffer.concat([...parts, Buffer.from(table + end)]));
}
