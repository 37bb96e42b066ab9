/** A file of an archive. */
export interface Entry {
  name: string;
  data: Buffer | string;
  mode?: number;
  /** Makes it a symbolic link to this; data is empty then. */
  link?: string;
}

const block = 512;

/** A tar archive as POSIX has it since 1988. */
export function tar(entries: Entry[]): Buffer {
  const parts = entries.flatMap(({ name, data, mode = 0o644, link }) => {
    const body = Buffer.from(data);
    return [header(name, body.length, mode, link), body, Buffer.alloc((block - (body.length % block)) % block)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

function header(name: string, size: number, mode: number, link = ''): Buffer {
  const h = Buffer.alloc(block);
  h.write(name, 0);
  h.write(octal(mode, 7), 100);
  h.write(octal(0, 7), 108);
  h.write(octal(0, 7), 116);
  h.write(octal(size, 11), 124);
  h.write(octal(0, 11), 136);
  h.write('        ', 148);
  h.write(link ? '2' : '0', 156);
  h.write(link, 157);
  h.write('ustar\x0000', 257);
  const sum = h.reduce((a, b) => a + b, 0);
  h.write(`${octal(sum, 6)}\0 `, 148);
  return h;
}

function octal(n: number, digits: number): string {
  return n.toString(8).padStart(digits, '0');
}
