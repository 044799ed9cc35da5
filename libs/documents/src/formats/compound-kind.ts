const COMPOUND_FILE = [0xd0, 0xcf, 0x11, 0xe0] as const;

/** The container of old Office files, of encrypted new ones and of messages that Outlook saves. */
export function isCompoundFile(bytes: Uint8Array): boolean {
  return COMPOUND_FILE.every((byte, index) => bytes[index] === byte);
}

/** Whether such a container holds a message. */
export function isMessageFile(bytes: Uint8Array): boolean {
  return holdsName(bytes, '__properties_version1.0');
}

/** Whether such a container holds a part of this name. */
export function holdsName(bytes: Uint8Array, name: string): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(name, 0, 'utf16le');
}
