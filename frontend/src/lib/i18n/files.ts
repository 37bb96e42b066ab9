const rules = new Intl.PluralRules('en');

function plural(n: number, one: string, other: string): string {
  return (rules.select(n) === 'one' ? one : other).replace('#', new Intl.NumberFormat('en').format(n));
}

function list(names: string[]): string {
  const shown = names.slice(0, 5);
  const rest = names.length - shown.length;
  return new Intl.ListFormat('en').format(rest > 0 ? [...shown, plural(rest, '# more', '# more')] : shown);
}

/** The words of looking through files. */
export const files = {
  title: 'Files',
  path: 'Path',
  root: 'Root directory',
  filter: 'Filter files',
  refresh: 'List Again',
  newFolder: 'New Folder',
  upload: 'Upload Files',
  closeFile: 'Back to the List',
  listOf: (path: string, name: string) => `Files in ${path} of ${name}`,
  failed: 'This directory could not be listed',
  empty: 'Nothing Is in Here',
  emptyText: 'Drop files here, or make a folder.',
  noMatch: (text: string) => `No files match “${text}”`,
  truncated: (shown: string, all: string) => `The first ${shown} of ${all} entries are listed. Filter on the command line to see others.`,
  dismiss: 'Dismiss',
  open: 'Open',
  download: 'Download',
  downloaded: (name: string) => `Saved ${name}`,
  rename: 'Rename…',
  renameVerb: 'Rename',
  renameTitle: (name: string) => `Rename ${name}`,
  renamed: (name: string) => `Renamed to ${name}`,
  name: 'Name',
  create: 'Make Folder',
  badNames: {
    empty: 'Give it a name.',
    slash: 'A name cannot have a slash in it.',
    dots: 'This name stands for a directory already.',
    long: 'A name has at most 255 bytes.',
  },
  permissions: 'Permissions…',
  permissionsOf: (name: string) => `Permissions of ${name}`,
  mode: 'Permissions',
  modeHint: 'As chmod has them: 644 lets everybody read, 755 run as well, 600 is the owner’s alone.',
  badMode: 'Three or four digits from 0 to 7.',
  uid: 'Owner (number)',
  gid: 'Group (number)',
  badID: 'A number, as in the container.',
  deep: 'Everything in It, Too',
  deepHint: 'All files and folders below get these permissions and this owner.',
  apply: 'Change',
  changed: (name: string) => `Changed ${name}`,
  delete: 'Delete',
  deleteOne: 'Delete…',
  deleteTitle: (name: string) => `Delete ${name}?`,
  deleteFile: (path: string) => `${path} is gone for good then.`,
  deleteDir: (path: string) => `${path} and all that is in it is gone for good then.`,
  deleted: (name: string) => `Deleted ${name}`,
  deletedTitle: 'Deleted since the image',
  replaceTitle: (n: number) => plural(n, 'Replace # File?', 'Replace # Files?'),
  replaceText: (names: string[]) => `There already: ${list(names)}. What is in it now is lost then.`,
  replace: 'Replace',
  uploading: (name: string, part: string) => `Sending ${name}: ${part}`,
  uploaded: (n: number) => plural(n, 'Uploaded # file', 'Uploaded # files'),
  dropHere: (path: string) => `Drop to upload into ${path}`,
  noFolders: 'Folders Are Not Taken',
  noFoldersText: 'Drop the files in them, or copy the folder with davit cp.',
  kinds: { folder: 'Folder', link: 'Link', file: 'File' },
  marks: { added: 'added', modified: 'modified' },
  readFailed: 'This file could not be read',
  contentOf: (name: string) => `Content of ${name}`,
  binary: 'This is no text. Its first bytes:',
  cut: (size: string) => `Only the first ${size} are shown. Download it to see all.`,
  edit: 'Edit',
  save: 'Save',
  saved: (name: string) => `Saved ${name}`,
  readAgain: 'Read It Again',
  overwrite: 'Replace It All the Same',
};
