// The updater over flash that is stricter than hardware: refusals, cuts, changed content, and power lost at every write.
#include <algorithm>

#include "bench.hpp"
#include "check.hpp"

using namespace cx;

namespace {

const char* const newHead = "CXSIM 2.0.0 ok\n";
constexpr uint32_t newSize = 30000;  // seven whole sectors and a part

std::string_view reasonOf(const Board& board) { return board.updater.report().reason.view(); }

}  // namespace

TEST("an image larger than the slot is refused before a byte is written") {
  std::vector<uint8_t> flash = factoryFlash();
  Board board(flash);
  const uint32_t before = board.flash.operations();
  Action action = actionFor(imageOf(newHead, newSize));
  action.size = flashSize;
  board.updater.start(action, 0);
  CHECK(board.run() == UpdaterResult::refused);
  CHECK(reasonOf(board) == "no-space");
  CHECK_EQ(board.flash.operations(), before);
}

TEST("an action with no scheme of ours is refused") {
  std::vector<uint8_t> flash = factoryFlash();
  Board board(flash);
  Action action = actionFor(imageOf(newHead, newSize));
  action.uris[0].assignCut("https://10.0.0.1/x");
  action.uris[1].assignCut("ftp://10.0.0.1/x");
  board.updater.start(action, 0);
  CHECK(board.run() == UpdaterResult::refused);
  CHECK(reasonOf(board) == "unknown-scheme");
}

TEST("a coaps URI is fetched by CoAP") {
  std::vector<uint8_t> flash = factoryFlash();
  Board board(flash);
  Action action = actionFor(imageOf(newHead, newSize));
  action.uris[0].assignCut("ftp://10.0.0.1/x");
  action.uris[1].assignCut("coaps://10.0.0.1:5684/artifacts/x");
  board.updater.start(action, 0);
  board.run();
  CHECK(board.coapDownload.starts > 0);
  CHECK_EQ(board.http.starts, 0);
}

TEST("404 ends the attempt and says so") {
  std::vector<uint8_t> flash = factoryFlash();
  Board board(flash);
  board.http.refuseCode = 404;
  board.updater.start(actionFor(imageOf(newHead, newSize)), 0);
  CHECK(board.run() == UpdaterResult::failed);
  CHECK(reasonOf(board) == "http-404");
  CHECK_EQ(board.http.starts, 1);
}

TEST("503 is tried again with back-off, then by the other way, and in the end fails") {
  std::vector<uint8_t> flash = factoryFlash();
  Board board(flash);
  board.http.refuseCode = board.coapDownload.refuseCode = 503;
  board.http.mayRetry = board.coapDownload.mayRetry = true;
  board.updater.start(actionFor(imageOf(newHead, newSize)), 0);
  CHECK(board.run() == UpdaterResult::failed);
  CHECK(board.http.starts >= 3);
  CHECK(board.coapDownload.starts >= 3);
  CHECK(board.clock.nowMs > 60000);
}

TEST("an action that comes again in another order, or without the way in use, is followed") {
  for (const bool hasHttp : {true, false}) {
    std::vector<uint8_t> flash = factoryFlash();
    Board board(flash);
    board.http.content = board.coapDownload.content = imageOf(newHead, newSize);
    board.http.refuseCode = 403;
    const Action action = actionFor(board.http.content);
    board.updater.start(action, 0);
    while (board.updater.isRunning() && !board.updater.takeActionWish()) board.turn();
    CHECK_EQ(board.http.starts, 1);
    board.http.refuseCode = 0;
    Action again = action;
    again.uris[0] = action.uris[1];
    again.uris[1] = action.uris[0];
    if (!hasHttp) again.uriCount = 1;
    board.updater.renew(again, board.clock.nowMs);
    CHECK(board.run() == UpdaterResult::staged);
    CHECK_EQ(board.http.starts, hasHttp ? 2 : 1);
    CHECK_EQ(board.coapDownload.starts, hasHttp ? 0 : 1);
    CHECK(board.updater.report().way == (hasHttp ? DownloadWay::http : DownloadWay::coap));
  }
}

