import { joinHostPort } from '../../../lib/host-address.ts';
import { shortId } from '../../../lib/ids.ts';
import { visible } from '../../../lib/plain-text.ts';
import { command } from '../../command.ts';
import { text } from '../../flags/spec.ts';
import { objectFormats } from '../../flags/takes.ts';
import { inspectAll } from '../../format/inspect.ts';
import { type Style, styled, styleOf } from '../../output/style.ts';
import { anyJson } from '../../output/values.ts';
import {
  type EngineRecord,
  type InfoRecord,
  infoRecord,
  type ListenerRecord,
  type PluginRecord,
  type StoreRecord,
} from './info-record.ts';

export const info = command({
  synopsis: '',
  description: "Show the daemon's state",
  args: [0, 0],
  flags: {
    format: text('Format output using a Go template, or json', { short: 'f', takes: objectFormats }),
  },
  async run({ flags, client, shell, path }) {
    if (flags.format !== '') {
      const whole = () => client.request('GET', '/info', {}, anyJson);
      const format = flags.format === 'json' ? '{{json .}}' : flags.format;
      return inspectAll([''], format, whole, { shell, client, path });
    }
    const record = await client.ask((docker) => docker.info(), infoRecord);
    shell.stdout.write(styled(describe(record, Date.now(), styleOf(shell.stdout, shell))));
  },
});

/** What the daemon says is shown, not obeyed, before any colour is put around it. */
function describe(
  { Containers, ContainersRunning, Fairlead }: InfoRecord,
  now: number,
  style: Style,
): string {
  const { dns } = Fairlead;
  const coloured = (isGood: boolean, text: string) => (isGood ? style.good : style.bad)(visible(text));
  const before = [
    `Version: ${Fairlead.version}`,
    `Mode: ${Fairlead.mode} (${Fairlead.why})`,
    `Node: ${Fairlead.nodeName} (${shortId(Fairlead.nodeId)})`,
    `Data root: ${Fairlead.dataRoot}`,
    `Default network: ${Fairlead.defaultNetwork}`,
    `Containers: ${Containers} (${ContainersRunning} running)`,
    ...(Fairlead.engineState ? engineLines(Fairlead.engineState) : []),
  ].map(visible);
  const lines = [
    ...before,
    ...Fairlead.stores.map((store) => `Store: ${coloured(isWell(store), storeText(store, now))}`),
    ...Fairlead.plugins.map((plugin) => visible(`Plugin: ${pluginText(plugin)}`)),
    ...(dns?.listeners ?? []).map(
      (listener) => `DNS: ${coloured(listener.state === 'listening', listenerText(listener))}`,
    ),
    ...Fairlead.obstacles.map((obstacle) => visible(`Warning: ${obstacle}`)),
    ...(dns?.upstreams.length ? [visible(`DNS upstreams: ${dns.upstreams.join(', ')}`)] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function isWell({ reachable, degraded }: StoreRecord): boolean {
  return reachable && degraded === undefined;
}

function engineLines({ address, version, apiVersion, reachable, reason, ...rest }: EngineRecord): string[] {
  const state = reachable ? 'reachable' : `unreachable: ${reason}`;
  const { plugin, pluginProblem } = rest;
  return [
    `Engine: Docker ${version ?? '?'}, API ${apiVersion ?? '?'}, ${address} (${state})`,
    `Engine plugin: ${pluginProblem ?? plugin}`,
  ];
}

function storeText({ name, reachable, since, reason, degraded, refusal }: StoreRecord, now: number): string {
  if (reachable && degraded !== undefined) return `${name} (degraded: ${degraded})`;
  if (reachable) return `${name} (reachable)`;
  const age = Math.max(0, Math.round((now - since) / 1000));
  const when = new Date(since).toISOString();
  const state = refusal === undefined ? 'unreachable' : 'refuses this node';
  return `${name} (degraded, data ${age} s old: ${state} since ${when}${reason ? `: ${reason}` : ''})`;
}

function pluginText({ name, address, implements: services, state, reason }: PluginRecord): string {
  const about = [state, ...services, address].filter((part) => part).join(', ');
  return `${name} (${about}${reason ? `: ${reason}` : ''})`;
}

function listenerText({ address, port, state, reason }: ListenerRecord): string {
  return `${joinHostPort(address, port)} ${state}${reason ? `: ${reason}` : ''}`;
}
