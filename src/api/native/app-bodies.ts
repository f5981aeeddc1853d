import * as z from 'zod';
import { parseDnsPolicy } from '../../cluster/endpoints/dns-policy.ts';
import { hasControl } from '../../lib/plain-text.ts';

const line = z.string().refine((text) => !hasControl(text), 'it holds a control character');

export const createBody = z.object({ name: line });

export const processBody = z.object({
  type: line,
  image: line.min(1).optional(),
  command: z.array(z.string()).optional(),
  env: z.array(z.string().regex(/^[^=]+=/)).optional(),
  ports: z.array(z.number().int().min(1).max(65535)).optional(),
  dnsPolicy: z.string().transform(parseDnsPolicy).optional(),
});

export const scaleBody = z.object({ scale: z.record(line, z.number()) });

export const propertyBody = z.object({ property: line, values: z.array(line) });

export const runBody = z.object({
  command: z.array(z.string()),
  env: z.array(z.string()).default([]),
  tty: z.boolean().default(false),
  openStdin: z.boolean().default(false),
});
