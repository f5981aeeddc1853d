/** What an attacker has got out of a try. */
export interface Outcome {
  readonly succeeded: boolean;
  /** What was seen, in a few words, for the table. */
  readonly seen: string;
}

/** One row of the table: a real try against the product, and the same try where its defence is missing. */
export interface Attack<Stage> {
  /** What the attacker wants, in a few words. */
  readonly name: string;
  /** Against the product as it is: must not succeed. */
  readonly attempt: (stage: Stage) => Promise<Outcome>;
  /** The same without the defence (the rule taken away, the flag left out): must succeed, or the try proves nothing. */
  readonly control: (stage: Stage) => Promise<Outcome>;
}

/** Attacks that share a stage: hosts, daemons and containers that are made once for them. */
export interface AttackGroup {
  readonly name: string;
  readonly open: () => Promise<AttackStage>;
  /** Of the attacks, in their order. */
  readonly names: readonly string[];
}

export interface AttackStage extends AsyncDisposable {
  readonly attempt: (index: number) => Promise<Outcome>;
  readonly control: (index: number) => Promise<Outcome>;
}

/** Ties attacks to what makes their stage; `attempt` of all comes before each one's `control`, which may take defences away. */
export function attackGroup<Stage extends AsyncDisposable>(
  name: string,
  stage: () => Promise<Stage>,
  attacks: readonly Attack<Stage>[],
): AttackGroup {
  const at = (index: number) => {
    const attack = attacks[index];
    if (!attack) throw new Error(`no attack ${index} in ${name}`);
    return attack;
  };
  return {
    name,
    names: attacks.map((attack) => attack.name),
    async open() {
      const made = await stage();
      return {
        attempt: (index) => at(index).attempt(made),
        control: (index) => at(index).control(made),
        [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
      };
    },
  };
}
