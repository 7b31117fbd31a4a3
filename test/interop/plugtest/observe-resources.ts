import { Code, ContentFormat } from "../../../coap/message.ts";
import type { Timer } from "../../../kernel/clock.ts";
import { maxBody, type PlugtestSite, textBytes } from "./plugtest-site.ts";

/** The resources of the tests CO01 to CO10; the plugtests ask for a change every 5 seconds. */
export function addObserveResources(site: PlugtestSite, changesEveryMs: number): void {
  addObserved(site, "/obs", changesEveryMs, "confirmable");
  addObserved(site, "/obs-non", changesEveryMs, undefined);
  site.route({
    method: "POST",
    path: "/obs-reset",
    replay: "once",
    attributes: { title: "Forgets all observers as a reboot would" },
    answer(request, reply) {
      if (new TextDecoder().decode(request.payload) !== "sesame") {
        reply.code = Code.forbidden;
        return;
      }
      for (const path of ["/obs", "/obs-non"]) site.forgetObservers(path);
    },
  });
}

function addObserved(
  site: PlugtestSite,
  path: string,
  changesEveryMs: number,
  notifications: "confirmable" | undefined,
): void {
  let changes = 0;
  let body = textBytes("nothing has changed yet");
  /** What the observers hear instead of a representation, and which ends their observation. */
  let lastWord: number | undefined;
  let timer: Timer | undefined;

  // The period begins anew with each change from outside, so that no change of our own comes before observers have heard it.
  const wait = (): void => {
    timer?.cancel();
    timer = site.clock.after(changesEveryMs, change);
  };
  const change = (): void => {
    body = textBytes(`change ${++changes}`);
    if (site.observers(path) === 0) lastWord = undefined;
    site.notify(path);
    wait();
  };
  const tell = (word: number | undefined): void => {
    lastWord = site.observers(path) > 0 ? word : undefined;
    site.notify(path);
    wait();
  };
  wait();
  site.onStop(() => timer?.cancel());

  site.route({
    method: "GET",
    path,
    replay: "again",
    observable: true,
    ...(notifications === undefined ? {} : { notifications }),
    attributes: { title: "Changes by itself", rt: "observe" },
    answer(request, reply) {
      if (lastWord !== undefined && site.observers(path) === 0) lastWord = undefined;
      if (lastWord !== undefined && request.observe === 0) {
        reply.code = lastWord;
        return;
      }
      reply.contentFormat = ContentFormat.textPlain;
      reply.maxAge = Math.ceil(changesEveryMs / 1000);
      reply.payload = body;
    },
  });
  site.route({
    method: "PUT",
    path,
    replay: "once",
    maxBody,
    answer(request) {
      const isText = (request.contentFormat ?? ContentFormat.textPlain) === ContentFormat.textPlain;
      // Another format is one that the observers, who began with text, can't take.
      if (isText) body = request.payload.slice();
      tell(isText ? undefined : Code.notAcceptable);
    },
  });
  site.route({
    method: "DELETE",
    path,
    replay: "once",
    answer() {
      tell(Code.notFound);
    },
  });
}
