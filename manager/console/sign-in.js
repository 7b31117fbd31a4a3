// Signing in: by the one-time link of `coxswain sign-in`, whose code stands behind the #, by name and password, or by the machine's token.
import { change, loadSession } from "./session.js";

/** Uses the code in the address and says whether there was one; it is taken out of the address and the history first. */
export async function useLink() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code === null) return false;
  history.replaceState(null, "", location.pathname);
  await change("POST", "/session", { code });
  return true;
}

/** Asks until somebody is signed in; resolves then. */
export function askWho(problem = "") {
  const dialog = document.getElementById("sign-in");
  const forms = [...dialog.querySelectorAll("form")];
  const words = document.getElementById("sign-in-problem");
  words.textContent = problem;
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    const done = async () => {
      for (const form of forms) {
        form.reset();
        form.removeEventListener("submit", submit);
      }
      removeEventListener("hashchange", followLink);
      await loadSession();
      dialog.close();
      resolve();
    };
    // A link that is opened where the page is already changes only what stands behind the #: nothing is loaded anew.
    const followLink = async () => {
      try {
        if (await useLink()) await done();
      } catch (error) {
        words.textContent = error.message;
      }
    };
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
      await done();
    };
    for (const form of forms) form.addEventListener("submit", submit);
    addEventListener("hashchange", followLink);
  });
}
