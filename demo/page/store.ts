import type { ActReply, WorkspaceView } from "../../emulators/slack/control-api.ts";
import type { DemoState } from "../demo-state.ts";

/** Where Home stands among the conversations. */
export const home = "home";

/** All that the page shows. It is drawn from this alone. */
export interface PageState {
  /** Who is played; empty until the first answer. */
  readonly me: string;
  /** The conversation that is open, or `home`. */
  readonly place: string;
  readonly view: WorkspaceView | null;
  readonly demo: DemoState | null;
  /** What a narrow screen shows. */
  readonly side: "slack" | "world";
  /** What Slack itself says to this person, such as that a command is not known. */
  readonly note: string;
  /** What the last button in the world did. */
  readonly why: string;
  readonly toasts: readonly { readonly id: number; readonly text: string }[];
  readonly isGuideHidden: boolean;
}

let state: PageState = {
  me: "",
  place: "",
  view: null,
  demo: null,
  side: "slack",
  note: "",
  why: "",
  toasts: [],
  isGuideHidden: localStorage.getItem("guide") === "hidden",
};
let draw: (state: PageState) => void = () => undefined;
let pressed = false;
let toasts = 0;

/** Draws each change from now on. While a button of the mouse is down nothing moves: what moved away under it would lose the click. */
export function drawWith(given: (state: PageState) => void): void {
  draw = given;
  addEventListener("pointerdown", () => void (pressed = true), true);
  const released = (): void => {
    pressed = false;
    draw(state);
  };
  // The click comes after the pointer is up, so what waited comes after the click.
  for (const name of ["pointerup", "pointercancel", "blur"]) addEventListener(name, () => void setTimeout(released), true);
  draw(state);
}

/** The state as it is now. */
export function now(): PageState {
  return state;
}

/** Changes some of the state, and draws it. */
export function change(some: Partial<PageState>): void {
  state = { ...state, ...some };
  if (!pressed) draw(state);
}

/** Shows a sentence for a few seconds. */
export function toast(text: string): void {
  const id = ++toasts;
  change({ toasts: [...state.toasts, { id, text }] });
  setTimeout(() => change({ toasts: state.toasts.filter((t) => t.id !== id) }), 6000);
}

/** Posts JSON and gives the answer. */
export async function post<T>(path: string, body: object): Promise<T> {
  const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  return (await response.json()) as T;
}

/** Lets the person who is played do something in Slack. */
export function act(name: string, given: object): Promise<ActReply> {
  return post<ActReply>(`/emulator/${name}`, { as: state.me, ...given });
}

/** Asks the demo to do something in the world, and shows the sentence it answers. */
export async function actInWorld(action: string, body: object = {}): Promise<void> {
  try {
    const { sentence } = await post<{ sentence: string }>("/demo/act", { action, ...body });
    change({ why: sentence });
  } catch {
    toast("The demo does not answer. Is it still running in the terminal?");
  }
}

/** Plays somebody else, in the conversation that is open if they are in it. */
export async function become(person: string): Promise<void> {
  change({ me: person, note: "" });
  await refresh();
  if (state.place === home) await act("home", {});
}

/** Opens a conversation or Home. */
export async function open(place: string): Promise<void> {
  change({ place, note: "", side: "slack" });
  if (place === home) await act("home", {});
}

const told = new Map<string, number>();

/** Asks what this person sees now. An answer that comes too late, for another person, is not shown. */
export async function refresh(): Promise<void> {
  const { me } = state;
  if (me === "") return;
  const view = (await (await fetch(`/emulator/view?as=${me}`)).json()) as WorkspaceView;
  if (me !== state.me) return;
  const isThere = state.place === home || view.conversations.some((c) => c.id === state.place);
  change({ view, ...(isThere ? {} : { place: view.conversations[0]?.id ?? "" }) });
  const known = told.get(me) ?? view.notices.length;
  for (const notice of view.notices.slice(known)) toast(notice.text);
  told.set(me, view.notices.length);
}

/** Asks for the CI database and CloudStack. */
export async function refreshWorld(): Promise<void> {
  const demo = (await (await fetch("/demo/state")).json()) as DemoState;
  change({ demo });
  if (state.me === "") await become(demo.people[0]?.id ?? "");
}
