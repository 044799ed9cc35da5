import type { KillFigures, TermFigures, Touched } from './handover-measure.ts';
import { median } from './statistics.ts';

export interface HandoverFigures {
  readonly term: TermFigures[];
  readonly kill: KillFigures[];
  readonly killOnHistory: KillFigures[];
  /** On an empty history, then on a long one. */
  readonly touched: Touched[];
  readonly history: number;
}

/** The page `docs/benchmarks-handover.md`. */
export function handoverReport(figures: HandoverFigures, cores: number): string {
  const { term, kill, killOnHistory, touched, history } = figures;
  const [empty, full] = touched as [Touched, Touched];
  return `# How soon another worker goes on

Written by \`npm run bench:handover\`. ${cores} cores, Node ${process.versions.node}, everything on one machine, PostgreSQL as the broker. Two workers of one pool with ten
slots each; one has five long runs, and short runs go to both without a pause. ${term.length} rounds; times are read from the rows that the claims wrote.

| | goal | median | worst |
|---|---|---|---|
| **SIGTERM**: from the signal until the other has taken a run submitted after it, ms | ≤ 1000 | ${cells(term.map(({ newWork }) => newWork))} |
| from the end of the grace until the other has the first of what is handed back, ms | ≤ 1000 | ${cells(term.map(({ first }) => first))} |
| … until it has the last, ms | ≤ 1000 | ${cells(term.map(({ last }) => last))} |
| the longest that one of these runs was in nobody's hands, ms | | ${cells(term.map(({ idle }) => idle))} |
| **SIGKILL**: from the signal until the other has the first of the lost runs, s | ≤ 20 | ${cells(
    kill.map(({ first }) => first / 1000),
    1,
  )} |
| … until it has the last, s | ≤ 20 | ${cells(
    kill.map(({ last }) => last / 1000),
    1,
  )} |
| the same on ${history.toLocaleString('en')} finished executions, s | ≤ 20 | ${cells(
    killOnHistory.map(({ last }) => last / 1000),
    1,
  )} |

A worker that is told to stop takes nothing new, gives messages that were on their way to it back to the broker, works on for its grace (\`SHUTDOWN_GRACE\`, here 3 s)
and hands back what is left then. A killed one cannot say so: it is given up 15 s after its last heartbeat (\`SESSION_TIMEOUT\`), and the reconciler
looks every second.

## What the reconciler and the other periodic work cost

Beside one idle worker, all that a backend does again and again: reconciler, leases, deadlines, queue depths, retention,
the worker's heartbeats, and the broker's own polls.

| per second | rows read | blocks looked at | CPU of the backend, ms |
|---|---|---|---|
| nothing in the database | ${touchedCells(empty)} |
| ${history.toLocaleString('en')} finished executions | ${touchedCells(full)} |
`;
}

function cells(values: readonly number[], digits = 0): string {
  return `${median(values).toFixed(digits)} | ${Math.max(...values).toFixed(digits)}`;
}

function touchedCells({ rows, blocks, cpuMs }: Touched): string {
  return `${rows.toFixed(0)} | ${blocks.toFixed(0)} | ${cpuMs.toFixed(0)}`;
}
