// What the gallery's components are given: nothing that a person of Davit reads.
import type { MenuItem } from '$lib/ui/menu';

export const long = 'a-rather-long-name-for-something-that-does-not-fit-into-the-place-that-there-is';
export const hostile = '<script>alert(1)</script> \u202egnp.exe "\'&';

export const words = {
  title: 'Gallery',
  label: 'Label',
  text: 'Text',
  hint: 'A hint that says more.',
  error: 'What was typed is not possible.',
  size: '1.2 MB',
  age: '5 min',
  sentence: 'A sentence that says what happened, and why.',
  command: 'davit run -d -p 8080:80 nginx',
  lines: 'davit pull nginx\ndavit run nginx',
};

export const names = {
  buttons: 'Buttons',
  disabled: 'Buttons, disabled',
  small: 'Small buttons',
  icons: 'Icon buttons',
  inputs: 'Inputs',
  invalid: 'Inputs, invalid',
  choices: 'Choices',
  marks: 'Marks and badges',
  spark: 'Curves',
  progress: 'Progress',
  notices: 'Notices',
  banners: 'Banners',
  strips: 'Error strips',
  boxed: 'Boxed lists',
  boxes: 'Boxed lists, one without rows',
  code: 'Code',
  tabs: 'Tabs',
  closed: 'Sections',
  list: 'Lists',
  cells: 'Rows in columns',
  menu: 'Menus',
  skeleton: 'Loading',
  empty: 'Empty',
  failed: 'Failed',
  tree: 'Trees',
  surfaces: 'Surfaces',
} as const;

export const rows = [
  { id: 'one', name: 'one' },
  { id: 'current', name: 'current' },
  { id: 'selected', name: 'selected' },
  { id: 'long', name: long },
  { id: 'hostile', name: hostile },
];

export const menu: MenuItem[] = [
  { id: 'plain', title: 'Plain', icon: 'play', shortcut: 'Ctrl+Enter', run: () => {} },
  { id: 'off', title: 'Disabled', icon: 'stop', disabled: true, run: () => {} },
  { id: 'bad', title: 'Destructive', icon: 'trash', destructive: true, separated: true, run: () => {} },
];

export const tree = { text: hostile, number: 12, yes: true, nothing: null, list: ['a', 'b'], empty: {}, object: { deep: { deeper: 'end' } } };
export const curve = [2, 3, 8, 5, 4, 9, 30, 22, 12, 6, 5, 4, 6, 8, 9];
