import { describe, expect, it } from 'vitest';
import { hostOf, linesOf, moved } from './host';

describe('hostOf', () => {
  it.each([
    ['https://Registry.Example.org/', 'registry.example.org'],
    ['localhost:5000', 'localhost:5000'],
    ['localhost', 'localhost'],
    ['[::1]:5000', '[::1]:5000'],
    ['example.org/team', 'example.org/team'],
    ['nginx', ''],
    ['a b.org', ''],
    ['<script>.org', ''],
    ['', ''],
  ])('%j: %j', (text, host) => expect(hostOf(text)).toBe(host));
});

it('linesOf leaves out what is empty', () => expect(linesOf(' a \n\n b')).toEqual(['a', 'b']));

it('moved stays within the list', () => {
  expect(moved(['a', 'b', 'c'], 'c', -1)).toEqual(['a', 'c', 'b']);
  expect(moved(['a', 'b'], 'a', -1)).toEqual(['a', 'b']);
  expect(moved(['a', 'b'], 'z', 1)).toEqual(['a', 'b']);
});
