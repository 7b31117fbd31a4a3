// What a test program needs below it on the emulated ESP8266: output, an end, static constructors.
#include <cstddef>
#include <cstdint>
#include <stdio.h>

extern "C" {
int emulator_call(int number, int a, int b, int c);
int main();
using Constructor = void (*)();
extern Constructor __init_array_start[];
extern Constructor __init_array_end[];

[[noreturn]] void _exit(int code) {
  for (;;) emulator_call(1, code, 0, 0);
}

void emulated_main() {
  for (Constructor* each = __init_array_start; each != __init_array_end; ++each) (*each)();
  _exit(main());
}

[[noreturn]] void __cxa_pure_virtual() { _exit(70); }
}

static int putCharacter(char character, FILE*) {
  emulator_call(4, 1, reinterpret_cast<int>(&character), 1);
  return static_cast<unsigned char>(character);
}
static FILE output = FDEV_SETUP_STREAM(putCharacter, nullptr, nullptr, _FDEV_SETUP_WRITE);
FILE* const stdout = &output;

void operator delete(void*, size_t) noexcept {}
void operator delete(void*) noexcept {}
