// Stands in for glibc's file of this name when the host's libstdc++ headers serve a chip without an operating system.
#ifndef _GLIBCXX_OS_DEFINES
#define _GLIBCXX_OS_DEFINES 1
#define __NO_CTYPE 1
#endif
