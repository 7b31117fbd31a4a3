/** What operators are, from the one who only looks to the one who decides who is what. Each may do what those before it may. */
export const roles = ["viewer", "operator", "admin"] as const;

export type Role = (typeof roles)[number];

export function isRole(value: unknown): value is Role {
  return roles.some((each) => each === value);
}

/** Whether who has `role` may do what needs `needed`. */
export function reaches(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}

/** The one of two that may do less. */
export function lesserRole(one: Role, other: Role): Role {
  return reaches(one, other) ? other : one;
}
