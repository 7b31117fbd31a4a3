import { invitationLink } from "../../schemas/wire/site-invitation.ts";
import type { PhoneBook } from "./phone-book.ts";

export interface PhoneControlOptions {
  readonly site: string;
  readonly phones: Pick<PhoneBook, "list" | "add" | "remove" | "access">;
  /** Where the gateway's app is at home, best first. */
  home(): readonly string[];
  /** Fingerprint of the household's CA; undefined: it has none. */
  readonly ca?: string | undefined;
}

export interface ControlAnswer {
  readonly status: number;
  readonly body: unknown;
}

const nameRule = "1 to 48 bytes without controls";
const phonePath = /^\/phones\/([^/]{1,200})$/;

/** `coxswain gateway phone add|remove|list` as the gateway answers it: with the internet down, too. */
export async function phoneControl(
  { site, phones, home, ca }: PhoneControlOptions,
  method: string,
  path: string,
  body: unknown,
): Promise<ControlAnswer> {
  if (method === "GET" && path === "/phones") return { status: 200, body: { site, phones: phones.list() } };
  if (method === "POST" && path === "/phones") {
    const { name } = (typeof body === "object" && body !== null ? body : {}) as { readonly name?: unknown };
    if (typeof name !== "string" || !isName(name)) return refusal(400, "bad-name", `A phone's name has ${nameRule}.`);
    const added = await phones.add(name);
    if (added === "name-taken") return refusal(409, "phone-exists", `There is a phone called ${name} already.`);
    if (added === "full") return refusal(409, "too-many", "The household has as many phones as it may have: 64.");
    const bases = [...home()].slice(0, 4);
    const title = phones.access?.title;
    const { password, ...entry } = added;
    const invitation = { site, title, phone: added.phone, name, home: bases, homePassword: password, ca };
    const [base] = bases;
    const link = base === undefined ? undefined : invitationLink(base, invitation);
    return { status: 201, body: { site, ...entry, invitation, link } };
  }
  const phone = phonePath.exec(path)?.[1];
  if (method === "DELETE" && phone !== undefined) {
    const name = decoded(phone);
    const removed = await phones.remove(name);
    if (removed === "unknown-phone") return refusal(404, "unknown-phone", `The household has no phone ${name}.`);
    return { status: 200, body: { site, ...removed, removed: true } };
  }
  return refusal(404, "no-such-command", `There is no ${method} ${path}.`);
}

function refusal(status: number, code: string, message: string): ControlAnswer {
  return { status, body: { error: { code, message } } };
}

function isName(text: string): boolean {
  const size = new TextEncoder().encode(text).length;
  return size > 0 && size <= 48 && text.trim() === text && !/\p{Cc}/u.test(text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
