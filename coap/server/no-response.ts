import { OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";

/** RFC 7967: the No-Response option names the classes of codes that the client doesn't want to hear. */
export function isUnwanted(view: MessageView, code: number): boolean {
  const value = view.uint(OptionNumber.noResponse);
  return value > 0 && (value & (1 << ((code >> 5) - 1))) !== 0;
}
