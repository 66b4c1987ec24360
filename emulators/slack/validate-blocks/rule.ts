/** One thing Slack would refuse, and where: `pointer` is a JSON pointer from the top of what was sent. */
export interface BlockProblem {
  readonly pointer: string;
  readonly message: string;
}

/** Where blocks are shown; not every block may stand everywhere. */
export type Surface = "message" | "modal" | "home";

/** What one validation collects while it walks: problems, and what must be unique or is limited over the whole. */
export interface Walk {
  readonly surface: Surface;
  readonly problems: BlockProblem[];
  readonly blockIds: Set<string>;
  /** Action ids of the block being walked. */
  actionIds: Set<string>;
  tableCharacters: number;
  markdownCharacters: number;
}

/** Looks at one value and adds what is wrong with it to the walk. */
export type Rule = (value: unknown, at: string, walk: Walk) => void;

/** A JSON object before anything is known about it. */
export type Unknown = { readonly [key: string]: unknown };

/** Is this a JSON object, not an array and not null? */
export function isObject(value: unknown): value is Unknown {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Adds a problem in Slack's words. */
export function report(walk: Walk, pointer: string, message: string): void {
  walk.problems.push({ pointer, message });
}

/** A string of a length between `min` (1) and `max`. Units: UTF-16 code units. */
export function string(max: number, min = 1): Rule {
  return (value, at, walk) => {
    if (typeof value !== "string") return report(walk, at, "must be a string");
    if (value.length < min) report(walk, at, `must be more than ${min - 1} characters`);
    if (value.length > max) report(walk, at, `must be less than ${max + 1} characters`);
  };
}

/** True or false. */
export const flag: Rule = (value, at, walk) => {
  if (typeof value !== "boolean") report(walk, at, "must be a boolean");
};

/** A whole number between `min` and `max`. */
export function integer(min: number, max: number): Rule {
  return (value, at, walk) => {
    if (typeof value !== "number" || !Number.isInteger(value)) return report(walk, at, "must be an integer");
    if (value < min) report(walk, at, `must be at least ${min}`);
    if (value > max) report(walk, at, `must be at most ${max}`);
  };
}

/** Any number. */
export const number: Rule = (value, at, walk) => {
  if (typeof value !== "number") report(walk, at, "must be a number");
};

/** One of the given words. */
export function oneOf(...words: readonly string[]): Rule {
  return (value, at, walk) => {
    if (typeof value !== "string" || !words.includes(value)) report(walk, at, `must be one of: ${words.join(", ")}`);
  };
}

/** A string of the given shape; `what` names it. */
export function matching(pattern: RegExp, what: string, max = 3000): Rule {
  return (value, at, walk) => {
    if (typeof value !== "string" || !pattern.test(value)) return report(walk, at, `must be a valid ${what}`);
    if (value.length > max) report(walk, at, `must be less than ${max + 1} characters`);
  };
}

/** An address that a client can open. */
export const link: Rule = matching(/^(https?:\/\/|slack:\/\/|mailto:|tel:)[^\s]+$/i, "URL");

/** An array of `min` (1) to `max` items, each under `rule`. */
export function list(rule: Rule, max: number, min = 1): Rule {
  return (value, at, walk) => {
    if (!Array.isArray(value)) return report(walk, at, "must be an array");
    if (value.length < min) report(walk, at, `no fewer than ${min} items allowed`);
    if (value.length > max) return report(walk, at, `no more than ${max} items allowed`);
    value.forEach((item, i) => rule(item, `${at}/${i}`, walk));
  };
}

/** An object with these fields and no others; `type` is looked at by `byType`. */
export function fields(required: Readonly<Record<string, Rule>>, optional: Readonly<Record<string, Rule>> = {}): Rule {
  return (value, at, walk) => {
    if (!isObject(value)) return report(walk, at, "must be an object");
    for (const [name, rule] of Object.entries(required)) {
      if (value[name] === undefined || value[name] === null) report(walk, at, `missing required field: ${name}`);
      else rule(value[name], `${at}/${name}`, walk);
    }
    for (const [name, field] of Object.entries(value)) {
      if (name === "type" || Object.hasOwn(required, name) || field === undefined) continue;
      const rule = Object.hasOwn(optional, name) ? optional[name] : undefined;
      if (rule === undefined) report(walk, at, `invalid additional property: ${name}`);
      else rule(field, `${at}/${name}`, walk);
    }
  };
}

/** An object whose `type` chooses its rule; any other type is refused. */
export function byType(rules: Readonly<Record<string, Rule>>): Rule {
  return (value, at, walk) => {
    if (!isObject(value)) return report(walk, at, "must be an object");
    const type = value["type"];
    if (type === undefined) return report(walk, at, "missing required field: type");
    const rule = typeof type === "string" && Object.hasOwn(rules, type) ? rules[type] : undefined;
    if (rule === undefined) return report(walk, at, `unsupported type: ${String(type)}`);
    rule(value, at, walk);
  };
}

/** All of the rules, in order. */
export function all(...rules: readonly Rule[]): Rule {
  return (value, at, walk) => {
    for (const rule of rules) rule(value, at, walk);
  };
}

/** At least one of the fields must be there; the first is named when none is. */
export function anyOf(...names: readonly [string, ...string[]]): Rule {
  return (value, at, walk) => {
    if (isObject(value) && names.every((name) => value[name] === undefined)) report(walk, at, `missing required field: ${names[0]}`);
  };
}
