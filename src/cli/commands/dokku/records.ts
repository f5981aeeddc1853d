import * as z from 'zod/mini';

const texts = z.record(z.string(), z.string());

/** An app as `GET /apps` lists it. */
export const appRecord = z.object({ name: z.string(), scale: z.record(z.string(), z.number()) });

export const appRecords = z.array(appRecord);

/** What `GET /apps/APP` has beyond that. */
export const appStatus = z.extend(appRecord, {
  deployed: z.boolean(),
  containers: z.array(
    z.object({ process: z.string(), id: z.string(), name: z.string(), status: z.string() }),
  ),
});

/** What a command did, line by line. */
export const stepsRecord = z.object({
  steps: z.array(z.object({ level: z.enum(['step', 'verbose', 'warn']), text: z.string() })),
});

export type Steps = z.infer<typeof stepsRecord>['steps'];

export const rebuiltRecord = z.extend(stepsRecord, { failed: z.number() });

/** Flags of `network:report` without their dashes, and their values. */
export const reportRecord = texts;

export const valueRecord = z.object({ value: z.string() });

export const nameRecords = z.array(
  z.object({
    process: z.string(),
    network: z.string(),
    name: z.string(),
    addresses: z.array(z.string()),
  }),
);
