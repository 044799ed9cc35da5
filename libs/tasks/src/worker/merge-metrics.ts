/**
 * One text from those of several processes, in the text format of Prometheus: each metric once, with the measurements of all. Their labels
 * must tell them apart.
 */
export function mergeMetrics(texts: readonly string[]): string {
  const families = new Map<string, { head: string[]; samples: string[] }>();
  for (const text of texts) {
    let family: { head: string[]; samples: string[] } | undefined;
    for (const line of text.split('\n')) {
      const named = /^# (?:HELP|TYPE) (\S+)/.exec(line);
      if (named !== null) {
        family = familyOf(families, named[1]!);
        if (!family.head.some((head) => sameKind(head, line))) family.head.push(line);
      } else if (line !== '') family?.samples.push(line);
    }
  }
  const lines = [...families.values()].flatMap(({ head, samples }) => [...head, ...samples, '']);
  return `${lines.join('\n')}\n`;
}

function familyOf<T extends Map<string, { head: string[]; samples: string[] }>>(families: T, name: string) {
  const known = families.get(name) ?? { head: [], samples: [] };
  families.set(name, known);
  return known;
}

/** `# HELP` and `# TYPE` stand once each, whatever a process of another release says there. */
function sameKind(one: string, other: string): boolean {
  return one.slice(0, 6) === other.slice(0, 6);
}
