// Ports, variables and mounts as rows of fields.
import type { Mount, Port, RunSpec } from '$lib/api/types';
import { t } from '$lib/i18n';
import { readSize, sizeText } from '$lib/format/size';
import { csvText, readCsv } from './codec';

export interface PortRow {
  host: string;
  container: string;
  protocol: string;
}

export interface EnvRow {
  name: string;
  value: string;
  /** Taken from the environment of who runs the command, as docker's -e NAME. */
  bare?: boolean;
  /** Why the image wants it. */
  why?: string;
  secret?: boolean;
}

export type MountType = 'bind' | 'volume' | 'tmpfs';

export interface MountRow {
  type: string;
  source: string;
  target: string;
  readOnly: boolean;
  options: string;
}

/** What rows ask for; at leads from a place in it to its row. */
export interface Read<T> {
  values: T[];
  rows: number[];
  errors: Record<string, string>;
}

function nothing<T>(): Read<T> {
  return { values: [], rows: [], errors: {} };
}

const most = 65_535;

/** The rows of ports; a run of ports that go up together is one row. */
export function portRows(ports: Port[]): PortRow[] {
  const runs: Port[][] = [];
  for (const port of ports) {
    const run = runs.at(-1);
    if (run && follows(run.at(-1)!, port)) run.push(port);
    else runs.push([port]);
  }
  return runs.map((run) => {
    const [first, last] = [run[0]!, run.at(-1)!];
    const hosts = first.hostLast ? span(first.hostFirst!, first.hostLast) : first.hostPort ? span(first.hostPort, last.hostPort) : '';
    const ip = first.hostIP.includes(':') ? `[${first.hostIP}]` : first.hostIP;
    return {
      host: ip ? `${ip}:${hosts}` : hosts,
      container: span(first.containerPort, last.containerPort),
      protocol: first.protocol || 'tcp',
    };
  });
}

function follows(a: Port, b: Port): boolean {
  if (a.hostLast || b.hostLast) return false;
  const hosts = a.hostPort === 0 ? b.hostPort === 0 : b.hostPort === a.hostPort + 1;
  return hosts && a.hostIP === b.hostIP && (a.protocol || 'tcp') === (b.protocol || 'tcp') && b.containerPort === a.containerPort + 1;
}

function span(from: number, until: number): string {
  return from === until ? String(from) : `${from}-${until}`;
}

export function readPorts(rows: PortRow[]): Read<Port> {
  const read = nothing<Port>();
  rows.forEach((row, at) => {
    if (row.container.trim() === '' && row.host.trim() === '') return;
    const error = readPort(row, (port) => {
      read.values.push(port);
      read.rows.push(at);
    });
    if (error) read.errors[`port.${at}.${error.part}`] = error.text;
  });
  return read;
}

function readPort(row: PortRow, take: (port: Port) => void): { part: 'host' | 'container'; text: string } | undefined {
  const inside = range(row.container);
  if (!inside) return { part: 'container', text: t.run.errors.port };
  const { ip, ports } = splitHost(row.host.trim());
  const outside = ports === '' ? undefined : range(ports);
  if ((ports !== '' && !outside) || !/^[0-9a-f.:]*$/i.test(ip)) return { part: 'host', text: t.run.errors.hostPort };
  const count = inside[1] - inside[0] + 1;
  if (outside && count === 1 && outside[1] > outside[0]) {
    take({ hostIP: ip, hostPort: 0, containerPort: inside[0], protocol: row.protocol, hostFirst: outside[0], hostLast: outside[1] });
    return undefined;
  }
  if (outside && outside[1] - outside[0] + 1 !== count) return { part: 'host', text: t.spec.bad.range };
  for (let n = 0; n < count; n++) {
    take({ hostIP: ip, hostPort: outside ? outside[0] + n : 0, containerPort: inside[0] + n, protocol: row.protocol });
  }
  return undefined;
}

function splitHost(host: string): { ip: string; ports: string } {
  const bracketed = /^\[(.*)\](?::(.*))?$/.exec(host);
  if (bracketed) return { ip: bracketed[1]!, ports: bracketed[2] ?? '' };
  const cut = host.lastIndexOf(':');
  return cut < 0 ? (host.includes('.') ? { ip: host, ports: '' } : { ip: '', ports: host }) : { ip: host.slice(0, cut), ports: host.slice(cut + 1) };
}

function range(text: string): [number, number] | undefined {
  const found = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text.trim());
  if (!found) return undefined;
  const from = Number(found[1]);
  const until = Number(found[2] ?? found[1]);
  return from >= 1 && until >= from && until <= most ? [from, until] : undefined;
}

export function envRows(env: string[]): EnvRow[] {
  return env.map((pair) => {
    const cut = pair.indexOf('=');
    return cut < 0 ? { name: pair, value: '', bare: true } : { name: pair.slice(0, cut), value: pair.slice(cut + 1) };
  });
}

export function readEnv(rows: EnvRow[]): Read<string> {
  const read = nothing<string>();
  rows.forEach((row, at) => {
    if (row.name === '' && row.value === '') return;
    read.values.push(row.bare && row.value === '' ? row.name : `${row.name}=${row.value}`);
    read.rows.push(at);
  });
  return read;
}

export function mountRows(mounts: Mount[]): MountRow[] {
  return mounts.map((m) => ({ type: m.type, source: m.source ?? '', target: m.target, readOnly: m.readOnly ?? false, options: optionsText(m) }));
}

/** A mount's further options, in the words of docker's -v and --mount. */
function optionsText(m: Mount): string {
  return csvText([
    ...(m.relabel ? [m.relabel] : []),
    ...(m.chown ? ['U'] : []),
    ...(m.noCopy ? ['nocopy'] : []),
    ...(m.create ? ['create'] : []),
    ...(m.propagation ? [m.propagation] : []),
    ...(m.size ? [`size=${sizeText(m.size)}`] : []),
    ...(m.mode ? [`mode=${m.mode}`] : []),
    ...(m.subpath ? [`subpath=${m.subpath}`] : []),
    ...(m.options ?? []),
  ]);
}

const propagations = /^r?(?:private|shared|slave)$/;

function readOptions(text: string): Partial<Mount> {
  const m: Partial<Mount> = {};
  const others: string[] = [];
  for (const part of readCsv(text)) {
    const [key = '', value = ''] = part.split(/=(.*)/s);
    if (part === 'z' || part === 'Z') m.relabel = part;
    else if (part === 'U') m.chown = true;
    else if (part === 'nocopy') m.noCopy = true;
    else if (part === 'create') m.create = true;
    else if (propagations.test(part)) m.propagation = part;
    else if (key === 'size') m.size = readSize(value);
    else if (key === 'mode') m.mode = value;
    else if (key === 'subpath') m.subpath = value;
    else others.push(part);
  }
  return others.length > 0 ? { ...m, options: others } : m;
}

export function readMounts(rows: MountRow[]): Read<Mount> {
  const read = nothing<Mount>();
  rows.forEach((row, at) => {
    if (row.source === '' && row.target === '') return;
    try {
      const mount: Mount = { type: row.type, target: row.target, ...readOptions(row.options) };
      if (row.type !== 'tmpfs' && row.source) mount.source = row.source;
      if (row.readOnly) mount.readOnly = true;
      read.values.push(mount);
      read.rows.push(at);
    } catch (thrown) {
      read.errors[`mount.${at}.options`] = (thrown as Error).message;
    }
  });
  return read;
}

/** The fields of a spec that stand in rows. */
export type RowSpec = Pick<RunSpec, 'ports' | 'env' | 'mounts'>;
