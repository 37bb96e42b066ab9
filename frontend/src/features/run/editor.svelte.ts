import { client, specs } from '$app/davit.svelte';
import { asApiError, isAbort, type ApiError } from '$lib/api/errors';
import type { AskedVariable, FileOwnership, ImageDetail, Rendered, ResolvedRef, RunSpec, SpecForm, Suggestion } from '$lib/api/types';
import { formOf, problemsByField, readForm, type Errors, type Form } from './form';
import { envRows, mountRows, portRows } from './rows';

const settle = 150; // ms without a key until Go is asked

/** What a pasted text was understood as. */
export interface Understood {
  services: { name: string; spec: RunSpec; unknown: string[]; notes: string[] }[];
  at: number;
}

/** A spec that is being written: the fields, and what Go says of them. */
export class Editor {
  form = $state<Form>(formOf({ image: '' }));
  /** Problems by field; "" for what is about none of them. */
  problems = $state.raw<Errors>({});
  warnings = $state.raw<string[]>([]);
  rendered = $state.raw<Rendered>({ text: '', file: '', lost: [] });
  owners = $state.raw<FileOwnership[]>([]);
  resolved = $state.raw<ResolvedRef>();
  resolveError = $state.raw<ApiError>();
  image = $state.raw<ImageDetail>();
  understood = $state.raw<Understood>();
  pasteError = $state.raw<ApiError>();
  /** Set once somebody tried to go on, or left a field: before that nothing is called wrong. */
  tried = $state(false);
  private readonly base: RunSpec;
  private touched = { ports: false, mounts: false };
  private asked: AbortController | undefined;
  private suggestedFor = '';

  constructor(spec: RunSpec) {
    this.base = spec;
    this.form = formOf(spec);
    this.touched = { ports: (spec.ports ?? []).length > 0, mounts: (spec.mounts ?? []).length > 0 };
  }

  readonly read = $derived.by(() => readForm(this.form, this.base));
  readonly spec = $derived<RunSpec>(this.read.spec);
  readonly errors = $derived<Errors>({ ...this.problems, ...(this.tried ? this.read.errors : withoutImage(this.read.errors)) });
  readonly known = $derived(this.resolved?.ref === this.form.image.trim() ? this.resolved : undefined);

  touchPorts = (): void => {
    this.touched.ports = true;
    this.form.publishAll = false;
  };

  touchMounts = (): void => {
    this.touched.mounts = true;
  };

  /** Asks Go about what is typed, after a moment's rest. The function that it returns takes that back. */
  consult(): () => void {
    const spec = $state.snapshot(this.spec) as RunSpec;
    const timer = setTimeout(() => void this.ask(spec), settle);
    return () => clearTimeout(timer);
  }

  private async ask(spec: RunSpec): Promise<void> {
    this.asked?.abort();
    const { signal } = (this.asked = new AbortController());
    await Promise.all([this.check(spec, signal), this.render(spec, signal), this.look(spec.image, signal), this.whose(spec, signal)]);
  }

  /** Whether it can go on; false where a field is wrong, which is then told. */
  async valid(): Promise<boolean> {
    this.tried = true;
    await this.check($state.snapshot(this.spec) as RunSpec, undefined);
    return Object.keys(this.errors).length === 0;
  }

  private async check(spec: RunSpec, signal: AbortSignal | undefined): Promise<void> {
    if (spec.image === '' && !this.tried) return;
    try {
      const { problems, warnings } = await specs.checkSpec(spec, signal);
      this.problems = problemsByField(problems, this.read.places);
      this.warnings = warnings;
    } catch (thrown) {
      if (!isAbort(thrown)) this.problems = {};
    }
  }

  private async render(spec: RunSpec, signal: AbortSignal): Promise<void> {
    try {
      this.rendered = await specs.renderSpec(spec, 'run', signal);
    } catch {
      // It stays as it was until the next key.
    }
  }

  /** The whole of it in another form, for the clipboard. */
  as(form: SpecForm): Promise<Rendered> {
    return specs.renderSpec($state.snapshot(this.spec) as RunSpec, form);
  }

  private async whose(spec: RunSpec, signal: AbortSignal): Promise<void> {
    if (!spec.mounts?.some((mount) => mount.type === 'bind' && mount.source)) {
      this.owners = [];
      return;
    }
    this.owners = await specs.whoseFiles(spec, signal).catch(() => this.owners);
  }

