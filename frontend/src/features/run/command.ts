import type { Mount, Port, RunSpec } from '$lib/api/types';
import { join } from './shell';

/** The `davit run` line that does what spec says. */
export function runLine(spec: RunSpec): string {
  return join(['davit', 'run', ...flags(spec), spec.image || 'IMAGE', ...tail(spec)]);
}

function flags(spec: RunSpec): string[] {
  return [
    spec.interactive || spec.tty ? '' : '-d',
    on('--rm', spec.autoRemove),
    on('-i', spec.interactive),
    on('-t', spec.tty),
    on('--init', spec.init),
    on('--read-only', spec.readOnly),
    on('--privileged', spec.privileged),
    on('-P', spec.publishAll),
    ...value('--name', spec.name),
    ...value('--hostname', spec.hostname),
    ...each('-p', spec.ports?.map(portArg)),
    ...each('-e', spec.env),
    ...(spec.mounts ?? []).flatMap(mountArgs),
    ...value('-w', spec.workingDir),
    ...value('-u', spec.user),
    ...each('--label', Object.entries(spec.labels ?? {}).map(([k, v]) => `${k}=${v}`)),
    ...value('--restart', spec.restart),
    ...value('--network', spec.network),
    ...each('--cap-add', spec.capAdd),
    ...each('--cap-drop', spec.capDrop),
    ...each('--security-opt', spec.securityOpt),
    ...value('--stop-signal', spec.stopSignal),
    ...value('--stop-timeout', spec.stopTimeout?.toString()),
    ...value('--platform', spec.platform),
    ...entrypoint(spec),
  ].filter((word, at, all) => word !== '' || all[at - 1] === '--entrypoint');
}

// docker's --entrypoint is one word; the others go before the command.
function entrypoint(spec: RunSpec): string[] {
  if (spec.clearEntrypoint) return ['--entrypoint', ''];
  return value('--entrypoint', spec.entrypoint?.[0]);
}

function tail(spec: RunSpec): string[] {
  return [...(spec.entrypoint ?? []).slice(1), ...(spec.command ?? [])];
}

function on(flag: string, wanted: boolean | undefined): string {
  return wanted ? flag : '';
}

function value(flag: string, text: string | undefined): string[] {
  return text ? [flag, text] : [];
}

function each(flag: string, texts: string[] | undefined): string[] {
  return (texts ?? []).flatMap((text) => [flag, text]);
}

function portArg(p: Port): string {
  const host = p.hostPort ? `${p.hostPort}:` : p.hostIP ? ':' : '';
  const ip = p.hostIP ? `${p.hostIP}:` : '';
  const protocol = p.protocol && p.protocol !== 'tcp' ? `/${p.protocol}` : '';
  return `${ip}${host}${p.containerPort}${protocol}`;
}

function mountArgs(m: Mount): string[] {
  if (m.type === 'tmpfs') return ['--tmpfs', m.target];
  return ['-v', `${m.source}:${m.target}${m.readOnly ? ':ro' : ''}`];
}
