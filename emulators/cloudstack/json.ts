/** A JSON value; members that are `undefined` are left out, as the real server leaves out null fields. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

/** A JSON object of the wire. */
export interface JsonObject {
  readonly [name: string]: Json | undefined;
}

/**
 * The text of an answer, with the real server's defect: after serialising, every backslash-u-hex sequence is replaced by its character,
 * so a name that holds such a sequence literally makes the whole answer invalid JSON.
 * Source: recording 03, `text`.
 */
export function serialise(value: JsonObject): string {
  const text = JSON.stringify(value);
  if (!text.includes("\\u")) return text;
  return text.replace(/\\u([0-9a-fA-F]{4})/g, (_match, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** A time as the real server writes it, for example `2026-11-23T11:05:23+0000`. */
export function wireTime(at: number): string {
  const second = Math.floor(at / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastText = `${new Date(at).toISOString().slice(0, 19)}+0000`;
  }
  return lastText;
}

// Rows of one list were mostly made in the same second, so the last text is mostly the next one.
let lastSecond = Number.NaN;
let lastText = "";
