import { fullImage, fullImageDetail, fullOperation } from './client';
import type { Transport } from './transport';
import type * as t from './types';

/** How much of a file is shown at most, in bytes. */
export const shownOfFile = 256 << 10;

/** The verbs on registries' contents, on what is inside of images and on the store's size. */
export class Library {
  constructor(private readonly transport: Transport) {}

  async repository(ref: string, signal?: AbortSignal): Promise<t.Repository> {
    const r = await this.transport.call<t.Repository>('Repository', [ref], signal);
    return { ...r, tags: r.tags ?? [], latestIs: r.latestIs ?? [] };
  }
  pullQuota = (signal?: AbortSignal) => this.transport.call<t.PullQuota>('PullQuota', [], signal);
  setRegistry = (spec: t.RegistrySpec) => this.transport.call<null>('SetRegistry', [spec]);
  removeRegistry = (host: string) => this.transport.call<null>('RemoveRegistry', [host]);
  probeRegistry = (host: string, signal?: AbortSignal) => this.transport.call<t.Registry>('ProbeRegistry', [host], signal);
  async registrySettings(signal?: AbortSignal): Promise<t.RegistrySettings> {
    const s = await this.transport.call<t.RegistrySettings>('RegistrySettings', [], signal);
    return { ...s, search: s.search ?? [] };
  }
  setRegistrySettings = (s: { shortNameMode: string; search: string[] }) =>
    this.transport.call<null>('SetRegistrySettings', [s]);

  pauseOperation = (id: string) => this.transport.call<null>('PauseOperation', [id]);
  resumeOperation = (id: string) => this.transport.call<null>('ResumeOperation', [id]);
  /** Goes on with pulls that ended with the window that began them. */
  resumeOperations = () => this.transport.call<null>('ResumeOperations', []);
  moveOperation = (id: string, place: number) => this.transport.call<null>('MoveOperation', [id, place]);

  async previewImage(spec: t.PreviewSpec, signal?: AbortSignal): Promise<t.ImageDetail> {
    return fullImageDetail(await this.transport.call<t.ImageDetail>('PreviewImage', [spec], signal));
  }
  async fetchLayer(ref: string, layer: number): Promise<t.Operation> {
    return fullOperation(await this.transport.call<t.Operation>('FetchLayer', [ref, layer]));
  }
  async files(q: t.FileQuery, signal?: AbortSignal): Promise<t.FileList> {
    const list = await this.transport.call<t.FileList>('ImageFiles', [q], signal);
    return { ...list, files: list.files ?? [] };
  }
  peekFile = (f: t.FileRef, signal?: AbortSignal) => this.transport.peek('ImageFile', [f], shownOfFile, signal);
  downloadFile = (f: t.FileRef, signal?: AbortSignal) => this.transport.download('ImageFile', [f], signal);
  async layerChanges(ref: string, layer: number, signal?: AbortSignal): Promise<t.Change[]> {
    return (await this.transport.call<t.Change[] | null>('LayerChanges', [ref, layer], signal)) ?? [];
  }
  async waste(ref: string, signal?: AbortSignal): Promise<t.Waste> {
    const w = await this.transport.call<t.Waste>('Waste', [ref], signal);
    return { ...w, files: w.files ?? [] };
  }
  async compare(a: string, b: string, signal?: AbortSignal): Promise<t.Comparison> {
    const c = await this.transport.call<t.Comparison>('CompareImages', [a, b], signal);
    return { ...c, config: c.config ?? [], changes: c.changes ?? [] };
  }

  async tree(signal?: AbortSignal): Promise<t.TreeNode[]> {
    const nodes = (await this.transport.call<t.TreeNode[] | null>('ImageTree', [], signal)) ?? [];
    return nodes.map((n) => ({ ...n, names: n.names ?? [] }));
  }
  async diskUsage(signal?: AbortSignal): Promise<t.DiskUsage> {
    const d = await this.transport.call<t.DiskUsage>('DiskUsage', [], signal);
    return { ...d, images: d.images ?? [], containers: d.containers ?? [], trash: d.trash ?? 0 };
  }
  async prune(spec: t.PruneSpec, signal?: AbortSignal): Promise<t.Pruned> {
    return fullPruned(await this.transport.call<t.Pruned>('PruneImages', [spec], signal));
  }
  async trash(signal?: AbortSignal): Promise<t.TrashedImage[]> {
    const all = (await this.transport.call<t.TrashedImage[] | null>('Trash', [], signal)) ?? [];
    return all.map((i) => ({ ...i, names: i.names ?? [] }));
  }
  async restore(id: string): Promise<t.Image> {
    return fullImage(await this.transport.call<t.Image>('RestoreImage', [id]));
  }
  async emptyTrash(spec: t.EmptyTrashSpec): Promise<t.Pruned> {
    return fullPruned(await this.transport.call<t.Pruned>('EmptyTrash', [spec]));
  }
  check = (spec: t.CheckSpec, sink: (found: t.CheckedImage[]) => void, signal: AbortSignal) =>
    this.transport.stream<t.CheckedImage>(
      'CheckImages',
      [spec],
      (found) => sink(found.map((c) => ({ ...c, damaged: c.damaged ?? [] }))),
      signal,
    );

  tag = (ref: string, name: string) => this.transport.call<null>('Tag', [ref, name]);
  async push(spec: t.PushSpec): Promise<t.Operation> {
    return fullOperation(await this.transport.call<t.Operation>('Push', [spec]));
  }
  async saveTo(spec: t.SaveSpec): Promise<t.Operation> {
    return fullOperation(await this.transport.call<t.Operation>('SaveTo', [spec]));
  }
  save = (refs: string[], format: t.SaveSpec['format'], signal?: AbortSignal) => this.transport.download('Save', [refs, format], signal);
  importTar = (spec: t.ImportSpec, file: Blob, progress: (sent: number) => void, signal?: AbortSignal) =>
    this.transport.upload<t.Image>('Import', file, progress, signal, [spec]);
  async otherStores(signal?: AbortSignal): Promise<t.OtherStore[]> {
    const all = (await this.transport.call<t.OtherStore[] | null>('OtherStores', [], signal)) ?? [];
    return all.map((s) => ({ ...s, images: (s.images ?? []).map((i) => ({ ...i, names: i.names ?? [] })) }));
  }
  async importFrom(spec: t.ImportFromSpec): Promise<t.Operation> {
    return fullOperation(await this.transport.call<t.Operation>('ImportFrom', [spec]));
  }
}

function fullPruned(p: t.Pruned): t.Pruned {
  return { ...p, images: (p.images ?? []).map((i) => ({ ...i, names: i.names ?? [] })), deleted: p.deleted ?? [], trashed: p.trashed ?? 0 };
}
