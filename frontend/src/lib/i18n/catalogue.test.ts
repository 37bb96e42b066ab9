import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, type AST } from 'svelte/compiler';
import { describe, expect, it } from 'vitest';

// What a person reads stands in the catalogue, so that it can be said in
// another language. Allowed outside: signs, units' names, names of standards.
const allowed = /^(?:[^\p{L}]*|TCP|UDP|Tab)$/u;
const spoken = new Set(['aria-label', 'title', 'placeholder', 'alt', 'label', 'text', 'hint']);
const samples = /^(?:80|\/home\/you\/data|\/data)$/;

const root = join(import.meta.dirname, '../..');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.svelte'));

function outside(file: string): string[] {
  const found: string[] = [];
  const ast = parse(readFileSync(join(root, file), 'utf8'), { modern: true });
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(visit);
    if (typeof node !== 'object' || node === null) return;
    const { type } = node as { type?: string };
    if (type === 'Text' && !allowed.test((node as AST.Text).data.trim())) found.push((node as AST.Text).data.trim());
    if (type === 'StyleDirective') return;
    if (type === 'Attribute') {
      const { name, value } = node as AST.Attribute;
      if (!spoken.has(name) || value === true) return;
      const parts = Array.isArray(value) ? value : [value];
      for (const part of parts) {
        if (part.type === 'Text' && !allowed.test(part.data) && !samples.test(part.data)) found.push(`${name}="${part.data}"`);
      }
      return;
    }
    Object.values(node).forEach(visit);
  };
  visit(ast.fragment);
  return found;
}

describe('the catalogue of words', () => {
  it.each(files)('%s says nothing of its own', (file) => expect(outside(file)).toEqual([]));
});
