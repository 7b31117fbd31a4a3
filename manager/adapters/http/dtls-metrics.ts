import type { MetricFamily } from "./metrics-text.ts";

type Counters = Readonly<Record<string, number>>;

/** What is counted of DTLS, in families that tell reasons apart; none where the manager doesn't speak it. */
export function dtlsFamilies(counted: unknown): readonly MetricFamily[] {
  if (counted === undefined) return [];
  const of = (name: string): number => (counted as Counters)[name] ?? 0;
  const byReason = ["Certificate", "Cipher", "Alert"].map((reason) => of(`handshakesFailedBy${reason}`));
  const other = of("handshakesFailed") - byReason.reduce((sum, each) => sum + each, 0);
  const [certificate = 0, cipher = 0, alert = 0] = byReason;
  return [
    labelled("handshakes_finished", "DTLS handshakes that finished, by kind", "kind", {
      whole: of("handshakesFinished") - of("handshakesResumed"),
      resumed: of("handshakesResumed"),
    }),
    labelled(
      "handshakes_failed",
      "DTLS handshakes that came to nothing: a certificate that isn't good, no cipher suite in common, an alert of the peer, anything else; no end in time, which a wrong key looks like; nobody that was let in; no room",
      "reason",
      {
        ...{ certificate, cipher, alert, other },
        "timed-out": of("handshakesTimedOut"),
        identity: of("identitiesRefused"),
        full: of("handshakesRefused"),
      },
    ),
    counter(
      "psk_identities_unknown",
      "DTLS handshakes and tickets with a PSK identity that nobody has",
      of("pskIdentitiesUnknown"),
    ),
    counter("challenges", "Addresses that were asked for a DTLS cookie", of("challenged")),
    gauge("half_open", "DTLS handshakes under way", of("handshakes")),
    gauge("sessions", "DTLS sessions", of("sessions")),
    labelled("sessions_ended", "DTLS sessions that ended, by how", "how", {
      closed: of("sessionsClosed"),
      evicted: of("sessionsEvicted"),
      expired: of("sessionsExpired"),
      revoked: of("sessionsRevoked"),
    }),
    counter("sessions_moved", "DTLS sessions that followed their peer to another address", of("sessionsMoved")),
    labelled("records_refused", "DTLS records and datagrams that were dropped, by reason", "reason", {
      forged: of("recordsForged"),
      replayed: of("recordsReplayed"),
      "no-session": of("notDtls"),
    }),
    counter("sends_dropped", "Messages to peers without a DTLS session", of("sendsDropped")),
  ];
}

function counter(name: string, help: string, value: number): MetricFamily {
  return { name: `coxswain_dtls_${name}_total`, type: "counter", help, samples: [{ value }] };
}

function gauge(name: string, help: string, value: number): MetricFamily {
  return { name: `coxswain_dtls_${name}`, type: "gauge", help, samples: [{ value }] };
}

function labelled(name: string, help: string, label: string, values: Counters): MetricFamily {
  const samples = Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value }));
  return { name: `coxswain_dtls_${name}_total`, type: "counter", help, samples };
}
