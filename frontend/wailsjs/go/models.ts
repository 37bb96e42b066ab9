export namespace api {
	
	export interface Check {
	    id: string;
	    title: string;
	    state: string;
	    found: string;
	    means: string;
	    fix?: string;
	    fixWhy?: string;
	}
	export interface Port {
	    hostIP: string;
	    hostPort: number;
	    containerPort: number;
	    protocol: string;
	}
	export interface Container {
	    id: string;
	    name: string;
	    image: string;
	    imageID: string;
	    command: string[];
	    // Go type: time
	    created: any;
	    state: string;
	    // Go type: time
	    started: any;
	    // Go type: time
	    finished: any;
	    exitCode: number;
	    reason?: string;
	    ports: Port[];
	    labels: Record<string, string>;
	    ip?: string;
	    pid?: number;
	    autoRemove?: boolean;
	    restarts: number;
	    health?: string;
	}
	export interface HealthResult {
	    // Go type: time
	    start: any;
	    // Go type: time
	    end: any;
	    code: number;
	    output: string;
	    status: string;
	}
	export interface Health {
	    status: string;
	    failing: number;
	    log: HealthResult[];
	}
	export interface HealthCheck {
	    none?: boolean;
	    test?: string[];
	    interval?: number;
	    timeout?: number;
	    startPeriod?: number;
	    startInterval?: number;
	    retries?: number;
	}
	export interface Limits {
	    memory?: number;
	    memorySwap?: number;
	    cpus?: number;
	    cpuSet?: string;
	    pids?: number;
	    ioWeight?: number;
	}
	export interface Mount {
	    type: string;
	    source?: string;
	    target: string;
	    readOnly?: boolean;
	}
	export interface RunSpec {
	    image: string;
	    name?: string;
	    hostname?: string;
	    entrypoint?: string[];
	    clearEntrypoint?: boolean;
	    command?: string[];
	    env?: string[];
	    workingDir?: string;
	    user?: string;
	    labels?: Record<string, string>;
	    ports?: Port[];
	    publishAll?: boolean;
	    mounts?: Mount[];
	    tty?: boolean;
	    interactive?: boolean;
	    autoRemove?: boolean;
	    readOnly?: boolean;
	    init?: boolean;
	    stopSignal?: string;
	    stopTimeout?: number;
	    restart?: string;
	    network?: string;
	    capAdd?: string[];
	    capDrop?: string[];
	    securityOpt?: string[];
	    privileged?: boolean;
	    platform?: string;
	    limits: Limits;
	    healthCheck?: HealthCheck;
	}
	export interface ContainerDetail {
	    id: string;
	    name: string;
	    image: string;
	    imageID: string;
	    command: string[];
	    // Go type: time
	    created: any;
	    state: string;
	    // Go type: time
	    started: any;
	    // Go type: time
	    finished: any;
	    exitCode: number;
	    reason?: string;
	    ports: Port[];
	    labels: Record<string, string>;
	    ip?: string;
	    pid?: number;
	    autoRemove?: boolean;
	    restarts: number;
	    health?: string;
	    spec: RunSpec;
	    args: string[];
	    env: string[];
	    workingDir: string;
	    user: string;
	    network: string;
	    gateway?: string;
	    logPath: string;
	    logSize: number;
	    rootfs: string;
	    oomKilled: boolean;
	    restart: string;
	    limits: Limits;
	    cgroup?: string;
	    healthCheck?: HealthCheck;
	    healthLog?: Health;
	    confinement: string[];
	    limited?: string;
	}
	export interface ContainerFilter {
	    all?: boolean;
	    filters?: Record<string, Array<string>>;
	    last?: number;
	}
	export interface Created {
	    id: string;
	    name: string;
	    ports: Port[];
	    warnings: string[];
	}
	export interface Error {
	    kind: string;
	    msg: string;
	    hint?: string;
	    ref?: string;
	    exitCode?: number;
	}
	
	
	
	export interface HistoryRow {
	    // Go type: time
	    created: any;
	    createdBy: string;
	    comment?: string;
	    emptyLayer?: boolean;
	    size: number;
	}
	export interface Image {
	    id: string;
	    names: string[];
	    digest: string;
	    repoDigests: string[];
	    // Go type: time
	    created: any;
	    size: number;
	    downloadSize: number;
	    platform: string;
	    labels: Record<string, string>;
	    containers: number;
	    origin: string;
	}
	export interface ImageConfig {
	    user: string;
	    exposedPorts: string[];
	    env: string[];
	    entrypoint: string[];
	    cmd: string[];
	    volumes: string[];
	    workingDir: string;
	    labels: Record<string, string>;
	    stopSignal: string;
	    healthCheck?: HealthCheck;
	}
	export interface Layer {
	    digest: string;
	    diffID: string;
	    size: number;
	    unpacked: number;
	    mediaType: string;
	    createdBy: string;
	}
	export interface ImageDetail {
	    id: string;
	    names: string[];
	    digest: string;
	    repoDigests: string[];
	    // Go type: time
	    created: any;
	    size: number;
	    downloadSize: number;
	    platform: string;
	    labels: Record<string, string>;
	    containers: number;
	    origin: string;
	    config: ImageConfig;
	    layers: Layer[];
	    history: HistoryRow[];
	    usedBy: string[];
	    author?: string;
	}
	export interface ImageFilter {
	    reference?: string;
	    filters?: Record<string, Array<string>>;
	    all?: boolean;
	}
	export interface Info {
	    version: string;
	    os: string;
	    kernel: string;
	    architecture: string;
	    cpus: number;
	    memory: number;
	    storeDir: string;
	    runtimeDir: string;
	    containers: number;
	    running: number;
	    images: number;
	    userNS: string;
	    limited: string[];
	    cgroupVersion: string;
	    cgroupDelegated: boolean;
	    runtime: string;
	    network: string;
	    security: string[];
	    subnet: string;
	}
	
	
	export interface LoadResult {
	    images: Image[];
	}
	export interface Login {
	    registry: string;
	    username: string;
	    password: string;
	}
	
	export interface Step {
	    id: string;
	    title: string;
	    state: string;
	    done: number;
	    total: number;
	}
	export interface Operation {
	    id: string;
	    kind: string;
	    title: string;
	    subject: string;
	    state: string;
	    // Go type: time
	    started: any;
	    // Go type: time
	    ended: any;
	    done: number;
	    total: number;
	    steps: Step[];
	    error?: Error;
	    imageID?: string;
	    image?: string;
	    upToDate?: boolean;
	}
	
	export interface PullSpec {
	    ref: string;
	    platform?: string;
	    force?: boolean;
	}
	export interface Registry {
	    host: string;
	    kind: string;
	    source: string;
	    search: boolean;
	    insecure: boolean;
	    blocked: boolean;
	    mirrors: string[];
	    user?: string;
	}
	export interface RemoveImageOptions {
	    force?: boolean;
	}
	export interface RemoveOptions {
	    force?: boolean;
	}
	export interface RemovedImage {
	    untagged: string[];
	    deleted: string[];
	    freed: number;
	}
	export interface ResolvedRef {
	    ref: string;
	    name: string;
	    candidates: string[];
	    local: string;
	    why: string;
	}
	
	
	export interface StopOptions {
	    timeout?: number;
	    signal?: string;
	}
	export interface Tag {
	    name: string;
	    size?: number;
	    digest?: string;
	    // Go type: time
	    updated: any;
	}
	export interface TagList {
	    repository: string;
	    tags: Tag[];
	    more?: boolean;
	}

}

export namespace main {
	
	export interface Appearance {
	    scheme: string;
	    contrast: string;
	    accent: string;
	}

}

