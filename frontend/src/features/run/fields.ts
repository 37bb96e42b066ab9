// The fields of the form that are not rows: which part of a spec each one
// shows, and how. One definition makes the field, its summary, its reading and
// the place where Go's message about it appears.
import type { HealthCheck, Limits, NetworkJoin, RunSpec, SecretUse, Ulimit } from '$lib/api/types';
import { t } from '$lib/i18n';
import { readSize, sizeText } from '$lib/format/size';
import { csvText, durationText, linesText, pairsText, readCsv, readDuration, readInteger, readLines, readNumber, readPairs, readWords, wordsText } from './codec';

export type SectionID = 'program' | 'storage' | 'network' | 'resources' | 'lifecycle' | 'security' | 'advanced';

export interface FieldDef {
  id: string;
  section: SectionID;
  kind: 'text' | 'lines' | 'check' | 'select';
  /** Two of them stand in one line. */
  half?: boolean;
  mono?: boolean;
  placeholder?: string;
  options?: string[];
  /** Where Go says that something is wrong with it. */
  places: string[];
  /** How it stands in the form: text, or "yes". */
  get: (spec: RunSpec) => string;
  /** Puts what was typed into a spec; called only where there is something. */
  put: (spec: RunSpec, text: string) => void;
}

type More = Partial<Pick<FieldDef, 'half' | 'mono' | 'placeholder' | 'options' | 'places'>>;
type Key<T> = { [K in keyof RunSpec]-?: RunSpec[K] extends T | undefined ? K : never }[keyof RunSpec];

function text(section: SectionID, key: Key<string>, more: More = {}): FieldDef {
  return {
    id: key,
    section,
    kind: more.options ? 'select' : 'text',
    places: [key],
    ...more,
    get: (spec) => (spec[key] as string | undefined) ?? '',
    put: (spec, value) => Object.assign(spec, { [key]: value.trim() }),
  };
}

function check(section: SectionID, key: Key<boolean>): FieldDef {
  return { id: key, section, kind: 'check', places: [key], get: (spec) => (spec[key] ? 'yes' : ''), put: (spec) => Object.assign(spec, { [key]: true }) };
}

function words(section: SectionID, key: 'command' | 'entrypoint'): FieldDef {
  return { id: key, section, kind: 'text', mono: true, places: [key], get: (spec) => wordsText(spec[key] ?? []), put: (spec, value) => (spec[key] = readWords(value)) };
}

function lines(section: SectionID, key: Key<string[]>, more: More = {}): FieldDef {
  return {
    id: key,
    section,
    kind: 'lines',
    mono: true,
    places: [key],
    ...more,
    get: (spec) => linesText((spec[key] as string[] | undefined) ?? []),
    put: (spec, value) => Object.assign(spec, { [key]: readLines(value) }),
  };
}

function pairs(section: SectionID, key: 'labels' | 'sysctls' | 'annotations', more: More = {}): FieldDef {
  return { id: key, section, kind: 'lines', mono: true, places: [key], ...more, get: (spec) => pairsText(spec[key] ?? {}), put: (spec, value) => (spec[key] = readPairs(value)) };
}

/** A list whose items are written in docker's short form. */
function items<T>(section: SectionID, id: string, get: (spec: RunSpec) => T[] | undefined, put: (spec: RunSpec, all: T[]) => void, form: Form<T>, more: More = {}): FieldDef {
  return {
    id,
    section,
    kind: 'lines',
    mono: true,
    places: [id],
    ...more,
    get: (spec) => linesText((get(spec) ?? []).map(form.text)),
    put: (spec, value) => put(spec, readLines(value).map(form.read)),
  };
}

interface Form<T> {
  text: (value: T) => string;
  read: (text: string) => T;
}

function limit(key: keyof Limits, form: Form<never> | Form<number> | Form<string>, more: More = {}): FieldDef {
  const { text: show, read } = form as Form<unknown>;
  return {
    id: `limits.${key}`,
    section: 'resources',
    kind: 'text',
    half: true,
    places: [`limits.${key}`],
    ...more,
    get: (spec) => (spec.limits?.[key] ? show(spec.limits[key]) : ''),
    put: (spec, value) => (spec.limits = { ...spec.limits, [key]: read(value) }),
  };
}

