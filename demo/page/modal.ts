import { Component, h, type JSX } from "preact";
import type { ModalView, WorkspaceView } from "../../emulators/slack/control-api.ts";
import { block } from "./blocks.ts";
import { list, textOf, words } from "./json.ts";
import { actingIn } from "./message.ts";
import { act } from "./store.ts";

interface ModalProps {
  readonly modal: ModalView;
  readonly v: WorkspaceView;
}

/** The window on top. It takes the keyboard, and gives it back to what had it before. */
export class Modal extends Component<ModalProps> {
  private readonly before = document.activeElement;
  private form: HTMLFormElement | null = null;

  override componentDidMount(): void {
    const first = this.form?.querySelector<HTMLElement>("input, textarea, select") ?? this.form?.querySelector<HTMLElement>("button");
    first?.focus();
  }

  override componentWillUnmount(): void {
    // The page behind takes the keyboard again once it is drawn without this window.
    setTimeout(() => this.before instanceof HTMLElement && this.before.isConnected && this.before.focus());
  }

  private readonly close = (): void => void act("close", { viewId: this.props.modal.id });

  private readonly submit = (event: Event): void => {
    event.preventDefault();
    const values: Record<string, Record<string, string>> = {};
    for (const field of this.form?.querySelectorAll<HTMLInputElement>("[data-block-id]") ?? []) {
      const { blockId = "", actionId = "", value } = field.dataset;
      values[blockId] = { [actionId]: value ?? field.value };
    }
    void act("submit", { viewId: this.props.modal.id, values });
  };

  override render({ modal, v }: ModalProps): JSX.Element {
    const acting = actingIn(v, { viewId: modal.id });
    const label = (k: string): string => textOf(modal.view[k]);
    const submit = label("submit");
    return h(
      "div",
      { class: "shade", onKeyDown: (event: KeyboardEvent) => event.key === "Escape" && this.close() },
      h(
        "form",
        {
          class: "modal",
          "data-view-id": modal.id,
          role: "dialog",
          "aria-modal": true,
          "aria-label": label("title"),
          onSubmit: this.submit,
          ref: (form: HTMLFormElement | null) => void (this.form = form),
        },
        h("h2", null, label("title")),
        h(
          "div",
          { class: "body" },
          ...list(modal.view["blocks"]).flatMap((b) => {
            const id = words(b["block_id"]);
            const error = modal.errors[id];
            return [
              h("div", { key: id }, block(b, acting), error === undefined ? null : h("div", { class: "error", role: "alert" }, error)),
            ];
          }),
        ),
        h(
          "footer",
          null,
          h("button", { type: "button", class: "button", "data-modal": "close", onClick: this.close }, label("close") || "Close"),
          submit === "" ? null : h("button", { type: "submit", class: "button primary", "data-modal": "submit" }, submit),
        ),
      ),
    );
  }
}
