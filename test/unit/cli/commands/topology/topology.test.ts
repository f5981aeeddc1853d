import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeDaemon, runCli } from '../../../../rig/cli.ts';
import { topologyFixture as fixture, topologyId } from '../../../../rig/topology.ts';

let daemon: FakeDaemon;
beforeEach(async () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1, 0, 3), toFake: ['Date'] });
  daemon = await FakeDaemon.start();
  daemon.on('GET /fairlead/topology', { json: fixture });
});
afterEach(async () => {
  vi.useRealTimers();
  await daemon[Symbol.asyncDispose]();
});

const stdoutOf = async (...argv: string[]) => {
  const { code, stdout, stderr } = await daemon.run(...argv);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
};

const tree = `3 nodes
├─ h1  192.0.2.1  alive, this node
├─ h2  192.0.2.2  alive
└─ h3  192.0.2.3  lost 3 minutes ago

backend  overlay, 10.0.0.0/24 (8 in use)
├─ services
│  ├─ db     10.0.0.2  pg1 on h2
│  ├─ queue  10.0.0.9  no provider
│  ├─ web    10.0.0.5  web1 on h1
│  └─ web    10.0.0.6  web2 on h2, unhealthy
├─ h1
│  ├─ app   10.0.0.3
│  └─ web1  10.0.0.5  backs web
└─ h2
   ├─ pg1   10.0.0.4  backs db
   └─ web2  10.0.0.6  backs web, unhealthy

bridge  bridge, 172.17.0.0/16 (4 in use)
└─ h1
   └─ app  172.17.0.2
`;

describe('topology', () => {
  it('is a tree of nodes, networks, services and containers', async () => {
    expect(await stdoutOf('topology')).toBe(tree);
    expect(await stdoutOf('topology', 'backend')).toBe(tree);
    expect(daemon.asked.map(({ url }) => url)).toEqual([
      '/fairlead/topology?complete=1',
      '/fairlead/topology?network=backend',
    ]);
    expect(await stdoutOf('topology', '-f', '{{len .nodes}}')).toBe('3\n');
  });

  it('fits a terminal of 80 columns, whatever names are', async () => {
    const [first, ...rest] = fixture.endpoints;
    const long = { ...first, containerName: `app-${'x'.repeat(100)}` };
    daemon.on('GET /fairlead/topology', { json: { ...fixture, endpoints: [long, ...rest] } });
    const run = (...argv: string[]) => runCli(argv, { host: daemon.host, columns: 80 });
    const { stdout } = await run('topology');
    const widths = stdout.split('\n').map((line) => [...line].length);
    expect(Math.max(...widths)).toBe(80);
    expect(stdout).toContain(`│  ├─ app-${'x'.repeat(69)}…\n`);
    expect((await run('topology', '--no-trunc')).stdout).toContain('x'.repeat(100));
  });

  it('shows control characters instead of obeying them, and what is unknown', async () => {
    const networks = [{ ...fixture.networks[0], name: 'a\u001b[2Jb', endpoints: 'unknown', subnets: [] }];
    daemon.on('GET /fairlead/topology', { json: { ...fixture, networks, services: [], endpoints: [] } });
    const { stdout } = await runCli(['topology'], { host: daemon.host });
    expect(stdout.split('\n').slice(-3)).toEqual([
      'a\\u001b[2Jb  overlay',
      '└─ endpoints unknown: the KV store is away',
      '',
    ]);
  });
});

const mermaid = `flowchart LR
  subgraph h1["h1"]
    c1["app"]
    c2["web1"]
  end
  subgraph h2["h2"]
    c3["pg1"]
    c4["web2"]
  end
  n1(["backend<br/>overlay, 10.0.0.0/24"])
  n2(["bridge<br/>bridge, 172.17.0.0/16"])
  s1{{"db 10.0.0.2"}}
  s2{{"queue 10.0.0.9"}}
  s3{{"web"}}
  c1 ---|"10.0.0.3"| n1
  c3 ---|"10.0.0.4"| n1
  c2 --- n1
  c4 --- n1
  c1 ---|"172.17.0.2"| n2
  n1 --- s1
  s1 --> c3
  n1 --- s2
  n1 --- s3
  s3 --> c2
  s3 --> c4
  classDef hollow fill:none,stroke-dasharray:4
  class s2 hollow
  classDef unhealthy stroke:#c62828,stroke-width:2px
  class c4 unhealthy
`;

const dot = `graph fairlead {
  graph [rankdir=LR, fontname="sans-serif"];
  node [shape=box, style=rounded, fontname="sans-serif"];
  edge [fontname="sans-serif", fontsize=10];
  subgraph cluster_h1 {
    label="h1";
    c1 [label="app"];
    c2 [label="web1"];
  }
  subgraph cluster_h2 {
    label="h2";
    c3 [label="pg1"];
    c4 [label="web2", color=red];
  }
  n1 [label="backend\\noverlay, 10.0.0.0/24", shape=ellipse];
  n2 [label="bridge\\nbridge, 172.17.0.0/16", shape=ellipse];
  s1 [label="db 10.0.0.2", shape=hexagon, style=solid];
  s2 [label="queue 10.0.0.9", shape=hexagon, style=dashed];
  s3 [label="web", shape=hexagon, style=solid];
  c1 -- n1 [label="10.0.0.3"];
  c3 -- n1 [label="10.0.0.4"];
  c2 -- n1;
  c4 -- n1;
  c1 -- n2 [label="172.17.0.2"];
  n1 -- s1;
  s1 -- c3 [dir=forward];
  n1 -- s2;
  n1 -- s3;
  s3 -- c2 [dir=forward];
  s3 -- c4 [dir=forward];
}
`;

