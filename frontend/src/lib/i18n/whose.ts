import { list, plural } from './plural';

/** To whom files in directories of this computer belong. */
export const whose = {
  open: 'Whose Files…',
  openOf: (path: string) => `Whose files are in ${path}?`,
  title: 'Whose Files',
  failed: 'The directory could not be looked through',
  yours: 'All that is there is yours.',
  found: (files: string, bytes: string) => `${files} with ${bytes} belong to other users of containers, who are subordinate ids of yours.`,
  files: (n: number, shown: string) => plural(n, `${shown} file or directory`, `${shown} files and directories`),
  owner: (uid: number) => `User ${uid} inside`,
  skipped: (n: number) => plural(n, '# file belongs to somebody else on this computer and is left alone.', '# files belong to somebody else on this computer and are left alone.'),
  running: (names: string[]) => `${list(names)} may not be able to write them any more.`,
  give: 'Give Them to Me',
  giving: 'Giving…',
  given: (files: string) => `${files} are yours now`,
};
