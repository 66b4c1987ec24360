import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { isNode, type Node, type Source } from "./tidy-source.ts";

/** Types that only a mint may make; a cast to one would go around it. */
const MINTED = ["ApprovedDeletion", "DeletionProposal", "CompleteInput", "CompleteDesired", "CompleteObserved", "Absence"];
/** Files that make real clocks, ids and randomness. */
const AMBIENT_ALLOWED = /^src\/main\.ts$/;
const BANNED_NAMES = /^(utils?|helpers?|common|managers?|types?|misc|shared)$/;
const BANNED_VERBS = /^(handle|process|manage|check|do)(?=[A-Z]|$)/;

/** Names patterns that are banned in src/: `any`, `!`, casts to minted types, ambient time and randomness, empty catch, default export. */
export function findBannedCode(source: Source): readonly string[] {
  const found: string[] = [];
  source.walk((node) => {
    const say = (text: string): void => {
      found.push(`${source.file}:${source.lineAt(node.start)} ${text}`);
    };
    if (node.type === "TSAnyKeyword") say("any is banned");
    if (node.type === "TSNonNullExpression") say("the non-null ! is banned");
    if (node.type === "TSAsExpression" && MINTED.includes(nameOfType(node["typeAnnotation"]))) say("a cast to a minted type is banned");
    if (node.type === "ExportDefaultDeclaration") say("default export; name it");
    if (node.type === "CatchClause" && isEmptyCatch(source, node)) say("empty catch: return, throw or say why nothing is done");
    const ambient = AMBIENT_ALLOWED.test(source.file) ? null : ambientOf(node);
    if (ambient !== null) say(`${ambient} is ambient: take it as an argument`);
    const name = nameOfFunction(node);
    if (name !== null && BANNED_VERBS.test(name))
      say(`${name}: say what it does (parse, read, observe, plan, render, record, apply, run …)`);
  });
  return found;
}

