import * as z from 'zod';
import { dnsPolicies } from '../cluster/records.ts';
import { timestamp } from '../lib/time.ts';

const texts = z.record(z.string(), z.string());

/** What containers of one process type are made from. */
const processSchema = z.object({
  /** Only a name where no Engine runs the containers. */
  image: z.string(),
  /** Empty: the image's own; without an Engine the container then just holds its network. */
  command: z.array(z.string()),
  /** `K=V` */
  env: z.array(z.string()),
  /** TCP ports that it listens on, the first one being the web listener's. */
  ports: z.array(z.number().int().min(1).max(65535)),
  /** How DNS answers for the alias that its containers share. */
  dnsPolicy: z.enum(dnsPolicies).default('turn'),
});

export const appSchema = z.object({
  name: z.string(),
  /** RFC 3339. */
  created: z.string(),
  /** Raw values of network properties that are set; `apps/--global` has the global ones. */
  properties: texts,
  /** Process type → number of containers on each host that deploys the app. */
  scale: z.record(z.string(), z.number().int().min(0)),
  /** Process type → its settings; a type without an entry has the defaults. */
  processes: z.record(z.string(), processSchema),
});

export const globalAppSchema = z.object({ properties: texts });

export type Process = Readonly<z.infer<typeof processSchema>>;
export type App = Readonly<z.infer<typeof appSchema>>;
export type Properties = Readonly<Record<string, string>>;

/** The process type that runs once at every rebuild, before anything is deployed. */
export const buildType = 'build';

/** Buildpack applications listen on 5000, which PORT tells them (Dokku's page). */
export const defaultPort = 5000;

export function processOf({ name, processes }: App, type: string): Process {
  const ports = type === 'web' ? [defaultPort] : [];
  const settings = Object.hasOwn(processes, type) ? processes[type] : undefined;
  return settings ?? { image: `dokku/${name}:latest`, command: [], env: [], ports, dnsPolicy: 'turn' };
}

/** The name under which all containers of a process answer, and how DNS spreads who asks for it. */
export function namingOf(app: App, type: string, tld: string) {
  const { dnsPolicy } = processOf(app, type);
  return { aliases: [[app.name, type, tld].filter((part) => part !== '').join('.')], dnsPolicy } as const;
}

/** `now`: Unix time in milliseconds. */
export function emptyApp(name: string, scale: App['scale'], now: number): App {
  return { name, created: timestamp(now), properties: {}, scale, processes: {} };
}