describe('network graph', () => {
  it('is Mermaid, or Graphviz', async () => {
    expect(await stdoutOf('network', 'graph')).toBe(mermaid);
    expect(await stdoutOf('network', 'graph', '--format', 'dot')).toBe(dot);
  });

  it('is the same whatever order the answer has', async () => {
    const turned = Object.fromEntries(
      Object.entries(fixture).map(([name, of]) => [name, Array.isArray(of) ? of.toReversed() : of]),
    );
    daemon.on('GET /fairlead/topology', { json: turned });
    expect(await stdoutOf('network', 'graph')).toBe(mermaid);
  });

  it('is a picture: each node, network, container, service and address is on it, once where it is', async () => {
    const svg = await stdoutOf('network', 'graph', '--format', 'svg');
    const texts = [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
    expect(texts).toEqual([
      ...['h1', '192.0.2.1', 'h2', '192.0.2.2', 'h3', 'lost'],
      ...['backend', 'overlay', '10.0.0.0/24', 'queue 10.0.0.9'],
      ...['app', '10.0.0.3', 'web1', 'web 10.0.0.5', 'pg1', '10.0.0.4', 'db 10.0.0.2'],
      ...['web2', 'web 10.0.0.6', '!', 'bridge', 'bridge', '172.17.0.0/16', 'app', '172.17.0.2'],
    ]);
    expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 \d+ \d+"/);
  });

  it('a name means nothing to what it is written in', async () => {
    const networks = [{ ...fixture.networks[0], name: '"]; a & <b>\u001b' }];
    daemon.on('GET /fairlead/topology', { json: { ...fixture, networks } });
    expect(await stdoutOf('network', 'graph')).toContain(
      'n1(["#34;#93;#59; a #38; #60;b#62;#27;<br/>overlay',
    );
    expect(await stdoutOf('network', 'graph', '--format', 'dot')).toContain(
      'n1 [label="\\"]; a & <b>\\\\u001b\\noverlay',
    );
    expect(await stdoutOf('network', 'graph', '--format', 'svg')).toContain(
      '>&#34;]; a &#38; &#60;b&#62;\\u001b</text>',
    );
  });

  it('refuses another format, before anything is asked', async () => {
    expect(await daemon.run('network', 'graph', '--format', 'png')).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('"png" is no format of a graph: expected mermaid, dot, svg'),
    });
    expect(daemon.asked).toEqual([]);
  });
});

describe('lists of the whole cluster', () => {
  it('service ls --wide', async () => {
    expect(await stdoutOf('service', 'ls', '--wide')).toBe(
      [
        'SERVICE ID          NAME                NETWORK             PROVIDER            NODE                ADDRESS             HEALTH',
        '555555555555        db                  backend             pg1                 h2                  10.0.0.2            healthy',
        '666666666666        queue               backend             -                   -                   10.0.0.9            -',
        '777777777777        web                 backend             web1                h1                  10.0.0.5            healthy',
        '777777777777        web                 backend             web2                h2                  10.0.0.6            unhealthy',
        '',
      ].join('\n'),
    );
    const { stdout } = await runCli(['service', 'ls', '--wide'], { host: daemon.host, columns: 80 });
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      'SERVICE ID     NAME       NETWORK    PROVIDER   NODE       ADDRESS    HEALTH',
      '555555555555   db         backend    pg1        h2         10.0.0.2   healthy',
    ]);
    await stdoutOf('service', 'ls', '--wide', '--network', 'backend');
    expect(daemon.asked.at(-1)?.url).toBe('/fairlead/topology?network=backend');
    expect(await daemon.run('service', 'ls', '--wide', '-q')).toMatchObject({ code: 125 });
  });

  it('ps --cluster', async () => {
    const { stdout } = await runCli(['ps', '--cluster'], { host: daemon.host, columns: 100 });
    expect(stdout).toBe(
      [
        'CONTAINER ID   NAME        NODE        NETWORKS                              SERVICES      HEALTH',
        '888888888888   app         h1          backend:10.0.0.3, bridge:172.17.0.2   -             healthy',
        'eeeeeeeeeeee   web1        h1          backend:10.0.0.5                      web.backend   healthy',
        '000000000000   pg1         h2          backend:10.0.0.4                      db.backend    healthy',
        'ffffffffffff   web2        h2          backend:10.0.0.6                      web.backend   unhealthy',
        '',
      ].join('\n'),
    );
    expect(await stdoutOf('ps', '--cluster', '-q', '--no-trunc')).toBe(
      ['8', 'e', '0', 'f'].map((digit) => `${topologyId(digit)}\n`).join(''),
    );
    expect(await daemon.run('ps', '--cluster', '-a')).toMatchObject({ code: 125 });
  });
});
