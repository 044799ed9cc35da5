/** The release that all parts of one checkout belong to; each package.json says the same. */
export const RELEASE = '0.1.0';

/**
 * Version of the internal HTTP contract. The backend serves this one and the one before. It rises with whatever a worker of this release asks
 * for and a backend of the release before does not know: such a worker is then refused when it registers, instead of failing runs.
 */
export const CONTRACT_VERSION = 2;

/** True when a backend of this release can serve a worker that speaks `version`. */
export function isServedContractVersion(version: number): boolean {
  return version === CONTRACT_VERSION || version === CONTRACT_VERSION - 1;
}
