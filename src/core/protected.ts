import { DomainId, type DomainPath } from "./ids.ts";

/** A domain as CloudStack shows it. */
interface Place {
  readonly id: DomainId;
  readonly path: DomainPath;
}

/** One entry of the list of protected domains: as people or the environment wrote it, or as it was resolved. */
interface Entry {
  readonly id: DomainId | null;
  readonly path: string | null;
}

const PATH = /^ROOT(?:\/[^/\p{Cc}*,]{1,255})+$/u;
const RESOLVED = /^(.+) \(([0-9a-fA-F-]{36})\)$/;

/** Reads an entry: a UUID, a path, or `path (UUID)`; null: it is none of these. */
export function readProtected(text: string): Entry | null {
  const word = text.trim();
  const id = DomainId.safeParse(word);
  if (id.success) return { id: id.data, path: null };
  const resolved = RESOLVED.exec(word);
  if (resolved !== null && PATH.test(resolved[1] ?? "")) {
    const known = DomainId.safeParse(resolved[2]);
    if (known.success) return { id: known.data, path: resolved[1] ?? "" };
  }
  return PATH.test(word) ? { id: null, path: word } : null;
}

/** Writes the entry of a domain that was found. */
export function writeProtected(domain: Place): string {
  return PATH.test(domain.path) ? `${domain.path} (${domain.id})` : domain.id;
}

/** Whether one list protects all that another does. */
export function protectsAll(listed: readonly string[], others: readonly string[]): boolean {
  const entries = entriesOf(listed);
  const isKept = (o: Entry): boolean =>
    entries.some((e) => (o.id !== null && e.id === o.id) || (e.path !== null && o.path !== null && isIn(e.path, o.path)));
  return entriesOf(others).every(isKept);
}

/** Whether a list names this domain, or one that it lies in. */
export function isInProtected(listed: readonly string[], domain: Place): boolean {
  return entriesOf(listed).some((e) => e.id === domain.id || (e.path !== null && isIn(e.path, domain.path)));
}

/** Whether a deletion of this domain would delete a protected one: it is one, lies in one, or contains one. */
export function wouldDeleteProtected(listed: readonly string[], domain: Place): boolean {
  return isInProtected(listed, domain) || entriesOf(listed).some((e) => e.path !== null && isIn(domain.path, e.path));
}

function entriesOf(listed: readonly string[]): readonly Entry[] {
  // What was accepted by an older version and is no entry is compared as it was typed.
  return listed.map((text) => readProtected(text) ?? { id: null, path: text });
}

function isIn(outer: string, path: string): boolean {
  return `${foldPath(path)}/`.startsWith(`${foldPath(outer)}/`);
}

/** A path as CloudStack's database compares names: without case, accents and trailing blanks. Source: recording 27. */
export function foldPath(path: string): string {
  return path
    .split("/")
    .map((name) => name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().trimEnd())
    .join("/");
}
