import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dokku } from '../../../src/cli/dokku.ts';
import { FakeDaemon, testShell } from '../../rig/cli.ts';

const id = (digit: string) => digit.repeat(64);
const network = (Name: string) => ({ Id: id('a'), Name, Created: '', Driver: 'bridge' });
const container = (name: string) => ({ Id: id('c'), Names: [`/${name}`], Image: 'x', Created: 0 });
const missing = (message: string) => ({ status: 404, json: { message } });

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await FakeDaemon.start();
  daemon
    .on('GET /networks', { json: [network('bridge'), network('backend')] })
    .on('GET /containers/json', { json: [container('web')] })
    .on('GET /apps', { json: [{ name: 'blog', scale: { web: 2 } }] })
    .on('GET /info', { json: { Plugins: { Network: ['bridge', 'overlay'] } } })
    .on('GET /v1.23/services', { json: [{ id: id('5'), name: 'my-service', network: 'foo' }] });
});
afterEach(() => daemon[Symbol.asyncDispose]());

const stderrOf = async (...argv: string[]) => (await daemon.run(...argv)).stderr;

describe('a name that names nothing', () => {
  it('of a network', async () => {
    daemon.on('DELETE /networks/backed', missing('network backed not found'));
    daemon.on('DELETE /networks/nope', missing('network nope not found'));
    expect(await stderrOf('network', 'rm', 'backed', 'nope', 'backed')).toBe(
      [
        'Error response from daemon: network backed not found',
        'Did you mean "backend"?',
        'Error response from daemon: network nope not found',
        'Error response from daemon: network backed not found',
        'Did you mean "backend"?',
        '',
      ].join('\n'),
    );
    expect(daemon.asked.filter(({ url }) => url === '/networks')).toHaveLength(1);
  });

  it('of a container, also among several, also as the object of an inspect', async () => {
    daemon.on('POST /containers/wbe/stop', missing('No such container: wbe'));
    expect(await stderrOf('stop', 'wbe')).toBe(
      'Error response from daemon: No such container: wbe\nDid you mean "web"?\n',
    );
    expect(await stderrOf('inspect', 'wbe')).toBe('Error: No such object: wbe\nDid you mean "web"?\n');
  });

  it('in every way that the daemon says so', async () => {
    daemon.on('GET /fairlead/probe', missing('container wbe not found'));
    expect(await stderrOf('probe', 'wbe', 'x')).toMatch(/ not found\nDid you mean "web"\?\n$/);
    daemon.on('POST /networks/create', missing('configuration network "backed" does not exist'));
    expect(await stderrOf('network', 'create', '--config-from', 'backed', 'x')).toMatch(
      / does not exist\nDid you mean "backend"\?\n$/,
    );
    const started = 'Cannot start container x: network backed not found';
    daemon
      .on('POST /containers/create', { status: 201, json: { Id: id('7') } })
      .on(`POST /containers/${id('7')}/start`, missing(started));
    expect(await stderrOf('run', '-d', '--net', 'backed', 'image')).toBe(
      `Error response from daemon: ${started}\nDid you mean "backend"?\n`,
    );
  });

  it('of a driver', async () => {
    daemon.on('POST /networks/create', missing('plugin "brige" not found'));
    expect(await stderrOf('network', 'create', '-d', 'brige', 'x')).toBe(
      'Error response from daemon: plugin "brige" not found\nDid you mean "bridge"?\n',
    );
  });

  it.each(['my-service', 'my-servcie'])('of a service: %s', async (name) => {
    daemon.on('POST /v1.23/services', missing(`Service ${name} not found on network bridge`));
    expect(await stderrOf('service', 'publish', name)).toMatch(
      /^Error response from daemon: Service .* not found on network bridge\nDid you mean "my-service.foo"\?\n$/,
    );
  });

  it('of an app, and of a property, in both dialects', async () => {
    daemon.on('GET /apps/blgo/network', missing('App blgo does not exist'));
    expect(await stderrOf('app', 'report', 'blgo')).toBe(
      'Error response from daemon: App blgo does not exist\nDid you mean "blog"?\n',
    );
    const valid = 'Invalid property specified, valid properties include: initial-network, tld';
    daemon.on('POST /apps/blog/network', { status: 400, json: { message: valid } });
    const { shell, written } = testShell({ program: 'dokku', host: daemon.host });
    await dokku(['network:set', 'blog', 'inital-network', 'foo'], shell);
    await dokku(['network:repot'], shell);
    expect(written.stderr).toMatch(
      new RegExp(
        [
          `^ !     ${valid}`,
          ' !     Did you mean "initial-network"\\?',
          ' !     network:repot is not a dokku command. Known here: .*',
          ' !     Did you mean "network:report"\\?\n$',
        ].join('\n'),
      ),
    );
  });

  it('of a filter, by what the command has', async () => {
    daemon.on('GET /networks', { status: 400, json: { message: "invalid filter 'nam'" } });
    expect(await stderrOf('network', 'ls', '--filter', 'nam=x')).toBe(
      'Error response from daemon: invalid filter \'nam\'\nDid you mean "name"?\n',
    );
    daemon.on('GET /containers/json', { status: 400, json: { message: "invalid filter 'zz'" } });
    expect(await stderrOf('ps', '--filter', 'zz=x')).toBe(
      "Error response from daemon: invalid filter 'zz'\n",
    );
  });

  it('of DNS, as a container sees it', async () => {
    const report = { container: 'web', verdict: 'no-such-name', rcode: 'NXDOMAIN', answers: [] };
    daemon.on('GET /fairlead/probe', { json: { ...report, name: 'my-servcie' } });
    expect(await daemon.run('probe', 'web', 'my-servcie')).toEqual({
      code: 1,
      stdout: 'my-servcie for web: no-such-name (NXDOMAIN)\n',
      stderr: 'Did you mean "my-service"?\n',
    });
    daemon.on('GET /fairlead/probe', { json: { ...report, name: 'unlike' } });
    expect(await stderrOf('probe', 'web', 'unlike')).toBe('');
  });

  it('and a daemon that fails or is slow at telling names: the error alone', async () => {
    daemon.on('GET /networks/fo', missing('network fo not found')).on('GET /networks', { status: 500 });
    expect(await stderrOf('network', 'info', 'fo')).toBe(
      'Error response from daemon: network fo not found\n',
    );
  });
});
