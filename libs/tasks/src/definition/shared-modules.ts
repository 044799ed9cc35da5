import { realpathSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Modules of this process by the name under which others import them. */
export type SharedModules = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export type ShareModules = (modules: SharedModules, folders: readonly string[]) => void;

/** Where the source that stands for a shared module finds it. */
const SHARED = Symbol.for('longshore.shared-modules');
const SCHEME = 'longshore-shared:';

/**
 * Lets modules import these by name wherever they lie, with nothing installed beside them, and get the very objects of this process: a
 * second copy would have classes and registries of its own. In the folders these go before anything installed; elsewhere they stand in for
 * what is not found. Packages that are installed keep what they brought. Holds for this thread, for good.
 */
export const shareModules: ShareModules = (modules, folders) => {
  const shared = { ...(Reflect.get(globalThis, SHARED) as SharedModules | undefined), ...modules };
  Reflect.set(globalThis, SHARED, shared);
  const roots = folders.flatMap(realFolder);
  registerHooks({
    resolve: (specifier, context, next) => {
      if (!Object.hasOwn(modules, specifier)) return next(specifier, context);
      const answer = { url: SCHEME + specifier, format: 'module', shortCircuit: true };
      if (isWithin(context.parentURL, roots)) return answer;
      try {
        return next(specifier, context);
      } catch (error) {
        if (isNotFound(error)) return answer;
        throw error;
      }
    },
    load: (url, context, next) => {
      if (!url.startsWith(SCHEME)) return next(url, context);
      const name = url.slice(SCHEME.length);
      return { format: 'module', source: sourceOf(name, modules[name] ?? {}), shortCircuit: true };
    },
  });
};

/** The parents of modules are known by their real paths. */
function realFolder(folder: string): string[] {
  try {
    return [realpathSync(folder) + sep];
  } catch {
    return []; // It is not there, and holds no modules.
  }
}

function isWithin(parentURL: string | undefined, roots: readonly string[]): boolean {
  if (!parentURL?.startsWith('file:')) return false;
  const path = fileURLToPath(parentURL);
  return roots.some(
    (root) => path.startsWith(root) && !path.slice(root.length).split(sep).includes('node_modules'),
  );
}

function isNotFound(error: unknown): boolean {
  return ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Exports may be called like words of the language (`null`, `enum`); variables may not. */
function sourceOf(name: string, module: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(module).map((key) => JSON.stringify(key));
  const found = `globalThis[Symbol.for(${JSON.stringify(SHARED.description)})][${JSON.stringify(name)}]`;
  const values = names.map((key, index) => `const v${index} = shared[${key}];`);
  const exported = names.map((key, index) => `v${index} as ${key}`);
  return [`const shared = ${found};`, ...values, `export { ${exported.join(', ')} };`].join('\n');
}
