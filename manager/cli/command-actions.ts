import type { ActionName } from "../domain/permissions.ts";

/** What each command is, in the table of permissions: its help says which role it needs. A command that isn't here fails a test. */
export const commandActions: Readonly<Record<string, readonly ActionName[]>> = {
  nodes: ["nodes.list"],
  "node show": ["node.read", "node.history"],
  "node add": ["credential.change"],
  "node revoke": ["credential.change"],
  "node label": ["node.label", "node.history"],
  "update create": ["update.change"],
  "update start": ["update.start"],
  "update list": ["update.read"],
  watch: ["events.follow"],
  status: ["system.read", "events.follow"],
  "audit list": ["audit.read"],
  "audit verify": ["audit.read"],
  "audit export": ["audit.read"],
  "sign-in": ["self.change"],
  "operator add": ["operator.change", "self.change"],
  "operator list": ["operator.change"],
  "operator role": ["operator.change"],
  "operator remove": ["operator.change"],
  "operator password": ["self.change"],
  "token create": ["self.change"],
  "token list": ["self.change"],
  "token revoke": ["self.change"],
};
