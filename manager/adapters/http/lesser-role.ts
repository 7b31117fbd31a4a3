import type { Permission } from "../../domain/permissions.ts";
import { ApiError } from "./api-error.ts";
import type { Admitted } from "./sign-in.ts";

/** The refusal of who may do less than this. A token has a role of its own, so another role of its owner's wouldn't help it. */
export function lesserRole({ way, principal }: Admitted, permission: Permission): ApiError {
  const { id, role } = principal;
  const needed = permission.operators;
  const isToken = way === "token";
  const who = isToken ? `This token of ${id}` : id;
  const remedy = isToken
    ? `Use another: \`coxswain token create --role ${needed}\` makes one for an operator who may do that.`
    : `An admin gives it: \`coxswain operator role ${id} ${needed}\`.`;
  return new ApiError("lesser-role", { who, role, needed, what: permission.words, remedy });
}
