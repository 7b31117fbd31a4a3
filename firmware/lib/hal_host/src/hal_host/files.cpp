#include "hal_host/files.hpp"

#include <cstring>

namespace cx::host {

Code replaceFile(Files& files, const char* name, const uint8_t* data, uint32_t size) {
  char beside[fileNameMax + 5];
  const size_t length = std::strlen(name);
  if (length > fileNameMax) return Code::invalid;
  std::memcpy(beside, name, length);
  std::memcpy(beside + length, ".new", 5);

  Code code = files.resize(beside, 0);  // what an interrupted attempt left behind must not stay as a tail
  if (code == Code::ok) code = files.write(beside, 0, data, size);
  if (code == Code::ok) code = files.sync(beside);
  if (code == Code::ok) code = files.rename(beside, name);
  if (code == Code::ok) return files.syncFolder();
  (void)files.remove(beside);  // a full disk gets its room back; where even that fails nothing is lost
  return code;
}

}  // namespace cx::host
