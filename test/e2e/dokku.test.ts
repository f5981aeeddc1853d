import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runToEnd, TestDaemon } from '../rig/daemon.ts';

const bin = fileURLToPath(new URL('../../dist/bin', import.meta.url));

/** Dokku's commands beyond the examples of its page, typed with dist/bin first on the PATH, in the simulated mode. */
describe("Dokku's commands", () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await TestDaemon.start({ flags: ['--dns-listen', 'none', '--dataplane', 'simulated'] });
  });
  afterAll(() => daemon[Symbol.asyncDispose]());

  const shell = (line: string) =>
    runToEnd(['sh', '-c', line], {
      ...process.env,
      PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
      FAIRLEAD_HOST: daemon.host,
      NODE_EXTRA_CA_CERTS: '',
    });
  const printed = async (line: string) => {
    const { code, stdout, stderr } = await shell(line);
    expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: '' });
    return stdout;
  };
  /** Exit 1 and one line on stderr. */
  const refused = async (line: string, message: string, stdout = '') => {
    expect({ line, ...(await shell(line)) }).toEqual({
      line,
      code: 1,
      stdout,
      stderr: ` !     ${message}\n`,
    });
  };

  it('creates and describes a network', async () => {
    expect(await printed('dokku network:create test-network')).toBe('-----> Creating network test-network\n');
    expect(await printed('dokku network:list')).toBe('=====> Networks\nbridge\nhost\nnone\ntest-network\n');
    expect(await printed('dokku network:list --dokku-managed --quiet')).toBe('test-network\n');
    const id = (await printed('docker network ls -q -f name=test-network')).trim();
    expect(await printed('dokku network:info test-network')).toBe(
      [
        '=====> test-network network information',
        `       ID:             ${id}`,
        '       Name:           test-network',
        '       Driver:         bridge',
        '       Scope:          local',
        '       Dokku managed:  true',
        '',
      ].join('\n'),
    );
    const json: unknown = JSON.parse(await printed('dokku network:info test-network --format json'));
    expect(Object.entries(json ?? {})).toEqual([
      ['CreatedAt', expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z$/)],
      ['DokkuManaged', true],
      ['Driver', 'bridge'],
      ['ID', id],
      ['Internal', false],
      ['IPv6', false],
      ['Labels', { 'com.dokku.network-name': 'test-network' }],
      ['Name', 'test-network'],
      ['Scope', 'local'],
    ]);
    expect(JSON.parse(await printed('dokku network:list --format=json --dokku-managed'))).toEqual([json]);
    expect(await printed("docker network inspect -f '{{.Attachable}}' test-network")).toBe('true\n');
    await refused('dokku network:info absent', 'Network does not exist');
    await refused('dokku network:info', 'No network name specified');
    await refused(
      'dokku network:info test-network --format yaml',
      'Invalid format specified, use either text or json',
    );
  });

  it('refuses what cannot be done with a network', async () => {
    await expect(shell('dokku network:create test-network')).resolves.toEqual({
      code: 1,
      stdout: '-----> Creating network test-network\n',
      stderr:
        ' !     Unable to create network: Error response from daemon: network with name test-network already exists\n',
    });
    await refused('dokku network:create', 'No network name specified');
    await refused('dokku network:exists absent', 'Network does not exist');
    await refused('dokku network:exists', 'No network name specified');
    await refused('dokku network:destroy absent', 'Network does not exist');
    await refused('dokku network:destroy --force absent', 'Network does not exist');
    await expect(shell('echo test | dokku network:destroy test-network')).resolves.toEqual({
      code: 1,
      stdout: '',
      stderr: [
        ' !     WARNING: Potentially Destructive Action',
        ' !     This command will destroy network test-network.',
        ' !     To proceed, type "test-network"',
        '>  !     Confirmation did not match test-network. Aborted.',
        '',
      ].join('\n'),
    });
    await refused('dokku network:rebuild absent', 'App absent does not exist');
    await refused('dokku ps:rebuild absent', 'App absent does not exist', '-----> Rebuilding absent\n');
    await refused('dokku network:list --colour', 'unknown flag: --colour');
  });

  it('creates apps', async () => {
    await expect(shell('dokku apps:list')).resolves.toEqual({
      code: 0,
      stdout: '=====> My Apps\n',
      stderr: " !     You haven't deployed any applications yet\n",
    });
    expect(await printed('dokku apps:create node-js-app')).toBe('-----> Creating node-js-app...\n');
    expect(await printed('dokku --quiet apps:create python-sample')).toBe('');
    expect(await printed('dokku apps:list')).toBe('=====> My Apps\nnode-js-app\npython-sample\n');
    expect(await printed('dokku apps:exists node-js-app')).toBe('');
    await refused('dokku apps:exists ruby-sample', 'App ruby-sample does not exist');
    await refused('dokku apps:create node-js-app', 'Name is already taken');
    await refused('dokku apps:create', 'Please specify an app to run the command on');
  });

  // What the page itself sets is in dokku-page.test.ts.
  it.each([
    ['node-js-app attach-post-deploy one two', 'Setting attach-post-deploy to one,two'],
    ['node-js-app attach-post-deploy ""', 'Unsetting attach-post-deploy'],
    ['node-js-app static-web-listener [::1]:80', 'Setting static-web-listener to [::1]:80'],
    ['node-js-app static-web-listener', 'Unsetting static-web-listener'],
  ])('sets: dokku network:set %s', async (words, line) => {
    expect(await printed(`dokku network:set ${words}`)).toBe(`=====> ${line}\n`);
    expect(await printed(`dokku --quiet network:set ${words}`)).toBe('');
  });

  it('refuses what cannot be set', async () => {
    await refused('dokku network:set absent tld a', 'App absent does not exist');
    await refused('dokku network:set node-js-app', 'No property specified');
    await refused('dokku network:set', 'Please specify an app to run the command on');
    await refused(
      'dokku network:set node-js-app attach-post-create host',
      'Invalid network name specified for attach: host',
    );
    await refused(
      'dokku network:set node-js-app colour red',
      'Invalid property specified, valid properties include: attach-post-create, attach-post-deploy, bind-all-interfaces, initial-network, static-web-listener, tld',
    );
    await refused(
      'dokku network:set --global static-web-listener 127.0.0.1',
      'Property cannot be specified globally',
    );
    await refused(
      'dokku network:set node-js-app tld -x-',
      'Invalid tld specified: -x-: use letters, digits, "_", "-" and ".", beginning and ending with a letter or digit',
    );
    await refused(
      'dokku network:set node-js-app static-web-listener here',
      'Invalid static-web-listener specified, use an address or address:port: here',
    );
    await printed('dokku network:set node-js-app attach-post-create test-network');
    await refused(
      'dokku network:set node-js-app attach-post-deploy other test-network',
      'Network name already associated with this app: test-network',
    );
  });

  it('scales and deploys', async () => {
    expect(await printed('dokku ps:scale node-js-app')).toBe(
      '-----> Scaling for node-js-app\nproctype: qty\n--------: ---\nweb:  1\n',
    );
    expect(await printed('dokku ps:scale node-js-app web=2 worker=1')).toBe(
      '-----> Scaling node-js-app processes: web=2 worker=1\n',
    );
    expect(await printed('dokku ps:set node-js-app worker --image worker:1 --env A=b -- sleep 1d')).toBe(
      '=====> Setting process worker of node-js-app\n',
    );
    expect(await printed('dokku ps:rebuild node-js-app')).toBe(
      '-----> Rebuilding node-js-app\n-----> Deploying web.1\n-----> Deploying web.2\n-----> Deploying worker.1\n=====> Application deployed\n',
    );
    expect(await printed("docker ps --format '{{.Names}} {{.Image}} {{.Command}}'")).toBe(
      'node-js-app.worker.1 worker:1 "sleep 1d"\nnode-js-app.web.2 dokku/node-js-app:latest ""\nnode-js-app.web.1 dokku/node-js-app:latest ""\n',
    );
    await printed('dokku ps:scale node-js-app web=1 worker=0');
    expect(await printed("docker ps --format '{{.Names}}'")).toBe('node-js-app.web.1\n');
    await refused(
      'dokku ps:scale node-js-app web',
      'Invalid process count specified, use PROC_TYPE=COUNT: web',
    );
    await refused(
      'dokku ps:scale absent web=1',
      'App absent does not exist',
      '-----> Scaling absent processes: web=1\n',
    );
  });

  it('reports', async () => {
    const address = (
      await printed(
        "docker inspect --format '{{.NetworkSettings.Networks.bridge.IPAddress}}' node-js-app.web.1",
      )
    ).trim();
    expect(address).toMatch(/^172\.17\.0\.\d+$/);
    const report = (app: string, create: string, listener: string) =>
      [
        `=====> ${app} network information`,
        `       Network attach post create:           ${create}`,
        '       Network attach post deploy:           ',
        '       Network bind all interfaces:          false',
        `       Network computed attach post create:  ${create}`,
        '       Network computed attach post deploy:  ',
        '       Network computed bind all interfaces: false',
        '       Network computed initial network:     ',
        '       Network computed tld:                 ',
        '       Network global attach post create:    ',
        '       Network global attach post deploy:    ',
        '       Network global bind all interfaces:   false',
        '       Network global initial network:       ',
        '       Network global tld:                   ',
        '       Network initial network:              ',
        '       Network static web listener:          ',
        '       Network tld:                          ',
        `       Network web listeners:                ${listener}`,
        '',
      ].join('\n');
    const first = report('node-js-app', 'test-network', `${address}:5000`);
    expect(await printed('dokku network:report node-js-app')).toBe(first);
    expect(await printed('dokku network:report')).toBe(first + report('python-sample', '', ''));
    expect(await printed('dokku network:report node-js-app --network-bind-all-interfaces')).toBe('false\n');
    expect(await printed('dokku network:report node-js-app --network-web-listeners')).toBe(
      `${address}:5000\n`,
    );
    expect(await printed('dokku network:report --global')).toBe(
      [
        '=====> --global network information',
        ...first.split('\n').filter((line) => /computed|global/.test(line)),
        '',
      ]
        .join('\n')
        .replace('create:  test-network', 'create:  '),
    );
    const json = JSON.parse(await printed('dokku network:report node-js-app --format json'));
    expect(Object.keys(json)).toHaveLength(34);
    expect(json).toMatchObject({
      'network-attach-post-create': 'test-network',
      'attach-post-create': 'test-network',
      'network-computed-bind-all-interfaces': 'false',
      'web-listeners': `${address}:5000`,
    });
    await refused('dokku network:report absent', 'App absent does not exist');
    const { stderr } = await shell('dokku network:report node-js-app --network-colour');
    expect(stderr).toMatch(
      /^ ! {5}Invalid flag passed, valid flags: --network-attach-post-create, .*, --network-web-listeners\n$/,
    );
    expect(await printed('dokku ps:report node-js-app --running')).toBe('true\n');
  });

  it('names what is reachable', async () => {
    expect(await printed('fairlead app names node-js-app')).toMatch(
      /^PROCESS +NETWORK +NAME +ADDRESSES\nweb +test-network +node-js-app\.web +172\.18\.0\.\d+\n$/,
    );
    await printed('dokku network:set node-js-app tld svc.cluster.local');
    expect(await printed('dokku network:rebuild node-js-app')).toBe(
      '-----> Ensuring network configuration is in sync for node-js-app\n',
    );
    expect(await printed('fairlead app names node-js-app')).toContain('node-js-app.web.svc.cluster.local');
    await printed('dokku network:set node-js-app tld');
    await printed('dokku network:rebuildall');
    expect(await printed('fairlead app names node-js-app')).not.toContain('svc');
  });

  it('exits with the number of containers that could not be brought in line', async () => {
    await printed('dokku network:set node-js-app attach-post-deploy missing');
    await printed('fairlead app scale python-sample web=2');
    await printed('fairlead app rebuild python-sample');
    await printed('fairlead app set python-sample attach-post-deploy missing');
    expect(await shell('dokku --quiet network:rebuild node-js-app')).toEqual({
      code: 1,
      stdout: '',
      stderr: ' !     node-js-app.web.1: Network missing does not exist\n',
    });
    expect((await shell('dokku network:rebuildall')).code).toBe(3);
    await printed('dokku network:set python-sample attach-post-deploy');
  });

  it('fails a deploy with a missing network, and the old containers go on', async () => {
    const before = await printed('docker ps -aq --no-trunc');
    await refused(
      'dokku ps:rebuild node-js-app',
      'Network missing does not exist',
      '-----> Rebuilding node-js-app\n',
    );
    expect(await printed('docker ps -aq --no-trunc')).toBe(before);
    await printed('dokku network:set node-js-app attach-post-deploy');
  });

  it('binds to all interfaces on a random port', async () => {
    await printed('dokku network:set node-js-app bind-all-interfaces true');
    await printed('dokku ps:rebuild node-js-app');
    expect(await printed("docker ps --format '{{.Ports}}' -f name=node-js-app.web.1")).toMatch(
      /^0\.0\.0\.0:\d{5}->5000\/tcp\n$/,
    );
  });

  it('routes to a static listener instead', async () => {
    await printed('dokku network:set node-js-app static-web-listener 127.0.0.1:8080');
    expect(await printed('dokku network:report node-js-app --network-web-listeners')).toBe(
      '127.0.0.1:8080\n',
    );
  });

  it('runs one-off containers on the networks, without the alias', async () => {
    const id = (await printed('dokku run:detached node-js-app sleep 1d')).trim();
    expect(await printed(`docker inspect -f '{{json .NetworkSettings.Networks}}' ${id}`)).toContain(
      '"test-network"',
    );
    expect(await printed(`docker inspect -f '{{.Name}}' ${id}`)).toMatch(/^\/node-js-app\.run\.\d{4}\n$/);
    expect(await printed('fairlead app names node-js-app')).toMatch(/ 172\.18\.0\.\d+\n$/);
    await refused('dokku run node-js-app', 'No command specified');
    await refused('dokku run absent ls', 'App absent does not exist');
  });

  it('asks before an app goes, and takes all of it', async () => {
    const asks =
      ' !     WARNING: Potentially Destructive Action\n !     This command will destroy app node-js-app.\n !     To proceed, type "node-js-app"\n> ';
    expect(await shell('dokku apps:destroy node-js-app </dev/null')).toEqual({
      code: 1,
      stdout: '',
      stderr: `${asks} !     Confirmation did not match node-js-app. Aborted.\n`,
    });
    expect(await shell('echo node-js-app | dokku apps:destroy node-js-app')).toEqual({
      code: 0,
      stdout: '-----> Destroying node-js-app (including all add-ons)\n',
      stderr: asks,
    });
    await printed('dokku --force apps:destroy python-sample');
    expect(await printed('docker ps -aq')).toBe('');
  });

  it('helps, in the words of Dokku', async () => {
    expect(await printed('dokku network:help')).toBe(`Usage: dokku network[:COMMAND]

Manage network settings for an app

Additional commands:
    network:create <network>                                         Creates an attachable docker network
    network:destroy <network>                                        Destroys a docker network
    network:exists <network>                                         Checks if a docker network exists
    network:info <network> [--format text|json]                      Outputs information about a docker network
    network:list [--format text|json] [--dokku-managed]              Lists all docker networks
    network:rebuild <app>                                            Rebuilds network settings for an app
    network:rebuildall                                               Rebuild network settings for all apps
    network:report [<app>|--global] [<flag>] [--format stdout|json]  Displays a network report for one or more apps
    network:set <app>|--global <property> (<value>...)               Set or clear a network property for an app
`);
    const overview = await printed('dokku help');
    expect(overview).toContain('\n    network  Manage network settings for an app\n');
    expect(await printed('dokku --help')).toBe(overview);
    expect(await printed('dokku help --all')).toContain('\n    ps:rebuild <app> ');
    expect(await printed('dokku network:exists --help')).toBe(
      'Usage: dokku network:exists <network>\n\nChecks if a docker network exists\n',
    );
    const { code, stderr } = await shell('dokku proxy:build-config x');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^ ! {5}proxy:build-config is not a dokku command\. Known here: network:create, /,
      ),
    });
  });

  it('refuses to destroy a network that is used', async () => {
    await printed('docker run -d --name holder --net test-network x');
    await expect(shell('dokku network:destroy test-network --force')).resolves.toMatchObject({
      code: 1,
      stdout: '-----> Destroying network test-network\n',
      stderr: expect.stringMatching(/^ ! {5}Unable to destroy network: Error response from daemon: .*holder/),
    });
    await printed('docker rm -f holder');
    expect(await printed('dokku --force network:destroy test-network')).toBe(
      '-----> Destroying network test-network\n',
    );
  });
});
