// The host's side of an enrolment: power goes at every single file operation, and afterwards the folder has credentials with
// their numbers, or the enrolment key with its own.
#include "../test_boot/volatile_files.hpp"
#include "../generated/update_manifest_vectors.hpp"
#include "../hex.hpp"
#include "check.hpp"
#include "hal_host/file_storage.hpp"
#include "hal_host/host_enrolment.hpp"

using namespace cx;
using namespace cx::host;

namespace {

struct Silent final : hal::LogSink {
  hal::LogLevel level() override { return hal::LogLevel::error; }
  void setLevel(hal::LogLevel) override {}
  void write(hal::LogLevel, const char*, uint32_t) override { lines++; }
  uint32_t lines = 0;
};

// One object for all runs: what reads the folder holds on to it.
VolatileFiles files;
Silent logSink;

Options claimOptions() {
  Options options;
  options.claim = "3AHRZ-6DMV2-9GQY5-CKT1V";
  return options;
}

EnrolledCredentials enrolled(uint8_t first = 1) {
  EnrolledCredentials out;
  uint8_t secret[16] = {first, 2, 3};
  CHECK(isOk(out.id.assign("porch")));
  CHECK(isOk(out.oscore.masterSecret.assign(secret)));
  CHECK(isOk(out.oscore.masterSalt.assign(ByteSpan(secret, 8))));
  CHECK(isOk(out.oscore.senderId.assign(ByteSpan(secret, 4))));
  return out;
}

bool haveNumbers(const OscoreCredentials& credentials) {
  FileStorage numbers(files, numbersFile);
  OscoreKeys keys;
  OscoreSequence sequence;
  return numbers.load() == Code::ok && isOk(deriveOscoreKeys(credentials, keys)) && isOk(sequence.open(numbers, nullptr, keys)) &&
         sequence.take().hasValue();
}

// What the supervisor and a node that was answered at once do, as far as power lets them.
Status enrolOnce() {
  char fault[optionFaultMax];
  Credentials credentials;
  const Code there = loadCredentials(files, credentials, fault);
  if (there == Code::ok) return eraseEnrolment(files) == Code::ok ? Status::ok : Status::io;
  if (there != Code::notFound || !importEnrolment(files, claimOptions(), "5111", fault)) return Status::io;
  FileStorage numbers(files, numbersFile);
  if (numbers.load() != Code::ok) return Status::io;
  HostCredentialKeeper keeper(files, numbers, "", logSink);
  return keeper.keep(enrolled());
}

}  // namespace

TEST("power that goes at any file operation leaves credentials with their numbers, or the key that gets them, with its own") {
  for (const Loss loss : {Loss::all, Loss::nothing, Loss::contents, Loss::names}) {
    long cuts = 0;
    for (long at = 1;; at++) {
      files = VolatileFiles();
      files.loseAt(at);
      const Status status = enrolOnce();
      const bool wasCut = files.isOff();
      if (wasCut) cuts++;
      files.powerCycle(loss);
      char fault[optionFaultMax];
      Credentials credentials;
      OscoreCredentials key;
      const Code code = loadCredentials(files, credentials, fault);
      CHECK(code == Code::ok || code == Code::notFound);
      if (code == Code::ok) {
        CHECK(credentials.id.view() == "porch" && haveNumbers(credentials.oscore));
      } else {
        CHECK(!isOk(status));
        const Code keyCode = loadEnrolment(files, key, fault);
        CHECK(keyCode == Code::ok || keyCode == Code::notFound);
        if (keyCode == Code::ok) CHECK(haveNumbers(key));
      }
      // The next start, with power.
      CHECK(isOk(enrolOnce()));
      CHECK(loadCredentials(files, credentials, fault) == Code::ok && haveNumbers(credentials.oscore));
      CHECK(loadEnrolment(files, key, fault) == Code::notFound);
      if (!wasCut) break;
    }
    CHECK(cuts >= 15);
  }
}

