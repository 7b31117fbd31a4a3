import { coxswain, type Reach } from "./programs.ts";
import type { Story } from "./story.ts";

/** Tokens of an operator who isn't an admin. */
export interface OperatorTokens {
  /** For the whole fleet. */
  readonly fleet: string;
  /** For the nodes of one site. */
  readonly site: string;
}

export const operator = "otto";
export const site = "pier";

/** The admin's token of the manager's machine makes an account, and then does nothing more until the end. */
export async function makeOperator(manager: Reach, story: Story): Promise<OperatorTokens> {
  story.chapter("An admin lets an operator in, with a token for the fleet, and one for a site alone");
  await coxswain(manager, "operator", "add", operator, "--role", "operator");
  story.tell("admin", `coxswain operator add ${operator} --role operator`);
  const create = async (...scope: readonly string[]): Promise<string> => {
    const words = ["token", "create", "--operator", operator, "--role", "operator", "--days", "1", ...scope];
    const { token } = (await coxswain(manager, ...words)) as { token: string };
    story.tell("admin", `coxswain ${words.join(" ")}`);
    return token;
  };
  const [fleet, siteOnly] = await Promise.all([create(), create("--scope", `site:${site}`)]);
  return { fleet, site: siteOnly };
}
