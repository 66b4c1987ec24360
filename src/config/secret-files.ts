import { readFileSync, statSync } from "node:fs";
import { listVariables } from "./variables.ts";

/** The variables of a process, as they are given. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment gives, with each secret read from its file; a secret whose file is wrong counts as given. */
export interface Given {
  readonly values: Environment;
  /** What is wrong with a secret's file, by the secret's variable. Neither its content nor its path is in the sentence. */
  readonly problems: ReadonlyMap<string, string>;
}

/** The keys of a root administrator, which Twokey never uses: where a shell has them for other tools, they are hidden, and no warning. */
export const ADMIN_VARIABLES = ["CLOUDSTACK_ADMIN_API_KEY", "CLOUDSTACK_ADMIN_SECRET_KEY"] as const;

/** Far more than a token, a key or an address of a database. Units: bytes. */
const BYTES_MAX = 64 * 1024;

/** The variables that hold secrets: each may be given by a file. */
export function secretNames(): readonly string[] {
  return [...listVariables().flatMap(({ name, isSecret }) => (isSecret ? [name] : [])), ...ADMIN_VARIABLES];
}

/** The variables that are set, and the secrets of the files that `<name>_FILE` names; an empty variable counts as not set. */
export function readGiven(env: Environment): Given {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ""));
  const values: Record<string, string | undefined> = { ...given };
  const problems = new Map<string, string>();
  for (const name of secretNames()) {
    const file = given[`${name}_FILE`];
    if (file === undefined) continue;
    const read = readSecret(file.trim());
    if (given[name] !== undefined) problems.set(name, `and ${name}_FILE are both set, so which one counts is not known. Unset one of them`);
    else if ("problem" in read) problems.set(name, `cannot be read: ${name}_FILE names ${read.problem}`);
    // A placeholder, so that what is only a consequence is not told as well: it never gets into a configuration.
    values[name] = "secret" in read ? read.secret : "unread";
  }
  return { values, problems };
}

/** Every secret that the environment gives, also by a file, and the passwords in addresses: to be removed from what is shown. */
export function secretsIn(env: Environment): readonly string[] {
  const { values } = readGiven(env);
  const whole = secretNames().map((name) => values[name] ?? "");
  const passwords = Object.values(values).flatMap((value) => passwordsOf(value ?? ""));
  return [...whole, ...passwords].filter((s) => s.length >= 6);
}

/** As it stands, and decoded. */
function passwordsOf(url: string): readonly string[] {
  if (!/^[a-z][a-z+]*:\/\//i.test(url) || !URL.canParse(url)) return [];
  const { password } = new URL(url);
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password]; // A lone % is no encoding.
  }
}

type Read = { readonly secret: string } | { readonly problem: string };

function readSecret(file: string): Read {
  try {
    const found = statSync(file);
    if (found.isDirectory()) return { problem: "a folder. Name the file in it" };
    if (!found.isFile()) return { problem: "something that is not a file. Name a file" };
    if (found.size > BYTES_MAX) return { problem: "a file of more than 64 KiB, which is no secret. Name another one" };
    return secretOf(readFileSync(file, "utf8").trim());
  } catch (thrown) {
    return { problem: problemOf((thrown as { readonly code?: unknown }).code) };
  }
}

function secretOf(text: string): Read {
  if (text === "") return { problem: "a file that is empty. Write the secret into it" };
  if (/[\r\n]/.test(text)) return { problem: "a file of several lines. It must hold the secret alone" };
  if (/[\p{Cc}\uFFFD]/u.test(text)) return { problem: "a file that is not plain text (UTF-8). Write the secret alone into it" };
  return { secret: text };
}

function problemOf(code: unknown): string {
  if (code === "EACCES" || code === "EPERM")
    return "a file that this user may not read. Give the user of this process the right to read it";
  if (code !== "ENOENT" && code !== "ENOTDIR") return `a file that could not be read (${typeof code === "string" ? code : "unknown"})`;
  return "a file that is not there. Check the path, and that it is mounted";
}