TEST("a way that an action no longer has is left, also in the middle of a download") {
  std::vector<uint8_t> flash = factoryFlash();
  Board board(flash);
  board.http.content = board.coapDownload.content = imageOf(newHead, newSize);
  Action action = actionFor(board.http.content);
  board.updater.start(action, 0);
  while (board.updater.isRunning() && board.http.taken < 10000) board.turn();
  action.uris[0] = action.uris[1];
  action.uriCount = 1;
  board.updater.renew(action, board.clock.nowMs);
  CHECK(!board.http.isRunning());
  CHECK(board.run() == UpdaterResult::staged);
  CHECK_EQ(board.coapDownload.starts, 1);
  CHECK(board.http.taken < 12000);
}

TEST("a download that stalls for ever ends at the deadline") {
  std::vector<uint8_t> flash = factoryFlash();
  Board board(flash);
  board.http.stalls = true;
  board.updater.start(actionFor(imageOf(newHead, newSize)), 0);
  CHECK(board.run() == UpdaterResult::failed);
  CHECK(reasonOf(board) == "deadline");
}

TEST("another size than announced ends the attempt") {
  std::vector<uint8_t> flash = factoryFlash();
  Board board(flash);
  board.http.content = imageOf(newHead, newSize);
  board.http.wrongSize = true;
  board.updater.start(actionFor(board.http.content), 0);
  CHECK(board.run() == UpdaterResult::failed);
  CHECK(reasonOf(board) == "size-mismatch");
}

TEST("wrong bytes never become bootable") {
  std::vector<uint8_t> flash = factoryFlash();
  {
    Board board(flash);
    board.http.content = imageOf(newHead, newSize);
    const Action action = actionFor(board.http.content);
    board.http.content[20000] ^= 1;
    board.updater.start(action, 0);
    CHECK(board.run() == UpdaterResult::failed);
    CHECK(reasonOf(board) == "artifact-changed");
    CHECK_EQ(board.flash.faults(), 0u);
  }
  Board after(flash);
  CHECK(after.runs("1.0.0"));
}

TEST("right bytes that the flash gives back wrong are the slot's fault, not the artifact's") {
  std::vector<uint8_t> flash = factoryFlash();
  Board board(flash);
  board.http.content = imageOf(newHead, newSize);
  board.updater.start(actionFor(board.http.content), 0);
  while (board.updater.isRunning() && board.updater.report().bytes < 20000) board.turn();
  // A sector of the idle slot's image that is durable, found by what is in it; the running image before it has the same in part.
  const auto place = std::find_end(flash.begin(), flash.end(), board.http.content.begin() + 4096, board.http.content.begin() + 8192);
  CHECK(place != flash.end());
  if (place != flash.end()) *place ^= 1;
  CHECK(board.run() == UpdaterResult::failed);
  CHECK(reasonOf(board) == "digest-mismatch");
}

TEST("an artifact that changed behind its tag or size under the download is named as that, whatever it then breaks") {
  enum class Change { bytes, size };
  for (const Change change : {Change::bytes, Change::size}) {
    std::vector<uint8_t> flash = factoryFlash();
    Board board(flash);
    board.http.content = imageOf(newHead, newSize);
    board.http.cutAt = 10000;
    board.updater.start(actionFor(board.http.content), 0);
    while (board.updater.isRunning() && board.http.cutAt != UINT64_MAX) board.turn();
    board.http.mayRetry = false;  // the cut is over
    board.http.etag = 2;
    if (change == Change::bytes) board.http.content[100] ^= 1;
    else board.http.wrongSize = true;
    CHECK(board.run() == UpdaterResult::failed);
    CHECK(reasonOf(board) == "artifact-changed");
    CHECK_EQ(board.http.starts, 2);
  }
}

TEST("a cancel between blocks leaves the running image as it was") {
  std::vector<uint8_t> flash = factoryFlash();
  Board board(flash);
  board.http.content = imageOf(newHead, newSize);
  board.updater.start(actionFor(board.http.content), 0);
  for (int i = 0; i < 10; ++i) board.turn();
  board.updater.cancel("by-operator");
  CHECK(board.updater.takeResult() == UpdaterResult::cancelled);
  CHECK(!board.updater.isRunning());
  CHECK(!board.http.isRunning());
  Board after(flash);
  CHECK(after.runs("1.0.0"));
}

