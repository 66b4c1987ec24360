// The rival of a pass, by CloudMonkey (`cmk`): lists both sides page by page, compares them, and tells what differs. Nothing is checked or
// stored. Its list of commands is asked of the server first, which is not counted.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";

const PAGE = 500;

/** The fastest of three. `keys`: of the emulators; `desired`: each project's slug and members. Units: ms. */
export function readWithCmk(binary, folder, keys, desired) {
  const file = path.join(folder, "cmk.ini");
  const core = [
    "profile = bench",
    "prompt = x",
    "output = json",
    "timeout = 120",
    "verifycert = false",
    "asyncblock = true",
    "autocomplete = true",
  ];
  const profile = [`url = ${keys.url}`, `apikey = ${keys.apiKey}`, `secretkey = ${keys.secretKey}`];
  writeFileSync(file, `${[...core, "", "[bench]", ...profile].join("\n")}\n`);
  const run = (...words) => {
    const ran = spawnSync(binary, ["-c", file, "-o", "json", ...words], { encoding: "utf8", env: { HOME: folder }, maxBuffer: 1 << 28 });
    if (ran.status !== 0) throw new Error(`cmk ${words.join(" ")}: ${`${ran.stdout}${ran.stderr}`.trim().slice(-300)}`);
    return ran.stdout;
  };
  run("sync");
  const list = (what, ...words) => {
    const all = [];
    for (let page = 1; ; page += 1) {
      const said = run("list", `${what}s`, "listall=true", `page=${page}`, `pagesize=${PAGE}`, ...words).trim();
      const rows = said === "" ? [] : (JSON.parse(said)[what] ?? []);
      all.push(...rows);
      if (rows.length < PAGE) return all;
    }
  };
  const once = () => {
    const began = performance.now();
    const domains = list("domain", "details=min").filter((d) => d.parentdomainid === keys.root);
    const members = new Map();
    for (const { domainid, name } of list("account", `domainid=${keys.root}`, "isrecursive=true", "details=min"))
      members.set(domainid, (members.get(domainid) ?? new Set()).add(name));
    const byName = new Map(domains.map((d) => [d.name, members.get(d.id) ?? new Set()]));
    const differing = desired.filter(({ slug, members: wanted }) => {
      const there = byName.get(slug);
      return there === undefined || there.size !== wanted.length || wanted.some((name) => !there.has(name));
    });
    if (differing.length > 0) throw new Error(`cmk sees ${differing.length} projects that differ, and none does`);
    return performance.now() - began;
  };
  return Math.min(once(), once(), once());
}
