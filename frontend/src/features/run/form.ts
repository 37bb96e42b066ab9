import type { Mount, Port, RunSpec } from '$lib/api/types';
import { t } from '$lib/i18n';
import { join, split } from './shell';

export interface PortRow {
  host: string;
  container: string;
  protocol: string;
}

export interface EnvRow {
  name: string;
  value: string;
}

export interface MountRow {
  type: 'bind' | 'tmpfs';
  source: string;
  target: string;
  readOnly: boolean;
}

/** What is in the fields, as typed. */
export interface Form {
  image: string;
  name: string;
  ports: PortRow[];
  env: EnvRow[];
  command: string;
  mounts: MountRow[];
  network: 'default' | 'none';
  hostname: string;
  readOnly: boolean;
  newPrivileges: boolean;
  unconfined: boolean;
  privileged: boolean;
  capAdd: string;
  capDrop: string;
  entrypoint: string;
  workingDir: string;
  user: string;
  restart: 'no' | 'on-failure' | 'unless-stopped' | 'always';
  autoRemove: boolean;
  tty: boolean;
  init: boolean;
  platform: string;
}

export function emptyForm(): Form {
  return {
    image: '',
    name: '',
    ports: [],
    env: [],
    command: '',
    mounts: [],
    network: 'default',
    hostname: '',
    readOnly: false,
    newPrivileges: false,
    unconfined: false,
    privileged: false,
    capAdd: '',
    capDrop: '',
    entrypoint: '',
    workingDir: '',
    user: '',
    restart: 'no',
    autoRemove: false,
    tty: false,
    init: false,
    platform: '',
  };
}

export function formOf(spec: RunSpec): Form {
  return {
    ...emptyForm(),
    image: spec.image,
    name: spec.name ?? '',
    command: join(spec.command ?? []),
    env: (spec.env ?? []).map((pair) => {
      const cut = pair.indexOf('=');
      return cut < 0 ? { name: pair, value: '' } : { name: pair.slice(0, cut), value: pair.slice(cut + 1) };
    }),
  };
}

export type Errors = Record<string, string>;

/** What the fields ask for, and by field what is wrong with them. Whatever is as the image says is left out. */
export function readForm(form: Form): { spec: RunSpec; errors: Errors } {
  const errors: Errors = {};
  const spec: RunSpec = { image: form.image.trim() };
  if (spec.image === '') errors.image = t.run.errors.image;
  if (form.name && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(form.name)) errors.name = t.run.errors.name;
  if (form.autoRemove && form.restart !== 'no') errors.restart = t.run.errors.restartRemove;
  put(spec, 'name', form.name);
  put(spec, 'hostname', form.hostname.trim());
  put(spec, 'command', words(form.command, 'command', errors));
  put(spec, 'entrypoint', words(form.entrypoint, 'entrypoint', errors));
  put(spec, 'ports', readPorts(form.ports, errors));
  put(spec, 'env', readEnv(form.env, errors));
  put(spec, 'mounts', readMounts(form.mounts, errors));
  put(spec, 'network', form.network === 'none' ? 'none' : '');
  put(spec, 'workingDir', form.workingDir.trim());
  put(spec, 'user', form.user.trim());
  put(spec, 'restart', form.restart === 'no' ? '' : form.restart);
  put(spec, 'platform', form.platform.trim());
  readSecurity(form, spec);
  for (const flag of ['readOnly', 'privileged', 'autoRemove', 'tty', 'init'] as const) if (form[flag]) spec[flag] = true;
  if (form.tty) spec.interactive = true;
  return { spec, errors };
}

function put<K extends keyof RunSpec>(spec: RunSpec, key: K, value: RunSpec[K]): void {
  if (value && (!Array.isArray(value) || value.length > 0)) spec[key] = value;
}

function words(text: string, field: string, errors: Errors): string[] {
  try {
    return split(text);
  } catch {
    errors[field] = t.run.errors.openQuote;
    return [];
  }
}

function readSecurity(form: Form, spec: RunSpec): void {
  const opts = [];
  if (form.newPrivileges) opts.push('no-new-privileges=false');
  if (form.unconfined) opts.push('seccomp=unconfined');
  put(spec, 'securityOpt', opts);
  put(spec, 'capAdd', form.capAdd.split(/[\s,]+/).filter(Boolean));
  put(spec, 'capDrop', form.capDrop.split(/[\s,]+/).filter(Boolean));
}

function readPorts(rows: PortRow[], errors: Errors): Port[] {
  const ports: Port[] = [];
  rows.forEach((row, at) => {
    if (row.container.trim() === '' && row.host.trim() === '') return;
    const port = parsePort(row);
    if (!number(row.container)) errors[`port.${at}.container`] = t.run.errors.port;
    else if (!port) errors[`port.${at}.host`] = t.run.errors.hostPort;
    else if (port.hostPort && ports.some((p) => clashes(p, port))) errors[`port.${at}.host`] = t.run.errors.portTwice;
    else ports.push(port);
  });
  return ports;
}

function clashes(a: Port, b: Port): boolean {
  return a.hostPort === b.hostPort && a.hostIP === b.hostIP && a.protocol === b.protocol;
}

/** A row's port; undefined where it makes none. */
export function parsePort(row: PortRow): Port | undefined {
  const containerPort = number(row.container);
  const host = row.host.trim();
  const cut = host.lastIndexOf(':');
  const hostIP = cut < 0 ? '' : host.slice(0, cut).replace(/^\[|\]$/g, '');
  const portText = cut < 0 ? host : host.slice(cut + 1);
  const hostPort = portText === '' ? 0 : number(portText);
  if (!containerPort || hostPort === undefined || !/^[0-9a-f.:]*$/i.test(hostIP)) return undefined;
  return { hostIP, hostPort, containerPort, protocol: row.protocol };
}

function number(text: string): number | undefined {
  const n = Number(text.trim());
  return /^\d+$/.test(text.trim()) && n >= 1 && n <= 65_535 ? n : undefined;
}

function readEnv(rows: EnvRow[], errors: Errors): string[] {
  const env: string[] = [];
  rows.forEach((row, at) => {
    if (row.name === '' && row.value === '') return;
    if (row.name === '' || /[=\0]/.test(row.name)) errors[`env.${at}`] = t.run.errors.env;
    else env.push(`${row.name}=${row.value}`);
  });
  return env;
}

function readMounts(rows: MountRow[], errors: Errors): Mount[] {
  const mounts: Mount[] = [];
  rows.forEach((row, at) => {
    if (row.source === '' && row.target === '') return;
    if (row.type === 'bind' && !row.source.startsWith('/')) errors[`mount.${at}.source`] = t.run.errors.hostPath;
    if (!row.target.startsWith('/')) errors[`mount.${at}.target`] = t.run.errors.target;
    const mount: Mount = { type: row.type, target: row.target };
    if (row.type === 'bind') mount.source = row.source;
    if (row.readOnly) mount.readOnly = true;
    mounts.push(mount);
  });
  return mounts;
}

/** "80/tcp" as a row that leaves the host's port to be chosen. */
export function exposedRow(exposed: string): PortRow {
  const [container = '', protocol = 'tcp'] = exposed.split('/');
  return { host: '', container, protocol };
}