TEST("a cut connection goes on at the last durable block, with the entity tag") {
  std::vector<uint8_t> flash = factoryFlash();
  Board board(flash);
  board.http.content = imageOf(newHead, newSize);
  board.http.cutAt = 10000;
  board.updater.start(actionFor(board.http.content), 0);
  CHECK(board.run() == UpdaterResult::staged);
  CHECK_EQ(board.http.starts, 2);
  CHECK_EQ(board.http.lastOffset, 8192u);
  CHECK_EQ(board.http.lastValidatorSize, 1u);
}

TEST("content that changed behind the URI is fetched from its start") {
  std::vector<uint8_t> flash = factoryFlash();
  Board board(flash);
  board.http.content = imageOf(newHead, newSize);
  board.http.cutAt = 10000;
  board.updater.start(actionFor(board.http.content), 0);
  for (int i = 0; i < 100 && board.http.cutAt != UINT64_MAX; ++i) board.turn();
  board.http.etag = 2;
  CHECK(board.run() == UpdaterResult::staged);
  CHECK_EQ(board.http.starts, 2);
}

TEST("what comes twice counts twice for the byte budget") {
  std::vector<uint8_t> flash = factoryFlash();
  Board board(flash);
  board.settings.attemptBudget = newSize + 4000;
  board.http.content = imageOf(newHead, newSize);
  board.http.cutAt = 10000;
  board.updater.start(actionFor(board.http.content), 0);
  for (int i = 0; i < 100 && board.http.cutAt != UINT64_MAX; ++i) board.turn();
  board.http.etag = 2;  // so all of it comes again
  CHECK(board.run() == UpdaterResult::failed);
  CHECK(board.updater.report().reason.view() == "over-budget");
}

TEST("a reset gives nothing of the byte budget back, however often power goes before a block is durable") {
  std::vector<uint8_t> flash = factoryFlash();
  const std::vector<uint8_t> image = imageOf(newHead, newSize);
  const uint32_t budget = newSize + 16000;
  uint64_t taken = 0;
  int resets = 0;
  for (; resets < 100; ++resets) {
    Board board(flash);
    board.settings.attemptBudget = budget;
    board.http.content = image;
    board.updater.start(actionFor(image), 0);
    while (board.updater.isRunning() && board.http.taken < 3000) board.turn();
    taken += board.http.taken;
    if (board.updater.isRunning()) continue;
    CHECK(board.updater.takeResult() == UpdaterResult::failed);
    CHECK(board.updater.report().reason.view() == "over-budget");
    break;
  }
  CHECK(resets > 3 && resets < 20);
  CHECK(taken <= budget);
  // Another action is another attempt.
  Board board(flash);
  board.settings.attemptBudget = budget;
  board.http.content = image;
  board.updater.start(actionFor(image, 2), 0);
  CHECK(board.run() == UpdaterResult::staged);
}

TEST("a download with a budget of its size and a reset on the way ends, since what it cost is stored in small steps") {
  std::vector<uint8_t> flash = factoryFlash();
  const std::vector<uint8_t> image = imageOf(newHead, newSize);
  for (int i = 0; i < 3; ++i) {
    Board board(flash);
    board.settings.attemptBudget = newSize / 2 * 3;
    board.http.content = image;
    board.updater.start(actionFor(image), 0);
    while (i < 2 && board.updater.isRunning() && board.http.taken < 5000) board.turn();
    if (i == 2) CHECK(board.run() == UpdaterResult::staged);
  }
}

TEST("the deadline is the attempt's, over resets") {
  std::vector<uint8_t> flash = factoryFlash();
  const std::vector<uint8_t> image = imageOf(newHead, newSize);
  uint64_t total = 0;
  for (int resets = 0;; ++resets) {
    Board board(flash);
    board.settings.downloadRate = 4;
    board.http.perPoll = 100;
    board.http.content = image;
    board.updater.start(actionFor(image), 0);
    const UpdaterResult result = board.run(1000000);
    total += board.clock.nowMs;
    if (result == UpdaterResult::none && resets < 10) continue;
    CHECK(result == UpdaterResult::failed);
    CHECK(board.updater.report().reason.view() == "deadline");
    CHECK_EQ(resets, 3);
    break;
  }
  // An hour, and the minute before each reset that wasn't stored.
  CHECK(total > 3600000 && total < 3600000 + 3 * 61000);
}

