import * as z from 'zod';
import { parseDnsPolicy } from '../../network/dns-policy.ts';

export const createBody = z.object({ name: z.string() });

export const processBody = z.object({
  type: z.string(),
  image: z.string().min(1).optional(),
  command: z.array(z.string()).optional(),
  env: z.array(z.string().regex(/^[^=]+=/)).optional(),
  ports: z.array(z.number().int().min(1).max(65535)).optional(),
  dnsPolicy: z.string().transform(parseDnsPolicy).optional(),
});

export const scaleBody = z.object({ scale: z.record(z.string(), z.number()) });

export const propertyBody = z.object({ property: z.string(), values: z.array(z.string()) });

export const runBody = z.object({
  command: z.array(z.string()),
  env: z.array(z.string()).default([]),
  tty: z.boolean().default(false),
  openStdin: z.boolean().default(false),
});
