// The golden messages of test/vectors, run over the generated structs: what TypeScript writes is read here, written again
// byte for byte, and every malformed twin is refused. Messages without a vector are included so that they compile everywhere.
#include "../../../schemas/generated/cpp/action.hpp"
#include "../../../schemas/generated/cpp/attempt_report.hpp"
#include "../../../schemas/generated/cpp/command.hpp"
#include "../../../schemas/generated/cpp/command_answer.hpp"
#include "../../../schemas/generated/cpp/configuration.hpp"
#include "../../../schemas/generated/cpp/environment.hpp"
#include "../../../schemas/generated/cpp/metrics.hpp"
#include "../../../schemas/generated/cpp/mode.hpp"
#include "../../../schemas/generated/cpp/node_manifest.hpp"
#include "../../../schemas/generated/cpp/parts.hpp"
#include "../../../schemas/generated/cpp/registration_answer.hpp"
#include "../../../schemas/generated/cpp/service_list.hpp"
#include "../../../schemas/generated/cpp/status_report.hpp"
#include "../../../schemas/generated/cpp/update_start.hpp"
#include "../check.hpp"
#include "../generated/action_vectors.hpp"
#include "../generated/attempt_report_vectors.hpp"
#include "../generated/environment_vectors.hpp"
#include "../generated/node_manifest_vectors.hpp"
#include "../generated/registration_answer_vectors.hpp"
#include "../generated/status_report_vectors.hpp"
#include "../hex.hpp"

using namespace cx;

namespace {

constexpr size_t bytesMax = 1024;
constexpr size_t scratchSize = 4096;
// One set of buffers, outside of any frame: emulated chips have small stacks.
uint8_t scratch[scratchSize];
uint8_t output[bytesMax];

template <typename Message, size_t N>
void runGood(const vectors::MessageVector (&cases)[N]) {
  static Message message;
  for (const vectors::MessageVector& good : cases) {
    static Hex<bytesMax> input("");
    input = Hex<bytesMax>(good.hex);
    CHECK(input.size > 0);
    const Status status = wire::decode(input.view(), message, MutableSpan(scratch));
    if (!isOk(status)) check::failed(__FILE__, __LINE__, good.name);
    const Expected<ByteSpan> again = wire::encode(message, MutableSpan(output));
    if (!again || !equal(*again, input.view())) check::failed(__FILE__, __LINE__, good.name);
    // Cut anywhere it is refused, and an output of any smaller size is full.
    for (size_t size = 0; size < input.size; size++) {
      CHECK(!isOk(wire::decode(input.view().first(size), message, MutableSpan(scratch))));
    }
    CHECK(isOk(wire::decode(input.view(), message, MutableSpan(scratch))));
    for (size_t size = 0; size < input.size; size++) {
      CHECK(wire::encode(message, MutableSpan(output, size)).status() == Status::full);
    }
  }
}

template <typename Message, size_t N>
void runMalformed(const vectors::MessageVector (&cases)[N]) {
  static Message message;
  for (const vectors::MessageVector& malformed : cases) {
    static Hex<bytesMax> input("");
    input = Hex<bytesMax>(malformed.hex);
    if (isOk(wire::decode(input.view(), message, MutableSpan(scratch)))) check::failed(__FILE__, __LINE__, malformed.name);
  }
}

}  // namespace

TEST("malformed node manifests are refused") { runMalformed<wire::NodeManifest>(vectors::malformedNodeManifest); }
TEST("malformed status reports are refused") { runMalformed<wire::StatusReport>(vectors::malformedStatusReport); }
TEST("malformed actions are refused") { runMalformed<wire::Action>(vectors::malformedAction); }
TEST("malformed environments are refused") { runMalformed<wire::Environment>(vectors::malformedEnvironment); }
TEST("malformed registration answers are refused") { runMalformed<wire::RegistrationAnswer>(vectors::malformedRegistrationAnswer); }
TEST("malformed attempt reports are refused") { runMalformed<wire::AttemptReport>(vectors::malformedAttemptReport); }

TEST("node manifests are read and written byte for byte") { runGood<wire::NodeManifest>(vectors::goodNodeManifest); }
TEST("status reports are read and written byte for byte") { runGood<wire::StatusReport>(vectors::goodStatusReport); }
TEST("actions are read and written byte for byte") { runGood<wire::Action>(vectors::goodAction); }
TEST("environments are read and written byte for byte") { runGood<wire::Environment>(vectors::goodEnvironment); }
TEST("registration answers are read and written byte for byte") { runGood<wire::RegistrationAnswer>(vectors::goodRegistrationAnswer); }
TEST("attempt reports are read and written byte for byte") { runGood<wire::AttemptReport>(vectors::goodAttemptReport); }

