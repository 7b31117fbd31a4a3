#!/usr/bin/env python3
"""Writes the golden vectors that C++ suites run as headers: test/vectors/*.json -> test/firmware/generated/*.hpp.

    python3 test/firmware/vectors.py          # write
    python3 test/firmware/vectors.py --check  # exit 1 if a written header isn't what the vectors say
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"
HEAD = """// Made by test/firmware/vectors.py from test/vectors/{name}.json. Do not edit.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vectors {{

"""
TYPES = {"CON": 0, "NON": 1, "ACK": 2, "RST": 3}


def text(value):
    return json.dumps(value, ensure_ascii=True)


def coap_message(data):
    out = ["struct CoapOptionVector {\n  uint16_t number;\n  const char* hex;\n};",
           "struct CoapVector {\n  const char* name;\n  const char* hex;\n  uint8_t type;\n  uint8_t code;\n  uint16_t messageId;\n"
           "  const char* tokenHex;\n  const char* payloadHex;\n  const CoapOptionVector* options;\n  size_t optionCount;\n};",
           "struct CoapMalformedVector {\n  const char* name;\n  const char* hex;\n  const char* expect;\n};", ""]
    rows = []
    for index, case in enumerate(data["good"]):
        options = "nullptr"
        if case["options"]:
            options = f"coapOptions{index}"
            items = ", ".join(f'{{{o["number"]}, {text(o["hex"])}}}' for o in case["options"])
            out.append(f"inline constexpr CoapOptionVector {options}[] = {{{items}}};")
        rows.append(f'    {{{text(case["name"])}, {text(case["hex"])}, {TYPES[case["type"]]}, {case["code"]}, {case["messageId"]}, '
                    f'{text(case["tokenHex"])}, {text(case["payloadHex"])}, {options}, {len(case["options"])}}},')
    out += ["", "inline constexpr CoapVector coapGood[] = {", *rows, "};", "", "inline constexpr CoapMalformedVector coapMalformed[] = {"]
    out += [f'    {{{text(case["name"])}, {text(case["hex"])}, {text(case["expect"])}}},' for case in data["malformed"]]
    return out + ["};"]


def message(data):
    """Good ones in both forms, malformed twins in CBOR; cases marked `only` are for the other side."""
    out = ["struct MessageVector {\n  const char* name;\n  const char* hex;\n  const char* json;  // empty: none\n};", ""]
    name = "".join(part.title() for part in data["kind"].split("-"))
    for sort in ("good", "malformed"):
        rows = [f'    {{{text(case["name"])}, {text(case["cborHex"])}, {text(case.get("json", ""))}}},'
                for case in data[sort] if "cborHex" in case and case.get("only") is None]
        out += [f"inline constexpr MessageVector {sort}{name}[] = {{", *rows, "};", ""]
    # The struct is the same in each header, and several are included together.
    out[0] = "#ifndef CX_MESSAGE_VECTOR\n#define CX_MESSAGE_VECTOR\n" + out[0] + "\n#endif"
    return out[:-1]


def cbor(data):
    out = ["struct CborVector {\n  const char* name;\n  const char* hex;\n};"]
    for kind, name in (("good", "cborGood"), ("malformed", "cborMalformed")):
        out += ["", f"inline constexpr CborVector {name}[] = {{"]
        out += [f'    {{{text(case["name"])}, {text(case["hex"])}}},' for case in data[kind]] + ["};"]
    return out


def oscore(data):
    """Contexts, messages and their protected form, each with the context of its sender and that of its receiver."""
    index = {case["name"]: at for at, case in enumerate(data["contexts"])}
    sequence = {case["name"]: case["sequence"] for case in data["requests"]}
    out = ["struct OscoreKeysVector {\n  const char* name;\n  const char* secretHex;\n  const char* saltHex;\n  const char* senderIdHex;\n"
           "  const char* recipientIdHex;\n  const char* idContextHex;\n  const char* senderKeyHex;\n  const char* recipientKeyHex;\n"
           "  const char* commonIvHex;\n};",
           "struct OscoreMessageVector {\n  const char* name;\n  size_t sender;  // of oscoreKeys\n  size_t receiver;\n  int64_t requestSequence;\n"
           "  int64_t sequence;  // of an answer; -1: the request's nonce\n  const char* plainHex;\n  const char* protectedHex;\n};",
           "struct OscoreOptionVector {\n  const char* name;\n  const char* hex;\n  const char* pivHex;  // empty: none\n"
           "  const char* kidHex;  // null: none\n  const char* kidContextHex;\n};",
           "struct OscoreMalformedVector {\n  const char* name;\n  const char* hex;\n};",
           "struct OscoreForgedVector {\n  const char* name;\n  size_t server;\n  uint8_t code;\n  const char* hex;\n};",
           "struct OscoreUnverifiedVector {\n  const char* name;\n  size_t client;\n  int64_t requestSequence;\n  const char* hex;\n};",
           "", "inline constexpr OscoreKeysVector oscoreKeys[] = {"]
    fields = ("masterSecretHex", "masterSaltHex", "senderIdHex", "recipientIdHex", "idContextHex", "senderKeyHex", "recipientKeyHex", "commonIvHex")
    out += [f'    {{{text(case["name"])}, ' + ", ".join(text(case[field] or "") for field in fields) + "}," for case in data["contexts"]] + ["};"]
    for sort, ends in (("requests", ("client", "server")), ("responses", ("server", "client"))):
        out += ["", f"inline constexpr OscoreMessageVector oscore{sort.title()}[] = {{"]
        for case in data[sort]:
            isRequest = sort == "requests"
            bound = case["sequence"] if isRequest else sequence[case["request"]]
            own = -1 if isRequest or case["sequence"] is None else case["sequence"]
            out.append(f'    {{{text(case["name"])}, {index[case[ends[0]]]}, {index[case[ends[1]]]}, {bound}, {own}, '
                       f'{text(case["plainHex"])}, {text(case["protectedHex"])}}},')
        out.append("};")
    maybe = lambda value: "nullptr" if value is None else text(value)  # noqa: E731
    out += ["", "inline constexpr OscoreOptionVector oscoreOptions[] = {"]
    out += [f'    {{{text(case["name"])}, {text(case["hex"])}, {text(case["partialIvHex"] or "")}, {maybe(case["kidHex"])}, '
            f'{maybe(case["kidContextHex"])}}},' for case in data["options"]["good"]] + ["};"]
    out += ["", "inline constexpr OscoreMalformedVector oscoreMalformed[] = {"]
    out += [f'    {{{text(case["name"])}, {text(case["hex"])}}},' for case in data["options"]["malformed"]] + ["};"]
    out += ["", "inline constexpr OscoreForgedVector oscoreForged[] = {"]
    for case in data["forged"]:
        kind, detail = case["code"].split(".")
        out.append(f'    {{{text(case["name"])}, {index[case["server"]]}, {int(kind) * 32 + int(detail)}, {text(case["hex"])}}},')
    answers = {case["name"]: case for case in data["responses"]}
    out += ["};", "", "inline constexpr OscoreUnverifiedVector oscoreUnverified[] = {"]
    for case in data["unverified"]:
        answer = answers[case["response"]]
        out.append(f'    {{{text(case["name"])}, {index[answer["client"]]}, {sequence[answer["request"]]}, {text(case["hex"])}}},')
    return out + ["};"]


def update_manifest(data):
    """Envelopes of the SUIT profile, each with the node that judges it."""
    ids, own = data["identifiers"], data["target"]
    out = ["struct ManifestTarget {\n  uint32_t sequence;\n  const char* runningHex;\n  uint32_t slotSize;\n  uint32_t budget;\n  uint32_t windowMax;\n"
           "  uint8_t deltaFormat;\n  uint32_t deltaMemory;\n};",
           "struct GoodManifestVector {\n  const char* name;\n  const char* hex;\n  ManifestTarget target;\n  const char* kind;\n  uint32_t sequence;\n"
           "  const char* digestHex;\n  uint32_t size;\n  int8_t variant;  // index; -1: none is needed\n  const char* keyIdHex;\n};",
           "struct BadManifestVector {\n  const char* name;\n  const char* hex;\n  ManifestTarget target;\n  const char* reason;\n};",
           "struct ManifestKeyVector {\n  const char* name;\n  const char* xHex;\n  const char* yHex;\n  const char* keyIdHex;\n};", ""]
    for name in ("domain", "model", "node", "vendorHex", "classHex", "deviceHex"):
        out.append(f"inline constexpr const char* manifest{name[0].upper()}{name[1:]} = {text(ids[name])};")
    bare = lambda digest: digest.removeprefix("sha256:")  # noqa: E731
    out += [f"inline constexpr const char* manifestAnchorsHex = {text(data['anchorsHex'])};",
            f"inline constexpr const char* manifestPreviousHex = {text(bare(own['previous']['digest']))};",
            f"inline constexpr uint32_t manifestPreviousSize = {own['previous']['size']};",
            '// The one encryption info whose key the node has.', 'inline constexpr const char* manifestKnownKeyHex = "d08340a0f6";', "",
            "inline constexpr ManifestKeyVector manifestKeys[] = {"]
    out += [f"    {{{text(key['name'])}, {text(key['xHex'])}, {text(key['yHex'])}, {text(key['keyIdHex'])}}}," for key in data["keys"]] + ["};"]
    key_ids = {key["name"]: key["keyIdHex"] for key in data["keys"]}

    def target(case):
        at = {**own, **case.get("target", {})}
        return (f"{{{at['sequence']}u, {text(bare(at['running']))}, {at['slotSize']}u, {at['budget']}u, {at['windowMax']}u, "
                f"{at['deltaFormats'][0]}, {at['deltaMemory']}u}}")

    out += ["", "inline constexpr GoodManifestVector goodManifests[] = {"]
    out += [f"    {{{text(case['name'])}, {text(case['hex'])}, {target(case)}, {text(case['kind'])}, {case['sequence']}u, {text(bare(case['digest']))}, "
            f"{case['size']}u, {case['variant']}, {text(key_ids[case['signer']])}}}," for case in data["good"]] + ["};"]
    out += ["", "inline constexpr BadManifestVector badManifests[] = {"]
    out += [f"    {{{text(case['name'])}, {text(case['hex'])}, {target(case)}, {text(case['reason'])}}}," for case in data["bad"]] + ["};"]
    return out


def payload_variants(data):
    """Payloads of other programs and what a decoder makes of them."""
    out = ["struct PayloadVector {\n  const char* name;\n  const char* kind;\n  const char* payloadHex;\n  const char* parametersHex;\n"
           "  const char* keyHex;\n  const char* status;\n};", "",
           f"inline constexpr const char* payloadBaseHex = {text(data['baseHex'])};",
           f"inline constexpr const char* payloadImageHex = {text(data['imageHex'])};"]
    for sort in ("good", "bad"):
        out += ["", f"inline constexpr PayloadVector {sort}Payloads[] = {{"]
        out += [f"    {{{text(case['name'])}, {text(case['kind'])}, {text(case['payloadHex'])}, {text(case.get('parametersHex', ''))}, "
                f"{text(case.get('keyHex', ''))}, {text(case.get('status', 'ok'))}}}," for case in data[sort]] + ["};"]
    return out


def can(data):
    """Frames with a check of each field; frames that are refused, by the kind whose identifier they have."""
    camel = lambda word: "".join(part if i == 0 else part.title() for i, part in enumerate(word.split("-")))  # noqa: E731
    bus = json.loads((VECTORS.parent.parent / "schemas/can/bus.json").read_text(encoding="utf-8"))
    kinds = {frame["name"]: frame for frame in bus["frames"]}
    head = [{"name": "target"}, {"name": "sequence"}]

    def frame(case):
        octets = ", ".join(f"0x{byte:02x}" for byte in bytes.fromhex(case["dataHex"]))
        return f"can::Frame{{0x{case['id']:x}, {'true' if case['isExtended'] else 'false'}, {len(case['dataHex']) // 2}, {{{octets}}}}}"

    def checks(case):
        kind = kinds[case["frame"]]
        fields = {field["name"]: field for field in kind.get("fields") or head + kind["command"]}
        for name, value in case["message"].items():
            field = fields.get(name, {})
            if "enum" in field:
                yield f"message.{name} == can::{field['enum']}::{camel(value)}"
            elif field.get("type") == "bytes":
                for at, byte in enumerate(bytes.fromhex(value)):
                    yield f"message.{name}[{at}] == 0x{byte:02x}"
                if "minLength" in field:
                    yield f"message.{name}Length == {len(value) // 2}"
            elif value is None:
                yield f"message.{name} == can::{case['frame']}::no{name[0].upper() + name[1:]}"
            else:
                yield f"message.{name} == {str(value).lower() if isinstance(value, bool) else '(-2147483647 - 1)' if value == -(1 << 31) else f'{value}U' if value > 0x7fffffff else value}"

    out = ["// What is wrong with a frame that must be read and written the same; null: nothing.", "inline const char* canGood(size_t at) {", "  switch (at) {"]
    for at, case in enumerate(data["good"]):
        kind = case["frame"]
        out += [f"    case {at}: {{  // {case['name']}", f"      const can::Frame frame = {frame(case)};", f"      can::{kind} message;",
                f"      if (can::kindOf(frame) != can::Kind::{kind[0].lower() + kind[1:]}) return {text(case['name'] + ': kind')};",
                f"      if (can::decode(frame, message) != can::Fault::none) return {text(case['name'] + ': refused')};"]
        out += [f"      if (!({check})) return {text(case['name'] + ': ' + check.split(' ')[0])};" for check in checks(case)]
        out += [f"      return isSame(can::encode(message), frame) ? nullptr : {text(case['name'] + ': written otherwise')};", "    }"]
    out += ["    default:", '      return "no such vector";', "  }", "}", f"inline constexpr size_t canGoodCount = {len(data['good'])};", "",
            "struct CanBadVector {\n  const char* name;\n  can::Frame frame;\n  can::Fault fault;\n};",
            "inline const CanBadVector canBad[] = {"]
    out += [f"    {{{text(case['name'])}, {frame(case)}, can::Fault::{'outOfRange' if case['fault'] == 'out-of-range' else 'otherFrame'}}}," for case in data["bad"]]
    return [*out, "};"]


MESSAGES = ("node-manifest", "status-report", "action", "environment", "registration-answer", "attempt-report")
MAKERS = {"coap-message": coap_message, "cbor": cbor, "oscore": oscore, "update-manifest": update_manifest,
          "payload-variants": payload_variants, "can": can, **{name: message for name in MESSAGES}}


def main():
    stale = []
    for name, make in MAKERS.items():
        body = make(json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8")))
        content = HEAD.format(name=name) + "\n".join(body) + "\n\n}  // namespace vectors\n"
        path = HERE / "generated" / f"{name.replace('-', '_')}_vectors.hpp"
        if "--check" in sys.argv:
            if not path.exists() or path.read_text(encoding="utf-8") != content:
                stale.append(str(path.relative_to(HERE.parent.parent)))
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    for path in stale:
        print(f"{path} isn't what test/vectors says; run: python3 test/firmware/vectors.py")
    return 1 if stale else 0


sys.exit(main())
