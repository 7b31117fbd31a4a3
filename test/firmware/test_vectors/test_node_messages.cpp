// The messages as the node itself reads and writes them, held to the same golden vectors: both forms must give the same.
#include "../check.hpp"
#include "../generated/action_vectors.hpp"
#include "../generated/attempt_report_vectors.hpp"
#include "../generated/environment_vectors.hpp"
#include "../generated/registration_answer_vectors.hpp"
#include "../hex.hpp"
#include "node_messages.hpp"

using namespace cx;

namespace {

constexpr size_t bytesMax = 1024;

ByteSpan fromHex(const char* hex) {
  static Hex<bytesMax> input("");
  input = Hex<bytesMax>(hex);
  return input.view();
}

// `decode` takes the form and the bytes.
template <size_t N, class Decode>
void runGood(const vectors::MessageVector (&cases)[N], Decode&& decode) {
  for (const vectors::MessageVector& good : cases) {
    if (!isOk(decode(WireFormat::cbor, fromHex(good.hex)))) check::failed(__FILE__, __LINE__, good.name);
    if (!isOk(decode(WireFormat::json, asBytes(good.json)))) check::failed(__FILE__, __LINE__, good.name);
  }
}

const vectors::MessageVector& find(const vectors::MessageVector* cases, size_t count, std::string_view name) {
  for (size_t i = 0; i < count; i++) {
    if (cases[i].name == name) return cases[i];
  }
  check::failed(__FILE__, __LINE__, "no vector of that name");
  return cases[0];
}

}  // namespace

TEST("the node reads every good action, environment and registration answer, in both forms") {
  static Environment environment;
  static Action action;
  static RegistrationAnswer answer;
  runGood(vectors::goodAction, [](WireFormat format, ByteSpan bytes) { return decodeAction(format, bytes, environment, action); });
  runGood(vectors::goodEnvironment, [](WireFormat format, ByteSpan bytes) { return decodeEnvironment(format, bytes, environment); });
  runGood(vectors::goodRegistrationAnswer, [](WireFormat format, ByteSpan bytes) { return decodeRegistrationAnswer(format, bytes, answer); });
}

TEST("the node finds in an update what the manager wrote") {
  static const Environment base;
  const vectors::MessageVector& good = find(vectors::goodAction, sizeof vectors::goodAction / sizeof vectors::goodAction[0], "an update");
  const ByteSpan forms[] = {fromHex(good.hex), asBytes(good.json)};
  for (size_t i = 0; i < 2; i++) {
    static Action action;
    CHECK(isOk(decodeAction(i == 0 ? WireFormat::cbor : WireFormat::json, forms[i], base, action)));
    CHECK_EQ(action.rev, 3U);
    CHECK(action.kind == ActionKind::update);
    CHECK(action.hasMore);
    CHECK(action.update.view() == "fw-1.1.0");
    CHECK(action.attempt.view() == "a-17");
    CHECK_EQ(action.uriCount, 2);
    CHECK(action.uris[1].view() == "coap://[2001:db8::1]:5683/artifacts/x?ep=n1");
    CHECK_EQ(action.size, 524288U);
    CHECK(action.hasDigest && action.digest[0] == 0x01 && action.digest[31] == 0xEF);
    CHECK(action.version.view() == "1.1.0");
  }
}

TEST("what the node writes of an attempt is what the manager's schema gives, byte for byte") {
  AttemptReport report;
  CHECK(isOk(report.update.assign("fw-1.1.0")));
  CHECK(isOk(report.attempt.assign("a-17")));
  report.state = AttemptState::downloading;
  report.percent = 42;
  report.bytes = 220200;
  report.total = 524288;
  report.way = DownloadWay::http;
  const vectors::MessageVector& good = vectors::goodAttemptReport[0];
  static uint8_t output[bytesMax];
  const Expected<ByteSpan> cbor = encodeAttemptReport(WireFormat::cbor, report, MutableSpan(output));
  CHECK(cbor && isHex<bytesMax>(*cbor, good.hex));
  const Expected<ByteSpan> json = encodeAttemptReport(WireFormat::json, report, MutableSpan(output));
  CHECK(json && asText(*json) == good.json);
}
