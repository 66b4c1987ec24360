/** One safety guard: its text, how it is broken, and the tests that must then fail. */
export interface Guard {
  readonly invariant: string;
  readonly what: string;
  readonly file: string;
  readonly guard: string;
  readonly broken: string;
  readonly tests: readonly string[];
}
export const guards: readonly Guard[];
