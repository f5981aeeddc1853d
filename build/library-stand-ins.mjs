/** Library by library: what stands in for what is never called, or called only later (stand-ins.mjs). */

const lighterYargs = [
  {
    from: /yargs/,
    module: 'assert',
    code: `const check = (ok, message) => { if (!ok) throw new Error(message); };
      exports.strictEqual = (a, b, message) => check(a === b, message);
      exports.notStrictEqual = (a, b, message) => check(a !== b, message);`,
  },
  // yargs' own help, which ours replaces: an emoji expression and a segmenter that take 35 ms to make.
  { from: /yargs/, module: 'cliui', code: refuse('yargs') },
  { from: /yargs/, module: 'string-width', code: 'module.exports = (text) => text.length;' },
];

/** Docker's client, without what neither daemon nor CLI calls. */
const leanDocker = [
  // Swarm sessions, image builds and ssh: gRPC, protobuf, tar, ssh2.
  ...['./session', './buildkit', 'tar-fs', '@balena/dockerignore'].map((module) => ({
    from: /dockerode/,
    module,
    code: refuse('dockerode'),
  })),
  { from: /docker-modem/, module: './ssh', code: refuse('ssh') },
  { from: /docker-modem/, module: 'debug', code: 'module.exports = () => () => {};' },
  { from: /docker-modem/, module: 'readable-stream', code: "module.exports = require('node:stream');" },
  // It writes every request out for its debug log, which is off.
  {
    from: /docker-modem/,
    module: 'util',
    code: "module.exports = { inherits: require('node:util').inherits, inspect: () => '' };",
  },
  { from: /dockerode/, module: 'zlib', code: lazily('zlib', 'createGzip') },
  // TLS costs 5 ms; a unix socket needs none.
  { from: /docker-modem/, module: 'https', code: lazily('https', 'request') },
];

/** Fastify needs none: what it would compile schemas with is loaded only without src/api/http/without-schemas.ts. */
export const daemonStandIns = [
  ...leanDocker,
  { from: /kvstore/, module: 'etcd3', code: "module.exports = load('etcd3');" },
  ...lighterYargs,
];

export const cliStandIns = [
  {
    from: /bin/,
    module: '../src/daemon/command.ts',
    code: "module.exports = { get daemon() { return load('daemon').daemon; } };",
  },
  {
    from: /bin/,
    module: '../src/testing/command.ts',
    code: "module.exports = { get fake() { return load('fake').fake; } };",
  },
  // A line without flags goes without it, so its code is loaded apart.
  { from: /flags.parse\.ts$/, module: 'yargs', code: "module.exports = load('yargs').default;" },
  ...leanDocker,
  ...lighterYargs,
];

function lazily(module, method) {
  return `module.exports = { ${method}: (...args) => require('node:${module}').${method}(...args) };`;
}

function refuse(what) {
  return `module.exports = () => { throw new Error('${what}: left out of the bundle'); };`;
}
