/**
 * Unit symbols of the IANA registries "SenML Units" (RFC 8428 section 12.1 and later registrations) and "Secondary Units"
 * (RFC 8798). Anything else, such as `degC`, is a mistake of the sender that would split one series into two.
 */
export const senmlUnits: ReadonlySet<string> = new Set(
  [
    "m kg g s A K cd mol Hz rad sr N Pa J W C V F Ohm S Wb T H Cel lm lx Bq Gy Sv kat m2 m3 l m/s m/s2 m3/s l/s W/m2",
    "cd/m2 bit bit/s lat lon pH dB dBW Bspl count / % %RH %EL EL 1/s 1/min beat/min beats S/m",
    "B VA VAs var vars J/m kg/m3 deg NTU",
    "ms min h MHz kW kVA kvar Ah Wh kWh varh kvarh kVAh Wh/km KiB GB Mbit/s B/s MB/s mV mA dBm ug/m3 mm/h m/h ppm /100",
    "/1000 hPa mm cm km km/h gravity ppb ppt VAh mg/l ug/l g/l",
  ]
    .join(" ")
    .split(" "),
);
