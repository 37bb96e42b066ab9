// Members that the engine tells where it knows them.
export {};

declare module './types' {
  interface Layer {
    here?: boolean;
  }
  interface ResolvedRef {
    ask?: boolean;
  }
  interface RemovedImage {
    inTrash?: boolean;
    trashed?: number;
  }
  interface Registry {
    userIn?: string;
    own?: boolean;
  }
  interface Operation {
    place?: number;
    elsewhere?: boolean;
    reason?: string;
  }
}
