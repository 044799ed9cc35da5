interface Target {
  readonly select: { readonly kind: string };
  readonly fieldPaths: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** The files of a component for kustomize. Its objects come after the namespace of the overlay was set: see {@link inNamespaceOfBackend}. */
export function component(rest: Readonly<Record<string, unknown>>) {
  return { apiVersion: 'kustomize.config.k8s.io/v1alpha1', kind: 'Component', ...rest };
}

/** A replacement that puts objects of these kinds where the backend of the overlay is, and its namespace wherever else it is wanted. */
export function inNamespaceOfBackend(kinds: readonly string[], ...others: readonly Target[]) {
  return {
    source: { kind: 'Service', name: 'backend', fieldPath: 'metadata.namespace' },
    targets: [
      ...others,
      ...kinds.map((kind) => ({
        select: { kind },
        fieldPaths: ['metadata.namespace'],
        options: { create: true },
      })),
    ],
  };
}
