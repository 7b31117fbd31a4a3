// `cxnode image inspect`, `cxnode image stamp`, `cxnode state show`: what is in a file or folder, for people and scripts.
#pragma once

namespace cx::host {

// `arguments` are those after "image". Returns the exit code.
int imageCommand(int count, const char* const* arguments);
// Those after "state".
int stateCommand(int count, const char* const* arguments);
const char* commandsHelp();

}  // namespace cx::host
