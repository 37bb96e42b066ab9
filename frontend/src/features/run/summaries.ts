import { t } from '$lib/i18n';
import { fields, type SectionID } from './fields';
import type { Form } from './form';

const most = 4;

/** One line for a closed section: what in it is not as usual. */
export function summary(section: SectionID, form: Form): string {
  const own = fields.filter((field) => field.section === section && (form.values[field.id] ?? '') !== '');
  const said = [...extra(section, form), ...own.map((field) => saying(field.id, form.values[field.id]!))];
  if (said.length === 0) return usual[section];
  const more = said.length > most ? [t.spec.extra(said.length - most)] : [];
  return [...said.slice(0, most), ...more].join(', ');
}

const usual: Record<SectionID, string> = {
  program: t.spec.programDefault,
  storage: t.run.noVolumes,
  network: t.run.networkSummary.default,
  resources: t.spec.resourcesDefault,
  lifecycle: t.spec.lifecycleDefault,
  security: t.run.securityDefault,
  advanced: t.run.advancedDefault,
};

function extra(section: SectionID, form: Form): string[] {
  if (section === 'storage' && form.mounts.length > 0) return [t.run.volumesSummary(form.mounts.length)];
  if (section === 'network' && form.network !== '') return [t.spec.networkChoices[form.network] ?? form.network];
  return [];
}

const bare = new Set(['command', 'entrypoint', 'workingDir', 'user', 'hostname', 'domainname', 'platform', 'timezone', 'restart', 'userns']);

function saying(id: string, value: string): string {
  const label = t.spec.fields[id] ?? id;
  if (value === 'yes') return label;
  const lines = value.trim().split('\n');
  if (lines.length > 1) return `${label}: ${lines.length}`;
  if (id === 'capAdd') return value.trim().split(/[\s,]+/).map((cap) => `+${cap}`).join(' ');
  if (id === 'capDrop') return value.trim().split(/[\s,]+/).map((cap) => `−${cap}`).join(' ');
  return bare.has(id) ? lines[0]! : `${label} ${lines[0]}`;
}
