import { normalName } from '../../api/docker/images/image-name.ts';
import type { Container } from '../../container/container.ts';
import type { ExecAnswer as Executed, ProgramRun, Programs } from '../../container/simulated/programs.ts';
import { FairleadError } from '../../lib/errors.ts';
import type {
  Answers,
  CommandMatcher,
  ContainerInfo,
  ExecAnswer,
  ExecCall,
  Health,
  RunAnswer,
  RunMatcher,
  Script,
} from '../contract.ts';
import { milliseconds } from '../duration.ts';

interface Rule<A, C> {
  readonly matches: (call: C) => boolean;
  readonly answer: (call: C) => A | Promise<A>;
}

/** The programs that tests have scripted; for all nodes. */
export class Scripts {
  readonly #execs: Rule<ExecAnswer, ExecCall>[] = [];
  readonly #runs: Rule<RunAnswer, ContainerInfo>[] = [];

  /** `ref`: of the container; undefined: any. */
  onExec(ref: string | undefined, matcher: CommandMatcher, answers: Answers<ExecAnswer, ExecCall>): Script {
    const matches = ({ container, command }: ExecCall) =>
      (ref === undefined || isNamed(container, ref)) && matchesCommand(matcher, command);
    return added(this.#execs, { matches, answer: inTurn(answers) });
  }

  onRun(matcher: RunMatcher, answers: Answers<RunAnswer, ContainerInfo>): Script {
    return added(this.#runs, {
      matches: (container) => matchesRun(matcher, container),
      answer: inTurn(answers),
    });
  }

  clear(): void {
    this.#execs.length = 0;
    this.#runs.length = 0;
  }

  /** For the runtime of one node. */
  programs({ node, onHealth }: ProgramsOf): Programs {
    return {
      run: (container) => {
        const info = infoOf(container, node);
        const rule = this.#runs.findLast(({ matches }) => matches(info));
        return rule && run(rule, info, onHealth);
      },
      exec: (container, call) => {
        const request = { ...call, container: infoOf(container, node) };
        const rule = this.#execs.findLast(({ matches }) => matches(request));
        return rule && exec(rule, request);
      },
    };
  }
}

export interface ProgramsOf {
  /** Its name. */
  readonly node: string;
  /** Called with the result of a started program's health check. */
  readonly onHealth: (containerId: string, health: Health) => void;
}

async function run(
  { answer }: Rule<RunAnswer, ContainerInfo>,
  info: ContainerInfo,
  onHealth: ProgramsOf['onHealth'],
): Promise<ProgramRun> {
  const { exitAfter = 0, health, ...program } = await answer(info);
  if (health) onHealth(info.id, health);
  return { ...program, exitAfterMs: milliseconds(exitAfter) };
}

async function exec({ answer }: Rule<ExecAnswer, ExecCall>, request: ExecCall): Promise<Executed> {
  const { takes = 0, ...output } = await answer(request);
  return { ...output, takesMs: milliseconds(takes) };
}

/** By name, id or a prefix of the id that is no accident. */
export function isNamed({ id, name }: Pick<ContainerInfo, 'id' | 'name'>, ref: string): boolean {
  return name === ref.replace(/^\//, '') || id === ref || (/^[0-9a-f]{12,}$/.test(ref) && id.startsWith(ref));
}

function added<T>(rules: T[], rule: T): Script {
  rules.push(rule);
  return {
    remove() {
      const at = rules.indexOf(rule);
      if (at >= 0) rules.splice(at, 1);
    },
  };
}

function inTurn<A extends object, C>(answers: Answers<A, C>): (call: C) => A | Promise<A> {
  if (typeof answers === 'function') return answers;
  const left: A[] = [...(isList(answers) ? answers : [answers])];
  const [first] = left;
  if (!first) throw new FairleadError('invalid', 'expected at least one answer');
  let last = first;
  return () => {
    last = left.shift() ?? last;
    return last;
  };
}

function isList<A extends object>(answers: A | readonly A[]): answers is readonly A[] {
  return Array.isArray(answers);
}

function matchesCommand(matcher: CommandMatcher, command: readonly string[]): boolean {
  if (typeof matcher === 'function') return matcher(command);
  if (typeof matcher === 'string' || matcher instanceof RegExp)
    return matchesText(matcher, command.join(' '));
  return matcher.length === command.length && matcher.every((word, i) => word === command[i]);
}

function matchesRun(matcher: RunMatcher, container: ContainerInfo): boolean {
  if (typeof matcher === 'function') return matcher(container);
  if (typeof matcher === 'string' || matcher instanceof RegExp) return matchesImage(matcher, container.image);
  const { image, name, command } = matcher;
  return (
    (image === undefined || matchesImage(image, container.image)) &&
    (name === undefined || matchesText(name, container.name)) &&
    (command === undefined || matchesCommand(command, container.command))
  );
}

function matchesImage(matcher: string | RegExp, image: string): boolean {
  if (matcher instanceof RegExp) return matchesText(matcher, image);
  const [wanted, given] = [normalName(matcher), normalName(image)];
  const isUntagged = !/[:@]/.test(matcher.slice(matcher.lastIndexOf('/') + 1));
  return (
    wanted === given || (isUntagged && given.replace(/[:@][^/]*$/, '') === wanted.replace(/:latest$/, ''))
  );
}

/** With the flags `g` and `y` an expression would remember where it was. */
function matchesText(matcher: string | RegExp, text: string): boolean {
  return typeof matcher === 'string' ? matcher === text : text.search(matcher) >= 0;
}

function infoOf({ id, name, spec }: Container, node: string): ContainerInfo {
  const { image, command, env, labels } = spec;
  return { id, name, image, command, env, labels, node };
}