TEST("of a batch's key and of a claim code nothing stands in the folder afterwards, nor of the key that was made of them") {
  files = VolatileFiles();
  char fault[optionFaultMax];
  CHECK(importEnrolment(files, claimOptions(), "", fault));
  const VolatileFiles::Bytes* before = files.contents(enrolmentFile);
  CHECK(before != nullptr && !before->empty());
  const std::string text = before == nullptr ? std::string() : std::string(before->begin(), before->end());
  CHECK(text.find("3AHRZ") == std::string::npos && text.find("masterSecret") != std::string::npos);
  CHECK(isOk(enrolOnce()));
  CHECK(files.contents(enrolmentFile) == nullptr);
}

TEST("credentials of another node than --id names aren't kept, and the key stays") {
  files = VolatileFiles();
  char fault[optionFaultMax];
  CHECK(importEnrolment(files, claimOptions(), "", fault));
  FileStorage numbers(files, numbersFile);
  CHECK(numbers.load() == Code::ok);
  HostCredentialKeeper keeper(files, numbers, "shed", logSink);
  const uint32_t lines = logSink.lines;
  CHECK(keeper.keep(enrolled()) == Status::refused);
  CHECK(logSink.lines > lines);
  Credentials credentials;
  OscoreCredentials key;
  CHECK(loadCredentials(files, credentials, fault) == Code::notFound);
  CHECK(loadEnrolment(files, key, fault) == Code::ok && haveNumbers(key));
}

TEST("a full disk is said, keeps the key, and passes") {
  files = VolatileFiles();
  char fault[optionFaultMax];
  CHECK(importEnrolment(files, claimOptions(), "", fault));
  FileStorage numbers(files, numbersFile);
  CHECK(numbers.load() == Code::ok);
  HostCredentialKeeper keeper(files, numbers, "", logSink);
  files.setFull(true);
  CHECK(keeper.keep(enrolled()) == Status::io);
  files.setFull(false);
  OscoreCredentials key;
  CHECK(loadEnrolment(files, key, fault) == Code::ok && haveNumbers(key));
  CHECK(isOk(keeper.keep(enrolled())));
}

TEST("another code takes the place of the first, whose numbers stay: given again it doesn't begin anew") {
  files = VolatileFiles();
  char fault[optionFaultMax];
  OscoreCredentials first, second, again;
  CHECK(importEnrolment(files, claimOptions(), "", fault) && loadEnrolment(files, first, fault) == Code::ok);
  FileStorage numbers(files, numbersFile);
  OscoreKeys keys;
  OscoreSequence before;
  CHECK(numbers.load() == Code::ok && isOk(deriveOscoreKeys(first, keys)) && isOk(before.open(numbers, nullptr, keys)));
  const uint64_t used = before.take().valueOr(UINT64_MAX);
  Options other;
  other.claim = "00000-00000-00000-00000";
  CHECK(importEnrolment(files, other, "", fault) && loadEnrolment(files, second, fault) == Code::ok);
  CHECK(!equal(first.masterSecret.view(), second.masterSecret.view()));
  CHECK(importEnrolment(files, claimOptions(), "", fault) && loadEnrolment(files, again, fault) == Code::ok);
  OscoreSequence after;
  CHECK(numbers.load() == Code::ok && isOk(after.open(numbers, nullptr, keys)));
  CHECK(after.take().valueOr(0) > used);
}

TEST("trust anchors and vendor come with the credentials, and a key set that is none is refused") {
  files = VolatileFiles();
  const Hex<keySetMax> set(vectors::manifestAnchorsHex);
  FileStorage numbers(files, numbersFile);
  CHECK(numbers.load() == Code::ok);
  HostCredentialKeeper keeper(files, numbers, "", logSink);
  EnrolledCredentials given = enrolled();
  given.anchors = set.view();
  given.vendor = "vendor.example";
  CHECK(isOk(keeper.keep(given)));
  char fault[optionFaultMax];
  Credentials credentials;
  CHECK(loadCredentials(files, credentials, fault) == Code::ok);
  CHECK_EQ(credentials.anchors.count, 2u);
  CHECK(credentials.vendor.view() == "vendor.example");
  given.anchors = set.view().first(set.size - 1);
  CHECK(!isOk(keeper.keep(given)));
}
