// The least an image can be: it finds its supervisor, says that it lives, and does one thing at the end. For the tests of
// the supervisor, which need images that fail in chosen ways; none of this is in a production image.
#pragma once
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

#include "hal_host/file_image_slots.hpp"
#include "hal_host/folder_files.hpp"
#include "hal_host/image_descriptor.hpp"
#include "hal_host/options.hpp"
#include "hal_host/watchdog_pipe.hpp"

namespace quiet {

using cx::host::Options;

// Without a supervisor there is nothing to test: ends with 64.
inline Options optionsOf(int count, char** arguments) {
  Options options;
  char fault[cx::host::optionFaultMax];
  const bool isGood = cx::host::parseOptions(count - 1, arguments + 1, cx::host::Unknown::skip, options, fault);
  if (isGood && options.watchdogPipe >= 0 && options.state != nullptr) return options;
  std::fputs("this image runs under cxnode\n", stderr);
  std::exit(64);
}

// One line a run, which tests read: "image steady 1.0.0 slot=a safe=0 reset=power-on".
inline void announce(const char* name, const Options& options) {
  char version[cx::host::imageTextMax + 1];
  cx::host::ownText(cx::host::imageDescriptor.version, version);
  std::fprintf(stderr, "image %s %s slot=%s safe=%d reset=%s\n", name, version, options.slot == cx::hal::Slot::a ? "a" : "b",
               options.isSafe ? 1 : 0, cx::hal::nameOf(options.resetReason));
}

}  // namespace quiet
