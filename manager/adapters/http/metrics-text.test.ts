import { expect, test } from "vitest";
import { counterFamilies } from "./metrics-page.ts";
import { metricsText } from "./metrics-text.ts";

test("what stands in a label or a help text can't break a line", () => {
  const samples = [{ labels: { reason: 'a"b\\c\nd' }, value: 1 }];
  const text = metricsText([{ name: "x", type: "gauge", help: "one\ntwo", samples }]);
  expect(text).toBe('# HELP x one\\ntwo\n# TYPE x gauge\nx{reason="a\\"b\\\\c\\nd"} 1\n');
});

test("counters become families: each by itself, those of a group by their reason, what is held as a gauge", () => {
  const families = counterFamilies("coap", "CoAP", {
    droppedPortZero: 1,
    "malformed.truncated": 2,
    "malformed.format": 3,
    "held.peers": 4,
  });
  expect(metricsText(families).split("\n")).toEqual([
    "# HELP coxswain_coap_dropped_port_zero_total CoAP: dropped port zero",
    "# TYPE coxswain_coap_dropped_port_zero_total counter",
    "coxswain_coap_dropped_port_zero_total 1",
    "# HELP coxswain_coap_malformed_total CoAP messages that couldn't be read, by reason",
    "# TYPE coxswain_coap_malformed_total counter",
    'coxswain_coap_malformed_total{reason="truncated"} 2',
    'coxswain_coap_malformed_total{reason="format"} 3',
    "# HELP coxswain_coap_held CoAP: rows held now",
    "# TYPE coxswain_coap_held gauge",
    'coxswain_coap_held{what="peers"} 4',
    "",
  ]);
});