TEST("bytes of two contents in the slot are found out, and fetched once more from the start") {
  std::vector<uint8_t> flash = factoryFlash();
  Board board(flash);
  const std::vector<uint8_t> right = imageOf(newHead, newSize);
  board.http.content = right;
  board.http.content[100] ^= 1;  // the first part is wrong, and the server has no validator to tell
  board.http.cutAt = 10000;
  board.updater.start(actionFor(right), 0);
  for (int i = 0; i < 100 && board.http.cutAt != UINT64_MAX; ++i) board.turn();
  board.http.content = right;
  CHECK(board.run() == UpdaterResult::staged);
  CHECK_EQ(board.http.starts, 3);
  CHECK_EQ(board.http.lastOffset, 0u);
}

TEST("the rate limit holds over the whole download") {
  std::vector<uint8_t> flash = factoryFlash();
  Board board(flash);
  board.settings.downloadRate = 3000;
  board.http.content = imageOf(newHead, newSize);
  board.updater.start(actionFor(board.http.content), 0);
  CHECK(board.run() == UpdaterResult::staged);
  CHECK(board.clock.nowMs > 8500);
  CHECK(board.clock.nowMs < 11500);
}

TEST("after power was lost at any write of an update, one of the two images boots and the next try ends well") {
  uint32_t operations = 0;
  for (uint32_t cut = 1;; ++cut) {
    std::vector<uint8_t> flash = factoryFlash();
    const std::vector<uint8_t> image = imageOf(newHead, newSize);
    const Action action = actionFor(image);
    bool isCut = false;
    {
      Board board(flash, cut);
      if (board.boot == sim::BootOutcome::image) {
        board.http.content = image;
        board.updater.start(action, 0);
        const UpdaterResult result = board.run();
        isCut = !board.flash.hasPower();
        if (!isCut) CHECK(result == UpdaterResult::staged);
        CHECK_EQ(board.flash.faults(), 0u);
      } else {
        isCut = true;
      }
      operations = board.flash.operations();
    }
    {
      Board again(flash);
      CHECK(again.boot == sim::BootOutcome::image);
      CHECK(again.runs("1.0.0") || again.runs("2.0.0"));
      if (again.runs("1.0.0")) {
        again.http.content = image;
        again.updater.start(action, 0);
        CHECK(again.run() == UpdaterResult::staged);
        CHECK_EQ(again.flash.faults(), 0u);
      }
    }
    Board last(flash);
    CHECK(last.runs("2.0.0"));
    CHECK(last.state.boot.trial);
    CHECK(last.slots.confirm() == hal::Code::ok);
    Board confirmed(flash);
    CHECK(confirmed.runs("2.0.0") && !confirmed.state.boot.trial);
    if (!isCut) break;
  }
  CHECK(operations > 20);
}

TEST("a trial that is never confirmed is left after three boots, however healthy each was, and the digest and reason stay known") {
  std::vector<uint8_t> flash = factoryFlash();
  const std::vector<uint8_t> image = imageOf("CXSIM 2.0.0 crash\n", newSize);
  const Action action = actionFor(image);
  {
    Board board(flash);
    board.http.content = image;
    board.updater.start(action, 0);
    CHECK(board.run() == UpdaterResult::staged);
  }
  for (int i = 0; i < hal::bootLimit; ++i) {
    Board trial(flash);
    CHECK(trial.runs("2.0.0") && trial.state.boot.trial);
    CHECK(trial.slots.markHealthy() == hal::Code::ok);
  }
  Board board(flash);
  CHECK(board.runs("1.0.0"));
  CHECK(board.state.boot.rolledBack);
  CHECK(std::memcmp(board.state.boot.rolledBackDigest, action.digest, 32) == 0);
  CHECK(board.state.boot.rolledBackReason == hal::RollbackReason::crash);
}
