import { plural } from './plural';

/** Health checks. */
export const health = {
  title: 'Health',
  status: 'Status',
  command: 'Check',
  now: 'Check Now',
  checking: 'Checking…',
  unknown: 'not checked yet',
  states: { starting: 'Starting', healthy: 'Healthy', unhealthy: 'Unhealthy' },
  failing: (n: number) => plural(n, '# failure in a row', '# failures in a row'),
  code: (code: number) => (code === 0 ? 'fine' : code < 0 ? 'not run' : `exit ${code}`),
};

/** Limits and restart policy of a container. */
export const limits = {
  title: (name: string) => `Limits of ${name}`,
  heading: 'Limits',
  change: 'Change…',
  none: 'no limit',
  empty: 'Empty: no limit',
  changed: (name: string) => `${name} has its new limits`,
  of: (used: string, most: string) => `${used} of ${most}`,
};
