// The runner of the firmware's suites, the same on the host and on emulated chips: no heap, no exceptions.
//
//   TEST("a slot that is too small refuses the image") {
//     CHECK(slots.begin(image) == Code::noSpace);
//   }
//
// Prints one line a test, `ok FILE:LINE sentence` or `not ok FILE:LINE sentence`, and before the latter one line for
// each failed check. main() is in check.cpp.
#pragma once
#include <cstdint>

namespace check {

struct Test {
  const char* sentence;
  const char* file;
  int line;
  void (*run)();
  Test* next = nullptr;

  Test(const char* sentence, const char* file, int line, void (*run)());
};

void failed(const char* file, int line, const char* what);
void failedEqual(const char* file, int line, const char* left, const char* right, long long a, long long b);

template <typename A, typename B>
void equal(const char* file, int line, const char* left, const char* right, const A& a, const B& b) {
  if (!(a == b)) failedEqual(file, line, left, right, static_cast<long long>(a), static_cast<long long>(b));
}

}  // namespace check

#define CHECK_JOIN2(a, b) a##b
#define CHECK_JOIN(a, b) CHECK_JOIN2(a, b)
#define TEST(sentence)                                                                                      \
  static void CHECK_JOIN(test, __LINE__)();                                                                 \
  static ::check::Test CHECK_JOIN(testOf, __LINE__)(sentence, __FILE__, __LINE__, &CHECK_JOIN(test, __LINE__)); \
  static void CHECK_JOIN(test, __LINE__)()

#define CHECK(condition)                                             \
  do {                                                               \
    if (!(condition)) ::check::failed(__FILE__, __LINE__, #condition); \
  } while (false)
// For numbers and enums: says both values.
#define CHECK_EQ(left, right) ::check::equal(__FILE__, __LINE__, #left, #right, (left), (right))
