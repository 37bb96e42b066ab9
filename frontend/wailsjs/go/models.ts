export namespace api {
	
	export interface Connection {
	    network: string;
	    protocol: string;
	    inbound?: boolean;
	    port: number;
	    remote: string;
	    host?: string;
	    // Go type: time
	    since: any;
	    sent: number;
	    received: number;
	}
	export interface Traffic {
	    in: number;
	    out: number;
	    packetsIn: number;
	    packetsOut: number;
	    droppedIn?: number;
	    droppedOut?: number;
	    inRate: number;
	    outRate: number;
	    connections: number;
	}
	export interface Attachment {
	    network: string;
	    aliases: string[];
	    ip?: string;
	    prefix?: number;
	    gateway?: string;
	    ip6?: string;
	    prefix6?: number;
	    mac?: string;
	    traffic?: Traffic;
	    connections?: Connection[];
	}
	export interface Mend {
	    action: string;
	    text?: string;
	    digest?: string;
	    done?: boolean;
	}
	export interface Check {
	    id: string;
	    title: string;
	    state: string;
	    found: string;
	    means: string;
	    fix?: string;
	    fixWhy?: string;
	    mend?: Mend;
	}
	
	export interface Port {
	    hostIP: string;
	    hostPort: number;
	    containerPort: number;
	    protocol: string;
	    hostFirst?: number;
	    hostLast?: number;
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
	    networks: string[];
	    offline?: boolean;
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
	export interface SecretUse {
	    source: string;
	    target?: string;
	    env?: boolean;
	    uid?: number;
	    gid?: number;
	    mode?: string;
	}
	export interface Ulimit {
	    name: string;
	    soft: number;
	    hard: number;
	}
	export interface Device {
	    source: string;
	    target?: string;
	    permissions?: string;
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
	export interface LogLimits {
	    maxSize?: number;
	    maxFiles?: number;
	    none?: boolean;
	}
	export interface Limits {
	    memory?: number;
	    memoryReservation?: number;
	    memorySwap?: number;
	    cpus?: number;
	    cpuSet?: string;
	    pids?: number;
	    ioWeight?: number;
	    cpuShares?: number;
	}
	export interface NetworkJoin {
	    network: string;
	    aliases?: string[];
	    ip?: string;
	    ip6?: string;
	    mac?: string;
	}
	export interface EndpointSpec {
	    aliases?: string[];
	    ip?: string;
	    ip6?: string;
	    mac?: string;
	}
	export interface Mount {
	    type: string;
	    source?: string;
	    target: string;
	    readOnly?: boolean;
	    options?: string[];
	    size?: number;
	    mode?: string;
	    relabel?: string;
	    chown?: boolean;
	    noCopy?: boolean;
	    subpath?: string;
	    propagation?: string;
	    create?: boolean;
	}
	export interface RunSpec {
	    image: string;
	    name?: string;
	    hostname?: string;
	    domainname?: string;
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
	    endpoint: EndpointSpec;
	    networks?: NetworkJoin[];
	    dns?: string[];
	    dnsSearch?: string[];
	    dnsOptions?: string[];
	    extraHosts?: string[];
	    hostAccess?: boolean;
	    capAdd?: string[];
	    capDrop?: string[];
	    securityOpt?: string[];
	    privileged?: boolean;
	    platform?: string;
	    limits: Limits;
	    log: LogLimits;
	    healthCheck?: HealthCheck;
	    groups?: string[];
	    envFiles?: string[];
	    expose?: string[];
	    shmSize?: number;
	    devices?: Device[];
	    userns?: string;
	    uidMaps?: string[];
	    gidMaps?: string[];
	    sysctls?: Record<string, string>;
	    ulimits?: Ulimit[];
	    secrets?: SecretUse[];
	    oomScoreAdj?: number;
	    pull?: string;
	    umask?: string;
	    annotations?: Record<string, string>;
	    timezone?: string;
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
	    networks: string[];
	    offline?: boolean;
	    spec: RunSpec;
	    args: string[];
	    env: string[];
	    workingDir: string;
	    user: string;
	    network: string;
	    gateway?: string;
	    attachments: Attachment[];
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
	    mounts: Mount[];
	    version: string;
	    replaces?: string;
	    replacedBy?: string;
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
	    field?: string;
	    exitCode?: number;
	    retryAfter?: number;
	}
	export interface FilePath {
	    container?: string;
	    volume?: string;
	    path: string;
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
	    here?: boolean;
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
	
	export interface LogQuery {
	    follow?: boolean;
	    tail?: number;
	    // Go type: time
	    since: any;
	    // Go type: time
	    until: any;
	    stream?: string;
	    search?: string;
	    level?: string;
	    with?: string[];
	    after?: string;
	    before?: string;
	    limit?: number;
	    cursors?: boolean;
	    levels?: boolean;
	}
	export interface Login {
	    registry: string;
	    username: string;
	    password: string;
	    tlsVerify?: boolean;
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
	    result?: string;
	    place?: number;
	    elsewhere?: boolean;
	    reason?: string;
	}
	
	export interface RegistryAccess {
	    username?: string;
	    password?: string;
	    tlsVerify?: boolean;
	}
	export interface PullSpec {
	    ref: string;
	    platform?: string;
	    force?: boolean;
	    access: RegistryAccess;
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
	    userIn?: string;
	    own?: boolean;
	}
	
	export interface RemoveImageOptions {
	    force?: boolean;
	    permanent?: boolean;
	}
	export interface RemoveOptions {
	    force?: boolean;
	    volumes?: boolean;
	}
	export interface RemovedImage {
	    untagged: string[];
	    deleted: string[];
	    freed: number;
	    inTrash?: boolean;
	    trashed?: number;
	}
	export interface ResolvedRef {
	    ref: string;
	    name: string;
	    candidates: string[];
	    local: string;
	    why: string;
	    ask?: boolean;
	}
	
	
	
	export interface StopOptions {
	    timeout?: number;
	    signal?: string;
	}
	export interface TagPlatform {
	    platform: string;
	    digest?: string;
	    size?: number;
	}
	export interface Tag {
	    name: string;
	    size?: number;
	    digest?: string;
	    // Go type: time
	    updated: any;
	    platforms?: TagPlatform[];
	}
	export interface TagList {
	    repository: string;
	    tags: Tag[];
	    more?: boolean;
	}
	
	
	
	export interface Unpacked {
	    files: number;
	    bytes: number;
	    skipped: string[];
	}

}

export namespace main {
	
	export interface Appearance {
	    scheme: string;
	    contrast: string;
	    accent: string;
	}
	export interface Notification {
	    id: string;
	    title: string;
	    body: string;
	}
	export interface Opening {
	    kind: string;
	    image: string;
	    path: string;
	    why: string;
	}
	export interface Shown {
	    folder: string;
	    copied: boolean;
	    files: number;
	    left: number;
	}
	export interface TrayItem {
	    id: string;
	    title: string;
	    disabled: boolean;
	}

}

