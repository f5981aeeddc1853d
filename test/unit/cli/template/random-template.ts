import { Random } from '../../../rig/random.ts';

/** What a template may use of its data: paths that give texts, whole numbers, truth values, and maps of texts. */
export interface Vocabulary {
  readonly texts: readonly [string, ...string[]];
  readonly numbers: readonly [string, ...string[]];
  readonly flags: readonly [string, ...string[]];
  readonly maps: readonly [string, ...string[]];
}

/** Templates of Go's language that are well formed and well typed, the same ones for the same seed. */
export class RandomTemplates {
  readonly #random: Random;

  constructor(
    seed: number,
    private readonly words: Vocabulary,
  ) {
    this.#random = new Random(seed);
  }

  next(depth = 2): string {
    const parts = Array.from({ length: 1 + this.#random.below(3) }, () => this.#part(depth));
    return parts.join(this.#random.pick(['', ' ', '-', '\n']));
  }

  #part(depth: number): string {
    const inside = () => (depth === 0 ? this.#action() : this.next(depth - 1));
    switch (this.#random.below(9)) {
      case 0:
        return `{{if ${this.#flag(depth)}}}${inside()}{{else if ${this.#flag(0)}}}${inside()}{{else}}no{{end}}`;
      case 1:
        return `{{with ${this.#text(depth)}}}{{.}}{{else}}none{{end}}`;
      case 2:
        return `{{range $k, $v := ${this.#map()}}}{{$k}}={{$v | printf "%q"}};{{else}}empty{{end}}`;
      case 3:
        return `{{range $i, $e := split (${this.#text(depth)}) "e"}}{{if $i}},{{end}}{{$e}}{{end}}`;
      case 4:
        return `{{$x := ${this.#text(depth)}}}{{$x}}{{$x = "set"}}{{$x}}`;
      case 5:
        return ` a {{- ${this.#text(depth)} -}} b {{/* a comment */ -}} `;
      default:
        return this.#action();
    }
  }

  #action(): string {
    const kind = this.#random.below(4);
    if (kind === 0) return `{{${this.#number(2)}}}`;
    if (kind === 1) return `{{${this.#flag(2)}}}`;
    return `{{${this.#text(2)}}}`;
  }

  #text(depth: number): string {
    const one = () => `(${this.#text(depth - 1)})`;
    if (depth === 0) return this.#random.pick([...this.words.texts, '"a b"', '`raw`', '"\\u00e9\\t"']);
    switch (this.#random.below(12)) {
      case 0:
        return `${this.#random.pick(['upper', 'lower', 'title', 'html', 'urlquery', 'js', 'json', 'print', 'println'])} ${one()}`;
      case 1:
        return `${this.#text(depth - 1)} | ${this.#random.pick(['upper', 'lower', 'printf "<%s>"', 'printf "%8.3s|"', 'len | print'])}`;
      case 2:
        return `printf "${this.#random.pick(['%s', '%v', '%q', '%-9s|', '%9s|', '%x', '%X', '%.2s', '%d', '%t', '%T'])}" ${one()}`;
      case 3:
        return `printf "${this.#random.pick(['%d', '%v', '%03d', '%+d', '%x', '%X', '%o', '%b', '%-5d|', '%5d|', '%s', '%q', '%U'])}" (${this.#number(1)})`;
      case 4:
        return `printf "%v %v" ${one()}`;
      case 5:
        return `printf "%s" ${one()} ${this.#random.below(9)}`;
      case 6:
        return `index ${this.#map()} "${this.#random.pick(['b', 'none', ''])}"`;
      case 7:
        return `truncate ${one()} ${this.#random.below(5)}`;
      case 8:
        return `pad ${one()} ${this.#random.below(3)} ${this.#random.below(3)}`;
      case 9:
        return `join (split ${one()} "${this.#random.pick(['e', '-', 'o', '.'])}") "+"`;
      case 10:
        return `or ${one()} ${one()}`;
      default:
        return this.#text(0);
    }
  }

  #number(depth: number): string {
    if (depth === 0 || this.#random.below(3) === 0) {
      return this.#random.pick([...this.words.numbers, '0', '7', '-3', '0x1F', "'a'"]);
    }
    return this.#random.pick([
      `len (${this.#text(depth - 1)})`,
      `len ${this.#map()}`,
      `index "text" ${this.#random.below(4)}`,
    ]);
  }

  #flag(depth: number): string {
    if (depth === 0) return this.#random.pick([...this.words.flags, 'true', 'false']);
    const compare = this.#random.pick(['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const);
    return this.#random.pick([
      `${compare} (${this.#text(depth - 1)}) (${this.#text(depth - 1)})`,
      `${compare} (${this.#number(depth - 1)}) (${this.#number(depth - 1)})`,
      `not (${this.#flag(depth - 1)})`,
      `and (${this.#flag(depth - 1)}) (${this.#flag(depth - 1)})`,
      `or (${this.#flag(depth - 1)}) (${this.#flag(depth - 1)})`,
      this.#flag(0),
    ]);
  }

  #map(): string {
    return this.#random.pick(this.words.maps);
  }
}
