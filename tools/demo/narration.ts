import type { LiveEvent } from "../../manager/app/api/watching.ts";
import type { Story } from "./story.ts";

/** Says in the timeline what one live event of the manager means; what comes too often to be news is left out. */
export function narrate(event: LiveEvent, story: Story): void {
  switch (event.kind) {
    case "registered":
      story.tell(event.node, event.isNew ? "registered" : "registered again", "good");
      break;
    case "observing":
      if (event.isObserving) story.tell(event.node, "the manager observes /health");
      break;
    case "broker":
      story.tell(event.node, `MQTT ${event.state}`);
      break;
    case "fetch":
      if (event.isResume) story.tell(event.node, `download resumed at byte ${event.offset} over ${event.way}`, "good");
      break;
    case "attempt":
      narrateAttempt(event, story);
      break;
    case "alert":
      if (event.state === "raised") story.tell(event.alert.node, `alert: ${event.alert.text}`, "bad");
      break;
    default:
      break;
  }
}

function narrateAttempt(event: Extract<LiveEvent, { kind: "attempt" }>, story: Story): void {
  if (event.state === "downloading") {
    story.progress(event.node, event.percent ?? 0, "download");
    return;
  }
  story.progressEnded(event.node);
  if (event.state === "succeeded") story.tell(event.node, "confirmed: the manager saw the new digest running", "good");
  else if (event.state === "rolled-back")
    story.tell(event.node, `rolled back by itself: ${event.reason ?? ""}`, "good");
  else story.tell(event.node, `update: ${event.state}${event.reason ? ` (${event.reason})` : ""}`);
}