TEST("lists that don't fit the scratch are full, and without lists no scratch is needed") {
  static const Hex<64> caps("a201616104826161" "6162");
  wire::NodeManifest manifest;
  CHECK(wire::decode(caps.view(), manifest) == Status::full);
  CHECK(wire::decode(caps.view(), manifest, MutableSpan(scratch, sizeof(std::string_view))) == Status::full);
  CHECK(isOk(wire::decode(caps.view(), manifest, MutableSpan(scratch))));
  CHECK_EQ(manifest.caps->size(), 2U);
  static const Hex<64> bare("a1016161");
  CHECK(isOk(wire::decode(bare.view(), manifest)));
  CHECK(!manifest.caps);
}

TEST("a scratch that begins anywhere is used from where its alignment allows") {
  static const Hex<64> caps("a201616104816178");
  wire::NodeManifest manifest;
  for (size_t skew = 0; skew < 16; skew++) {
    CHECK(isOk(wire::decode(caps.view(), manifest, MutableSpan(scratch + skew, 64))));
    CHECK((*manifest.caps)[0] == "x");
  }
}

TEST("unknown keys, text keys and nulls are passed over") {
  // {1: 9, 2: 0, 3: null, 77: [1, {2: 3}], -1: 0, "later": true}
  static const Hex<64> input("a60109020003f6184d8201a1020320006" "56c61746572f5");
  wire::Action action;
  CHECK(isOk(wire::decode(input.view(), action)));
  CHECK_EQ(*action.rev, 9U);
  CHECK(*action.kind == wire::ActionKind::none);
  CHECK(!action.more);
}

TEST("values come out as they were written") {
  static const Hex<64> input("a5010d0df94e600efb404699999999999a0ffbc01c8000000000001023");
  wire::StatusReport report;
  static const Hex<64> shortest("a4010d0df94e600efb404699999999999a0f38" "03");
  CHECK(!isOk(wire::decode(input.view(), report)));  // an unknown health
  static const Hex<64> good("a501010df94e600efb404699999999999a0ff9c7201023");
  CHECK(isOk(wire::decode(good.view(), report)));
  CHECK(*report.status == wire::Health::healthy);
  CHECK(*report.cpuPercent == Decimal::tenths(255));
  CHECK(*report.memoryPercent == Decimal::tenths(452));
  CHECK(*report.temperature == Decimal::thousandths(-7125));
  CHECK_EQ(*report.rssi, -4);
  CHECK(wire::wordOf(*report.status) == "healthy");
}

TEST("an instant may come as text") {
  static const Hex<64> input("a117741" "1");
  static const Hex<64> text("a11774323032342d30312d30315431323a30303a30305a");
  wire::StatusReport report;
  CHECK(!isOk(wire::decode(input.view(), report)));
  CHECK(isOk(wire::decode(text.view(), report)));
  CHECK_EQ(*report.timestamp, 1704110400U);
}

TEST("what breaks its own schema isn't written") {
  wire::RegistrationAnswer answer;
  CHECK(wire::encode(answer, MutableSpan(output)).status() == Status::invalid);  // nothing is there
  answer.id = "a";
  answer.lifetime = 1U;
  answer.poll = 0U;
  answer.rev = 0U;
  CHECK(wire::encode(answer, MutableSpan(output)).status() == Status::invalid);  // an interval of 0
  answer.poll = 60U;
  CHECK(bool(wire::encode(answer, MutableSpan(output))));
  char longest[wire::RegistrationAnswer::Max::id + 1];
  std::memset(longest, 'a', sizeof longest);
  answer.id = std::string_view(longest, sizeof longest);
  CHECK(wire::encode(answer, MutableSpan(output)).status() == Status::invalid);
  wire::Action action;
  action.rev = 1U;
  action.kind = wire::ActionKind::command;
  action.command = wire::CommandName::restart;
  CHECK(wire::encode(action, MutableSpan(output)).status() == Status::invalid);  // a command has an id
  action.id = "c";
  CHECK(bool(wire::encode(action, MutableSpan(output))));
  action.size = 5U;
  CHECK(wire::encode(action, MutableSpan(output)).status() == Status::invalid);  // and no size
  wire::StatusReport report;
  report.digest = ByteSpan(scratch, 31);
  CHECK(wire::encode(report, MutableSpan(output)).status() == Status::invalid);
}

TEST("free settings are written in ascending order only") {
  wire::Configuration configuration;
  const TextPair ascending[] = {{"b", "1"}, {"aa", "2"}};
  const TextPair descending[] = {{"aa", "2"}, {"b", "1"}};
  configuration.values = Span<const TextPair>(ascending);
  CHECK(bool(wire::encode(configuration, MutableSpan(output))));
  configuration.values = Span<const TextPair>(descending);
  CHECK(wire::encode(configuration, MutableSpan(output)).status() == Status::invalid);
}
