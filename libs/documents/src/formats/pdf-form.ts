import type { FormField } from '../document.ts';
import { readableText } from '../values/readable.ts';
import type { PlacedText } from './pdf-rows.ts';

/** What the library tells of a field on a page; other annotations lack most of it. */
interface Widget {
  readonly subtype?: string;
  readonly fieldName?: string;
  readonly alternativeText?: string;
  readonly fieldValue?: unknown;
  readonly checkBox?: boolean;
  readonly radioButton?: boolean;
  readonly pushButton?: boolean;
  readonly exportValue?: unknown;
  readonly buttonValue?: unknown;
  readonly hidden?: boolean;
  readonly password?: boolean;
  readonly rect?: readonly number[];
  readonly options?: readonly { readonly exportValue?: unknown; readonly displayValue?: unknown }[];
}

/** From the page's own coordinates to those that a reader sees. */
type Transform = readonly number[];

/** The fields of a page: as such, and as the text that a person sees in them. */
export interface PageForm {
  readonly fields: readonly FormField[];
  readonly items: readonly PlacedText[];
}

/** Size of the letters in a field that does not say it, and the most that the height of a field tells of it. */
const USUAL_SIZE = 10;
const CHECKED = '\u2611';
const UNCHECKED = '\u2610';

/** The fields of a form that are filled in. The text of a page has none of what stands in them. */
export function pageForm(annotations: readonly unknown[], page: number, transform: Transform): PageForm {
  const fields: FormField[] = [];
  const items: PlacedText[] = [];
  for (const widget of annotations as readonly Widget[]) {
    if (widget.subtype !== 'Widget' || widget.hidden === true || widget.password === true) continue;
    if (widget.pushButton === true || widget.rect?.length !== 4) continue;
    const corner = boxOf(widget.rect, transform);
    const seen = seenIn(widget);
    if (seen !== '') items.push(...placed(seen, corner));
    const value = valueOf(widget);
    const names = namesOf(widget);
    if (value !== '' && names.length > 0) fields.push({ names, value, page, ...corner });
  }
  return { fields, items };
}

/** What a person reads in the field: the words of the choice, a mark in a box. */
function seenIn(widget: Widget): string {
  if (widget.checkBox === true) return isOn(widget) ? CHECKED : UNCHECKED;
  if (widget.radioButton === true) return isOn(widget) ? CHECKED : '';
  return textOf(widget);
}

/** What the field says: of a box whether it is ticked, of buttons in a group the one that is pressed. */
function valueOf(widget: Widget): string {
  if (widget.checkBox === true) return isOn(widget) ? 'true' : 'false';
  if (widget.radioButton === true) return isOn(widget) ? clean(widget.buttonValue) : '';
  return textOf(widget);
}

function isOn({ checkBox, fieldValue, exportValue, buttonValue }: Widget): boolean {
  const on = checkBox === true ? exportValue : buttonValue;
  return fieldValue !== undefined && fieldValue !== null && fieldValue !== 'Off' && fieldValue === on;
}

function textOf({ fieldValue, options = [] }: Widget): string {
  const shown = (value: unknown) =>
    clean(options.find((option) => option.exportValue === value)?.displayValue ?? value);
  return [fieldValue]
    .flat()
    .map(shown)
    .filter((text) => text !== '')
    .join(', ');
}

function clean(value: unknown): string {
  return typeof value === 'string' ? readableText(value).trim() : '';
}

/** What a person is told first, then the name inside, its last part too: `applicant.date_of_birth[0]` is a date of birth. */
function namesOf({ fieldName, alternativeText }: Widget): string[] {
  const inside = clean(fieldName).replaceAll(/\[\d+\]/gu, '');
  const last = inside.split('.').at(-1) ?? '';
  const names = [clean(alternativeText), spelledOut(inside.replaceAll('.', ' ')), spelledOut(last)];
  return [...new Set(names.filter((name) => name !== ''))];
}

function spelledOut(name: string): string {
  return name
    .replaceAll(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2')
    .replaceAll(/[\s_-]+/gu, ' ')
    .trim();
}

type Corner = Readonly<Record<'x' | 'y' | 'width' | 'height', number>>;

function boxOf([x1 = 0, y1 = 0, x2 = 0, y2 = 0]: readonly number[], transform: Transform): Corner {
  const [a = 1, b = 0, c = 0, d = -1, e = 0, f = 0] = transform;
  const xs = [a * x1 + c * y1 + e, a * x2 + c * y2 + e];
  const ys = [b * x1 + d * y1 + f, b * x2 + d * y2 + f];
  const x = Math.min(...xs);
  const y = Math.min(...ys);
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

/** One line in the middle of its field, several from its top. */
function placed(text: string, { x, y, width, height }: Corner): PlacedText[] {
  const lines = text.split(/\r\n|[\r\n]/u).filter((line) => line.trim() !== '');
  const size = Math.min(USUAL_SIZE, height / Math.max(1, lines.length) || USUAL_SIZE);
  const first = lines.length === 1 ? y + (height + 0.7 * size) / 2 : y + 1.1 * size;
  return lines.map((line, index) => ({
    text: line,
    left: x + 2,
    right: Math.min(x + width, x + 2 + line.length * size * 0.5),
    top: first + index * size * 1.2,
    size,
  }));
}
