import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { invitationIn, invitationLink } from "../../../schemas/wire/site-invitation.ts";
import { readHomeAddress } from "./home-address.ts";
import { readKeptPhone } from "./kept-phone.ts";
import { readInvitation } from "./read-invitation.ts";

const whole = {
  site: "linden-street-7",
  title: "Linden Street 7",
  phone: "k3x9q2abcdef",
  name: "Anna's phone",
  server: "wss://coxswain.example.net:8684/mqtt",
  serverPassword: "AAAAAAAAAAAAAAAAAAAAAA",
  home: ["https://gateway-5f3a.local:8443", "https://192.168.178.100:8443"],
  homePassword: "BBBBBBBBBBBBBBBBBBBBBB",
  ca: `sha256:${"5".repeat(64)}`,
};
const link = (invitation: Parameters<typeof invitationLink>[1] = whole) =>
  invitationLink("https://gateway.local", invitation);

describe("an invitation in a page's address", () => {
  it.each(["", "#", "#/packs/240ac400c001", "#history", "https://gateway.local/app/"])("is none in %j", (text) => {
    expect(readInvitation(text)).toEqual({ kind: "none" });
  });

  it("is broken when a character is missing, added or changed, or it is too long", () => {
    const text = link();
    const { hash } = new URL(text);
    for (const cut of [1, 2, 3, 8, 100]) expect(readInvitation(text.slice(0, -cut)).kind).toBe("broken");
    expect(readInvitation("#invite=").kind).toBe("broken");
    expect(readInvitation(`${hash}AA`).kind).toBe("broken");
    expect(readInvitation(`#invite=!${hash.slice(9)}`).kind).toBe("broken");
    expect(readInvitation(`#invite=${"A".repeat(1000)}`).kind).toBe("broken");
  });

  it("is refused where the schema's own reader refuses it, for any change of one byte", () => {
    const code = new URL(link()).hash.slice("#invite=".length);
    fc.assert(
      fc.property(fc.nat(code.length - 1), fc.constantFrom(..."ABCxyz019-_"), (at, character) => {
        const changed = `#invite=${code.slice(0, at)}${character}${code.slice(at + 1)}`;
        const theirs = invitationIn(changed);
        const ours = readInvitation(changed);
        // Words of a newer version are left behind by both; what is a fault to one is a fault to both.
        expect(ours.kind === "invitation").toBe(theirs?.ok === true);
        if (ours.kind === "invitation" && theirs?.ok === true) expect(ours.invitation).toEqual(theirs.value);
      }),
      { numRuns: 500 },
    );
  });

  it("comes out as the schema's own reader has it, whole or with what must be alone", () => {
    for (const invitation of [whole, { site: "a", phone: "k3x9q2abcdef" }]) {
      expect(readInvitation(link(invitation))).toEqual({ kind: "invitation", invitation });
      expect(readInvitation(` ${link(invitation)}\n`)).toEqual({ kind: "invitation", invitation });
      expect(invitationIn(new URL(link(invitation)).hash)).toEqual({ ok: true, value: invitation });
    }
  });
});

describe("what the phone kept of itself", () => {
  const homes = [{ label: "Wi-Fi", base: "https://gateway.local" }];

  it.each([undefined, null, 3, "x", [], {}, { invitation: {} }, { invitation: { ...whole, phone: 7 }, homes }])(
    "is nothing as %j",
    (kept) => {
      expect(readKeptPhone(kept)).toBeUndefined();
    },
  );

  it("comes back, without what is no address", () => {
    expect(readKeptPhone({ invitation: whole, homes, language: "de" })).toEqual({
      invitation: whole,
      homes,
      language: "de",
    });
    const odd = [
      null,
      7,
      {},
      { label: "x" },
      { label: 1, base: "https://a" },
      { label: "", base: "javascript:x" },
      ...homes,
    ];
    expect(readKeptPhone({ invitation: whole, homes: odd, language: 7 })).toEqual({ invitation: whole, homes });
    expect(readKeptPhone({ invitation: whole })).toEqual({ invitation: whole, homes: [] });
  });
});

describe("an address that a person writes", () => {
  it.each(["", "   ", "no address", "ftp://192.168.1.2", "https://", "http://user@host", "javascript:alert(1)"])(
    "%j is none",
    (text) => {
      expect(readHomeAddress(text, "https:")).toBeUndefined();
    },
  );

  it.each([
    ["192.168.1.20:8443", "https://192.168.1.20:8443"],
    [" gateway.local ", "https://gateway.local"],
    ["http://gateway.local/app/#x", "http://gateway.local"],
    ["https://[fd00::2]:8443", "https://[fd00::2]:8443"],
  ])("%j is %s", (text, base) => {
    expect(readHomeAddress(text, "https:")).toBe(base);
  });

  it("has the scheme of the page where it names none", () => {
    expect(readHomeAddress("gateway.local", "http:")).toBe("http://gateway.local");
  });
});
