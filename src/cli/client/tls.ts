import type { HostAddress } from '../../lib/host-address.ts';
import { UsageError } from '../failure.ts';
import type { Shell } from '../shell.ts';

/** The command line's TLS flags; a flag that was not given is absent. */
export interface TlsFlags {
  readonly tls?: boolean;
  readonly tlsverify?: boolean;
  readonly tlscacert?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
}

/** A PEM file, and what named it. */
export interface PemFile {
  readonly path: string;
  readonly from: string;
  /** May be missing: nobody named it. */
  readonly optional: boolean;
}

/** How to speak TLS with a daemon. */
export interface ClientTls {
  /** Whether the daemon's certificate is checked. */
  readonly verify: boolean;
  /** Absent where it is not looked at; else the system's authorities count where the file is missing. */
  readonly ca?: PemFile;
  readonly cert: PemFile;
  readonly key: PemFile;
}

type Environment = Pick<Shell, 'env' | 'program'>;

/**
 * As the docker CLI: `--tlsverify` (whatever its value) and `--tls` mean TLS, and `--tls` alone takes the daemon for what it
 * says it is. Files of certificates without either would go unused in clear text, so they are refused.
 * @returns undefined: clear text
 * @throws UsageError
 */
export function chooseTls(flags: TlsFlags, address: HostAddress, shell: Environment): ClientTls | undefined {
  const { tls = false, tlsverify } = flags;
  const wished = tls || tlsverify !== undefined;
  const [file] = (['tlscacert', 'tlscert', 'tlskey'] as const).filter((name) => flags[name] !== undefined);
  if (file && tlsverify === undefined && !tls) throw new UsageError(`--${file} needs --tlsverify, or --tls`);
  if (address.kind === 'unix') {
    if (wished)
      throw new UsageError('TLS is for tcp://HOST:PORT: leave out --tls and --tlsverify, or name it with -H');
    return undefined;
  }
  const given = fromEnvironment(shell);
  if (!wished && !given.verify && !given.tls && !address.tls) return undefined;
  const verify = tlsverify ?? (given.verify || !(tls || given.tls));
  const pem = (flag: 'tlscacert' | 'tlscert' | 'tlskey', name: string, needed: boolean): PemFile => {
    const path = flags[flag];
    if (path !== undefined) return { path, from: `--${flag}`, optional: false };
    const { path: folder, from } = given.folder;
    return { path: `${folder}/${name}`, from: from ?? `--${flag}`, optional: from === undefined && !needed };
  };
  return {
    verify,
    ...(verify && { ca: pem('tlscacert', 'ca.pem', wished || given.verify) }),
    cert: pem('tlscert', 'cert.pem', false),
    key: pem('tlskey', 'key.pem', false),
  };
}

/** Docker's own variables are for the drop-in alone: there they may be of the real Engine, and FAIRLEAD_TLS_VERIFY= takes them back. */
function fromEnvironment({ env, program }: Environment) {
  const docker = program === 'docker' ? env : {};
  const own = env.FAIRLEAD_CERT_PATH;
  const from = own ? 'FAIRLEAD_CERT_PATH' : docker.DOCKER_CERT_PATH ? 'DOCKER_CERT_PATH' : undefined;
  return {
    verify: Boolean(env.FAIRLEAD_TLS_VERIFY ?? (own || docker.DOCKER_TLS_VERIFY)),
    tls: Boolean(env.FAIRLEAD_TLS_VERIFY === undefined && docker.DOCKER_TLS),
    folder: {
      path: own || docker.DOCKER_CERT_PATH || `${env.HOME ?? ''}/.docker`,
      ...(from && { from }),
    },
  };
}
