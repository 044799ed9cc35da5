import { createHash } from 'node:crypto';
import swc from '@swc/jest';
import { mutated, type Mutation } from './mutation.ts';

interface Options {
  readonly mutation: Mutation;
  /** The checkout; the file of the mutation is named from here. */
  readonly root: string;
  /** The settings of the transform that the suite uses otherwise. */
  readonly swc: Parameters<typeof swc.createTransformer>[0];
}

/** A step of Jest's transform of one file. */
type Step<Result> = (source: string, path: string, options: never) => Result;

/**
 * The suite's own transform for Jest, but for one place in one file. Nothing is written: the file on disk stays as it is, and the
 * results are cached apart from those of the real suite.
 */
function createTransformer({ mutation, root, swc: settings }: Options) {
  const transformer = swc.createTransformer(settings);
  const mutating =
    <Result>(step: Step<Result>): Step<Result> =>
    (source, path, options) =>
      step(path === `${root}/${mutation.file}` ? mutated(source, mutation) : source, path, options);
  const key = mutating(transformer.getCacheKey as Step<string>);
  return {
    canInstrument: false,
    process: mutating(transformer.process as Step<unknown>),
    processAsync: mutating(transformer.processAsync as Step<Promise<unknown>>),
    getCacheKey: ((...given) =>
      createHash('sha256')
        .update(key(...given))
        .digest('hex')) satisfies Step<string>,
  };
}

export default { createTransformer };
