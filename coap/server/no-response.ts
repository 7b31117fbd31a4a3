import { OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";

/**
 * Whether a client that asked a group wants to hear this code, which a server otherwise keeps to itself: it sent No-Response and left
 * that class out (RFC 7967 section 2.1).
 */
export function isWanted(view: MessageView, code: number): boolean {
  return view.find(OptionNumber.noResponse) >= 0 && !isUnwanted(view, code);
}

/** RFC 7967: the No-Response option names the classes of codes that the client doesn't want to hear. */
export function isUnwanted(view: MessageView, code: number): boolean {
  const value = view.uint(OptionNumber.noResponse);
  return value > 0 && (value & (1 << ((code >> 5) - 1))) !== 0;
}
