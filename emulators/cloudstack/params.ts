/** The parameters of one call under their lower-case names. */
export class Params {
  readonly values: Readonly<Record<string, string>>;

  constructor(values: Readonly<Record<string, string>>) {
    this.values = values;
  }

  /** The value as it was sent. */
  text(name: string): string | undefined {
    return this.values[name];
  }

  /** The value, or an empty text where it is missing (required parameters were looked at before). */
  must(name: string): string {
    return this.values[name] ?? "";
  }

  /** A boolean as Java reads it: everything other than `true` is false. */
  flag(name: string): boolean {
    return this.values[name]?.toLowerCase() === "true";
  }

  /** A comma-separated list. */
  list(name: string): readonly string[] {
    const text = this.values[name];
    return text === undefined || text === "" ? [] : text.split(",").map((part) => part.trim());
  }

  /** A map sent as `name[0].key=value`. */
  map(name: string): Record<string, string> {
    const entries: Record<string, string> = {};
    const start = new RegExp(`^${name}\\[\\d+\\]\\.(.+)$`);
    for (const [key, value] of Object.entries(this.values)) {
      const field = start.exec(key)?.[1];
      if (field !== undefined) entries[field] = value;
    }
    return entries;
  }

  /** Objects sent as `name[0].key=k&name[0].value=v`. */
  pairs(name: string): { key: string; value: string }[] {
    const pairs: { key: string; value: string }[] = [];
    for (let i = 0; this.values[`${name}[${i}].key`] !== undefined; i += 1) {
      pairs.push({ key: this.must(`${name}[${i}].key`), value: this.must(`${name}[${i}].value`) });
    }
    return pairs;
  }
}
