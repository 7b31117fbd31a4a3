import { describe, expect, it } from "vitest";
import { fromBase64Url, toBase64Url } from "./base64url.ts";
import { invitationIn, invitationLink, longestLink } from "./site-invitation.ts";

const invitation = {
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

describe("an invitation", () => {
  it("is refused when its fragment is no base64url, cut short, or longer than an invitation can be", () => {
    const link = invitationLink("https://gateway-5f3a.local:8443", invitation);
    const fragment = new URL(link).hash;
    expect(invitationIn("#invite=a+b")).toMatchObject({ ok: false, fault: { code: "malformed" } });
    expect(invitationIn(fragment.slice(0, -8))).toMatchObject({ ok: false });
    expect(invitationIn(`#invite=${"A".repeat(1400)}`)).toMatchObject({ ok: false, fault: { code: "too-large" } });
    expect(invitationIn("#history")).toBeUndefined();
    expect(invitationIn("")).toBeUndefined();
  });

  it("comes out of its link as it went in, and the link fits a QR code of 80 columns", () => {
    const link = invitationLink("https://gateway-5f3a.local:8443", invitation);
    expect(link.length).toBeLessThanOrEqual(longestLink);
    expect(invitationIn(new URL(link).hash)).toEqual({ ok: true, value: invitation });
    expect(invitationIn(`#x=1&${link.split("#")[1]}`)).toMatchObject({ ok: true });
  });

  it("has fewer addresses at home where all of them wouldn't fit a terminal, and one at least", () => {
    const host = "https://[fd12:3456:789a:bcde:f012:3456:789a:bcde]:8443";
    const link = invitationLink(host, { ...invitation, home: [host, `${host}1`, `${host}2`, `${host}3`] });
    expect(link.length).toBeLessThanOrEqual(longestLink);
    const read = invitationIn(new URL(link).hash);
    if (read?.ok !== true) throw new Error("unreadable");
    expect(read.value.home).toEqual([host, `${host}1`].slice(0, read.value.home?.length));
    expect(read.value.home?.length).toBeGreaterThan(0);
    const long = {
      ...invitation,
      title: "t".repeat(48),
      name: "n".repeat(48),
      site: "s".repeat(63),
      home: [host, host],
    };
    const longest = invitationIn(new URL(invitationLink(host, long)).hash);
    expect(longest).toMatchObject({ ok: true, value: { home: [host] } });
  });

  it("of the longest texts that there may be is made all the same", () => {
    const widest = {
      ...{ site: "s".repeat(63), title: "ü".repeat(24), phone: "k3x9q2abcdef", name: "ü".repeat(24) },
      ...{ server: `wss://${"h".repeat(94)}`, serverPassword: "A".repeat(43), homePassword: "B".repeat(43) },
      ...{ home: new Array<string>(4).fill(`https://${"h".repeat(72)}`), ca: invitation.ca },
    };
    expect(invitationIn(new URL(invitationLink("https://g.local:8443", widest)).hash)).toMatchObject({ ok: true });
  });

  it("has nothing of it outside of the fragment, which browsers keep to themselves", () => {
    const { href, hash } = new URL(invitationLink("https://gateway-5f3a.local:8443", invitation));
    expect(href.slice(0, -hash.length)).toBe("https://gateway-5f3a.local:8443/app/");
  });
});

describe("base64url", () => {
  it("gives back bytes of every length", () => {
    for (let length = 0; length < 70; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 255);
      expect(toBase64Url(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
      expect(fromBase64Url(toBase64Url(bytes))).toEqual(bytes);
    }
  });
});
