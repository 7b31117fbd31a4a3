// Who is signed in, what he may do, and how the page changes something in his name.

const session = { operator: null, role: "", scopes: [], may: new Set(), csrf: undefined, way: "" };

export function whoIs() {
  return session;
}

export function may(action) {
  return session.may.has(action);
}

/** Asks the manager who this is; the page offers only what he may. */
export async function loadSession() {
  const response = await fetch("/api/v1/session");
  if (!response.ok) return session;
  const answer = await response.json();
  const { operator, role = "", scopes = [], csrf, way = "", hasPassword = false } = answer;
  Object.assign(session, { operator, role, scopes, csrf, way, hasPassword, id: answer.session });
  session.may = new Set(answer.may ?? []);
  return session;
}

/** A request that changes something; the session's CSRF token goes with it. Rejects with the manager's words. */
export async function change(method, path, body) {
  const response = await fetch(`/api/v1${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(session.csrf === undefined ? {} : { "x-csrf-token": session.csrf }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (response.status === 204) return undefined;
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.error.message} ${answer.error.next}`);
  return answer;
}
