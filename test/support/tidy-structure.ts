import path from "node:path";
import type { Import, Source } from "./tidy-source.ts";

/**
 * The floors of src/, from the ground up: a room imports from rooms above it in this list only, values and types alike, so that no
 * arrow runs back up and no rooms form a ring. After the colon: those it may import. An arrow that is not here is forbidden.
 */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  planning: ["core"],
  store: ["core"],
  approvals: ["core", "store"],
  engine: ["core", "store"],
  execution: ["core", "planning", "store", "approvals"],
  adoption: ["core", "planning", "store", "approvals", "execution"],
  archive: ["core", "planning", "store", "execution"],
  deletion: ["core", "planning", "store", "approvals", "archive"],
  config: ["core"],
  events: ["core"],
  policy: ["core", "store", "approvals"],
  commands: ["core", "planning", "execution", "adoption", "archive", "deletion", "policy"],
  bot: ["core", "planning", "store", "execution", "adoption", "archive", "deletion", "policy", "commands", "events"],
  cidb: ["core", "planning"],
  "cloudstack/api": ["core", "deletion"],
  "cloudstack/read": ["core", "planning", "store", "execution", "deletion", "cloudstack/api"],
  "cloudstack/write": ["core", "planning", "execution", "archive", "deletion", "cloudstack/api", "cloudstack/read"],
  "cloudstack/delete": ["core", "approvals", "deletion", "cloudstack/api", "cloudstack/read"],
  "cloudstack/export": ["core", "cloudstack/api"],
  "cloudstack/setup": ["core", "cloudstack/api", "cloudstack/read"],
};

/** Where the parts are put together and started: these may import every room above. */
const TOP_FLOORS = ["app", "cli", "main"];

/** Packages that only some places may touch. */
const FENCES: readonly { readonly pack: RegExp; readonly allowed: RegExp }[] = [
  { pack: /^@slack\//, allowed: /^src\/(bot\/|cli\/doctor\/slack)/ },
  { pack: /^axios$/, allowed: /^src\/cloudstack\// },
  { pack: /^pg$/, allowed: /^src\/(store|cidb|engine)\// },
  { pack: /^pino$/, allowed: /^src\/events\.ts$/ },
  { pack: /^prom-client$/, allowed: /^src\/app\/metrics\.ts$/ },
  { pack: /^@(aws-sdk|smithy)\//, allowed: /^src\/archive\// },
  { pack: /^@dbos-inc\//, allowed: /^src\/engine\// },
  { pack: /^node-pg-migrate$/, allowed: /^src\/store\// },
  { pack: /^ws$/, allowed: /^$/ },
  { pack: /^proxy-agent$/, allowed: /^src\/core\/proxies\.ts$/ },
  { pack: /^undici$/, allowed: /^src\/bot\/way-to-slack\.ts$/ },
  { pack: /^@resvg\//, allowed: /^src\/archive\/backups\/png\.ts$/ },
  {
    pack: /^zod$/,
    allowed:
      /^src\/(config\/|core\/(ids|policy)\.ts|store\/|cidb\/|archive\/export-service\.ts|bot\/render\/modals\.ts|sync\/execution\/service\.ts|commands\/command\.ts|(.*\/)?wire\.ts)/,
  },
];

/** Functions that mint trust, and the files that may import each: anything else could speak without having looked. */
const MINTS: Readonly<Record<string, RegExp>> = {
  completeDesired: /^src\/(cidb\/read|sync\/execution\/replay)\.ts$/,
  completeObserved: /^src\/(sync\/execution\/(observe|replay)|cloudstack\/read\/(fleet|project))\.ts$/,
  join: /^src\/sync\/execution\/(observe|replay)\.ts$/,
  planDeletions: /^src\/sync\/planning\/build-plan\.ts$/,
  completeInventory: /^src\/cloudstack\/read\/inventory\.ts$/,
  proveEmpty: /^src\/deletion\/steps\/teardown\.ts$/,
  grant: /^src\/deletion\/guard\.ts$/,
};

/** The room that a file of src/ lies in. */
export function roomOf(file: string): string {
  const parts = file.split("/");
  if (parts[1] === "sync") return parts[2] ?? "sync";
  if (parts[1] === "cloudstack") return `cloudstack/${parts[2] ?? ""}`;
  return (parts[1] ?? "").replace(/\.ts$/, "");
}

/** Names imports that go against the floors. */
export function findWrongArrows(source: Source): readonly string[] {
  const room = roomOf(source.file);
  const top = TOP_FLOORS.indexOf(room);
  const allowed = top === -1 ? FLOORS[room] : [...Object.keys(FLOORS), ...TOP_FLOORS.slice(0, top)];
  return ownImports(source).flatMap(({ one, target }) => {
    if (!target.startsWith("src/")) return [at(source, one, `src/ may not import ${target}`)];
    const other = roomOf(target);
    if (other === room) return [];
    if (allowed === undefined) return [at(source, one, `room ${room} is not on the map (tidy-structure.ts)`)];
    return allowed.includes(other) ? [] : [at(source, one, `${room} may not import ${other}`)];
  });
}

/** Names entries of the map that would let an arrow run back up. */
export function findRisingArrows(floors: Readonly<Record<string, readonly string[]>> = FLOORS): readonly string[] {
  const order = Object.keys(floors);
  return order.flatMap((room, floor) =>
    (floors[room] ?? []).filter((other) => !order.slice(0, floor).includes(other)).map((other) => `${room} → ${other}`),
  );
}

/** Names entries of the map that no import of `sources` needs: a permit nobody uses is an arrow nobody would see come. */
export function findUnusedPermits(
  sources: readonly Source[],
  floors: Readonly<Record<string, readonly string[]>> = FLOORS,
): readonly string[] {
  const used = new Set(sources.flatMap((s) => ownImports(s).map(({ target }) => `${roomOf(s.file)} → ${roomOf(target)}`)));
  return Object.entries(floors).flatMap(([room, others]) =>
    others.map((other) => `${room} → ${other}`).filter((arrow) => !used.has(arrow)),
  );
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
    .filter(({ target, one }) => !one.typeOnly && /^src\/(sync\/planning\/|approvals\/|core\/complete-inventory)/.test(target))
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
