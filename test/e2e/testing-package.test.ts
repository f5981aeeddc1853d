import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Consumer } from '../rig/consumer.ts';

/** What is in the package, used where no other package is. */
let consumer: Consumer;
beforeAll(async () => {
  consumer = await Consumer.create();
});
afterAll(() => consumer[Symbol.asyncDispose]());

it('is imported and used without any other package and without native code', async () => {
  await consumer.write(
    'use.mjs',
    `process.dlopen = () => { throw new Error('native code'); };
     const { startFairlead } = await import('fairlead/testing');
     const f = await startFairlead({ port: 0 });
     const url = f.host.replace('tcp', 'http');
     const post = (path, body) => fetch(url + path, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
     await post('/containers/create?name=web', '{"Image":"x"}');
     await post('/containers/web/start');
     f.container('web').log('hello');
     const logs = await (await fetch(url + '/containers/web/logs?stdout=1')).text();
     console.log(logs.slice(8), (await (await fetch(url + '/networks')).json()).map(({ Name }) => Name).join());
     await f.close();`,
  );
  expect(await consumer.run([process.execPath, 'use.mjs'])).toEqual({
    code: 0,
    stdout: 'hello bridge,host,none\n',
    stderr: '',
  });
});

it('has types that need no other package, and that refuse what is wrong', async () => {
  await consumer.write(
    'use.ts',
    `import { startFairlead, type ExecCall, type FakeNode } from 'fairlead/testing';
     await using f = await startFairlead({ nodes: 2, dns: true });
     const node: FakeNode | undefined = f.nodes[1];
     f.onExec(/x/, async (call: ExecCall) => ({ stdout: await call.stdin(), exitCode: call.command.length }));
     f.onRun({ image: 'x' }, [{ health: 'healthy' }]).remove();
     await node?.die();
     export const host: string = f.host;
     // @ts-expect-error: there is no such option
     await startFairlead({ prot: 0 });
     // @ts-expect-error: nor such a health
     await f.container('web').setHealth('well');
    `,
  );
  const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
  const flags = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--types',
    '',
    '--ignoreConfig',
  ];
  expect(await consumer.run([process.execPath, tsc, ...flags, 'use.ts'])).toEqual({
    code: 0,
    stdout: '',
    stderr: '',
  });
});
