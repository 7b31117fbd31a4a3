#include "pack_host/retained_page.hpp"

#include <cstring>
#include <sys/mman.h>

namespace cx::pack {

RetainedPage::~RetainedPage() {
  if (page_ != nullptr) ::munmap(page_, hal::retainedSize);
}

bool RetainedPage::map(int descriptor) {
  if (descriptor < 0) return false;
  void* const page = ::mmap(nullptr, hal::retainedSize, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (page == MAP_FAILED) return false;
  page_ = static_cast<uint8_t*>(page);
  return true;
}

void RetainedPage::load(uint8_t (&out)[hal::retainedSize]) {
  if (page_ == nullptr) std::memset(out, 0, sizeof out);
  else std::memcpy(out, page_, sizeof out);
}

void RetainedPage::store(const uint8_t (&bytes)[hal::retainedSize]) {
  if (page_ != nullptr) std::memcpy(page_, bytes, sizeof bytes);
}

}  // namespace cx::pack
