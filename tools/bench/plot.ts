/** One line of a panel: a value that rises by one at each of these moments. */
export interface Line {
  readonly name: string;
  readonly colour: string;
  /** Ascending, seconds. */
  readonly moments: readonly number[];
}

export interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Where the time axis ends, seconds. */
  readonly until: number;
}

const WIDTH = 360;
const HEIGHT = 220;
const MARGIN = { left: 52, right: 16, top: 34, bottom: 40 };
/** More would not be seen. */
const MOST_POINTS = 200;

/** An SVG with these panels beside each other: time in seconds to the right, what was completed upwards. */
export function plot(panels: readonly Panel[]): string {
  const width = panels.length * WIDTH;
  const groups = panels.map(
    (panel, index) => `<g transform="translate(${index * WIDTH} 0)">${drawn(panel)}</g>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT}" font-family="sans-serif" font-size="11">
<rect width="${width}" height="${HEIGHT}" fill="white"/>
${groups.join('\n')}
</svg>
`;
}

function drawn({ title, lines, until }: Panel): string {
  const most = Math.max(1, ...lines.map(({ moments }) => countBy(moments, until)));
  const x = (seconds: number) => MARGIN.left + (seconds / until) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (count: number) =>
    HEIGHT - MARGIN.bottom - (count / most) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const [left, bottom] = [x(0), y(0)];
  const ticks = [0, 0.5, 1].flatMap((share) => [
    text([left - 6, y(share * most) + 4], Math.round(share * most).toLocaleString('en'), { anchor: 'end' }),
    text([x(share * until), bottom + 16], (share * until).toFixed(until < 10 ? 1 : 0), { anchor: 'middle' }),
  ]);
  const legend = lines.map(({ name, colour }, index) =>
    text([left + 8, MARGIN.top + 10 + index * 14], name, { anchor: 'start', colour }),
  );
  return [
    `<title>${escaped(title)}</title>`,
    text([WIDTH / 2, 18], title, { anchor: 'middle' }),
    `<path d="M${left} ${MARGIN.top}V${bottom}H${x(until)}" fill="none" stroke="#888"/>`,
    text([WIDTH / 2, HEIGHT - 8], 'seconds', { anchor: 'middle', colour: '#555' }),
    ...ticks,
    ...lines.map(({ moments, colour }) => {
      const points = sampled(moments, until).map(([at, n]) => `${x(at).toFixed(1)},${y(n).toFixed(1)}`);
      return `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`;
    }),
    ...legend,
  ].join('\n');
}

/** How many moments there are until then. */
export function countBy(moments: readonly number[], until: number): number {
  const after = moments.findIndex((at) => at > until);
  return after === -1 ? moments.length : after;
}

/** Moment and count, for as many points as can be seen. */
function sampled(moments: readonly number[], until: number): [number, number][] {
  const count = countBy(moments, until);
  const step = Math.max(1, Math.floor(count / MOST_POINTS));
  const points = moments
    .slice(0, count)
    .map((at, index): [number, number] => [Math.max(0, at), index + 1])
    .filter((_, index) => index % step === 0 || index === count - 1);
  return [[0, 0], ...points, [until, count]];
}

interface Words {
  readonly anchor: 'start' | 'middle' | 'end';
  readonly colour?: string;
}

function text([x, y]: readonly [number, number], words: string, { anchor, colour = '#222' }: Words): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${colour}">${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
