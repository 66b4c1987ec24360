/** Claim: the files in deploy/ name programs, variables, ports and addresses as the code has them. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { expect, test } from "vitest";
import { rehearsalEnvironment } from "../../emulators/stand-alone/rehearsal.ts";
import { parseConfig } from "../../src/config/config.ts";

interface Service {
  readonly image: string;
  readonly profiles?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const read = (file: string): string => readFileSync(file, "utf8");
const compose = parse(read("deploy/compose.yaml"), { merge: true }) as Compose;
const dockerfile = read("deploy/Dockerfile");
const unit = read("deploy/twokey.service");
const manifest = JSON.parse(read("package.json")) as { version: string; bin: Readonly<Record<string, string>>; files: readonly string[] };

/** The variables of `FROM … ENV`, which is what a container of the bot starts with. */
const imageEnvironment = Object.fromEntries([...dockerfile.matchAll(/\b([A-Z][A-Z0-9_]+)=(\S+)/g)].map((m) => [m[1] ?? "", m[2] ?? ""]));

/** A file of `NAME=value` lines. */
function environmentOf(text: string): Readonly<Record<string, string>> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

/** The names that the bot does not know. */
function unknownNames(names: readonly string[]): readonly string[] {
  const known = read("docs/configuration.md");
  return names.filter((name) => !known.includes(name.replace(/_FILE$/, "")));
}

test("a name that is no variable of the bot is found", () => {
  expect(unknownNames(["TWOKEY_HTTP_PROT", "DATABASE_URL_FILE", "SLACK_CHANNEL"])).toEqual(["TWOKEY_HTTP_PROT"]);
});

test("the image runs what the package has, as somebody who is not root, and asks for health where it is served", () => {
  for (const [name, file] of Object.entries(manifest.bin)) expect(dockerfile).toContain(`ln -s /twokey/${file} /usr/local/bin/${name}`);
  expect(dockerfile).toContain(`ENTRYPOINT ["/twokey/${manifest.bin["twokey"] ?? ""}"]`);
  expect(dockerfile.slice(dockerfile.lastIndexOf("FROM"))).toMatch(/^USER (?!root)\w+$/m);
  expect(imageEnvironment).toMatchObject({ TWOKEY_HTTP_HOST: "0.0.0.0", TWOKEY_HTTP_PORT: "3080", TWOKEY_METRICS_PORT: "9464" });
  expect(dockerfile).toContain(`EXPOSE ${imageEnvironment["TWOKEY_HTTP_PORT"] ?? ""} ${imageEnvironment["TWOKEY_METRICS_PORT"] ?? ""}`);
  expect(dockerfile).toContain("process.env.TWOKEY_HTTP_PORT}/healthz");
  expect(unknownNames(Object.keys(imageEnvironment).filter((name) => name.startsWith("TWOKEY_")))).toEqual([]);
});

test("what the image is built from leaves out what is secret or made here", () => {
  const ignored = read(".dockerignore").split("\n");
  expect(ignored).toEqual(expect.arrayContaining(["node_modules", "dist", ".git", ".data", ".env", "deploy/secrets", "deploy/twokey.env"]));
});

test("every service that runs our image may write nowhere, and has no rights", () => {
  const ours = Object.entries(compose.services).filter(([, s]) => s.image.startsWith("twokey:"));
  expect(ours.map(([name]) => name)).toEqual(["twokey", "rehearsal-twokey", "emulators", "rehearsal-sql"]);
  for (const [name, s] of ours) expect(s, name).toMatchObject({ image: `twokey:${manifest.version}`, read_only: true, cap_drop: ["ALL"] });
  expect(dockerfile).toContain(`twokey:${manifest.version}`);
});

test("services, volumes, secrets and variables that are named are there", () => {
  const names = Object.keys(compose.services);
  for (const s of Object.values(compose.services)) {
    expect(names).toEqual(expect.arrayContaining(Object.keys(s.depends_on ?? {})));
    expect(Object.keys(compose.secrets)).toEqual(expect.arrayContaining([...(s.secrets ?? [])]));
    expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining((s.volumes ?? []).map((v) => v.split(":")[0])));
    for (const [name, value] of Object.entries(s.environment ?? {}))
      if (name.endsWith("_FILE"))
        expect(
          s.secrets?.map((one) => `/run/secrets/${one}`),
          name,
        ).toContain(value);
  }
  const bots = [compose.services["twokey"], compose.services["rehearsal-twokey"]];
  expect(bots.flatMap((s) => unknownNames(Object.keys(s?.environment ?? {})))).toEqual([]);
});

test("the real bot and the rehearsal share neither service, volume nor database", () => {
  const of = (profile: string): readonly (readonly [string, Service])[] =>
    Object.entries(compose.services).filter(([, s]) => s.profiles?.includes(profile) === true);
  expect(of("bot").length + of("rehearsal").length).toBe(Object.keys(compose.services).length);
  const reached = (profile: string): readonly string[] =>
    of(profile).flatMap(([name, s]) => [name, ...Object.keys(s.depends_on ?? {}), ...(s.volumes ?? []).map((v) => v.split(":")[0] ?? "")]);
  expect(reached("bot").filter((name) => reached("rehearsal").includes(name))).toEqual([]);
});

test("the rehearsal's environment is what the emulators say, and complete", () => {
  const places = { host: "", publicHost: "emulators", cloudstackPort: 18_080, slackPort: 18_081, pagePort: 18_082 };
  const written = environmentOf(read("deploy/rehearsal.env"));
  expect(written).toEqual(rehearsalEnvironment(places));
  const bot = compose.services["rehearsal-twokey"]?.environment ?? {};
  const config = parseConfig({ ...imageEnvironment, ...written, ...bot });
  expect(config.ok ? null : config.error.message).toBeNull();
  expect(compose.services["emulators"]?.command).toEqual(["start", "--host", "0.0.0.0", "--public-host", "emulators"]);
  expect(compose.services["emulators"]?.ports).toEqual([`127.0.0.1:${places.pagePort}:${places.pagePort}`]);
});

test("the unit starts the package's program, and not again where the environment is wrong", () => {
  expect(unit).toContain(`ExecStart=/opt/twokey/${manifest.bin["twokey"] ?? ""} serve\n`);
  expect(unit).toContain("RestartPreventExitStatus=2\n");
  const set = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap((m) => (m[1] ?? "").split(" ").map((one) => one.split("=")[0] ?? ""));
  expect(unknownNames(set.filter((name) => name !== "NODE_ENV"))).toEqual([]);
  expect(unit).toContain("TWOKEY_DATA_DIR=/var/lib/twokey\n");
  expect(unit).toContain("StateDirectory=twokey\n");
});
