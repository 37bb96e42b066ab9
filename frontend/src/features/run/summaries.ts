import { t } from '$lib/i18n';
import type { Form } from './form';

// One line for each closed section: what it would change.

export function volumesSummary(form: Form): string {
  return form.mounts.length === 0 ? t.run.noVolumes : t.run.volumesSummary(form.mounts.length);
}

export function networkSummary(form: Form): string {
  return [t.run.networkSummary[form.network], form.hostname].filter(Boolean).join(', ');
}

export function securitySummary(form: Form): string {
  const caps = [...words(form.capAdd, '+'), ...words(form.capDrop, '−')];
  const said = [
    form.privileged && t.run.privileged,
    form.unconfined && t.run.unconfined,
    form.newPrivileges && t.run.allowNewPrivileges,
    form.readOnly && t.run.readOnlyRoot,
    ...caps,
  ].filter(Boolean);
  return said.join(', ') || t.run.securityDefault;
}

export function advancedSummary(form: Form): string {
  const said = [
    form.entrypoint,
    form.workingDir,
    form.user,
    form.restart !== 'no' && t.run.restarts[form.restart],
    form.autoRemove && t.run.autoRemove,
    form.tty && t.run.tty,
    form.init && t.run.init,
    form.platform,
  ].filter(Boolean);
  return said.join(', ') || t.run.advancedDefault;
}

function words(text: string, sign: string): string[] {
  return text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((cap) => sign + cap);
}
