// The nouns of backend/api as they travel in JSON. Go's omitempty and omitzero
// are optional here; times are RFC 3339 strings.

export type State =
  | 'created'
  | 'starting'
  | 'running'
  | 'paused'
  | 'restarting'
  | 'stopping'
  | 'exited'
  | 'dead'
  | 'broken';

export interface Port {
  hostIP: string;
  hostPort: number;
  containerPort: number;
  protocol: string;
  /** One of these is chosen; neither: it is not limited. */
  hostFirst?: number;
  hostLast?: number;
}

export interface Container {
  id: string;
  name: string;
  image: string;
  imageID: string;
  command: string[];
  created: string;
  state: State;
  started?: string;
  finished?: string;
  exitCode: number;
  reason?: string;
  ports: Port[];
  labels: Record<string, string>;
  ip?: string;
  pid?: number;
  autoRemove?: boolean;
  restarts: number;
  health?: 'starting' | 'healthy' | 'unhealthy';
  networks: string[];
  offline?: boolean;
  mounted?: string[];
}

export interface ContainerDetail extends Container {
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
  limits?: Limits;
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

export interface Mount {
  type: string;
  source?: string;
  target: string;
  readOnly?: boolean;
  options?: string[];
  size?: number;
  mode?: string;
  relabel?: 'z' | 'Z';
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
  endpoint?: EndpointSpec;
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
  limits?: Limits;
  log?: LogLimits;
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
  oomScoreAdj?: number;
  secrets?: SecretUse[];
  pull?: 'always' | 'missing' | 'never' | 'newer';
  umask?: string;
  annotations?: Record<string, string>;
  timezone?: string;
}

export interface NetworkSpec {
  name: string;
  subnet?: string;
  gateway?: string;
  ipv6Off?: boolean;
  subnet6?: string;
  internal?: boolean;
  isolated?: boolean;
  mtu?: number;
  labels?: Record<string, string>;
}

export interface Network {
  id: string;
  name: string;
  created?: string;
  subnet: string;
  gateway: string;
  subnet6?: string;
  gateway6?: string;
  internal?: boolean;
  isolated?: boolean;
  mtu: number;
  labels: Record<string, string>;
  members: number;
  running: boolean;
  problem?: string;
}

export interface NetworkDetail extends Network {
  containers: NetworkMember[];
  guards?: string;
}

export interface EndpointSpec {
  aliases?: string[];
  ip?: string;
  ip6?: string;
  mac?: string;
}

export interface NetworkJoin extends EndpointSpec {
  network: string;
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

// Bytes and packets as the container sees them; rates are bytes a second.
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

export interface NetworkMember extends Attachment {
  id: string;
  name: string;
  running: boolean;
}

export interface PortChange {
  add?: Port[];
  remove?: Port[];
}

export interface Connection {
  network: string;
  protocol: string;
  inbound?: boolean;
  port: number;
  remote: string;
  host?: string;
  since: string;
  sent: number;
  received: number;
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

export interface Update {
  restart?: string;
  limits?: Limits;
}

// Durations are nanoseconds.
export interface HealthCheck {
  none?: boolean;
  test?: string[];
  interval?: number;
  timeout?: number;
  startPeriod?: number;
  startInterval?: number;
  retries?: number;
}

export interface HealthResult {
  start: string;
  end: string;
  code: number;
  output: string;
  status: string;
}

export interface Health {
  status: string;
  failing: number;
  log: HealthResult[];
}

export interface Process {
  pid: number;
  parent: number;
  inside: number;
  uid: number;
  state: string;
  started: string;
  tty: string;
  cpuTime: number;
  memory: number;
  command: string;
}

export interface StatsQuery {
  refs?: string[];
  all?: boolean;
  once?: boolean;
  interval?: number;
}

export interface Pressure {
  cpu: number;
  memory: number;
  io: number;
}

export interface Stats {
  id: string;
  name: string;
  time: string;
  running: boolean;
  cpu: number;
  cpuTime: number;
  memory: number;
  memoryLimit: number;
  netIn: number;
  netOut: number;
  netInRate: number;
  netOutRate: number;
  diskRead: number;
  diskWritten: number;
  pids: number;
  pressure?: Pressure;
  source: string;
}

export interface StatsRound {
  time: string;
  containers: Stats[];
}

export interface EventQuery {
  since?: string;
  until?: string;
}

export interface Autostart {
  enabled: boolean;
  method: string;
  file: string;
  linger: boolean;
  logout: string;
  verified: string[];
  fix?: string;
  fixWhy?: string;
}

export interface Created {
  id: string;
  name: string;
  ports: Port[];
  warnings: string[];
}

export interface ContainerFilter {
  all?: boolean;
  filters?: Record<string, string[]>;
  last?: number;
}

export interface StopOptions {
  timeout?: number;
  signal?: string;
}

export interface LogQuery {
  follow?: boolean;
  tail?: number;
  since?: string;
  until?: string;
  stream?: '' | 'stdout' | 'stderr';
  search?: string;
  level?: string;
  with?: string[];
  after?: string;
  before?: string;
  limit?: number;
  cursors?: boolean;
  levels?: boolean;
}

export interface LogLimits {
  maxSize?: number;
  maxFiles?: number;
  none?: boolean;
}

export interface AttachOptions {
  stdin?: boolean;
  start?: boolean;
  logs?: boolean;
  marks?: boolean;
  from?: Mark;
  rows?: number;
  cols?: number;
}

/** A place in what a session says, for one that takes up where another broke. */
export interface Mark {
  cursor?: string;
  stdout?: number;
  stderr?: number;
}

export interface ExecSpec {
  args: string[];
  env?: string[];
  workingDir?: string;
  user?: string;
  tty?: boolean;
  interactive?: boolean;
  detach?: boolean;
  privileged?: boolean;
  /** With Davit's own programs beside the container's: a debug shell. */
  toolbox?: boolean;
  hangUp?: boolean;
  rows?: number;
  cols?: number;
}

export interface Exit {
  code: number;
  reason?: string;
}

export interface LogLine {
  time: string;
  stream: string;
  text: string;
  partial?: boolean;
  cursor?: string;
  level?: string;
  container?: string;
}

export interface FilePath {
  container?: string;
  snapshot?: string;
  volume?: string;
  path: string;
}

export interface DirQuery {
  at: FilePath;
  offset?: number;
  limit?: number;
}

export interface FileInfo {
  name: string;
  path: string;
  mode: string;
  perm: number;
  uid: number;
  gid: number;
  user?: string;
  size: number;
  modified: string;
  dir?: boolean;
  link?: string;
  real?: string;
  mark?: 'added' | 'modified' | '';
  version?: string;
}

export interface DirPage {
  path: string;
  total: number;
  entries: FileInfo[];
  marked: boolean;
  deleted: string[];
}

export interface InfoQuery {
  at: FilePath;
  follow?: boolean;
}

export interface ReadQuery {
  at: FilePath;
  offset?: number;
  limit?: number;
}

export interface WriteSpec {
  at: FilePath;
  version?: string;
}

export interface FileChange {
  at: FilePath;
  perm?: number;
  uid?: number;
  gid?: number;
  deep?: boolean;
}

export interface ArchiveQuery {
  at: FilePath;
  follow?: boolean;
  name?: string;
  only?: string[];
}

export interface ArchiveSpec {
  at: FilePath;
  owner?: boolean;
}

export interface Unpacked {
  files: number;
  bytes: number;
  skipped: string[];
}

export interface Shells {
  shells: string[];
  users: string[];
}

export interface Image {
  id: string;
  names: string[];
  digest: string;
  repoDigests: string[];
  created?: string;
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

export interface HistoryRow {
  created?: string;
  createdBy: string;
  comment?: string;
  emptyLayer?: boolean;
  size: number;
}

export interface ImageDetail extends Image {
  config: ImageConfig;
  layers: Layer[];
  history: HistoryRow[];
  usedBy: string[];
  author?: string;
}

export interface ImageFilter {
  reference?: string;
  filters?: Record<string, string[]>;
  all?: boolean;
}

export interface ResolvedRef {
  ref: string;
  name: string;
  candidates: string[];
  local: string;
  why: string;
  ask?: boolean;
}

/** What to pull; the platform `all` is every one that there is an image for. */
export interface PullSpec {
  ref: string;
  platform?: string;
  force?: boolean;
  access?: RegistryAccess;
}

/** How one call alone reaches registries. */
export interface RegistryAccess {
  username?: string;
  password?: string;
  tlsVerify?: boolean;
}

export interface LoadResult {
  images: Image[];
}

export interface RemovedImage {
  untagged: string[];
  deleted: string[];
  freed: number;
  inTrash?: boolean;
  trashed?: number;
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

export interface SearchQuery {
  term: string;
  registry?: string;
  limit?: number;
  official?: boolean;
  access?: RegistryAccess;
}

export interface SearchResult {
  name: string;
  description: string;
  stars: number;
  pulls?: string;
  official: boolean;
  verified?: boolean;
  updated?: string;
}

export interface SearchPage {
  registry: string;
  results: SearchResult[];
  error?: ErrorBody;
  more?: boolean;
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
  updated?: string;
  platforms?: TagPlatform[];
}

export interface TagList {
  repository: string;
  tags: Tag[];
  more?: boolean;
}

export interface Login {
  registry: string;
  username: string;
  password: string;
  tlsVerify?: boolean;
}

export type OperationState = 'waiting' | 'running' | 'paused' | 'done' | 'failed' | 'cancelled';

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
  state: OperationState;
  started: string;
  ended?: string;
  done: number;
  total: number;
  steps: Step[];
  error?: ErrorBody;
  imageID?: string;
  image?: string;
  upToDate?: boolean;
  result?: string;
  place?: number;
  elsewhere?: boolean;
  reason?: string;
}

export interface Event {
  cursor: number;
  time: string;
  type: string;
  action: string;
  id: string;
  name?: string;
  exitCode?: number;
  image?: string;
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

export type CheckState = 'ok' | 'warning' | 'failed' | 'unknown';

export interface Check {
  id: string;
  title: string;
  state: CheckState;
  found: string;
  means: string;
  fix?: string;
  fixWhy?: string;
  mend?: Mend;
}

/** What Davit's helper would change, as root, or has changed. */
export interface Mend {
  action: string;
  text?: string;
  digest?: string;
  done?: boolean;
}

export interface MendRequest {
  apply?: MendStep[];
  undo?: string[];
}

export interface MendStep {
  action: string;
  digest: string;
}

export type Kind =
  | 'internal'
  | 'invalid'
  | 'not-found'
  | 'conflict'
  | 'unavailable'
  | 'denied'
  | 'host'
  | 'start'
  | 'no-space'
  | 'rate-limited'
  | 'cancelled'
  | 'corrupt';

export interface ErrorBody {
  kind: Kind;
  msg: string;
  hint?: string;
  ref?: string;
  field?: string;
  exitCode?: number;
  retryAfter?: number;
}

export type SpecForm = 'run' | 'compose' | 'quadlet' | 'kube';

export interface Device {
  source: string;
  target?: string;
  permissions?: string;
}

// -1 is no bound.
export interface Ulimit {
  name: string;
  soft: number;
  hard: number;
}

export interface SecretUse {
  source: string;
  target?: string;
  env?: boolean;
  uid?: number;
  gid?: number;
  mode?: string;
}

export interface SpecCheck {
  problems: ErrorBody[];
  warnings: string[];
}

export interface Suggestion {
  image: string;
  ports: Port[];
  mounts: Mount[];
  user: string;
  healthCheck?: HealthCheck;
  entrypoint: string[];
  command: string[];
  workingDir: string;
  env: string[];
  ask: AskedVariable[];
}

export interface AskedVariable {
  name: string;
  why: string;
  required?: boolean;
  secret?: boolean;
  value?: string;
  or?: string[];
}

export interface ParsedRun {
  kind: string;
  specs: ParsedSpec[];
}

export interface ParsedSpec {
  name?: string;
  spec: RunSpec;
  detach?: boolean;
  unknown: string[];
  notes: string[];
}

export interface Rendered {
  text: string;
  file: string;
  lost: string[];
}

export interface FileOwnership {
  mount: number;
  source: string;
  target: string;
  owner: string;
  inside: string;
  writesAs: string;
  you: boolean;
  canWrite: boolean;
  says: string;
  offers: OwnershipOffer[];
}

export interface OwnershipOffer {
  kind: string;
  title: string;
  says: string;
  spec: RunSpec;
}

export interface ForeignFiles {
  path: string;
  files: number;
  bytes: number;
  owners: ForeignOwner[];
  skipped?: number;
}

export interface ForeignOwner {
  uid: number;
  files: number;
}

export interface Edit {
  ref: string;
  version: string;
  spec: RunSpec;
  keepLayer?: boolean;
}

export interface EditPlan {
  changes: SpecChange[];
  recreate: boolean;
  restart: boolean;
  lost: string[];
  problems: ErrorBody[];
  warnings: string[];
}

export interface SpecChange {
  field: string;
  from: string;
  to: string;
  live: boolean;
}

export interface Edited {
  id: string;
  name: string;
  ports: Port[];
  recreated: boolean;
  undo: boolean;
  warnings: string[];
}

export interface SnapshotSpec {
  ref: string;
  name?: string;
}

export interface Snapshot {
  id: string;
  name: string;
  created: string;
  files: number;
  size: number;
  shared: boolean;
}

export interface VolumeSpec {
  name?: string;
  labels?: Record<string, string>;
}

export interface Volume {
  name: string;
  driver: string;
  created: string;
  labels: Record<string, string>;
  anonymous?: boolean;
  mountpoint: string;
  usedBy: VolumeUse[];
  size?: number;
  files?: number;
}

export interface VolumeUse {
  id: string;
  name: string;
  running: boolean;
  target: string;
  readOnly?: boolean;
}

export interface VolumeFilter {
  filters?: Record<string, string[]>;
  sizes?: boolean;
}

export interface VolumePrune {
  all?: boolean;
  filters?: Record<string, string[]>;
  dryRun?: boolean;
}

export interface PrunedVolumes {
  volumes: PrunedVolume[];
  freed: number;
}

export interface PrunedVolume {
  name: string;
  size: number;
}

export interface SecretSpec {
  name: string;
  labels?: Record<string, string>;
  replace?: boolean;
}

export interface Secret {
  id: string;
  name: string;
  created: string;
  updated: string;
  labels: Record<string, string>;
  size: number;
  usedBy: string[];
}

export interface RemoveImageOptions {
  force?: boolean;
  permanent?: boolean;
}

/** What to push; `with` are further images, for other platforms, that the name becomes a list of. */
export interface PushSpec {
  ref: string;
  to?: string;
  with?: string[];
  access?: RegistryAccess;
}

export interface SaveSpec {
  refs: string[];
  format: 'docker-archive' | 'oci-archive' | 'oci-dir';
  path: string;
}

export interface ImportSpec {
  name?: string;
  origin?: string;
  message?: string;
  platform?: string;
  changes?: string[];
}

export interface CommitSpec {
  container: string;
  name?: string;
  author?: string;
  message?: string;
  changes?: string[];
  noPause?: boolean;
}

export interface Change {
  kind: 'added' | 'modified' | 'deleted';
  path: string;
  size: number;
}

export interface PruneSpec {
  all?: boolean;
  filters?: Record<string, string[]>;
  dryRun?: boolean;
  permanent?: boolean;
}

export interface PrunedImage {
  id: string;
  names: string[];
  gone: boolean;
  freed: number;
}

export interface Pruned {
  images: PrunedImage[];
  deleted: string[];
  freed: number;
  trashed?: number;
}

export interface TrashedImage {
  id: string;
  names: string[];
  created?: string;
  removed: string;
  size: number;
  freed: number;
  origin: string;
}

export interface EmptyTrashSpec {
  ids?: string[];
  dryRun?: boolean;
}

export interface ImageUsage {
  id: string;
  names: string[];
  created?: string;
  size: number;
  shared: number;
  unique: number;
  containers: number;
}

export interface ContainerUsage {
  id: string;
  name: string;
  image: string;
  state: State;
  size: number;
  log: number;
}

export interface DiskUsage {
  images: ImageUsage[];
  containers: ContainerUsage[];
  imagesSize: number;
  reclaimable: number;
  unfinished: number;
  trash: number;
  stray: number;
  shifted: number;
  free: number;
}

export interface CheckSpec {
  ref?: string;
  repair?: boolean;
}

export interface Damage {
  part: string;
  digest: string;
  what: string;
}

export interface CheckedImage {
  id: string;
  name: string;
  bytes: number;
  damaged: Damage[];
  repaired: boolean;
  fetched: number;
  error?: ErrorBody;
}

export interface OtherImage {
  id: string;
  names: string[];
  size: number;
  created?: string;
  here: boolean;
}

export interface OtherStore {
  kind: 'podman' | 'docker';
  where: string;
  readable: boolean;
  why?: string;
  hint?: string;
  images: OtherImage[];
}

export interface ImportFromSpec {
  store: string;
  refs: string[];
}

export interface FileQuery {
  ref: string;
  layer?: number;
  path?: string;
  deep?: boolean;
  match?: string;
  limit?: number;
}

export interface ImageFile {
  path: string;
  mode: string;
  uid: number;
  gid: number;
  size: number;
  modified?: string;
  link?: string;
  dir?: boolean;
  layer: number;
}

export interface FileList {
  files: ImageFile[];
  more?: boolean;
}

export interface FileRef {
  ref: string;
  layer?: number;
  path: string;
}

export interface WastedFile {
  path: string;
  times: number;
  wasted: number;
}

export interface Waste {
  total: number;
  wasted: number;
  efficiency: number;
  files: WastedFile[];
}

export interface ConfigChange {
  field: string;
  a: string;
  b: string;
}

export interface Comparison {
  config: ConfigChange[];
  shared: number;
  changes: Change[];
  more?: boolean;
}

export interface PreviewSpec {
  ref: string;
  platform?: string;
}

export interface TreeNode {
  id: string;
  names: string[];
  parent?: string;
  layers: number;
  shared: number;
  size: number;
}

export interface Repository {
  name: string;
  description: string;
  readme: string;
  stars: number;
  pulls?: string;
  updated?: string;
  official?: boolean;
  verified?: boolean;
  page?: string;
  tags: Tag[];
  more?: boolean;
  latestIs: string[];
}

export interface ManifestImage {
  platform: string;
  mediaType: string;
  digest: string;
  size: number;
  layers?: Layer[];
  annotations?: Record<string, string>;
  attestation?: boolean;
}

export interface Manifest {
  name: string;
  mediaType: string;
  digest: string;
  size: number;
  images: ManifestImage[];
  raw: string;
}

export interface PullQuota {
  limit: number;
  remaining: number;
  window: number;
  source?: string;
  user?: string;
}

export interface RegistrySpec {
  host: string;
  search?: boolean;
  insecure?: boolean;
  blocked?: boolean;
  mirrors?: string[];
}

export interface RegistrySettings {
  shortNameMode: 'enforcing' | 'permissive' | 'disabled';
  search: string[];
  ownFile?: string;
}
