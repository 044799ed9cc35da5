/** What one check found. */
export interface Finding {
  /** `wrong` makes the doctor fail, `note` deserves a look. */
  readonly state: 'ok' | 'note' | 'wrong';
  /** What was looked at, in a word or two. */
  readonly check: string;
  readonly found: string;
  /** How to mend it, where there is something to mend. */
  readonly mend?: string;
}

export function ok(check: string, found: string): Finding {
  return { state: 'ok', check, found };
}

export function note(check: string, found: string, mend: string): Finding {
  return { state: 'note', check, found, mend };
}

export function wrong(check: string, found: string, mend: string): Finding {
  return { state: 'wrong', check, found, mend };
}
