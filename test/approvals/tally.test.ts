/** Claims that only timely votes of distinct present approvers who did not ask, on exactly the shown digest, are counted. */
import { describe, expect, test } from "vitest";
import { tally, type ApprovalRequest } from "../../src/approvals/tally.ts";
import type { Vote } from "../../src/core/votes.ts";
import { DeletionId, Digest, DomainId, DomainPath, Instant, OperatorId } from "../../src/core/ids.ts";

const at = (ms: number): Instant => Instant.parse(ms);
const who = (name: string): OperatorId => OperatorId.parse(`ci:${name}`);
const digest = Digest.parse("a".repeat(64));
const request: ApprovalRequest = {
  deletionId: DeletionId.parse("11111111-1111-4111-8111-111111111111"),
  domainId: DomainId.parse("22222222-2222-4222-8222-222222222222"),
  path: DomainPath.parse("ROOT/ci/apollo"),
  digest,
  requesters: [who("rita"), who("rolf")],
  quorum: 2,
  openedAt: at(1000),
  expiresAt: at(2000),
};
const approvers = new Set(["ada", "bob", "cyd", "rita", "rolf"].map(who));
const vote = (name: string, more: Partial<Vote> = {}): Vote => ({
  voter: who(name),
  account: null,
  identities: [who(name), ...(more.account == null ? [] : [more.account])],
  verdict: "approve",
  digest,
  at: at(1500),
  ...more,
});
const count = (votes: readonly Vote[], withdrawn: readonly string[] = [], r: ApprovalRequest = request, now = approvers) =>
  tally(r, [...votes, ...withdrawn.map((name) => vote(name, { verdict: "withdraw", at: at(1700) }))], now);

describe("beside one good approval", () => {
  const good = vote("ada");
  test.each<[string, Vote]>([
    ["the vote of a requester", vote("rita")],
    ["the vote of another requester", vote("rolf")],
    ["a second vote of the same person", vote("ada", { at: at(1600) })],
    ["a vote at the very moment of the expiry", vote("bob", { at: at(2000) })],
    ["a vote after the expiry", vote("bob", { at: at(9000) })],
    ["a vote from before the question was put", vote("bob", { at: at(999) })],
    ["a vote for another digest", vote("bob", { digest: Digest.parse("b".repeat(64)) })],
    ["the vote of somebody who is no approver", vote("zoe")],
  ])("%s does not count", (_, second) => {
    for (const votes of [
      [good, second],
      [second, good],
    ]) {
      expect(count(votes)).toEqual({
        kind: "open",
        approvers: [who("ada")],
        refusal: { kind: "quorum_not_met", have: 1, need: 2, sentence: "1 of 2 approvals count" },
      });
    }
  });
});

test("two votes whose voters are known by a common name are one person's", () => {
  const known = ["ci:ada", "T1/U1", "slack:x", "T1/U2"];
  const second = vote("bob", { account: "T1/U2", identities: [...known, "ci:bob"] });
  expect(count([vote("ada", { account: "T1/U1", identities: known }), second])).toMatchObject({ kind: "open", refusal: { have: 1 } });
  const mine = vote("bob", { verdict: "withdraw", identities: second.identities });
  expect(count([vote("ada", { identities: known }), vote("cyd"), mine])).toMatchObject({ kind: "open", refusal: { have: 1 } });
});

test("two names behind one Slack account are one person", () => {
  const account = "T1/U1";
  expect(count([vote("ada", { account }), vote("bob", { account })])).toMatchObject({ kind: "open", refusal: { have: 1 } });
  expect(count([vote("ada", { account }), vote("bob", { account: "T1/U2" })]).kind).toBe("approved");
});

test("a withdrawn vote does not count, even when the same person votes again", () => {
  const votes = [vote("ada"), vote("bob"), vote("bob", { at: at(1800) })];
  expect(count(votes, ["bob"])).toMatchObject({ kind: "open", refusal: { kind: "quorum_not_met", have: 1 } });
});

test("whoever is no longer an approver does not count any more", () => {
  const votes = [vote("ada"), vote("bob")];
  expect(count(votes).kind).toBe("approved");
  expect(count(votes, [], request, new Set([who("ada")]))).toMatchObject({ kind: "open", refusal: { have: 1 } });
  expect(count(votes, [], request, new Set())).toMatchObject({ kind: "open", refusal: { have: 0 } });
});

test("one rejection in time ends it, however many approve and whoever rejects", () => {
  const approvals = [vote("ada"), vote("bob"), vote("cyd")];
  for (const name of ["zoe", "rita", "ada"]) {
    const refusal = { kind: "rejected", by: who(name) };
    expect(count([...approvals, vote(name, { verdict: "reject", at: at(1900) })])).toMatchObject({ kind: "open", approvers: [], refusal });
  }
});

test("a withdrawal does not take a rejection back", () => {
  const votes = [vote("ada"), vote("bob"), vote("cyd", { verdict: "reject" })];
  expect(count(votes, ["cyd"])).toMatchObject({ kind: "open", refusal: { kind: "rejected" } });
});

test.each([1, 0, -3, Number.NEGATIVE_INFINITY])("a quorum of %d counts as two", (quorum) => {
  expect(count([], [], { ...request, quorum })).toMatchObject({ kind: "open", refusal: { have: 0, need: 2 } });
  expect(count([vote("ada")], [], { ...request, quorum })).toMatchObject({ kind: "open", refusal: { have: 1, need: 2 } });
});

test("a quorum that is not a number never approves", () => {
  expect(count([vote("ada"), vote("bob"), vote("cyd")], [], { ...request, quorum: Number.NaN }).kind).toBe("open");
});

test("a larger quorum needs as many distinct people", () => {
  const three = { ...request, quorum: 3 };
  expect(count([vote("ada"), vote("bob")], [], three)).toMatchObject({ refusal: { have: 2, need: 3 } });
  expect(count([vote("ada"), vote("bob"), vote("cyd")], [], three).kind).toBe("approved");
});

test("two distinct approvers approve, at the moment of the deciding vote, in whatever order the votes are read", () => {
  const votes = [vote("cyd", { at: at(1900) }), vote("bob", { at: at(1000) }), vote("ada", { at: at(1400) })];
  const approved = { kind: "approved", approvers: [who("bob"), who("ada"), who("cyd")], at: at(1400) };
  expect(count(votes)).toEqual(approved);
  expect(count(votes.toReversed())).toEqual(approved);
});
