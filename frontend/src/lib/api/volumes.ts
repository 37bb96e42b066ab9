import type { Transport } from './transport';
import type * as t from './types';

/** The verbs on volumes and secrets. */
export class Volumes {
  constructor(private readonly transport: Transport) {}

  async list(f: t.VolumeFilter, signal?: AbortSignal) {
    const list = (await this.transport.call<t.Volume[] | null>('Volumes', [f], signal)) ?? [];
    return list.map(fullVolume);
  }
  async get(ref: string, signal?: AbortSignal) {
    return fullVolume(await this.transport.call<t.Volume>('Volume', [ref], signal));
  }
  create = (spec: t.VolumeSpec) => this.transport.call<t.Volume>('CreateVolume', [spec]);
  remove = (ref: string, o: { force?: boolean } = {}) => this.transport.call<null>('RemoveVolume', [ref, o]);
  async prune(o: t.VolumePrune) {
    const pruned = await this.transport.call<t.PrunedVolumes>('PruneVolumes', [o]);
    return { ...pruned, volumes: pruned.volumes ?? [] };
  }
  clone = (ref: string, spec: t.VolumeSpec) => this.transport.call<t.Volume>('CloneVolume', [ref, spec]);
  empty = (ref: string) => this.transport.call<t.Volume>('EmptyVolume', [ref]);
  export = (ref: string) => this.transport.download('ExportVolume', [ref]);
  import = (ref: string, file: Blob, progress: (sent: number) => void) =>
    this.transport.upload<t.Volume>('ImportVolume', file, progress, undefined, [ref]);

  async secrets(signal?: AbortSignal) {
    const list = (await this.transport.call<t.Secret[] | null>('Secrets', [], signal)) ?? [];
    return list.map((s) => ({ ...s, labels: s.labels ?? {}, usedBy: s.usedBy ?? [] }));
  }
  createSecret = (spec: t.SecretSpec, value: Blob) =>
    this.transport.upload<t.Secret>('CreateSecret', value, () => {}, undefined, [spec]);
  removeSecret = (ref: string) => this.transport.call<null>('RemoveSecret', [ref]);
}

function fullVolume(v: t.Volume): t.Volume {
  return { ...v, labels: v.labels ?? {}, usedBy: v.usedBy ?? [] };
}
