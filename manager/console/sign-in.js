// Signing in: by the one-time link of `coxswain sign-in`, whose code stands behind the #, or by the admin's token.

async function post(body) {
  const response = await fetch("/api/v1/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (response.ok) return;
  const { error } = await response.json();
  throw new Error(`${error.message} ${error.next}`);
}

/** Uses the code in the address, if there is one; it is taken out of the address and the history first. */
export async function useLink() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code === null) return;
  history.replaceState(null, "", location.pathname);
  await post({ code });
}

/** Asks for the token until it is right; resolves when the operator is signed in. */
export function askForToken(problem = "") {
  const dialog = document.getElementById("sign-in");
  const form = dialog.querySelector("form");
  const input = dialog.querySelector("input");
  const words = document.getElementById("sign-in-problem");
  words.textContent = problem;
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    const submit = async (event) => {
      event.preventDefault();
      try {
        await post({ token: input.value.trim() });
      } catch (error) {
        words.textContent = error.message;
        input.select();
        return;
      }
      input.value = "";
      form.removeEventListener("submit", submit);
      dialog.close();
      resolve();
    };
    form.addEventListener("submit", submit);
  });
}
