import { Component, h, type JSX } from "preact";
import type { JsonObject } from "../../emulators/slack/control-api.ts";
import { textOf, words } from "./json.ts";

/** A menu with type-ahead: what was typed is sent to the app, and what it offers is listed. */
export interface FinderProps {
  readonly actionId: string;
  readonly label: string;
  /** How many characters must be typed before the app is asked. */
  readonly least: number;
  readonly choose: (value: string) => void;
  readonly suggest: (actionId: string, typed: string) => Promise<readonly JsonObject[]>;
  /** Attributes of the field, where a form reads it. */
  readonly field?: Readonly<Record<string, string>>;
}

interface Found {
  readonly typed: string;
  readonly isOpen: boolean;
  readonly options: readonly JsonObject[] | null;
  /** The option that the arrow keys stand on. */
  readonly at: number;
  /** What a form sends. */
  readonly value: string;
}

/** How long somebody must stop typing before the app is asked. Units: milliseconds. */
const PAUSE_MS = 150;

/** A combo box, used by keyboard or pointer as the ARIA pattern of that name says. */
export class Finder extends Component<FinderProps, Found> {
  override state: Found = { typed: "", isOpen: false, options: null, at: -1, value: "" };
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = 0;

  override componentWillUnmount(): void {
    clearTimeout(this.timer);
  }

  private async ask(typed: string): Promise<void> {
    const mine = ++this.asked;
    const options = typed.length < this.props.least ? null : await this.props.suggest(this.props.actionId, typed).catch(() => []);
    // Somebody who types on sees the answer to the last letter only.
    if (mine === this.asked) this.setState({ options, at: -1 });
  }

  private readonly opened = (): void => {
    this.setState({ isOpen: true });
    void this.ask(this.state.typed);
  };

  private readonly typedOn = (event: Event): void => {
    const typed = (event.currentTarget as HTMLInputElement).value;
    this.setState({ typed, isOpen: true, value: "" });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(typed), PAUSE_MS);
  };

  private readonly key = (event: KeyboardEvent): void => {
    const options = this.state.options ?? [];
    if (event.key === "Escape" && this.state.isOpen) {
      event.stopPropagation();
      this.setState({ isOpen: false });
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.setState({ isOpen: true, at: Math.min(options.length - 1, Math.max(0, this.state.at + step)) });
    }
    const chosen = options[this.state.at];
    if (event.key !== "Enter" || !this.state.isOpen) return;
    event.preventDefault();
    if (chosen !== undefined) this.choose(chosen);
  };

  private choose(option: JsonObject): void {
    const value = words(option["value"]);
    this.setState({ typed: textOf(option["text"]), isOpen: false, value });
    this.props.choose(value);
  }

  private choices(id: string): readonly JSX.Element[] {
    const { options, typed, at } = this.state;
    const { least } = this.props;
    if (options === null) return [h("div", { class: "none" }, typed.length < least ? `Type at least ${least} characters` : "Loading …")];
    if (options.length === 0) return [h("div", { class: "none" }, "Nothing found")];
    // The pointer goes down before the field loses focus, which would close the list.
    return options.map((o, n) =>
      h(
        "div",
        {
          role: "option",
          id: `${id}-${n}`,
          key: words(o["value"]),
          "aria-selected": n === at,
          onPointerDown: (event: Event) => (event.preventDefault(), this.choose(o)),
        },
        textOf(o["text"]),
      ),
    );
  }

  override render({ actionId, label, field }: FinderProps, { typed, isOpen, at, value }: Found): JSX.Element {
    const id = `found-${actionId}`;
    return h(
      "div",
      { class: "finder" },
      h("input", {
        type: "text",
        role: "combobox",
        autocomplete: "off",
        placeholder: label,
        "aria-label": label,
        "aria-expanded": isOpen,
        "aria-controls": id,
        ...(isOpen && at >= 0 ? { "aria-activedescendant": `${id}-${at}` } : {}),
        "data-action-id": actionId,
        ...field,
        "data-value": value,
        value: typed,
        onFocus: this.opened,
        onClick: this.opened,
        onBlur: () => this.setState({ isOpen: false }),
        onInput: this.typedOn,
        onKeyDown: this.key,
      }),
      isOpen ? h("div", { class: "found", role: "listbox", id, "aria-label": label }, ...this.choices(id)) : null,
    );
  }
}
