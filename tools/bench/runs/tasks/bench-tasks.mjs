const CHILDREN = 20;

/** Tasks that do nothing: what is measured is everything around them. */
export default ({ defineTask, fanOut, z }) => [
  defineTask({
    name: 'bench.noop',
    description: 'Does nothing.',
    input: z.object({ payload: z.string() }),
    handler: () => null,
  }),
  defineTask({
    name: 'bench.tree',
    description: 'Has twenty children, which do nothing, and what follows them.',
    input: z.object({ payload: z.string() }),
    handler: () =>
      fanOut({
        children: Array.from({ length: CHILDREN }, (_, index) => ({
          key: String(index),
          task: 'bench.noop',
          input: { payload: String(index) },
        })),
        then: { task: 'bench.join', input: {} },
      }),
  }),
  defineTask({
    name: 'bench.join',
    description: 'Counts the children that succeeded.',
    input: z.object({}),
    handler: (_input, { children }) => children.filter(({ state }) => state === 'succeeded').length,
  }),
  defineTask({
    name: 'bench.clock',
    description: 'Answers when its handler was called.',
    input: z.object({ payload: z.string() }),
    handler: () => performance.timeOrigin + performance.now(),
  }),
];
