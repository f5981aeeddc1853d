import { Failure } from '../../failure.ts';
import { created } from '../../output/values.ts';
import { runAttached } from '../container/create/run.ts';
import { appNamed, type DokkuCall, type DokkuCommand, pathOf } from './call.ts';

/** One-off containers: on the app's networks, without its alias, gone when they end. */
export const runCommands: Readonly<Record<string, DokkuCommand>> = {
  run: async (call) => {
    const { stdin, stdout } = call.shell;
    const tty = stdin.isTTY === true && stdout.isTTY === true;
    const id = await createRun(call, { tty, openStdin: true });
    const attached = { tty, interactive: true, rm: true, 'sig-proxy': true };
    return await runAttached(call.client, id, attached, call.shell);
  },
  'run:detached': async (call) => {
    const id = await createRun(call, { tty: false, openStdin: false });
    await call.client.tell((docker) => docker.getContainer(id).start());
    call.log.line(id);
    return 0;
  },
};

async function createRun(
  { args, client }: DokkuCall,
  how: { readonly tty: boolean; readonly openStdin: boolean },
): Promise<string> {
  const { env, words } = readEnvironment(args);
  const [name, ...command] = words;
  const app = appNamed(name);
  if (command.length === 0) throw new Failure('No command specified');
  const body = { ...how, env, command };
  return (await client.request('POST', pathOf(app, '/run'), { body }, created)).Id;
}

/** Only in front of the app: what follows is the command's own. */
function readEnvironment(args: readonly string[]): {
  readonly env: readonly string[];
  readonly words: readonly string[];
} {
  const env: string[] = [];
  let index = 0;
  for (; /^(-e|--env)(=|$)/.test(args[index] ?? ''); index += 1) {
    const inline = /=(.*)$/s.exec(args[index] ?? '')?.[1];
    const variable = inline ?? args[++index] ?? '';
    if (!/^[^=]+=/.test(variable))
      throw new Failure(`Invalid variable specified, use KEY=VALUE: ${variable}`);
    env.push(variable);
  }
  return { env, words: args.slice(index) };
}
