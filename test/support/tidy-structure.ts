import path from "node:path";
import type { Import, Source } from "./tidy-source.ts";

/** What a room may import from other rooms; `types` are for `import type` only. An arrow that is not here is forbidden. */
interface Arrows {
  readonly values: readonly string[];
  readonly types: readonly string[];
}

/** Rooms of pure functions and plain types; their types may be named by every adapter. */
const PURE = ["core", "planning", "approvals", "deletion", "execution", "archive", "backups", "commands", "recovery", "policy"];

/**
 * The map of src/: style guide §4, with the engine and the archive added.
 *
 * Services write their own tables through `store` (ADR 0007); what is outside our database stays behind ports.
 */
const ARROWS: Readonly<Record<string, Arrows>> = {
  core: { values: [], types: [] },
  planning: { values: ["core"], types: [] },
  approvals: { values: ["core", "planning"], types: [] },
  execution: { values: ["core", "planning", "store"], types: ["approvals", "deletion", "commands"] },
  incident: { values: ["core", "planning", "store"], types: [] },
  archive: { values: ["core", "store"], types: ["planning", "deletion", "commands"] },
  backups: { values: ["core", "store", "archive"], types: ["planning", "commands"] },
  deletion: { values: ["core", "planning", "approvals", "store", "archive"], types: ["execution", "commands"] },
  policy: { values: ["core", "approvals", "store"], types: ["planning", "deletion", "archive", "commands"] },
  recovery: { values: ["core", "planning", "execution", "store", "archive"], types: ["deletion"] },
  store: { values: ["core", "planning", "deletion", "backups"], types: PURE },
  cidb: { values: ["core", "planning"], types: PURE },
  cloudstack: { values: ["core", "planning", "approvals"], types: PURE },
  engine: { values: ["core", "store"], types: [] },
  commands: { values: ["core", "planning", "approvals", "deletion", "execution", "archive", "backups"], types: ["policy"] },
  bot: {
    values: ["core", "commands", "planning", "store", "policy"],
    types: ["approvals", "deletion", "execution", "archive", "backups", "events"],
  },
  events: { values: ["core"], types: [...PURE, "engine", "store"] },
  config: { values: ["core", "backups"], types: PURE },
};

/** Where the parts are put together: these may import every room. */
const COMPOSITION = new Set(["main", "cli", "compose", "systems", "change-writer", "http-server", "first-policy", "doctor"]);

/** Packages that only some places may touch. */
const FENCES: readonly { readonly pack: RegExp; readonly allowed: RegExp }[] = [
  { pack: /^@slack\//, allowed: /^src\/(bot\/|doctor\/slack)/ },
  { pack: /^axios$/, allowed: /^src\/cloudstack\// },
  { pack: /^pg$/, allowed: /^src\/(store|cidb|engine)\// },
  { pack: /^pino$/, allowed: /^src\/events\.ts$/ },
  { pack: /^@(aws-sdk|smithy)\//, allowed: /^src\/archive\// },
  { pack: /^@dbos-inc\//, allowed: /^src\/engine\// },
  { pack: /^node-pg-migrate$/, allowed: /^src\/store\// },
  { pack: /^ws$/, allowed: /^$/ },
  { pack: /^@resvg\//, allowed: /^src\/backups\/png\.ts$/ },
  {
    pack: /^zod$/,
    allowed:
      /^src\/(config\.ts|core\/ids\.ts|store\/|cidb\/|archive\/export-desk\.ts|bot\/listeners\.ts|sync\/execution\/desk\.ts|commands\/command\.ts|(.*\/)?wire\.ts)/,
  },
];

/** Functions that mint trust, and the files that may import each: anything else could speak without having looked. */
const MINTS: Readonly<Record<string, RegExp>> = {
  completeDesired: /^src\/(cidb\/read|sync\/execution\/replay)\.ts$/,
  completeObserved: /^src\/(sync\/execution\/(observe|replay)|cloudstack\/read[a-z-]*)\.ts$/,
  join: /^src\/sync\/execution\/(observe|replay)\.ts$/,
  planDeletions: /^src\/sync\/planning\/build-plan\.ts$/,
  grant: /^src\/deletion\/fence\.ts$/,
};

/** The room that a file of src/ lies in. */
export function roomOf(file: string): string {
  const parts = file.split("/");
  if (parts[1] === "sync") return parts[2] ?? "sync";
  return (parts[1] ?? "").replace(/\.ts$/, "");
}

/** Names imports that go against the map. */
export function findWrongArrows(source: Source): readonly string[] {
  const room = roomOf(source.file);
  if (COMPOSITION.has(room)) return [];
  return ownImports(source).flatMap(({ one, target }) => {
    if (!target.startsWith("src/")) return [at(source, one, `src/ may not import ${target}`)];
    const other = roomOf(target);
    const arrows = ARROWS[room];
    if (other === room) return [];
    if (arrows === undefined) return [at(source, one, `room ${room} is not on the map (tidy-structure.ts)`)];
    const allowed = [...arrows.values, ...(one.typeOnly ? arrows.types : [])];
    return allowed.includes(other) ? [] : [at(source, one, `${room} may not import ${one.typeOnly ? "types" : "values"} of ${other}`)];
  });
}

/** Names packages imported outside their fence. */
export function findBrokenFences(source: Source): readonly string[] {
  return source.imports.flatMap((one) =>
    FENCES.filter((fence) => fence.pack.test(one.from) && !fence.allowed.test(source.file) && source.file !== "src/main.ts").map(() =>
      at(source, one, `${one.from} is fenced off here`),
    ),
  );
}

/** Names mints imported where they may not be. */
export function findWrongMints(source: Source): readonly string[] {
  return ownImports(source)
    .filter(({ target, one }) => !one.typeOnly && /^src\/(sync\/planning|approvals)\//.test(target))
    .flatMap(({ one }) => {
      if (one.names.includes("*")) return [at(source, one, "a room with mints may not be imported as a whole")];
      // A file of the planning room may pass its own functions on; who takes them is what counts.
      return one.names
        .filter((name) => MINTS[name] !== undefined && !MINTS[name].test(source.file))
        .map((name) => at(source, one, `${name} mints trust and may not be imported here`));
    });
}

/** Names circles of imports, each once. */
export function findCircles(sources: readonly Source[]): readonly string[] {
  const graph = new Map(sources.map((source) => [source.file, ownImports(source).map(({ target }) => target)]));
  const circles = new Set<string>();
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const again = trail.indexOf(file);
    if (again >= 0) circles.add([...trail.slice(again), file].join(" → "));
    if (again >= 0 || done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return [...circles];
}

function ownImports(source: Source): readonly { readonly one: Import; readonly target: string }[] {
  return source.imports
    .filter((one) => one.from.startsWith("."))
    .map((one) => ({ one, target: path.posix.normalize(path.posix.join(path.posix.dirname(source.file), one.from)) }));
}

function at(source: Source, one: Import, text: string): string {
  return `${source.file}:${one.line} ${text}`;
}
