/** Claim: votes count only as the rules say, and a grant is made only for what was approved; nothing else is a grant. */
import { expect, test } from "vitest";
import { grant, isApprovedDeletion, type ApprovedDeletion, type GrantQuestion } from "../../src/approvals/grant.ts";
import { tally, type ApprovalRequest } from "../../src/approvals/tally.ts";
import type { Vote } from "../../src/core/votes.ts";
import type { DeletionId, DomainId, DomainPath } from "../../src/core/ids.ts";
import { inventoryDigest } from "../../src/core/inventory.ts";
import { completeOf, at, inventory, item, op } from "../support/deletions.ts";

const domainId = "6f1c9a1e-0000-4000-8000-000000000001" as DomainId;
const approved = inventory(domainId, [item("template", "t", { bytes: 10 }), item("machine", "m", { state: "Stopped" })]);
const request: ApprovalRequest = {
  deletionId: "6f1c9a1e-0000-4000-8000-000000000002" as DeletionId,
  domainId,
  path: "ROOT/ci/a" as DomainPath,
  digest: inventoryDigest(approved),
  requesters: [op("chen")],
  quorum: 2,
  openedAt: at(10),
  expiresAt: at(100),
};
const everyone = new Set(["ada", "ben", "chen", "dora"].map(op));
const vote = (voter: string, more: Partial<Vote> = {}): Vote => ({
  voter: op(voter),
  account: null,
  identities: [op(voter), ...(more.account == null ? [] : [more.account])],
  verdict: "approve",
  digest: request.digest,
  at: at(20),
  ...more,
});

test.each<[string, readonly Vote[], readonly string[]]>([
  ["nobody", [], []],
  ["one person", [vote("ada")], []],
  ["one person twice", [vote("ada"), vote("ada", { at: at(30) })], []],
  ["the requester and another", [vote("chen"), vote("ada")], []],
  ["a vote at the expiry", [vote("ada"), vote("ben", { at: at(100) })], []],
  ["a vote from before", [vote("ada"), vote("ben", { at: at(9) })], []],
  ["a vote for another digest", [vote("ada"), vote("ben", { digest: "0".repeat(64) as never })], []],
  ["somebody who is no approver now", [vote("ada"), vote("eve")], []],
  ["a withdrawn approval", [vote("ada"), vote("ben")], ["ben"]],
  ["two approvals and a rejection", [vote("ada"), vote("ben"), vote("dora", { verdict: "reject" })], []],
])("%s is no quorum", (_what, votes, withdrawn) => {
  const counted = tally(request, [...votes, ...withdrawn.map((w) => vote(w, { verdict: "withdraw", at: at(40) }))], everyone);
  expect(counted.kind).toBe("open");
});

test("a quorum written as one still needs two people", () => {
  expect(tally({ ...request, quorum: 1 }, [vote("ada")], everyone).kind).toBe("open");
  expect(tally({ ...request, quorum: 1 }, [vote("ada"), vote("ben")], everyone).kind).toBe("approved");
});

const question = (more: Partial<GrantQuestion> = {}): GrantQuestion => ({
  request,
  votes: [vote("ada"), vote("ben")],
  approversNow: everyone,
  approved,
  fresh: approved,
  dismantling: false,
  seen: { phase: "cooling_off", version: 3, lease: 1 },
  now: at(50),
  ...more,
});

test.each<[string, Partial<GrantQuestion>]>([
  ["the stored inventory is not the approved one", { approved: inventory(domainId, []) }],
  ["something appeared", { fresh: completeOf({ ...approved, items: [...approved.items, item("machine", "new")] }) }],
  ["something appeared while dismantling", { dismantling: true, fresh: completeOf({ ...approved, items: [item("machine", "new")] }) }],
  ["something vanished before the dismantling", { fresh: completeOf({ ...approved, items: approved.items.slice(1) }) }],
  [
    "a size changed before the dismantling",
    { fresh: completeOf({ ...approved, items: [item("template", "t", { bytes: 11 }), ...approved.items.slice(1)] }) },
  ],
  ["the fresh look is at another domain", { fresh: completeOf({ ...approved, domainId: request.deletionId as unknown as DomainId }) }],
  ["nobody confirmed that the fresh look shows all", { fresh: { ...approved } as never }],
  ["an approver is none any more", { approversNow: new Set([op("ada")]) }],
])("no grant when %s", (_what, more) => {
  expect(grant(question(more)).ok).toBe(false);
});

test("a state that quarantine changed does not matter, and while dismantling less may be there", () => {
  expect(grant(question({ fresh: completeOf({ ...approved, items: approved.items.map((i) => ({ ...i, state: "Destroyed" })) }) })).ok).toBe(
    true,
  );
  expect(grant(question({ dismantling: true, fresh: completeOf({ ...approved, items: [] }) })).ok).toBe(true);
});

test("a cast, a copy, a clone, a heir and a proxy are no grants", () => {
  const real = grant(question());
  if (!real.ok) throw new Error("the positive twin must hold");
  expect(isApprovedDeletion(real.value)).toBe(true);
  const forged: readonly unknown[] = [
    {} as ApprovedDeletion,
    { ...real.value },
    JSON.parse(JSON.stringify(real.value)),
    structuredClone({ ...real.value }),
    Object.create(real.value),
    new Proxy(real.value, {}),
    null,
    "grant",
  ];
  for (const f of forged) expect(isApprovedDeletion(f)).toBe(false);
});
