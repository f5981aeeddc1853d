import { joinHostPort } from '../../../lib/host-address.ts';
import { shortId } from '../../../lib/ids.ts';
import { command } from '../../command.ts';
import { text } from '../../flags/spec.ts';
import { objectFormats } from '../../flags/takes.ts';
import { inspectAll } from '../../format/inspect.ts';
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
    shell.stdout.write(describe(record, Date.now()));
  },
});

function describe({ Containers, ContainersRunning, Fairlead }: InfoRecord, now: number): string {
  const { dns } = Fairlead;
  const lines = [
    `Version: ${Fairlead.version}`,
    `Mode: ${Fairlead.mode} (${Fairlead.why})`,
    `Node: ${Fairlead.nodeName} (${shortId(Fairlead.nodeId)})`,
    `Data root: ${Fairlead.dataRoot}`,
    `Default network: ${Fairlead.defaultNetwork}`,
    `Containers: ${Containers} (${ContainersRunning} running)`,
    ...(Fairlead.engineState ? engineLines(Fairlead.engineState) : []),
    ...Fairlead.stores.map((store) => `Store: ${storeText(store, now)}`),
    ...Fairlead.plugins.map((plugin) => `Plugin: ${pluginText(plugin)}`),
    ...(dns?.listeners ?? []).map((listener) => `DNS: ${listenerText(listener)}`),
    ...Fairlead.obstacles.map((obstacle) => `Warning: ${obstacle}`),
    ...(dns?.upstreams.length ? [`DNS upstreams: ${dns.upstreams.join(', ')}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function engineLines({ address, version, apiVersion, reachable, reason, ...rest }: EngineRecord): string[] {
  const state = reachable ? 'reachable' : `unreachable: ${reason}`;
  const { plugin, pluginProblem } = rest;
  return [
    `Engine: Docker ${version ?? '?'}, API ${apiVersion ?? '?'}, ${address} (${state})`,
    `Engine plugin: ${pluginProblem ?? plugin}`,
  ];
}

function storeText({ name, reachable, since, reason, degraded }: StoreRecord, now: number): string {
  if (reachable && degraded !== undefined) return `${name} (degraded: ${degraded})`;
  if (reachable) return `${name} (reachable)`;
  const age = Math.max(0, Math.round((now - since) / 1000));
  const when = new Date(since).toISOString();
  return `${name} (degraded, data ${age} s old: unreachable since ${when}${reason ? `: ${reason}` : ''})`;
}

function pluginText({ name, address, implements: services, state, reason }: PluginRecord): string {
  const about = [state, ...services, address].filter((part) => part).join(', ');
  return `${name} (${about}${reason ? `: ${reason}` : ''})`;
}

function listenerText({ address, port, state, reason }: ListenerRecord): string {
  return `${joinHostPort(address, port)} ${state}${reason ? `: ${reason}` : ''}`;
}