  private async look(ref: string, signal: AbortSignal): Promise<void> {
    if (ref === '' || ref === this.resolved?.ref) return;
    try {
      this.resolved = await client.resolveImage(ref, signal);
      this.resolveError = undefined;
    } catch (thrown) {
      if (!isAbort(thrown)) this.resolveError = asApiError(thrown);
      return;
    }
    const { local } = this.resolved;
    if (local !== this.image?.id) this.image = local ? await client.image(local, signal).catch(() => undefined) : undefined;
    // Of an image that is not here nobody knows the ports: all that it names are published.
    if (!local && !this.touched.ports) this.form.publishAll = this.form.network !== 'none';
    if (local) await this.suggest(ref, signal);
  }

  /** What the image asks for: ports, volumes for its data, variables. Nothing that somebody touched is changed. */
  private async suggest(ref: string, signal: AbortSignal): Promise<void> {
    if (this.suggestedFor === this.resolved?.local) return;
    const wanted = await specs.suggest(ref, signal).catch((thrown) => (isAbort(thrown) ? undefined : this.plainly()));
    if (!wanted) return;
    this.suggestedFor = this.resolved?.local ?? '';
    if (!this.touched.ports) {
      this.form.publishAll = false;
      this.form.ports = portRows(wanted.ports);
    }
    if (!this.touched.mounts) this.form.mounts = mountRows(wanted.mounts);
    this.demand(wanted.ask);
  }

  /** What the image itself names, where nothing better can be suggested. */
  private plainly(): Pick<Suggestion, 'ports' | 'mounts' | 'ask'> {
    const config = this.image?.config;
    const ports = (config?.exposedPorts ?? []).map((exposed) => {
      const [port = '', protocol = 'tcp'] = exposed.split('/');
      return { hostIP: '', hostPort: 0, containerPort: Number(port), protocol };
    });
    return { ports, mounts: (config?.volumes ?? []).map((target) => ({ type: 'volume', target })), ask: [] };
  }

  private demand(ask: AskedVariable[]): void {
    const there = new Set(this.form.env.map((row) => row.name));
    const met = (v: AskedVariable) => there.has(v.name) || (v.or ?? []).some((name) => there.has(name));
    const rows = ask
      .filter((v) => v.required && !met(v))
      .map((v) => ({ name: v.name, value: v.value ?? '', why: v.why, secret: v.secret ?? false }));
    const said = new Map(ask.map((v) => [v.name, v]));
    const kept = this.form.env.map((row) => ({ ...row, why: said.get(row.name)?.why, secret: row.secret || said.get(row.name)?.secret }));
    this.form.env = [...kept, ...rows];
  }

  /** Takes a run line, a compose file or an image's name for all of the form. */
  async paste(text: string): Promise<boolean> {
    try {
      const parsed = await specs.parseRun(text);
      const services = parsed.specs.map((one) => ({ name: one.name ?? one.spec.name ?? one.spec.image, ...one }));
      this.understood = { services, at: 0 };
      this.pasteError = undefined;
      this.choose(0);
      return true;
    } catch (thrown) {
      this.pasteError = asApiError(thrown);
      return false;
    }
  }

  /** One of the services that a pasted compose file has. */
  choose(at: number): void {
    const service = this.understood?.services[at];
    if (!service || !this.understood) return;
    this.understood = { ...this.understood, at };
    this.fill(service.spec);
  }

  fill(spec: RunSpec): void {
    this.form = formOf(spec);
    this.problems = {};
    this.suggestedFor = '';
    this.touched = { ports: (spec.ports ?? []).length > 0 || !!spec.publishAll, mounts: (spec.mounts ?? []).length > 0 };
  }

  /** An offer for whose files a mount's are. */
  accept(spec: RunSpec): void {
    const { env } = this.form;
    this.form = { ...formOf(spec), env: keepNotes(env, envRows(spec.env ?? [])) };
  }
}

function keepNotes(before: Form['env'], after: Form['env']): Form['env'] {
  return after.map((row) => ({ ...before.find((b) => b.name === row.name), ...row }));
}

function withoutImage({ image: _, ...others }: Errors): Errors {
  return others;
}
