import { plural } from './plural';

const figure = (n: number) => plural(n, '#', '#');

/** What a container wrote. */
export const logs = {
  title: 'Logs',
  label: (name: string) => `Log of ${name}`,
  together: (n: number) => plural(n, 'Log of # container', 'Logs of # containers'),
  showTogether: 'Show Logs Together',
  allRunning: 'Logs of All Running Containers',
  search: 'Search the log',
  searchHint: 'Search',
  searching: 'Searching…',
  stream: 'Stream',
  all: 'All',
  stdout: 'Output',
  stderr: 'Errors',
  level: 'Level',
  anyLevel: 'Any level',
  least: { debug: 'Debug and above', info: 'Info and above', warn: 'Warnings and errors', error: 'Errors', fatal: 'Fatal errors' },
  levels: { trace: 'trace', debug: 'debug', info: 'info', warn: 'warning', error: 'error', fatal: 'fatal error' },
  follow: 'Follow New Lines',
  wrap: 'Wrap Long Lines',
  times: 'Times',
  clocks: { none: 'No Times', local: 'Time of Day Here', utc: 'Date and Time (UTC)', relative: 'How Long Ago' },
  ago: (age: string) => `${age} ago`,
  show: 'How Lines Are Shown',
  shows: { colours: 'With Their Colours', fields: 'JSON as Fields', raw: 'Byte by Byte' },
  jump: 'Jump to a Time…',
  jumpOf: (name: string) => `Jump to a Time in the Log of ${name}…`,
  jumpTitle: 'Jump to a Time',
  jumpAt: 'Date and time',
  jumpHint: 'In this computer’s time.',
  jumpBad: 'This is no date and time.',
  jumpBack: 'Some time ago',
  jumpGo: 'Jump',
  minutesBack: (n: number) => (n < 60 ? plural(n, '# Minute Ago', '# Minutes Ago') : plural(n / 60, '# Hour Ago', '# Hours Ago')),
  begin: 'Jump to the Beginning',
  only: 'Only Matching Lines',
  copy: 'Copy Shown Lines',
  save: 'Save As File',
  saveFailed: 'The log could not be saved',
  newest: 'Jump to Newest',
  newLines: (n: number) => plural(n, '# new line', '# new lines'),
  readNew: 'Read New Lines',
  nothingNew: 'No new lines',
  matches: (at: number, n: number, more: boolean) =>
    n === 0
      ? 'No matches'
      : at > 0
        ? `${figure(at)} of ${more ? 'the last ' : ''}${figure(n)}`
        : more
          ? `The last ${figure(n)} matches`
          : plural(n, '# match', '# matches'),
  previous: 'Previous Match',
  next: 'Next Match',
  empty: 'Nothing has been written yet',
  emptyText: 'Lines appear here as the container writes them.',
  emptyDone: 'The container wrote nothing',
  noMatch: (text: string) => `No lines match “${text}”`,
  noStream: 'Nothing was written to this stream',
  noLevel: 'No lines of this level',
  failed: 'The log could not be read',
  brokeOff: 'The log broke off here',
  copied: (n: number) => plural(n, 'Copied # line', 'Copied # lines'),
  toolbar: 'Log tools',
};