function health(key: keyof HealthCheck, form: Form<number>): FieldDef {
  return {
    id: `healthCheck.${key}`,
    section: 'lifecycle',
    kind: 'text',
    half: true,
    placeholder: t.spec.healthDefaults[key],
    places: [`healthCheck.${key}`],
    get: (spec) => (spec.healthCheck?.[key] ? form.text(spec.healthCheck[key] as number) : ''),
    put: (spec, value) => (spec.healthCheck = { ...spec.healthCheck, [key]: form.read(value) }),
  };
}

const plain: Form<string> = { text: (value) => value, read: (value) => value.trim() };
const size: Form<number> = { text: sizeText, read: readSize };
const duration: Form<number> = { text: durationText, read: readDuration };
const integer: Form<number> = { text: String, read: readInteger };
const decimal: Form<number> = { text: String, read: readNumber };

const ulimit: Form<Ulimit> = {
  text: (u) => `${u.name}=${u.soft}${u.hard === u.soft ? '' : `:${u.hard}`}`,
  read: (line) => {
    const [, name = line, soft = '', hard = soft] = /^([^=]+)=(-?\w+)(?::(-?\w+))?$/.exec(line) ?? [];
    return { name, soft: bound(soft), hard: bound(hard) };
  },
};

function bound(value: string): number {
  return value === 'unlimited' ? -1 : readInteger(value);
}

const device = {
  text: (d: NonNullable<RunSpec['devices']>[number]) =>
    [d.source, ...(d.target || d.permissions ? [d.target ?? d.source] : []), ...(d.permissions ? [d.permissions] : [])].join(':'),
  read: (line: string) => {
    const [source = '', second = '', third = ''] = line.split(':');
    const only = /^[rwm]+$/.test(second) && !third;
    return { source, ...(second && !only ? { target: second } : {}), ...(third || only ? { permissions: third || second } : {}) };
  },
};

const secret: Form<SecretUse> = {
  text: (s) =>
    csvText([
      s.source,
      ...(s.env ? ['type=env'] : []),
      ...(s.target ? [`target=${s.target}`] : []),
      ...(s.uid ? [`uid=${s.uid}`] : []),
      ...(s.gid ? [`gid=${s.gid}`] : []),
      ...(s.mode ? [`mode=${s.mode}`] : []),
    ]),
  read: (line) => {
    const [first = '', ...rest] = readCsv(line);
    const o = Object.fromEntries(rest.map((part) => part.split(/=(.*)/s)));
    const use: SecretUse = { source: first.replace(/^(?:source|src)=/, '') };
    if (o.type === 'env') use.env = true;
    if (o.target) use.target = o.target;
    if (o.uid) use.uid = readInteger(o.uid);
    if (o.gid) use.gid = readInteger(o.gid);
    if (o.mode) use.mode = o.mode;
    return use;
  },
};

const join: Form<NetworkJoin> = {
  text: (n) => csvText([n.network, ...(n.aliases ?? []).map((a) => `alias=${a}`), ...(n.ip ? [`ip=${n.ip}`] : []), ...(n.ip6 ? [`ip6=${n.ip6}`] : []), ...(n.mac ? [`mac=${n.mac}`] : [])]),
  read: (line) => {
    const [network = '', ...rest] = readCsv(line);
    const joined: NetworkJoin = { network };
    for (const [key, value] of rest.map((part) => part.split(/=(.*)/s) as [string, string])) {
      if (key === 'alias') joined.aliases = [...(joined.aliases ?? []), value];
      else if (key === 'ip' || key === 'ip6' || key === 'mac') joined[key] = value;
    }
    return joined;
  },
};

function endpoint(key: 'ip' | 'ip6' | 'mac'): FieldDef {
  return {
    id: `endpoint.${key}`,
    section: 'network',
    kind: 'text',
    half: true,
    places: [`endpoint.${key}`],
    get: (spec) => spec.endpoint?.[key] ?? '',
    put: (spec, value) => (spec.endpoint = { ...spec.endpoint, [key]: value.trim() }),
  };
}

const aliases: FieldDef = {
  id: 'endpoint.aliases',
  section: 'network',
  kind: 'text',
  half: true,
  places: ['endpoint.aliases'],
  get: (spec) => (spec.endpoint?.aliases ?? []).join(' '),
  put: (spec, value) => (spec.endpoint = { ...spec.endpoint, aliases: value.split(/[\s,]+/).filter(Boolean) }),
};

