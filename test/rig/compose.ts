import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Ran, runToEnd, type TestDaemon } from './daemon.ts';
import { composeProgram, dockerCli } from './engine-version.ts';

/** Docker's of today, and Debian 12's in Python; both know nothing of Fairlead. */
export const composeVersions = {
  '2.40': { program: composeProgram, separator: '-' },
  '1.29': { program: '/usr/bin/docker-compose', separator: '_' },
} as const;

export type ComposeVersion = keyof typeof composeVersions;

const shown = z.array(
  z.object({
    Id: z.string(),
    Name: z.string(),
    State: z.object({ Status: z.string(), Health: z.object({ Status: z.string() }).optional() }),
  }),
);

/** A file of test/clients/compose as one project at a daemon. */
export class ComposeProject {
  constructor(
    private readonly daemon: TestDaemon,
    private readonly version: ComposeVersion,
    readonly name: string,
    private readonly file: string,
  ) {}

  /** Standard output; rejects when it fails. `variables` are those of the file. */
  async run(variables: Readonly<Record<string, string>>, ...words: readonly string[]): Promise<string> {
    const file = fileURLToPath(new URL(`../clients/compose/${this.file}`, import.meta.url));
    const { program } = composeVersions[this.version];
    return output(
      await runToEnd([program, '-p', this.name, '-f', file, ...words], this.#environment(variables)),
    );
  }

  /** Name without the project → id, for every container of it. */
  async containers(): Promise<ReadonlyMap<string, string>> {
    return new Map((await this.#inspect()).map(({ Id, Name }) => [this.#short(Name), Id]));
  }

  /** Name without the project → `running`, `running (healthy)` … */
  async states(): Promise<Readonly<Record<string, string>>> {
    const state = ({ Status, Health }: z.infer<typeof shown>[number]['State']) =>
      Health ? `${Status} (${Health.Status})` : Status;
    return Object.fromEntries(
      (await this.#inspect()).map(({ Name, State }) => [this.#short(Name), state(State)]),
    );
  }

  /** `shop-db-1` of `db-1`. */
  container(short: string): string {
    const { separator } = composeVersions[this.version];
    return [this.name, ...short.split('-')].join(separator);
  }

  async docker(...words: readonly string[]): Promise<string> {
    return output(await runToEnd([dockerCli['28.5'], ...words], this.#environment({})));
  }

  async #inspect() {
    const ids = (
      await this.docker('ps', '-aq', '--filter', `label=com.docker.compose.project=${this.name}`)
    ).trim();
    return ids === '' ? [] : shown.parse(JSON.parse(await this.docker('inspect', ...ids.split('\n'))));
  }

  #short(name: string): string {
    return name.slice(this.name.length + 2).replace('_', '-');
  }

  #environment(variables: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
    return { ...process.env, ...variables, DOCKER_HOST: this.daemon.host, DOCKER_CONFIG: '/nonexistent' };
  }
}

function output({ code, stdout, stderr }: Ran): string {
  if (code !== 0) throw new Error(`exit ${code}: ${stdout}${stderr}`);
  return stdout;
}
