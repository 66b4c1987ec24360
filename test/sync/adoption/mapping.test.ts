/** Claim: a mapping file with anything wrong in it counts for nothing, and every line that is wrong is named with what is wrong. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readMapping } from "../../../src/sync/adoption/mapping.ts";
import { domain, domainId, project, question, uuid } from "./world.ts";

const q = {
  ...question({
    projects: [project(1), project(2), project(3, [], { state: "closed" }), project(4)],
    domains: [domain(1, "Team One"), domain(2), domain(3, "inner", { depth: 2, path: "ROOT/ci/p2/inner" as never }), domain(4, "p4")],
    nonUuid: [{ rawId: "17", path: "ROOT/ci/numbered" }],
    known: {
      ...question({}).known,
      managedDomains: [{ domainId: domainId(4), projectId: project(4).id, generation: 1, origin: "created", absence: null }],
    },
  }),
  root: "ROOT/ci",
};
const problem = (text: string): string => {
  const read = readMapping(text, q);
  return read.ok ? "ok" : read.error.message;
};

test("by path, by name below the root, by UUID; comments, empty lines, a heading, quotes, and the ends of lines of any system", () => {
  const pairs = [
    { projectId: "p-1", domainId: domainId(1) },
    { projectId: "p-2", domainId: domainId(2) },
  ];
  for (const text of [
    "p1,ROOT/ci/Team One\np2,p2\n",
    `\uFEFFslug,domain\r\n# the old ones\r\n\r\n p1 , root/CI/team one/ \r\n"p2","${domainId(2).toUpperCase()}"`,
    `P2,/p2\rp1,${domainId(1)}`,
    "project,domain\np1,Team One\np2,p2",
  ])
    expect(readMapping(text, q), text).toEqual({ ok: true, value: pairs });
});

test.each([
  ["p1", "line 1: there is no comma"],
  [",ROOT/ci/p2", "line 1: there is no project before the comma"],
  ["p1,", "line 1: there is no domain after the comma, for p1"],
  ["nobody,p2", "line 1: the CI database has no project nobody"],
  ["p3,p2", "line 1: the project p3 is closed"],
  ["p1,nowhere", "line 1: there is no domain nowhere below ROOT/ci"],
  ["p1,ROOT/elsewhere", "line 1: there is no domain ROOT/elsewhere below ROOT/ci"],
  [`p1,${uuid(1, 77)}`, `line 1: there is no domain ${uuid(1, 77)} below ROOT/ci`],
  ["p1,numbered", "line 1: numbered has an id that is no UUID"],
  ["p1,p2/inner", "lies inside another domain"],
  ["p1,p4", "line 1: ROOT/ci/p4 is managed already, for the project p-4"],
  ["p4,p2", `line 1: the project p4 has a managed domain already (${domainId(4)})`],
  ["p1,p2\np1,Team One", "line 2: the same project as on line 1"],
  [`p1,p2\np2,${domainId(2)}`, "line 2: the same domain as on line 1; two projects cannot share one"],
  ["p1,p2", "line 1 for p1: ROOT/ci/p2 has the name of another active project, p2; no line names p2"],
  ["# nothing else", "it names no project"],
])("%j: %s", (text, expected) => {
  expect(problem(text)).toContain(expected);
});

test("everything wrong is named at once, in the order of the lines, and of very much the first twenty", () => {
  expect(problem("x1,p2\np1\np2,p2").split("\n")).toHaveLength(3);
  const inOrder = problem("p1,Team One\np1,p2\nx1,p2\np2").match(/^ {2}line \d/gm);
  expect(inOrder).toEqual(["  line 2", "  line 3", "  line 4"]);
  const many = problem(Array.from({ length: 50 }, (_, i) => `none${i},p2`).join("\n"));
  expect(many).toContain("and 30 more");
  expect(problem("x".repeat(4_000_001))).toContain("more than");
});

test("whatever a file holds, it is read to pairs of what is there, each once, or refused", () => {
  const word = fc.constantFrom("p1", "p2", "p3", "ROOT/ci/p2", "Team One", "", "#", ",", "\u0000", domainId(1));
  fc.assert(
    fc.property(
      fc.array(fc.array(word).map((w) => w.join(","))).map((l) => l.join("\n")),
      (text) => {
        const read = readMapping(text, q);
        if (!read.ok) return void expect(read.error).toMatchObject({ kind: "invalid", code: "adoption.mapping" });
        expect(new Set(read.value.map((p) => p.projectId)).size).toBe(read.value.length);
        expect(new Set(read.value.map((p) => p.domainId)).size).toBe(read.value.length);
      },
    ),
  );
});
