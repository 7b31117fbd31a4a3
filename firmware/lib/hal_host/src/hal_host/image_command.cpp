#include "hal_host/image_command.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "hal_host/boot_record.hpp"
#include "hal_host/folder_files.hpp"
#include "hal_host/image_file.hpp"
#include "hal_host/supervisor.hpp"

namespace cx::host {

namespace {

// The few values of these commands, each of one kind: text that needs no escaping by its own rules, or a path.
struct Arguments {
  const char* path = nullptr;
  const char* version = nullptr;
  const char* model = nullptr;
  const char* out = nullptr;
  const char* state = nullptr;
  bool isJson = false;
  bool isValid = true;
};

Arguments read(int count, const char* const* arguments) {
  Arguments read;
  struct Named {
    const char* name;
    const char** value;
  };
  const Named named[] = {{"--version", &read.version}, {"--model", &read.model}, {"--out", &read.out}, {"--state", &read.state}};
  for (int i = 0; i < count && read.isValid; i++) {
    const char* const argument = arguments[i];
    bool isTaken = std::strcmp(argument, "--json") == 0;
    if (isTaken) read.isJson = true;
    for (const Named& one : named) {
      const size_t length = std::strlen(one.name);
      if (isTaken || std::strncmp(argument, one.name, length) != 0) continue;
      if (argument[length] == '=') {
        *one.value = argument + length + 1;
        isTaken = true;
      } else if (argument[length] == '\0' && i + 1 < count) {
        *one.value = arguments[++i];
        isTaken = true;
      }
    }
    if (isTaken) continue;
    if (argument[0] == '-' || read.path != nullptr) {
      std::fprintf(stderr, "cxnode: \"%s\" is not expected here, or lacks its value; see cxnode --help\n", argument);
      read.isValid = false;
    } else {
      read.path = argument;
    }
  }
  return read;
}

void printImage(const ImageFacts& facts, bool isJson) {
  char digest[digestTextSize];
  writeDigest(facts.identity.digest, digest);
  const char* const format = isJson ? "{\"version\":\"%s\",\"model\":\"%s\",\"size\":%u,\"digest\":\"%s\",\"build\":\"%s\"}\n"
                                    : "version  %s\nmodel    %s\nsize     %u bytes\ndigest   %s\nbuild    %s\n";
  std::printf(format, facts.descriptor.version, facts.descriptor.model, facts.identity.size, digest, facts.descriptor.build);
}

int complain(const char* path, ImageFault fault) {
  const bool isSystem = fault == ImageFault::unreadable || fault == ImageFault::unwritable;
  std::fprintf(stderr, "cxnode: %s: %s%s%s\n", path, explain(fault), isSystem ? ": " : "", isSystem ? std::strerror(errno) : "");
  return fault == ImageFault::unreadable ? exitNoImage : fault == ImageFault::unwritable ? exitState : fault == ImageFault::badText ? exitUsage : exitBadImage;
}

int usage(const char* want) {
  std::fprintf(stderr, "cxnode: usage: cxnode %s\n", want);
  return exitUsage;
}

bool asksHelp(int count, const char* const* arguments) {
  for (int i = 0; i < count; i++) {
    if (std::strcmp(arguments[i], "--help") == 0 || std::strcmp(arguments[i], "-h") == 0) return true;
  }
  return false;
}

int help() {
  std::printf("usage:\n%s", commandsHelp());
  return 0;
}

const char* nameOfSlot(hal::Slot slot) { return slot == hal::Slot::a ? "a" : slot == hal::Slot::b ? "b" : "none"; }

}  // namespace

int imageCommand(int count, const char* const* arguments) {
  if (asksHelp(count, arguments)) return help();
  const char* const what = count > 0 ? arguments[0] : "";
  const bool isStamp = std::strcmp(what, "stamp") == 0;
  if (!isStamp && std::strcmp(what, "inspect") != 0) return usage("image inspect|stamp FILE ...");
  const Arguments given = read(count - 1, arguments + 1);
  if (!given.isValid) return exitUsage;
  ImageFacts facts;
  if (!isStamp) {
    if (given.path == nullptr) return usage("image inspect FILE [--json]");
    const ImageFault fault = inspectImage(given.path, facts);
    if (fault != ImageFault::none) return complain(given.path, fault);
  } else {
    if (given.path == nullptr || given.version == nullptr || given.out == nullptr) {
      return usage("image stamp FILE --version V [--model M] --out FILE [--json]");
    }
    const ImageFault fault = stampImage(given.path, given.version, given.model, given.out, facts);
    if (fault != ImageFault::none) return complain(fault == ImageFault::unwritable ? given.out : given.path, fault);
  }
  printImage(facts, given.isJson);
  return 0;
}

int stateCommand(int count, const char* const* arguments) {
  if (asksHelp(count, arguments)) return help();
  if (count < 1 || std::strcmp(arguments[0], "show") != 0) return usage("state show --state DIR [--json]");
  const Arguments given = read(count - 1, arguments + 1);
  if (!given.isValid) return exitUsage;
  if (given.state == nullptr) return usage("state show --state DIR [--json]");
  FolderFiles files;
  BootRecord record;
  // Looking must not make a folder.
  if (!files.openExisting(given.state)) {
    std::fprintf(stderr, "cxnode: %s: %s\n", given.state, std::strerror(errno));
    return exitNoImage;
  }
  const Code code = BootRecordStore(files).load(record);
  if (code != Code::ok) {
    std::fprintf(stderr, "cxnode: %s: %s\n", given.state, code == Code::corrupt ? "both copies of the boot record are damaged" : "no boot record: never started");
    return exitBadImage;
  }
  char digestA[digestTextSize], digestB[digestTextSize], digestBack[digestTextSize];
  writeDigest(record.slots[0].digest, digestA);
  writeDigest(record.slots[1].digest, digestB);
  writeDigest(record.rolledBackDigest, digestBack);
  const char* const format =
      given.isJson ? "{\"active\":\"%s\",\"trial\":\"%s\",\"running\":\"%s\",\"safe\":%s,\"bootCount\":%u,\"bootsTotal\":%u,"
                     "\"resetReason\":\"%s\",\"rolledBack\":\"%s\",\"rolledBackDigest\":\"%s\",\"slotA\":\"%s\",\"slotB\":\"%s\"}\n"
                   : "active       %s\ntrial        %s\nrunning      %s\nsafe         %s\nboots        %u since healthy, %u in all\n"
                     "after        %s\nrolled back  %s %s\nslot a       %s\nslot b       %s\n";
  std::printf(format, nameOfSlot(record.active), nameOfSlot(record.trial), nameOfSlot(record.running), record.isSafe ? "true" : "false",
              record.bootCount, record.bootsTotal, hal::nameOf(record.resetReason), hal::nameOf(record.rolledBackReason),
              record.rolledBackReason == hal::RollbackReason::none ? "" : digestBack, record.slots[0].isUsed ? digestA : "",
              record.slots[1].isUsed ? digestB : "");
  return 0;
}

const char* commandsHelp() {
  return
      "  cxnode image inspect FILE [--json]\n"
      "  cxnode image stamp FILE --version V [--model M] --out FILE [--json]\n"
      "                                 another image, and another digest, from the same build\n"
      "  cxnode state show --state DIR [--json]\n"
      "                                 slots, boots and the last roll-back\n";
}

}  // namespace cx::host
