import { describe, expect, it } from 'vitest';
import type { RunSpec } from '$lib/api/types';
import { BadValue, readSize, sizeText } from '$lib/format/size';
import { csvText, durationText, linesText, readCsv, readDuration, readLines } from './codec';
import { formOf, problemsByField, readForm } from './form';
import { readPorts } from './rows';
import { join, OpenQuote, quote, split } from '$lib/format/shell';

describe('quote', () => {
  it.each([
    ['a', 'a'],
    ['', "''"],
    ['a b', "'a b'"],
    ["it's", `'it'\\''s'`],
    ['$(rm -rf ~)', "'$(rm -rf ~)'"],
    ['a\nb', "'a\nb'"],
    ['~', "'~'"],
    ['!', "'!'"],
    ['KEY=v', 'KEY=v'],
    ['ünï', "'ünï'"],
  ])('%j becomes %s', (word, quoted) => expect(quote(word)).toBe(quoted));
});

describe('split', () => {
  it('reads what join wrote', () => {
    const words = ['sh', '-c', `echo "it's" $HOME \\ \`x\``, '', '\t', 'a\\b', '日本', '--', '"'];
    expect(split(join(words))).toEqual(words);
  });
  it('reads double quotes and backslashes', () => {
    expect(split('a "b \\" c"d e\\ f')).toEqual(['a', 'b " cd', 'e f']);
    expect(split('  ')).toEqual([]);
    expect(split(`''`)).toEqual(['']);
  });
  it('refuses an open quote', () => expect(() => split("echo 'a")).toThrow(OpenQuote));
});


