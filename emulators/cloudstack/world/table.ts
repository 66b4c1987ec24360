import type { Row } from "./rows.ts";

/**
 * Rows of one kind, found by UUID, by internal number, or by group (the parent, the owner, the domain).
 * Invariant: removed rows stay findable by id, as in the real database, but are in no group.
 */
export class Table<T extends Row> {
  readonly #groupOf: (row: T) => string;
  readonly #byId = new Map<string, T>();
  readonly #byNum = new Map<number, T>();
  readonly #groups = new Map<string, Set<T>>();
  readonly #changed: () => void;
  #next: number;
  /** Grows with every change of the table. */
  version = 0;

  constructor(groupOf: (row: T) => string, changed: () => void, firstNumber = 1) {
    this.#groupOf = groupOf;
    this.#changed = changed;
    this.#next = firstNumber;
  }

  /** Adds a row under the next internal number. */
  insert(fields: Omit<T, "num">): T {
    const row = { ...fields, num: this.#next } as unknown as T;
    this.restore(row);
    this.#noteChange();
    return row;
  }

  /** Puts a row back that already has its number. */
  restore(row: T): void {
    this.#byId.set(row.id, row);
    this.#byNum.set(row.num, row);
    this.#next = Math.max(this.#next, row.num + 1);
    if (row.removed === undefined) this.#join(row);
  }

  /** The row with that UUID or internal number, removed or not. */
  find(idOrNumber: string | undefined): T | undefined {
    if (idOrNumber === undefined) return undefined;
    const row = this.#byId.get(idOrNumber);
    if (row !== undefined || !/^\d{1,15}$/.test(idOrNumber)) return row;
    return this.#byNum.get(Number(idOrNumber));
  }

  /** The row with that UUID or number, unless it was removed. */
  live(idOrNumber: string | undefined): T | undefined {
    const row = this.find(idOrNumber);
    return row?.removed === undefined ? row : undefined;
  }

  /** The row that must exist: a reference between stored rows. */
  need(id: string): T {
    const row = this.#byId.get(id);
    if (row === undefined) throw new Error(`the emulator's world has lost row ${id}`);
    return row;
  }

  /** Live rows of a group, oldest first. */
  group(key: string): readonly T[] {
    const rows = this.#groups.get(key);
    return rows === undefined ? [] : [...rows];
  }

  /** All live rows, oldest first. */
  all(): T[] {
    const rows: T[] = [];
    for (const row of this.#byId.values()) if (row.removed === undefined) rows.push(row);
    return rows;
  }

  /** All rows, removed ones too, for the state file. */
  everything(): IterableIterator<T> {
    return this.#byId.values();
  }

  /** Changes a row; a change of its group is followed. */
  update(row: T, change: (row: T) => void): void {
    const before = row.removed === undefined ? this.#groupOf(row) : undefined;
    change(row);
    const after = row.removed === undefined ? this.#groupOf(row) : undefined;
    if (before !== after) {
      if (before !== undefined) this.#groups.get(before)?.delete(row);
      if (after !== undefined) this.#join(row);
    }
    this.#noteChange();
  }

  /** Marks a row as removed. */
  remove(row: T, now: number): void {
    this.update(row, (r) => {
      r.removed = now;
    });
  }

  /** Forgets the oldest rows beyond a limit (used for events and jobs only). */
  trim(limit: number): void {
    for (const row of this.#byId.values()) {
      if (this.#byId.size <= limit) return;
      this.#byId.delete(row.id);
      this.#byNum.delete(row.num);
      this.#groups.get(this.#groupOf(row))?.delete(row);
    }
  }

  #noteChange(): void {
    this.version += 1;
    this.#changed();
  }

  #join(row: T): void {
    const key = this.#groupOf(row);
    const rows = this.#groups.get(key);
    if (rows === undefined) this.#groups.set(key, new Set([row]));
    else rows.add(row);
  }
}
