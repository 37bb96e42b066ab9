/** Something that Davit is made with, and the texts of its licence. */
export interface Part {
  name: string;
  version: string;
  texts: string[];
}

const kinds: [RegExp, string][] = [
  [/Apache License\s+Version 2\.0/, 'Apache-2.0'],
  [/GNU LESSER GENERAL PUBLIC LICENSE|GNU Lesser General Public/i, 'LGPL'],
  [/Mozilla Public License/i, 'MPL'],
  [/Redistribution and use in source and binary forms/, 'BSD'],
  [/Permission is hereby granted, free of charge/, 'MIT'],
  [/Permission to use, copy, modify, and\/or distribute/, 'ISC'],
];

/** How the licences of a part are usually called; empty: nothing that is known. */
export function kindOf(part: Part): string {
  return kinds.filter(([words]) => part.texts.some((text) => words.test(text))).map(([, kind]) => kind).join(', ');
}

/** The parts in whose name, or in whose licence, all the words stand. */
export function matching(parts: Part[], filter: string): Part[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return parts.filter((part) => {
    const all = [part.name, kindOf(part), ...part.texts].join('\n').toLowerCase();
    return words.every((word) => all.includes(word));
  });
}