const stopTimeout: FieldDef = {
  id: 'stopTimeout',
  section: 'lifecycle',
  kind: 'text',
  half: true,
  placeholder: '10',
  places: ['stopTimeout'],
  get: (spec) => (spec.stopTimeout === undefined || spec.stopTimeout === null ? '' : String(spec.stopTimeout)),
  put: (spec, value) => (spec.stopTimeout = readInteger(value)),
};

const shmSize: FieldDef = {
  id: 'shmSize',
  section: 'resources',
  kind: 'text',
  half: true,
  placeholder: '64m',
  places: ['shmSize'],
  get: (spec) => sizeText(spec.shmSize ?? 0),
  put: (spec, value) => (spec.shmSize = readSize(value)),
};

const oomScore: FieldDef = {
  id: 'oomScoreAdj',
  section: 'resources',
  kind: 'text',
  half: true,
  placeholder: '0',
  places: ['oomScoreAdj'],
  get: (spec) => (spec.oomScoreAdj ? String(spec.oomScoreAdj) : ''),
  put: (spec, value) => (spec.oomScoreAdj = readInteger(value)),
};

const noLog: FieldDef = {
  id: 'log.none',
  section: 'advanced',
  kind: 'check',
  places: ['log.none'],
  get: (spec) => (spec.log?.none ? 'yes' : ''),
  put: (spec) => (spec.log = { ...spec.log, none: true }),
};

const clearEntrypoint: FieldDef = check('program', 'clearEntrypoint');

// A health check's command: of a shell, or its words after "CMD".
const healthTest: FieldDef = {
  id: 'healthCheck.test',
  section: 'lifecycle',
  kind: 'text',
  mono: true,
  places: ['healthCheck.test', 'healthCheck'],
  get: (spec) => {
    const [how = '', ...rest] = spec.healthCheck?.test ?? [];
    if (how === 'CMD-SHELL') return rest.join(' ');
    return how === 'CMD' ? `CMD ${wordsText(rest)}` : wordsText(spec.healthCheck?.test ?? []);
  },
  put: (spec, value) => {
    const test = /^CMD\s/.test(value) ? readWords(value) : ['CMD-SHELL', value];
    spec.healthCheck = { ...spec.healthCheck, test };
  },
};

const noHealth: FieldDef = {
  id: 'healthCheck.none',
  section: 'lifecycle',
  kind: 'check',
  places: ['healthCheck.none'],
  get: (spec) => (spec.healthCheck?.none ? 'yes' : ''),
  put: (spec) => (spec.healthCheck = { ...spec.healthCheck, none: true }),
};

/** A security option that a box stands for. */
function option(id: string, says: string): FieldDef {
  return {
    id,
    section: 'security',
    kind: 'check',
    places: [id],
    get: (spec) => (spec.securityOpt?.includes(says) ? 'yes' : ''),
    put: (spec) => (spec.securityOpt = [...(spec.securityOpt ?? []), says]),
  };
}

const boxed = ['no-new-privileges=false', 'seccomp=unconfined', 'systempaths=unconfined'];

const otherOptions: FieldDef = {
  id: 'securityOpt',
  section: 'security',
  kind: 'lines',
  mono: true,
  placeholder: t.spec.samples.securityOpt,
  places: ['securityOpt'],
  get: (spec) => linesText((spec.securityOpt ?? []).filter((opt) => !boxed.includes(opt))),
  put: (spec, value) => (spec.securityOpt = [...(spec.securityOpt ?? []), ...readLines(value)]),
};

function caps(key: 'capAdd' | 'capDrop'): FieldDef {
  return {
    id: key,
    section: 'security',
    kind: 'text',
    half: true,
    mono: true,
    places: [key],
    get: (spec) => (spec[key] ?? []).join(' '),
    put: (spec, value) => (spec[key] = value.split(/[\s,]+/).filter(Boolean)),
  };
}

function log(key: 'maxSize' | 'maxFiles', form: Form<number>): FieldDef {
  return {
    id: `log.${key}`,
    section: 'advanced',
    kind: 'text',
    half: true,
    places: [`log.${key}`],
    get: (spec) => (spec.log?.[key] ? form.text(spec.log[key]) : ''),
    put: (spec, value) => (spec.log = { ...spec.log, [key]: form.read(value) }),
  };
}

