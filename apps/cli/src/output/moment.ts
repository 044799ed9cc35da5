/** A moment as tables show it, to the second: the Z says that it is UTC. */
export function moment(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')}Z`;
}
