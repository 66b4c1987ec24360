import type { TemplateAnnouncer } from "../archive/from-machines/view.ts";
import type { Posting } from "./posting.ts";
import { renderMadeTemplate, renderMadeTemplateEnd } from "./render/made-template.ts";

/** Shows the templates that people had made. Progress is one message, its end another: Slack notifies nobody of an update in place. */
export function createTemplateAnnouncer(o: { readonly posting: Posting }): TemplateAnnouncer {
  return {
    async showTemplate(view, channel) {
      const [progress, end] = [`template-progress:${view.id}`, `template:${view.id}`];
      if (view.state !== "made" && view.state !== "failed") {
        await o.posting.show(progress, channel, renderMadeTemplate(view));
        return true;
      }
      await o.posting.correct(progress, channel, renderMadeTemplateEnd(view));
      const shown = await o.posting.showNow(end, channel, renderMadeTemplate(view));
      // What Slack refuses for good is not tried again.
      return !shown.ok || shown.value;
    },
  };
}
