// Signing in: by the one-time link of `coxswain sign-in`, whose code stands behind the #, by name and password, or by the machine's token.
import { change, loadSession } from "./session.js";

/** Uses the code in the address, if there is one; it is taken out of the address and the history first. */
export async function useLink() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code === null) return;
  history.replaceState(null, "", location.pathname);
  await change("POST", "/session", { code });
}

/** Asks until somebody is signed in; resolves then. */
export function askWho(problem = "") {
  const dialog = document.getElementById("sign-in");
  const forms = [...dialog.querySelectorAll("form")];
  const words = document.getElementById("sign-in-problem");
  words.textContent = problem;
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    const submit = async (event) => {
      event.preventDefault();
      const fields = Object.fromEntries(new FormData(event.target));
      try {
        await change("POST", "/session", fields.token === undefined ? fields : { token: fields.token.trim() });
      } catch (error) {
        words.textContent = error.message;
        event.target.querySelector("input[type=password]").select();
        return;
      }
      for (const form of forms) {
        form.reset();
        form.removeEventListener("submit", submit);
      }
      await loadSession();
      dialog.close();
      resolve();
    };
    for (const form of forms) form.addEventListener("submit", submit);
  });
}
