/** Version of the internal HTTP contract. The backend serves this one and the one before. */
export const CONTRACT_VERSION = 1;

/** True when a backend of this release can serve a worker that speaks `version`. */
export function isServedContractVersion(version: number): boolean {
  return version === CONTRACT_VERSION || version === CONTRACT_VERSION - 1;
}
