import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiAttacks } from './attacks/api.ts';
import type { AttackGroup, AttackStage } from './attacks/attack.ts';
import { containerAttacks } from './attacks/container.ts';
import { dnsAttacks } from './attacks/dns.ts';
import { networkAttacks } from './attacks/network.ts';

/** Every group of attacks, one file each in attacks/. */
const groups: readonly AttackGroup[] = [apiAttacks, containerAttacks, dnsAttacks, networkAttacks];

const table: { readonly name: string; readonly held: boolean; readonly seen: string }[] = [];

afterAll(() => {
  const rows = table.map(({ name, held, seen }) => `${held ? 'held  ' : 'BROKEN'}  ${name}: ${seen}`);
  const held = table.filter((row) => row.held).length;
  process.stdout.write(`\n${rows.join('\n')}\nattacks tried: ${table.length}, held: ${held}\n`);
});

describe.each(groups)('$name', (group) => {
  let stage: AttackStage;

  beforeAll(async () => {
    stage = await group.open();
  });

  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  it.each(group.names.map((name, index) => ({ name, index })))('holds: $name', async ({ name, index }) => {
    const { succeeded, seen } = await stage.attempt(index);
    table.push({ name, held: !succeeded, seen });
    expect({ succeeded, seen }).toMatchObject({ succeeded: false });
  });

  it.each(group.names.map((name, index) => ({ name, index })))(
    'would not hold without its defence: $name',
    async ({ index }) => {
      expect(await stage.control(index)).toMatchObject({ succeeded: true });
    },
  );
});
