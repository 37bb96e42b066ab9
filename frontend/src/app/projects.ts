import type { Container } from '$lib/api/types';

export interface Project {
  name: string;
  running: number;
  total: number;
}

/** The project that a container belongs to, as the makers of compose files label it. */
export function projectOf(c: Pick<Container, 'labels'>): string {
  return c.labels['com.docker.compose.project'] ?? c.labels['io.podman.compose.project'] ?? c.labels['org.davit.project'] ?? '';
}

/** The projects that the containers belong to, by name. */
export function projectsOf(containers: Container[]): Project[] {
  const found = new Map<string, Project>();
  for (const c of containers) {
    const name = projectOf(c);
    if (!name) continue;
    const project = found.get(name) ?? { name, running: 0, total: 0 };
    project.total++;
    if (c.state === 'running') project.running++;
    found.set(name, project);
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** The filter of the list for one project. */
export function ofProject(name: string): string {
  return /\s/.test(name) ? `project:"${name}"` : `project:${name}`;
}