describe('values in fields', () => {
  it.each([
    [512 * 2 ** 20, '512m'],
    [2 ** 30, '1g'],
    [1536 * 1024, '1536k'],
    [1001, '1001'],
    [-1, '-1'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(sizeText(bytes)).toBe(text);
    expect(readSize(text)).toBe(bytes);
  });
  it('reads sizes as people write them', () => {
    expect(readSize('1.5 GiB')).toBe(1.5 * 2 ** 30);
    expect(() => readSize('much')).toThrow(BadValue);
  });
  it.each([
    [90e9, '1m30s'],
    [500e6, '500ms'],
    [3_600e9, '1h'],
  ])('%d ns are %s', (ns, text) => {
    expect(durationText(ns)).toBe(text);
    expect(readDuration(text)).toBe(ns);
  });
  it('reads bare seconds, and no nonsense', () => {
    expect(readDuration('30')).toBe(30e9);
    expect(() => readDuration('soon')).toThrow(BadValue);
  });
  it('keeps hostile lines and commas whole', () => {
    const hostile = ['a', 'with\nnewline', '"quoted"', ' spaces ', 'ünï', '\u202e', ''];
    expect(readLines(linesText(hostile))).toEqual(hostile);
    const parts = ['a=1', 'b,c', 'd="e"'];
    expect(readCsv(csvText(parts))).toEqual(parts);
  });
});

describe('ports', () => {
  const read = (host: string, container: string) => readPorts([{ host, container, protocol: 'tcp' }]);
  it('reads ranges and addresses', () => {
    expect(read('8000-8002', '80-82').values.map((p) => [p.hostPort, p.containerPort])).toEqual([[8000, 80], [8001, 81], [8002, 82]]);
    expect(read('[::1]:8080', '80').values[0]).toMatchObject({ hostIP: '::1', hostPort: 8080 });
    expect(read('0.0.0.0:', '80').values[0]).toMatchObject({ hostIP: '0.0.0.0', hostPort: 0 });
    expect(read('', '80').values[0]).toMatchObject({ hostIP: '', hostPort: 0 });
  });
  it('chooses one of a range for a single port', () => {
    expect(read('[::1]:8000-8009', '80').values).toEqual([{ hostIP: '::1', hostPort: 0, containerPort: 80, protocol: 'tcp', hostFirst: 8000, hostLast: 8009 }]);
  });
  it('says which part is wrong', () => {
    expect(Object.keys(read('70000', '80').errors)).toEqual(['port.0.host']);
    expect(Object.keys(read('', 'x').errors)).toEqual(['port.0.container']);
    expect(Object.keys(read('8000-8002', '80-81').errors)).toEqual(['port.0.host']);
  });
});

const whole: RunSpec = {
  image: 'docker.io/library/nginx:1.27',
  name: 'web',
  hostname: 'host',
  entrypoint: ['sh', '-c'],
  command: ['echo "it\'s"', '', 'ünï\u202e'],
  env: ['A=1', 'B=', 'C=a=b', 'BARE', 'D=<script>', 'E=two\nlines'],
  workingDir: '/srv',
  user: '1000:1000',
  labels: { 'a.b': 'c=d', empty: '', multi: 'x\ny' },
  ports: [
    { hostIP: '', hostPort: 0, containerPort: 80, protocol: 'tcp' },
    { hostIP: '0.0.0.0', hostPort: 8000, containerPort: 9000, protocol: 'udp' },
    { hostIP: '0.0.0.0', hostPort: 8001, containerPort: 9001, protocol: 'udp' },
    { hostIP: '::1', hostPort: 0, containerPort: 53, protocol: 'tcp' },
    { hostIP: '::1', hostPort: 0, containerPort: 54, protocol: 'udp', hostFirst: 5400, hostLast: 5409 },
    { hostIP: '::1', hostPort: 0, containerPort: 55, protocol: 'udp', hostFirst: 5410, hostLast: 5419 },
  ],
  mounts: [
    { type: 'bind', source: '/srv/a, b', target: '/data', readOnly: true, relabel: 'Z', chown: true, create: true, propagation: 'rslave' },
    { type: 'volume', source: 'data', target: '/var/lib', noCopy: true, subpath: 'a/b' },
    { type: 'volume', target: '/anonymous' },
    { type: 'tmpfs', target: '/tmp', size: 64 * 2 ** 20, mode: '1777', options: ['noexec', 'nosuid'] },
  ],
  tty: true,
  interactive: true,
  autoRemove: true,
  readOnly: true,
  init: true,
  stopSignal: 'QUIT',
  stopTimeout: 0,
  restart: 'on-failure:5',
  network: 'backend',
  endpoint: { aliases: ['db', 'db.local'], ip: '10.0.0.2', ip6: 'fd00::2', mac: '02:00:00:00:00:01' },
  networks: [{ network: 'other', aliases: ['x', 'y'], ip: '10.1.0.2' }, { network: 'third' }],
  dns: ['1.1.1.1'],
  dnsSearch: ['example.test'],
  dnsOptions: ['ndots:2'],
  extraHosts: ['a:10.0.0.1'],
  hostAccess: true,
  capAdd: ['NET_ADMIN', 'SYS_TIME'],
  capDrop: ['ALL'],
  securityOpt: ['no-new-privileges=false', 'seccomp=unconfined', 'mask=/a:/b'],
  privileged: true,
  platform: 'linux/arm64',
  domainname: 'example.test',
  umask: '0077',
  annotations: { 'a.b/c': 'd=e' },
  limits: { memory: 512 * 2 ** 20, memoryReservation: 256 * 2 ** 20, memorySwap: -1, cpus: 1.5, cpuSet: '0-1', pids: 100, ioWeight: 500, cpuShares: 512 },
  oomScoreAdj: 300,
  log: { maxSize: 10 * 2 ** 20, maxFiles: 3, none: true },
  healthCheck: { test: ['CMD-SHELL', 'curl -f "http://localhost" || exit 1'], interval: 90e9, timeout: 5e9, startPeriod: 1e9, startInterval: 2e9, retries: 2 },
  groups: ['audio', '44'],
  envFiles: ['/home/you/env file'],
  expose: ['80/tcp'],
  shmSize: 64 * 2 ** 20,
  devices: [{ source: '/dev/a' }, { source: '/dev/b', target: '/dev/c', permissions: 'rw' }],
  userns: 'keep-id:uid=1000',
  uidMaps: ['0:0:1'],
  gidMaps: ['0:0:1'],
  sysctls: { 'net.ipv4.ip_forward': '1' },
  ulimits: [{ name: 'nofile', soft: 1024, hard: 4096 }, { name: 'core', soft: -1, hard: -1 }],
  secrets: [{ source: 'a' }, { source: 'b', target: 'X,Y', env: true, uid: 5, gid: 6, mode: '0400' }],
  pull: 'always',
  timezone: 'Europe/Berlin',
};

describe('form', () => {
  it('says all of a spec', () => expect(readForm(formOf(whole)).spec).toEqual(whole));
  it.each(Object.keys(whole).filter((key) => key !== 'image'))('says %s alone', (key) => {
    const spec = { image: 'a', [key]: whole[key as keyof RunSpec] } as RunSpec;
    expect(readForm(formOf(spec)).spec).toEqual(spec);
  });
  it('knows a check without a shell', () => {
    const spec: RunSpec = { image: 'a', healthCheck: { test: ['CMD', 'true', 'a b'] } };
    expect(readForm(formOf(spec)).spec).toEqual(spec);
    expect(readForm(formOf({ image: 'a', healthCheck: { none: true } })).spec.healthCheck).toEqual({ none: true });
  });
  it('keeps what it has no field for', () => {
    const spec = { image: 'a', fromTomorrow: { x: 1 } } as unknown as RunSpec;
    expect(readForm(formOf(spec), spec).spec).toEqual(spec);
  });
  it('leaves out what is as the image says', () => expect(readForm(formOf({ image: 'nginx' })).spec).toEqual({ image: 'nginx' }));
  it('names the field that cannot be read', () => {
    const form = formOf({ image: '' });
    form.values.command = "echo 'x";
    form.values['limits.memory'] = 'much';
    expect(Object.keys(readForm(form).errors).sort()).toEqual(['command', 'image', 'limits.memory']);
  });
  it('puts what Go says beside its field', () => {
    const form = formOf({ image: 'a', ports: [whole.ports![1]!, whole.ports![2]!], env: ['A=1'] });
    form.env = [{ name: '', value: '' }, ...form.env];
    form.mounts = [{ type: 'bind', source: '/x', target: 'y', readOnly: false, options: '' }];
    const { places } = readForm(form);
    const say = (field: string) => Object.keys(problemsByField([{ kind: 'invalid', msg: 'no', field }], places))[0];
    expect(say('ports[1].hostPort')).toBe('port.0.host');
    expect(say('ports[1].containerPort')).toBe('port.0.container');
    expect(say('env[0]')).toBe('env.1');
    expect(say('mounts[0].target')).toBe('mount.0.target');
    expect(say('mounts[0]')).toBe('mount.0.target');
    expect(say('limits.memory')).toBe('limits.memory');
    expect(say('ulimits[0]')).toBe('ulimits');
    expect(say('sysctls.net.foo')).toBe('sysctls');
    expect(say('elsewhere')).toBe('');
  });
});
