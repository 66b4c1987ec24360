/** Claim: however many do something at once, few of it runs, each person's in its order, and what is too much is refused. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createTurns } from "../../src/bot/turns.ts";

const limits = { running: 3, waiting: 20, ofOne: 4 };

test("few run at once, one of each person, in their order; what is refused does not run, and what fails frees its place", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ person: fc.constantFrom(..."abcdefgh"), fails: fc.boolean() }), { maxLength: 80 }),
      async (all) => {
        const turns = createTurns(limits);
        const running: string[] = [];
        const done = new Map<string, number[]>();
        const results = await Promise.all(
          all.map(({ person, fails }, i) =>
            turns
              .take(person, async () => {
                running.push(person);
                expect(running.length).toBeLessThanOrEqual(limits.running);
                expect(running.filter((p) => p === person)).toHaveLength(1);
                await new Promise((turned) => setImmediate(turned));
                running.splice(running.indexOf(person), 1);
                done.set(person, [...(done.get(person) ?? []), i]);
                if (fails) throw new Error("it failed");
              })
              .catch((thrown: unknown) => (thrown as Error).message),
          ),
        );
        for (const [person, order] of done) {
          expect(order).toEqual(order.toSorted((x, y) => x - y));
          expect(order.length, person).toBeLessThanOrEqual(limits.ofOne);
        }
        expect([...done.values()].flat()).toHaveLength(results.filter((r) => r !== false).length);
        // Everything ended: there is room again.
        expect(await turns.take("z", async () => undefined)).toBe(true);
      },
    ),
  );
});

test("so many people that too much waits are refused, whoever they are", async () => {
  const turns = createTurns(limits);
  let go = (): void => undefined;
  const gate = new Promise<void>((resolve) => (go = resolve));
  const taken = Array.from({ length: 40 }, (_, i) => turns.take(`p${i}`, () => gate));
  go();
  expect((await Promise.all(taken)).filter((was) => !was)).toHaveLength(40 - limits.running - limits.waiting);
});

test("while a crowd's further clicks fill the queue, the first one of somebody else is taken; the queue has an end all the same", async () => {
  const turns = createTurns(limits);
  let go: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (go = resolve));
  const crowd = Array.from({ length: 40 }, (_, i) => turns.take(`crowd ${i % 8}`, () => held));
  let wasDone = false;
  const approver = turns.take("approver", async () => void (wasDone = true));
  const others = Array.from({ length: 60 }, (_, i) => turns.take(`new ${i}`, async () => undefined));
  go();
  expect((await Promise.all(crowd)).filter((was) => !was).length).toBeGreaterThan(0);
  expect(await approver).toBe(true);
  expect(wasDone).toBe(true);
  const taken = (await Promise.all(others)).filter((was) => was).length;
  expect(taken).toBeLessThan(60);
});

test("whoever waits comes before the further clicks of a crowd that came earlier, and nobody waits for ever", async () => {
  const turns = createTurns({ running: 1, waiting: 1000, ofOne: 10 });
  const order: string[] = [];
  const take = (person: string) =>
    turns.take(person, async () => {
      order.push(person);
      await new Promise((turned) => setImmediate(turned));
    });
  const all = Array.from({ length: 40 }, (_, i) => take(`crowd ${i % 8}`));
  all.push(take("approver"));
  await Promise.all(all);
  // Each of the crowd once, perhaps one twice, then the approver; the other clicks of the crowd later.
  expect(order.indexOf("approver")).toBeLessThan(10);
  expect(order).toHaveLength(41);
});

test("however long the work of all others takes, the places that are kept are free for whose turn comes first, and only for them", async () => {
  const turns = createTurns({ running: 3, kept: 1, waiting: 100, ofOne: 10 });
  let go: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (go = resolve));
  const begun: string[] = [];
  const take = (person: string, isFirst = false) => turns.take(person, async () => (begun.push(person), held), isFirst);
  const all = Array.from({ length: 10 }, (_, i) => take(`member ${i}`));
  await new Promise((turned) => setImmediate(turned));
  expect(begun).toEqual(["member 0", "member 1"]);
  all.push(take("approver", true), take("another approver", true), take("member 99"));
  await new Promise((turned) => setImmediate(turned));
  expect(begun).toEqual(["member 0", "member 1", "approver"]);
  go();
  await Promise.all(all);
  expect(begun[3]).toBe("another approver");
  expect(begun).toHaveLength(13);
});

test("whose turn comes first waits only for what runs", async () => {
  const turns = createTurns({ running: 1, waiting: 100, ofOne: 10 });
  const order: string[] = [];
  const take = (person: string, isFirst = false) =>
    turns.take(
      person,
      async () => {
        order.push(person);
        await new Promise((turned) => setImmediate(turned));
      },
      isFirst,
    );
  await Promise.all([...Array.from({ length: 20 }, (_, i) => take(`member ${i}`)), take("approver", true), take("approver", true)]);
  expect(order.indexOf("approver")).toBe(1);
  expect(order).toHaveLength(22);
});
