// What a file holds, found out from its first bytes.

/** Files up to this size are shown, and can be edited where they are text. */
export const previewLimit = 1 << 20;
const hexLimit = 4096;

export type Content =
  | { kind: 'text'; text: string; whole: boolean }
  | { kind: 'image'; url: string }
  | { kind: 'binary'; dump: string };

const signatures: [string, number[]][] = [
  ['image/png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['image/jpeg', [0xff, 0xd8, 0xff]],
  ['image/gif', [0x47, 0x49, 0x46, 0x38]],
];

/** The page may show images as data only: nothing that a container wrote gets an address. */
export function contentOf(bytes: Uint8Array, whole: boolean): Content {
  const image = signatures.find(([, magic]) => magic.every((byte, at) => bytes[at] === byte));
  if (image && whole) return { kind: 'image', url: `data:${image[0]};base64,${base64(bytes)}` };
  const text = asText(bytes, whole);
  return text === undefined ? { kind: 'binary', dump: hex(bytes.subarray(0, hexLimit)) } : { kind: 'text', text, whole };
}

/** Text is UTF-8 without NUL; a character that the limit cut in two is left out. */
function asText(bytes: Uint8Array, whole: boolean): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: !whole });
  } catch {
    return undefined;
  }
}

export function hex(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const codes = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ').padEnd(47);
    const signs = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${codes}  ${signs}`);
  }
  return lines.join('\n');
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
