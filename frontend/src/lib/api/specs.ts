import type { Transport } from './transport';
import type * as t from './types';

/** The verbs on what a container is: written, checked, shown in other words, changed, kept. */
export class Specs {
  constructor(private readonly transport: Transport) {}

  async checkSpec(spec: t.RunSpec, signal?: AbortSignal) {
    const check = await this.transport.call<t.SpecCheck>('CheckSpec', [spec], signal);
    return { problems: check.problems ?? [], warnings: check.warnings ?? [] };
  }
  async suggest(ref: string, signal?: AbortSignal) {
    const s = await this.transport.call<t.Suggestion>('Suggest', [ref], signal);
    return { ...s, ports: s.ports ?? [], mounts: s.mounts ?? [], ask: s.ask ?? [], entrypoint: s.entrypoint ?? [], command: s.command ?? [] };
  }
  async parseRun(text: string, signal?: AbortSignal) {
    const parsed = await this.transport.call<t.ParsedRun>('ParseRun', [text], signal);
    const specs = (parsed.specs ?? []).map((one) => ({ ...one, unknown: one.unknown ?? [], notes: one.notes ?? [] }));
    return { ...parsed, specs };
  }
  async renderSpec(spec: t.RunSpec, form: t.SpecForm, signal?: AbortSignal) {
    const rendered = await this.transport.call<t.Rendered>('RenderSpec', [spec, form], signal);
    return { ...rendered, lost: rendered.lost ?? [] };
  }
  async whoseFiles(spec: t.RunSpec, signal?: AbortSignal) {
    const all = (await this.transport.call<t.FileOwnership[] | null>('WhoseFiles', [spec], signal)) ?? [];
    return all.map((one) => ({ ...one, offers: one.offers ?? [] }));
  }
  foreignFiles = (path: string, signal?: AbortSignal) => this.transport.call<t.ForeignFiles>('ForeignFiles', [path], signal);
  giveBack = (path: string) => this.transport.call<t.ForeignFiles>('GiveBack', [path]);

  async planEdit(edit: t.Edit, signal?: AbortSignal) {
    const plan = await this.transport.call<t.EditPlan>('PlanEdit', [edit], signal);
    return {
      ...plan,
      changes: plan.changes ?? [],
      lost: plan.lost ?? [],
      problems: plan.problems ?? [],
      warnings: plan.warnings ?? [],
    };
  }
  async applyEdit(edit: t.Edit) {
    const edited = await this.transport.call<t.Edited>('ApplyEdit', [edit]);
    return { ...edited, warnings: edited.warnings ?? [] };
  }
  undoEdit = (ref: string) => this.transport.call<t.Edited>('UndoEdit', [ref]);
  duplicate = (ref: string) => this.transport.call<t.RunSpec>('Duplicate', [ref]);
  async snapshots(ref: string, signal?: AbortSignal) {
    return (await this.transport.call<t.Snapshot[] | null>('Snapshots', [ref], signal)) ?? [];
  }
  takeSnapshot = (spec: t.SnapshotSpec) => this.transport.call<t.Snapshot>('TakeSnapshot', [spec]);
  restoreSnapshot = (ref: string, id: string) => this.transport.call<null>('RestoreSnapshot', [ref, id]);
  removeSnapshot = (ref: string, id: string) => this.transport.call<null>('RemoveSnapshot', [ref, id]);
}