/** Names every mention of the switch that makes CloudStack destroy a domain's contents at once. */
export function findCleanupTrue(source: Source): readonly string[] {
  return source.lines.flatMap((line, i) =>
    /cleanup["'`]?\]?\s*[=:,]\s*["'`]?true/i.test(line) ? [`${source.file}:${i + 1} cleanup with true`] : [],
  );
}

/** Names notes to self without an issue number. */
export function findLooseNotes(source: Source): readonly string[] {
  return source.comments
    .filter((comment) => /\b(FIXME|HACK|XXX)\b|\bTODO\b(?!\(#\d+\))/.test(comment.text))
    .map((comment) => `${source.file}:${source.lineAt(comment.start)} a note without an issue number`);
}

/** Names files and folders with names that say nothing, and files not in kebab-case. */
export function findBadNames(file: string): readonly string[] {
  const parts = file.replace(/\.ts$/, "").split("/");
  const bad = parts.filter((part) => BANNED_NAMES.test(part)).map((part) => `${file}: the name ${part} says nothing`);
  return /^[a-z0-9]+([.-][a-z0-9]+)*$/.test(parts.at(-1) ?? "") ? bad : [...bad, `${file}: file names are in kebab-case`];
}

/** Limits, in lines and columns: what does not fit on a few screens is not read. */
export const LIMITS = { file: 400, fileMedian: 110, function: 70, columns: 140 } as const;

/** A line of text or SQL that no formatter can break may be this long. */
const TEXT_COLUMNS = 240;

/** Names files, functions and lines above the limits. */
export function findOversize(source: Source): readonly string[] {
  const found: string[] = [];
  const length = source.lines.at(-1) === "" ? source.lines.length - 1 : source.lines.length;
  if (length > LIMITS.file) found.push(`${source.file}: ${length} lines, limit ${LIMITS.file}`);
  source.lines.forEach((line, i) => {
    const limit = /["'`]/.test(line) ? TEXT_COLUMNS : LIMITS.columns;
    if (line.length > limit) found.push(`${source.file}:${i + 1} ${line.length} columns, limit ${limit}`);
  });
  source.walk((node) => {
    if (!isNode(node["body"]) || !/Function/.test(node.type)) return;
    const lines = source.lineAt(node.end) - source.lineAt(node.start) + 1;
    if (lines > LIMITS.function)
      found.push(`${source.file}:${source.lineAt(node.start)} a function of ${lines} lines, limit ${LIMITS.function}`);
  });
  return found;
}

/** The middle one of the files' lengths. */
export function medianLength(sources: readonly Source[]): number {
  return sources.map((source) => source.lines.length - 1).sort((a, b) => a - b)[Math.floor(sources.length / 2)] ?? 0;
}

/** Names exports without a docstring. Exports in one block without a blank line share the first one's. */
export function findUndocumented(source: Source): readonly string[] {
  const found: string[] = [];
  let lastDocumentedEnd = -1;
  for (const node of source.nodes) {
    if (node.type !== "ExportNamedDeclaration" || !isNode(node["declaration"])) continue;
    const before = source.comments.findLast((comment) => comment.end <= node.start);
    const documented =
      before !== undefined && before.block && before.text.startsWith("*") && source.text.slice(before.end, node.start).trim() === "";
    const follows = lastDocumentedEnd >= 0 && /^[ \t;]*\n?[ \t]*$/.test(source.text.slice(lastDocumentedEnd, node.start));
    if (documented || follows) lastDocumentedEnd = node.end;
    else
      found.push(
        `${source.file}:${source.lineAt(node.start)} ${source.text.slice(node.start, node.start + 60).split("\n")[0] ?? ""} has no docstring`,
      );
  }
  return found;
}

/** Names this machine's folders in a committed text. */
export function findMachinePaths(file: string, text: string): readonly string[] {
  return text
    .split("\n")
    .flatMap((line, i) => (/(^|[^\w.])\/(work|home|Users)\/\w/.test(line) ? [`${file}:${i + 1} a path of one machine`] : []));
}

/** Names paths in a document that do not exist. A path is recognised by its first folder; `*`, `…` and `<…>` stand for anything. */
export function findDeadPaths(root: string, file: string, text: string): readonly string[] {
  const folders = /^(src|emulators|demo|docs|migrations|test|scripts|\.ci)\//;
  const quoted = [...text.matchAll(/`([^`\s]+)`/g)].map((match) => match[1] ?? "").filter((name) => folders.test(name));
  const linked = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
    .map((match) => match[1] ?? "")
    .filter((name) => !/^[a-z]+:/.test(name))
    .map((name) => path.posix.normalize(path.posix.join(path.posix.dirname(file), name)));
  return [...new Set([...quoted, ...linked])]
    .map((name) => name.replace(/[#:][\w-]+(\(\))?$/, ""))
    .filter((name) => !/[*…<>{}]/.test(name) && !name.includes("NNNN") && !existsSync(path.join(root, name)))
    .map((name) => `${file} names ${name}, which does not exist`);
}

/**
 * Names functions, types, triggers and tables that a document puts in quotes and no file named in it declares: a story about code must not
 * outlive the code.
 */
export function findDeadNames(root: string, file: string, text: string): readonly string[] {
  const quoted = [...text.matchAll(/`([^`\s]+)`/g)].map((match) => match[1] ?? "");
  const code = quoted
    .filter((name) => /\.(ts|sql)$/.test(name) && existsSync(path.join(root, name)))
    .map((name) => readFileSync(path.join(root, name), "utf8"))
    .join("\n");
  const names = quoted.filter(
    (name) => /^[a-z]+(?:[A-Z][A-Za-z0-9]*|(?:_[a-z]+)+)$/.test(name) || /^(?:tally|grant|keep|advance|show)$/.test(name),
  );
  return [...new Set(names)]
    .filter((name) => !new RegExp(`(?:function|const|trigger|table)\\s+${name}\\b|^\\s*${name}(?:\\(|: )`, "m").test(code))
    .map((name) => `${file} names ${name}, which no file named in it declares`);
}

/** A wait for a state may not be shorter: a busy machine makes everything late. Units: milliseconds. */
const SHORTEST_WAIT_MS = 60_000;

/** Names time limits of tests, hooks and waits that a busy machine would break. What times out on purpose goes by other names (`timeoutMs`, `ackMs`). */
export function findShortWaits(source: Source): readonly string[] {
  const found: string[] = [];
  source.walk((node) => {
    const limit = node.type === "Property" && /^(limitMs|timeout)$/.test(nameOf(node["key"])) ? node["value"] : limitOfTest(node);
    const ms = isNode(limit) && limit.type === "Literal" ? limit["value"] : null;
    if (typeof ms === "number" && ms < SHORTEST_WAIT_MS) found.push(`${source.file}:${source.lineAt(node.start)} waits ${ms} ms only`);
  });
  return found;
}

function limitOfTest(node: Node): unknown {
  const args = node.type === "CallExpression" && Array.isArray(node["arguments"]) ? node["arguments"] : [];
  const isTest = /^(test|it|beforeAll|beforeEach|afterAll|afterEach)\b/.test(calledName(node["callee"]));
  return isTest ? args.at(-1) : null;
}

/** `test` for `test(…)`, `test.each(…)(…)` and `test.for(…)(…)`. */
function calledName(callee: unknown): string {
  if (!isNode(callee)) return "";
  return nameOf(callee) || calledName(callee["object"]) || calledName(callee["callee"]);
}

/** Most entries of the repository that are no dot files, and of src/: what does not fit on a screen is no map. */
export const ENTRIES = { top: 15, src: 17 } as const;

/** The entries of a folder of these files; `""` is the top, dot files left out. */
export function entriesOf(files: readonly string[], folder: string): readonly string[] {
  const begin = folder === "" ? "" : `${folder}/`;
  const names = files.filter((file) => file.startsWith(begin)).map((file) => file.slice(begin.length).split("/")[0] ?? "");
  return [...new Set(names)].filter((name) => !name.startsWith("."));
}

/** Is this lock file free of registry addresses? They would tie an installation to one mirror. */
export function findRegistryAddresses(lock: string): readonly string[] {
  return lock.split("\n").flatMap((line, i) => (line.includes('"resolved"') ? [`package-lock.json:${i + 1} a registry address`] : []));
}

function nameOfType(annotation: unknown): string {
  const name = isNode(annotation) ? annotation["typeName"] : undefined;
  return isNode(name) ? String(name["name"] ?? "") : "";
}

function isEmptyCatch(source: Source, node: Node): boolean {
  const body = node["body"];
  if (!isNode(body) || !Array.isArray(body["body"]) || body["body"].length > 0) return false;
  return !source.comments.some((comment) => comment.start > body.start && comment.end < body.end);
}

function ambientOf(node: Node): string | null {
  if (
    node.type === "NewExpression" &&
    nameOf(node["callee"]) === "Date" &&
    Array.isArray(node["arguments"]) &&
    node["arguments"].length === 0
  )
    return "new Date()";
  if (node.type === "MemberExpression") {
    const name = `${nameOf(node["object"])}.${nameOf(node["property"])}`;
    return ["Date.now", "Math.random", "performance.now", "crypto.randomUUID", "crypto.getRandomValues"].includes(name) ? name : null;
  }
  const imported = node.type === "ImportSpecifier" ? nameOf(node["imported"]) : "";
  return ["randomUUID", "randomBytes", "randomInt", "v4", "v7", "performance"].includes(imported) ? imported : null;
}

function nameOf(node: unknown): string {
  return isNode(node) ? String(node["name"] ?? "") : "";
}

function nameOfFunction(node: Node): string | null {
  if (node.type === "FunctionDeclaration") return nameOf(node["id"]);
  return node.type === "MethodDefinition" || (node.type === "Property" && node["method"] === true) ? nameOf(node["key"]) : null;
}

/** The words that a glossary names as not used, each with the one that is. */
export function unusedWords(glossary: string): ReadonlyMap<string, string> {
  const rows = [...glossary.matchAll(/^\| ([^|]+) \| [^|]+ \| ([^|]*?) ?\|$/gm)].filter(([, word]) => !/^(Word|---)$/.test(word ?? ""));
  return new Map(rows.flatMap(([, word = "", not = ""]) => not.split(/,\s*/).flatMap((other) => (other === "" ? [] : [[other, word]]))));
}

/** Names uses of words that the glossary has another word for; failure codes such as `room.what` are stored and stay. */
export function findUnusedWords(source: Source, words: ReadonlyMap<string, string>): readonly string[] {
  const any = new RegExp(`\\b(${[...words.keys()].join("|")})\\b`, "gi");
  return source.lines.flatMap((line, i) =>
    [...line.replace(/"[a-z]+\.[a-z_]+"/g, "").matchAll(any)].map(
      ([found]) => `${source.file}:${i + 1} ${found}: say ${words.get(found.toLowerCase())} (docs/glossary.md)`,
    ),
  );
}
