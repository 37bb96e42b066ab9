import { expect, test } from 'vitest';
import { kindOf, matching, type Part } from './licences';

const parts: Part[] = [
  { name: 'one', version: '1', texts: ['Apache License\n   Version 2.0, January 2004', 'Copyright The Moon'] },
  { name: 'two', version: '2', texts: ['Permission is hereby granted, free of charge, to any person'] },
  { name: 'three', version: '3', texts: ['Do what you like'] },
];

test('a licence is called by its name', () => {
  expect(parts.map(kindOf)).toEqual(['Apache-2.0', 'MIT', '']);
});

test('parts are found by name, kind and words of the licence, all of them', () => {
  const names = (filter: string) => matching(parts, filter).map((p) => p.name);
  expect(names('')).toEqual(['one', 'two', 'three']);
  expect(names('TWO')).toEqual(['two']);
  expect(names('apache moon')).toEqual(['one']);
  expect(names('apache granted')).toEqual([]);
});