const pull: FieldDef = {
  id: 'pull',
  section: 'advanced',
  kind: 'select',
  half: true,
  options: ['', 'always', 'newer', 'never'],
  places: ['pull'],
  get: (spec) => (spec.pull === 'missing' ? '' : (spec.pull ?? '')),
  put: (spec, value) => (spec.pull = value as RunSpec['pull']),
};

const inherit = { mono: true, placeholder: t.run.commandPlaceholder };

/** Every field, in the order in which they stand. */
export const fields: FieldDef[] = [
  words('program', 'command'),
  words('program', 'entrypoint'),
  clearEntrypoint,
  text('program', 'workingDir', { ...inherit, half: true }),
  text('program', 'user', { ...inherit, half: true }),
  lines('program', 'groups', { half: true }),
  lines('program', 'envFiles', { half: true }),
  text('program', 'umask', { half: true, mono: true, placeholder: '0022' }),
  check('program', 'tty'),
  check('program', 'interactive'),
  check('program', 'init'),

  items('storage', 'secrets', (s) => s.secrets, (s, all) => (s.secrets = all), secret, { placeholder: t.spec.samples.secrets }),
  items('storage', 'devices', (s) => s.devices, (s, all) => (s.devices = all), device, { placeholder: t.spec.samples.devices }),

  aliases,
  text('network', 'hostname', { half: true }),
  text('network', 'domainname', { half: true, placeholder: t.spec.samples.domainname }),
  endpoint('mac'),
  endpoint('ip'),
  endpoint('ip6'),
  items('network', 'networks', (s) => s.networks, (s, all) => (s.networks = all), join, { placeholder: t.spec.samples.networks }),
  lines('network', 'extraHosts', { placeholder: t.spec.samples.extraHosts }),
  lines('network', 'dns', { half: true }),
  lines('network', 'dnsSearch', { half: true }),
  lines('network', 'dnsOptions', { half: true }),
  lines('network', 'expose', { half: true, placeholder: t.spec.samples.expose }),
  check('network', 'hostAccess'),

  limit('memory', size, { placeholder: t.spec.samples.memory }),
  limit('memorySwap', size),
  limit('memoryReservation', size),
  limit('cpus', decimal, { placeholder: t.spec.samples.cpus }),
  limit('cpuSet', plain, { placeholder: t.spec.samples.cpuSet }),
  limit('pids', integer),
  limit('cpuShares', integer, { placeholder: '1024' }),
  limit('ioWeight', integer),
  oomScore,
  shmSize,
  items('resources', 'ulimits', (s) => s.ulimits, (s, all) => (s.ulimits = all), ulimit, { placeholder: t.spec.samples.ulimits }),

  text('lifecycle', 'restart', { placeholder: 'no' }),
  check('lifecycle', 'autoRemove'),
  text('lifecycle', 'stopSignal', { half: true, placeholder: 'TERM' }),
  stopTimeout,
  healthTest,
  noHealth,
  health('interval', duration),
  health('timeout', duration),
  health('startPeriod', duration),
  health('startInterval', duration),
  health('retries', integer),

  check('security', 'readOnly'),
  option('newPrivileges', boxed[0]!),
  option('unconfined', boxed[1]!),
  option('systemPaths', boxed[2]!),
  check('security', 'privileged'),
  caps('capAdd'),
  caps('capDrop'),
  otherOptions,
  text('security', 'userns', { placeholder: 'keep-id' }),
  lines('security', 'uidMaps', { half: true }),
  lines('security', 'gidMaps', { half: true }),
  pairs('security', 'sysctls', { placeholder: t.spec.samples.sysctls }),

  text('advanced', 'platform', { half: true, mono: true, placeholder: t.run.platformPlaceholder }),
  pull,
  text('advanced', 'timezone', { half: true, placeholder: t.spec.samples.timezone }),
  log('maxSize', size),
  log('maxFiles', integer),
  noLog,
  pairs('advanced', 'labels', { placeholder: t.spec.samples.labels }),
  pairs('advanced', 'annotations'),
];

/** What of a spec no field shows stays as it is. */
export const shownElsewhere: (keyof RunSpec)[] = ['image', 'name', 'ports', 'publishAll', 'env', 'mounts', 'network'];
