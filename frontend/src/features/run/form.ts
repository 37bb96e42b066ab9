import type { ErrorBody, RunSpec } from '$lib/api/types';
import { t } from '$lib/i18n';
import { BadValue } from '$lib/format/size';

import { sentences } from '$lib/format/sentences';
import { fields, shownElsewhere } from './fields';
import { envRows, mountRows, portRows, readEnv, readMounts, readPorts, type EnvRow, type MountRow, type PortRow } from './rows';

/** What is in the fields, as typed. */
export interface Form {
  image: string;
  name: string;
  network: string;
  publishAll: boolean;
  ports: PortRow[];
  env: EnvRow[];
  mounts: MountRow[];
  /** The other fields, by their ids; boxes are "yes" or "". */
  values: Record<string, string>;
}

export function formOf(spec: RunSpec): Form {
  return {
    image: spec.image,
    name: spec.name ?? '',
    network: spec.network === 'default' ? '' : (spec.network ?? ''),
    publishAll: spec.publishAll ?? false,
    ports: portRows(spec.ports ?? []),
    env: envRows(spec.env ?? []),
    mounts: mountRows(spec.mounts ?? []),
    values: Object.fromEntries(fields.map((field) => [field.id, field.get(spec)])),
  };
}

/** By field what is wrong with it. */
export type Errors = Record<string, string>;

export interface ReadForm {
  spec: RunSpec;
  /** What could not be read at all. */
  errors: Errors;
  /** Which field a place in the spec stands in: "ports[2]" is "port.1". */
  places: Map<string, string>;
}

const known = new Set<string>([...shownElsewhere, ...fields.map((field) => field.id.split('.')[0]!), 'securityOpt', 'limits', 'healthCheck', 'endpoint', 'log']);

/** What the fields ask for. Whatever is as the image says is left out; what no field shows stays as base has it. */
export function readForm(form: Form, base: RunSpec = { image: '' }): ReadForm {
  const rest = Object.entries(base).filter(([key]) => !known.has(key));
  const spec: RunSpec = { ...(Object.fromEntries(rest) as Partial<RunSpec>), image: form.image.trim() };
  const errors: Errors = {};
  const places = new Map<string, string>([['image', 'image'], ['name', 'name'], ['network', 'network']]);
  if (spec.image === '') errors.image = t.run.errors.image;
  if (form.name.trim()) spec.name = form.name.trim();
  if (form.network) spec.network = form.network;
  if (form.publishAll) spec.publishAll = true;
  take('port', 'ports', readPorts(form.ports));
  take('env', 'env', readEnv(form.env));
  take('mount', 'mounts', readMounts(form.mounts));
  for (const field of fields) {
    field.places.forEach((place) => places.set(place, field.id));
    const text = form.values[field.id] ?? '';
    if (text.trim() === '') continue;
    const [group = ''] = field.id.split('.');
    if (!places.has(group)) places.set(group, field.id);
    try {
      field.put(spec, text);
    } catch (thrown) {
      if (!(thrown instanceof BadValue)) throw thrown;
      errors[field.id] = thrown.message;
    }
  }
  return { spec, errors, places };

  function take<K extends 'ports' | 'env' | 'mounts'>(row: string, key: K, read: { values: NonNullable<RunSpec[K]>; rows: number[]; errors: Errors }) {
    if (read.values.length > 0) spec[key] = read.values;
    read.rows.forEach((at, n) => places.set(`${key}[${n}]`, `${row}.${at}`));
    Object.assign(errors, read.errors);
  }
}

const parts: Record<string, string> = { hostPort: 'host', hostIP: 'host', containerPort: 'container', protocol: 'container', source: 'source', target: 'target' };

/** What Go says of a spec, by the field that it is about; what is about none is under "". */
export function problemsByField(problems: ErrorBody[], places: Map<string, string>): Errors {
  const errors: Errors = {};
  for (const problem of problems) {
    const field = fieldOf(problem.field ?? '', places);
    errors[field] ??= sentences(problem.msg, problem.hint);
  }
  return errors;
}

function fieldOf(place: string, places: Map<string, string>): string {
  for (let path = place; path !== ''; path = path.replace(/(?:^|[.[])[^.[]*$/, '')) {
    const field = places.get(path);
    if (!field) continue;
    const part = /^\.(\w+)/.exec(place.slice(path.length))?.[1];
    if (/^(?:port|mount)\.\d+$/.test(field)) return `${field}.${parts[part ?? ''] ?? (field.startsWith('port') ? 'host' : part ? 'options' : 'target')}`;
    return field;
  }
  return '';
}
