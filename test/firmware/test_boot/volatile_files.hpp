// A folder that loses power at the n-th operation. Stricter than a disk: whatever wasn't synced may be gone, kept, or torn,
// each on its own, and a name is only as durable as the last sync of the folder.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hal_host/files.hpp"

// What survives of everything unsynced.
enum class Loss { all, nothing, contents /* names survive, their bytes don't */, names /* bytes survive, names don't */ };

class VolatileFiles final : public cx::host::Files {
 public:
  using Bytes = std::vector<uint8_t>;

  // Power goes at the n-th changing operation from now (1 is the next), which is left half done. 0: never.
  void loseAt(long n) {
    left_ = n;
    isOff_ = false;
  }
  bool isOff() const { return isOff_; }
  long changes() const { return changes_; }
  // No operation that needs room succeeds.
  void setFull(bool full) { isFull_ = full; }

  void powerCycle(Loss loss) {
    for (auto& [name, file] : names_) settle(*file, loss);
    for (auto& [name, file] : durableNames_) settle(*file, loss);
    if (loss == Loss::all || loss == Loss::names) names_ = durableNames_;
    durableNames_ = names_;
    loseAt(0);
  }

  Bytes* contents(const char* name) {
    auto found = names_.find(name);
    return found == names_.end() ? nullptr : &found->second->bytes;
  }

  cx::host::Io read(const char* name, uint32_t offset, uint8_t* out, uint32_t capacity) override {
    if (isOff_) return {cx::host::Code::io, 0};
    Bytes* bytes = contents(name);
    if (bytes == nullptr) return {cx::host::Code::notFound, 0};
    uint32_t count = 0;
    while (count < capacity && offset + count < bytes->size()) {
      out[count] = (*bytes)[offset + count];
      count++;
    }
    return {cx::host::Code::ok, count};
  }
  cx::host::Code write(const char* name, uint32_t offset, const uint8_t* data, uint32_t size) override {
    const Step step = next();
    if (step == Step::off) return cx::host::Code::io;
    if (isFull_) return cx::host::Code::noSpace;
    if (step == Step::torn) size /= 2;
    Bytes& bytes = make(name).bytes;
    if (bytes.size() < offset + size) bytes.resize(offset + size);
    for (uint32_t i = 0; i < size; i++) bytes[offset + i] = data[i];
    return step == Step::torn ? cx::host::Code::io : cx::host::Code::ok;
  }
  cx::host::Code resize(const char* name, uint32_t size) override {
    if (next() != Step::whole) return cx::host::Code::io;
    if (isFull_ && contents(name) == nullptr) return cx::host::Code::noSpace;
    make(name).bytes.resize(size);
    return cx::host::Code::ok;
  }
  cx::host::Code size(const char* name, uint32_t& out) override {
    if (isOff_) return cx::host::Code::io;
    Bytes* bytes = contents(name);
    if (bytes == nullptr) return cx::host::Code::notFound;
    out = static_cast<uint32_t>(bytes->size());
    return cx::host::Code::ok;
  }
  cx::host::Code sync(const char* name) override {
    if (next() != Step::whole) return cx::host::Code::io;
    auto found = names_.find(name);
    if (found == names_.end()) return cx::host::Code::notFound;
    found->second->durable = found->second->bytes;
    return cx::host::Code::ok;
  }
  cx::host::Code rename(const char* from, const char* to) override {
    if (next() != Step::whole) return cx::host::Code::io;
    auto found = names_.find(from);
    if (found == names_.end()) return cx::host::Code::notFound;
    std::shared_ptr<File> file = found->second;
    names_.erase(found);
    names_[to] = file;
    return cx::host::Code::ok;
  }
  cx::host::Code remove(const char* name) override {
    if (next() != Step::whole) return cx::host::Code::io;
    names_.erase(name);
    return cx::host::Code::ok;
  }
  cx::host::Code syncFolder() override {
    if (next() != Step::whole) return cx::host::Code::io;
    durableNames_ = names_;
    return cx::host::Code::ok;
  }

 private:
  enum class Step { whole, torn, off };
  struct File {
    Bytes bytes;
    Bytes durable;
  };

  Step next() {
    if (isOff_) return Step::off;
    changes_++;
    if (left_ == 0 || --left_ > 0) return Step::whole;
    isOff_ = true;
    return Step::torn;
  }
  File& make(const char* name) {
    std::shared_ptr<File>& file = names_[name];
    if (!file) file = std::make_shared<File>();
    return *file;
  }
  static void settle(File& file, Loss loss) {
    if (loss == Loss::all || loss == Loss::contents) file.bytes = file.durable;
    file.durable = file.bytes;
  }

  std::map<std::string, std::shared_ptr<File>> names_, durableNames_;
  long left_ = 0;
  long changes_ = 0;
  bool isOff_ = false;
  bool isFull_ = false;
};
