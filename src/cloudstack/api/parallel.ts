import type { Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";

/** Runs work for each item, at most `width` at a time, until one fails. Shape: values in the items' order, or the first failure in it. */
export async function inParallel<I, T>(
  width: number,
  items: readonly I[],
  run: (item: I) => Promise<Result<T, Failure>>,
): Promise<Result<readonly T[], Failure>> {
  const results: Result<T, Failure>[] = [];
  const waiting = [...items.entries()];
  let isBroken = false;
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !isBroken; next = waiting.shift()) {
      const [i, item] = next;
      const result = await run(item);
      results[i] = result;
      isBroken ||= !result.ok;
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(width, items.length)) }, worker));
  const values: T[] = [];
  for (const result of results.filter((r) => r !== undefined)) {
    if (!result.ok) return err(result.error);
    values.push(result.value);
  }
  return ok(values);
}
