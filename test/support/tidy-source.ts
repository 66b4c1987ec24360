import { readFileSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
// The parser comes with vitest, whose version is pinned; TypeScript 7 itself offers none to programs.
import { parseSync } from "vite";

/** One import or re-export of a file. `names` are those taken, `*` for all of them. */
export interface Import {
  readonly from: string;
  readonly names: readonly string[];
  readonly typeOnly: boolean;
  readonly line: number;
}

/** A node of the syntax tree, as far as the rules look at it. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** A comment without its marks. */
export interface Comment {
  readonly block: boolean;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A parsed file. `file` is its path from the root, with slashes. */
export interface Source {
  readonly file: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly nodes: readonly Node[];
  /** Shows every node, from the outside in. */
  readonly walk: (visit: (node: Node) => void) => void;
  readonly imports: readonly Import[];
  readonly comments: readonly Comment[];
  readonly lineAt: (offset: number) => number;
}

/** Parses a file's text. */
export function parseSource(file: string, text: string): Source {
  const parsed = parseSync(file, text, { lang: "ts" });
  if (parsed.errors.length > 0) throw new Error(`${file} does not parse: ${parsed.errors[0]?.message ?? ""}`);
  const lines = text.split("\n");
  const lineAt = (offset: number): number => text.slice(0, offset).split("\n").length;
  const nodes = parsed.program.body as unknown as readonly Node[];
  return {
    file,
    text,
    lines,
    nodes,
    lineAt,
    walk: (visit) => {
      for (const node of nodes) walkNode(node, visit);
    },
    imports: importsOf(parsed.module, text, lineAt),
    comments: parsed.comments.map(({ type, value, start, end }) => ({ block: type === "Block", text: value, start, end })),
  };
}

/** Reads and parses every TypeScript file below the folders. */
export function readSources(root: string, folders: readonly string[]): readonly Source[] {
  return folders
    .flatMap((folder) => filesBelow(root, folder))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => parseSource(file, readFileSync(path.join(root, file), "utf8")));
}

/** Lists the files below a folder, as paths from the root with slashes. */
export function filesBelow(root: string, folder: string): readonly string[] {
  const full = path.join(root, folder);
  const found = statSync(full, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (found.isFile()) return [folder];
  return readdirSync(full)
    .sort()
    .flatMap((name) => filesBelow(root, path.posix.join(folder, name)));
}

type Module = ReturnType<typeof parseSync>["module"];

function importsOf(module: Module, text: string, lineAt: (offset: number) => number): readonly Import[] {
  const still = module.staticImports.map((one) => ({
    from: one.moduleRequest.value,
    names: one.entries.map((entry) => entry.importName.name ?? "*"),
    typeOnly: one.entries.length > 0 && one.entries.every((entry) => entry.isType),
    line: lineAt(one.start),
  }));
  const again = module.staticExports
    .flatMap((one) => one.entries)
    .filter((entry) => entry.moduleRequest !== null)
    .map((entry) => ({
      from: entry.moduleRequest?.value ?? "",
      names: [entry.importName.name ?? "*"],
      typeOnly: entry.isType,
      line: lineAt(entry.start),
    }));
  const dynamic = module.dynamicImports.map((one) => ({
    from: text.slice(one.moduleRequest.start, one.moduleRequest.end).replace(/^["'`]|["'`]$/g, ""),
    names: ["*"],
    typeOnly: false,
    line: lineAt(one.start),
  }));
  return [...still, ...again, ...dynamic];
}

function walkNode(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walkNode(child, visit);
  }
}

/** Is this value a node of the tree? */
export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string" && "start" in value;
}
