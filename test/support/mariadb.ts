/** A MariaDB or MySQL of one's own, where the machine has the program; it loses everything at its end. */
import { spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { createConnection, type Connection } from "mysql2/promise";
import { untrusted } from "../cloudstack/untrusted-certificate.ts";
import { disposableRoot } from "./disposable-server.ts";
import { eventually } from "./eventually.ts";

const FOLDERS = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/libexec", ...(process.env["PATH"] ?? "").split(":")];
const find = (...names: readonly string[]): string | null =>
  names.flatMap((name) => FOLDERS.map((folder) => path.join(folder, name))).find((file) => existsSync(file)) ?? null;

/** The server's program; null: this machine has not all of it, and the tests on it are skipped. */
export const mariadbProgram = find("my_print_defaults") === null ? null : find("mariadbd", "mysqld");

/** Who runs it where the tests are run by root, as which it refuses to run. */
const NOBODY = 65_534;

/** A running server. */
export interface MariaDb {
  readonly version: string;
  /** A connection of its administrator's; close it. */
  admin(): Promise<Connection>;
  /** The address of a role in a database. */
  url(user: string, database: string, parameters?: string): string;
  /** The file of its certificate, which is also its authority's. */
  readonly certificate: string;
  stop(): Promise<void>;
}

/** Starts one in a temporary folder, at a port of its own, with TLS. */
export async function startMariaDb(): Promise<MariaDb> {
  const program = mariadbProgram;
  if (program === null) throw new Error("This machine has neither mariadbd nor mysqld.");
  const folder = mkdtempSync(path.join(disposableRoot(), "twokey-mariadb-"));
  const [data, socket, certificate, key] = ["data", "s", "cert.pem", "key.pem"].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  writeFileSync(certificate, untrusted.cert);
  writeFileSync(key, untrusted.key);
  const own = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if ("uid" in own) for (const file of [folder, certificate, key]) chownSync(file, NOBODY, NOBODY);
  prepare(program, data, own);
  const port = await freePort();
  const server = spawn(
    program,
    [
      ...[
        "--no-defaults",
        `--datadir=${data}`,
        `--socket=${socket}`,
        `--port=${port}`,
        "--bind-address=127.0.0.1",
        `--pid-file=${folder}/pid`,
      ],
      ...[
        "--innodb-buffer-pool-size=16M",
        "--innodb-flush-log-at-trx-commit=0",
        "--skip-log-bin",
        `--tmpdir=${folder}`,
        "--skip-name-resolve",
      ],
      ...[`--ssl-cert=${certificate}`, `--ssl-key=${key}`],
    ],
    { ...own, stdio: "ignore" },
  );
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const admin = () => createConnection({ socketPath: socket, user: "root", multipleStatements: true });
  const stop = async (): Promise<void> => {
    server.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await eventually(
      "MariaDB to answer",
      () =>
        admin().then(
          (c) => c.end().then(() => true),
          () => false,
        ),
      { limitMs: 60_000, everyMs: 100 },
    );
    const connection = await admin();
    const [[row]] = (await connection.query("select version() as version")) as unknown as [[{ version: string }]];
    await connection.end();
    const url = (user: string, database: string, parameters = ""): string =>
      `mysql://${user}:pass@127.0.0.1:${port}/${database}${parameters}`;
    return { version: row.version, admin, url, certificate, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

function prepare(program: string, data: string, own: { readonly uid?: number }): void {
  const installer = find("mariadb-install-db", "mysql_install_db");
  const [made, args] =
    installer === null
      ? [program, ["--no-defaults", "--initialize-insecure", `--datadir=${data}`]]
      : [installer, ["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db"]];
  const done = spawnSync(made, args, { ...own, encoding: "utf8" });
  if (done.status !== 0) throw new Error(`MariaDB could not be set up: ${done.stderr}${done.stdout}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const at = server.address();
      server.close(() => resolve(typeof at === "object" && at !== null ? at.port : 0));
    });
  });
}
